"""Who is drawn."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reverie.trials.draw import draw, is_shown, predict, share_at
from reverie.trials.policy import LivePolicy, ShareStep


def test_a_draw_is_uniform_and_differs_between_salts_and_subjects() -> None:
    first = [draw("salt", f"unit {number}", "subject") for number in range(4_000)]
    assert sum(u < 0.5 for u in first) == pytest.approx(2_000, abs=130)
    assert sum(u < 0.1 for u in first) == pytest.approx(400, abs=80)
    for other in (
        [draw("other", f"unit {n}", "subject") for n in range(4_000)],
        [draw("salt", f"unit {n}", "another") for n in range(4_000)],
    ):
        both = sum((a < 0.5) == (b < 0.5) for a, b in zip(first, other, strict=True))
        assert both == pytest.approx(2_000, abs=130)


@given(st.text(), st.floats(0.01, 0.98), st.floats(0.0, 0.01))
def test_a_share_that_rises_takes_the_subject_from_nobody(unit: str, share: float, more: float) -> None:
    assert is_shown("salt", unit, "subject", share) <= is_shown("salt", unit, "subject", share + more)


@pytest.mark.parametrize("share", [0.0, 1.0, -0.5, 2.0])
def test_a_share_that_leaves_nothing_to_compare_is_refused(share: float) -> None:
    with pytest.raises(ValueError, match="more than 0 and less than 1"):
        is_shown("salt", "unit", "subject", share)


def test_the_share_follows_its_steps() -> None:
    steps = (ShareStep(0, 0.1), ShareStep(50, 0.3), ShareStep(200, 0.5))
    assert [share_at(steps, exposures) for exposures in (0, 49, 50, 199, 200, 9_999)] == [0.1, 0.1, 0.3, 0.3, 0.5, 0.5]


@pytest.mark.parametrize(
    ("shares", "words"),
    [
        ((), "first step"),
        ((ShareStep(5, 0.5),), "first step"),
        ((ShareStep(0, 0.5), ShareStep(0, 0.6)), "first step"),
        ((ShareStep(0, 0.5), ShareStep(9, 0.4)), "never fall"),
    ],
)
def test_steps_that_make_no_sense_are_refused(shares: tuple[ShareStep, ...], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        LivePolicy(shares=shares)


def test_a_reward_is_foretold_from_alike_sessions_and_where_those_are_few_from_all() -> None:
    assert predict([], []) == 0.5
    assert predict([], [0.8] * 100) == pytest.approx(0.8)
    assert predict([0.0] * 190, [0.8] * 100) == pytest.approx(0.04)
