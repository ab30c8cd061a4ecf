"""What assignments add up to."""

from datetime import timedelta

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from reverie.trials.tally import Tally, fold
from reverie.trials.trial import Guardrail
from tests.trials.made import LATER, MUCH_LATER, assignments, counted

WEEK = timedelta(days=7)
TOKENS = Guardrail("tokens", 0.1, 1_000.0, 0.25, 0.01)


@given(st.lists(st.integers(0, 60), max_size=5), st.integers(0, 9))
def test_a_fold_in_any_parts_is_the_fold_of_all(cuts: list[int], seed: int) -> None:
    made = assignments(60, 0.1, seed=seed, measures=({"tokens": 200.0}, {"tokens": 900.0}))
    tally = Tally()
    for cut in [*sorted(cuts), 60]:
        tally = fold(tally, made[:cut], (TOKENS,), WEEK, MUCH_LATER)
    assert tally == counted(made, (TOKENS,))


def test_counting_stops_at_a_session_whose_score_may_still_come() -> None:
    made = assignments(10, 0.0)
    made[4] = msgspec.structs.replace(made[4], reward=None)
    assert fold(Tally(), made, (), WEEK, LATER).resolved_through == 4
    after = fold(Tally(), made, (), WEEK, MUCH_LATER)
    assert (after.resolved_through, after.sessions, after.shown.scored + after.hidden.scored) == (10, 10, 9)


def test_a_unit_that_was_drawn_before_is_passed_over() -> None:
    made = [msgspec.structs.replace(one, counted=one.order % 2 == 0) for one in assignments(10, 0.0)]
    tally = counted(made)
    assert (tally.resolved_through, tally.rows, tally.sessions) == (10, 10, 5)


def test_a_guardrail_counts_what_is_more_than_its_margin() -> None:
    dearer = counted(assignments(300, 0.0, measures=({"tokens": 250.0}, {"tokens": 700.0})), (TOKENS,))
    within = counted(assignments(300, 0.0, measures=({"tokens": 250.0}, {"tokens": 300.0})), (TOKENS,))
    assert dearer.guardrails[0].e_benefit > 100 > 1 > within.guardrails[0].e_benefit


def test_a_tally_is_kept_as_json_and_read_back() -> None:
    tally = counted(assignments(50, 0.2, measures=({"tokens": 1.0}, {"tokens": 2.0})), (TOKENS,))
    assert msgspec.json.decode(msgspec.json.encode(tally), type=Tally) == tally
