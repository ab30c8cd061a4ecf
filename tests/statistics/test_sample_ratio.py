"""Trials whose draws or missing scores are not as they should be are noticed, others are not."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from reverie.statistics.capital import BETS
from reverie.statistics.sample_ratio import Ratio, merge

sessions = st.lists(st.tuples(st.booleans(), st.floats(0.05, 0.95), st.booleans()), max_size=20)


def ratio(seen: list[tuple[bool, float, bool]]) -> Ratio:
    kept = Ratio()
    for shown, probability, missing in seen:
        kept = kept.add_assignment(shown, probability).add_outcome(shown, probability, missing)
    return kept


def drawn(seed: int, logged: float, real: float, missing: tuple[float, float], size: int = 1_500) -> Ratio:
    """Sessions shown at a rate of ``real``, with scores missing at these rates where hidden and shown."""
    generator = np.random.default_rng(seed)
    shown = generator.random(size) < real
    lost = generator.random(size) < np.where(shown, missing[1], missing[0])
    return ratio([(bool(a), logged, bool(m)) for a, m in zip(shown, lost, strict=True)])


def test_nothing_seen_is_no_evidence() -> None:
    assert (Ratio().e_assignment, Ratio().e_missing) == (1.0, 1.0)


def test_one_draw_wins_one_way_what_it_loses_the_other() -> None:
    mean = sum(BETS) / len(BETS)
    once = Ratio().add_assignment(True, 0.1)
    assert once.e_assignment == pytest.approx(((1 + 9 * mean) + (1 - mean)) / 2)
    assert (once.n, once.n_shown, once.e_missing) == (1, 1, 1.0)


@given(sessions, sessions)
def test_parts_add_up(first: list[tuple[bool, float, bool]], second: list[tuple[bool, float, bool]]) -> None:
    merged, whole = merge(ratio(first), ratio(second)), ratio(first + second)
    assert (merged.n, merged.n_shown, merged.missing) == (whole.n, whole.n_shown, whole.missing)
    assert merged.e_assignment == pytest.approx(whole.e_assignment)
    assert merged.e_missing == pytest.approx(whole.e_missing)
    assert merge(ratio(first), ratio(second)) == merge(ratio(second), ratio(first))


@given(sessions, st.floats(0.05, 0.95))
def test_neither_wins_on_average_when_all_is_as_logged(
    before: list[tuple[bool, float, bool]], probability: float
) -> None:
    kept = ratio(before)
    seen, hidden = (kept.add_assignment(a, probability).add_outcome(a, probability, True) for a in (True, False))
    for name in ("e_assignment", "e_missing"):
        mean = probability * getattr(seen, name) + (1 - probability) * getattr(hidden, name)
        assert mean == pytest.approx(getattr(kept, name))


@pytest.mark.parametrize(("logged", "real"), [(0.5, 0.6), (0.5, 0.4), (0.1, 0.2), (0.9, 0.8)])
def test_arms_drawn_otherwise_than_logged_are_noticed(logged: float, real: float) -> None:
    assert drawn(1, logged, real, (0.2, 0.2)).e_assignment > 100
    assert drawn(1, logged, logged, (0.2, 0.2)).e_assignment < 5


@pytest.mark.parametrize(("hidden", "shown"), [(0.1, 0.3), (0.3, 0.1)])
def test_scores_missing_in_one_arm_are_noticed(hidden: float, shown: float) -> None:
    uneven = drawn(2, 0.5, 0.5, (hidden, shown))
    assert uneven.e_missing > 100
    assert uneven.e_assignment < 5


@pytest.mark.parametrize("rate", [0.02, 0.5, 1.0])
def test_scores_missing_as_often_in_both_arms_are_no_matter(rate: float) -> None:
    assert drawn(3, 0.3, 0.3, (rate, rate)).e_missing < 5


def test_scores_that_came_change_nothing() -> None:
    assert Ratio().add_outcome(True, 0.5, False) == Ratio()


def test_what_is_missing_is_counted_by_arm() -> None:
    kept = ratio([(True, 0.5, True), (True, 0.5, True), (False, 0.5, True), (False, 0.5, False)])
    assert (kept.missing, kept.n, kept.n_shown) == ((1, 2), 4, 2)


@pytest.mark.parametrize("probability", [0.0, 1.0])
def test_a_draw_without_chance_is_refused(probability: float) -> None:
    with pytest.raises(ValueError, match="strictly between 0 and 1"):
        Ratio().add_assignment(True, probability)
    with pytest.raises(ValueError, match="strictly between 0 and 1"):
        Ratio().add_outcome(True, probability, True)
