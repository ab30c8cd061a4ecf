"""What the numbers of a trial say is to be done."""

import msgspec
import pytest

from reverie.trials.policy import LivePolicy
from reverie.trials.tally import Tally
from reverie.trials.trial import Assignment, Guardrail
from reverie.trials.verdict import batch_e_value, judge, numbers_of
from tests.trials.made import LATER, MUCH_LATER, assignments, counted, trial


def test_clear_harm_is_rolled_back() -> None:
    verdict = judge(trial(), counted(assignments(200, -0.4)), (), LATER)
    assert verdict.act == "roll_back" and "it does harm" in verdict.reason


def test_clear_benefit_is_adopted() -> None:
    verdict = judge(trial(), counted(assignments(200, 0.4)), (), LATER)
    assert verdict.act == "adopt" and verdict.numbers.low > 0


def test_nothing_is_done_on_little() -> None:
    verdict = judge(trial(), counted(assignments(5, 0.5)), (), LATER)
    assert verdict.act is None and "rolled back at an e-value of 20" in verdict.reason


def test_what_would_be_adopted_alone_may_not_be_among_many() -> None:
    tally = next(t for n in range(60, 400, 5) if batch_e_value(t := counted(assignments(n, 0.25))) > 15)
    assert judge(trial(), tally, (), LATER).act == "adopt"
    others = {f"trl_{number}": 0.0 for number in range(2, 40)}
    assert judge(trial(), tally, (), LATER, others).act is None


def test_a_draw_that_the_share_does_not_explain_freezes_the_trial() -> None:
    made = [msgspec.structs.replace(one, shown=True) for one in assignments(40, 0.0)]
    assert judge(trial(), counted(made), (), LATER).act == "freeze"


def test_scores_that_go_missing_by_arm_freeze_the_trial() -> None:
    made = [msgspec.structs.replace(one, reward=None) if one.shown else one for one in assignments(60, -0.4)]
    verdict = judge(trial(), counted(made), (), LATER)
    assert verdict.act == "freeze" and "scores are missing" in verdict.reason


def test_missing_scores_of_both_arms_never_act() -> None:
    assert judge(trial(), counted(assignments(300, 0.0, scored=False)), (), LATER).act is None


def test_open_sessions_count_against_a_rollback_and_late_harm_is_seen_before_they_end() -> None:
    made = assignments(300, -0.4)
    ahead = [msgspec.structs.replace(made[0], reward=None), *made[1:]]
    assert judge(trial(), Tally(), ahead, LATER).act == "roll_back"
    arrived_only = [_late_success(one) for one in assignments(300, 0.0)]
    assert judge(trial(), Tally(), arrived_only, LATER).act is None


def _late_success(one: Assignment) -> Assignment:
    """Successes of the shown arm have no score yet, which makes the arm look bad to whoever counts what arrived."""
    return msgspec.structs.replace(one, reward=None) if one.shown and one.reward == 1.0 else one


def test_a_guardrail_rolls_back_what_raises_the_reward() -> None:
    guardrail = Guardrail("tokens", 0.1, 1_000.0, 0.25, 0.01)
    made = assignments(300, 0.1, measures=({"tokens": 250.0}, {"tokens": 900.0}))
    verdict = judge(trial(guardrails=(guardrail,)), counted(made, (guardrail,)), (), LATER)
    assert verdict.act == "roll_back" and verdict.reason.startswith("tokens rose by more than 100 a session")


def test_what_surely_does_not_matter_is_rejected() -> None:
    policy = LivePolicy(least_effect=0.4)
    assert judge(trial(policy=policy), counted(assignments(500, 0.0)), (), LATER).act == "reject"


def test_what_looks_harmful_waits_for_the_test_of_harm_and_is_never_adopted_for_want_of_it() -> None:
    tally = next(
        t for n in range(40, 200) if numbers_of(trial(), t := counted(assignments(n, -0.25)), (), LATER).high < 0.05
    )
    assert (tally.capital.e_harm < 20, judge(trial(), tally, (), LATER).act) == (True, None)
    verdict = judge(trial(policy=LivePolicy(horizon_exposures=40)), tally, (), LATER)
    assert (verdict.act, verdict.reason.startswith("it does not help")) == ("reject", True)


@pytest.mark.parametrize("policy", [LivePolicy(horizon_exposures=50), LivePolicy(horizon_days=20)])
def test_a_trial_that_cannot_tell_ends_at_its_horizon(policy: LivePolicy) -> None:
    verdict = judge(trial(policy=policy), counted(assignments(60, 0.0)), (), MUCH_LATER)
    assert verdict.act == "conclude" and "that does not tell" in verdict.reason


def test_an_adopted_lesson_that_turned_to_harm_is_rolled_back_and_one_that_did_not_stays() -> None:
    policy = LivePolicy(run_length=1_000)
    for effect, act in ((-0.5, "roll_back"), (0.0, None), (0.3, None)):
        made = assignments(500, effect, base=0.6, share=0.8)
        assert judge(trial("adopted", policy=policy), counted(made), (), LATER).act == act


def test_a_store_whose_memory_is_held_out_is_never_decided() -> None:
    held_out = msgspec.structs.replace(trial(), subject=msgspec.structs.replace(trial().subject, kind="memory"))
    assert judge(held_out, counted(assignments(900, 0.4)), (), MUCH_LATER).act is None
