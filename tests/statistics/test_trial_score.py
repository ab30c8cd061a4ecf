"""Scores of trials are unbiased for the effect, bounded, and refuse what cannot be."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reverie.statistics.trial_score import trial_score

share = st.floats(0.01, 0.99)
reward = st.floats(0, 1)


@pytest.mark.parametrize(
    ("shown", "probability", "reward", "predicted", "score"),
    [
        (True, 0.5, 1.0, 0.6, 0.8),
        (False, 0.5, 1.0, 0.6, -0.8),
        (True, 0.1, 0.0, 0.5, -5.0),
        (False, 0.9, 0.0, 0.5, 5.0),
    ],
)
def test_a_score_weighs_the_surprise_by_the_rarity_of_the_arm(
    shown: bool, probability: float, reward: float, predicted: float, score: float
) -> None:
    assert trial_score(shown, probability, reward, predicted) == pytest.approx(score)


@given(share, reward, reward, reward)
def test_the_mean_over_the_draw_is_the_effect_whatever_was_predicted(
    probability: float, with_it: float, without: float, predicted: float
) -> None:
    shown = probability * trial_score(True, probability, with_it, predicted)
    hidden = (1 - probability) * trial_score(False, probability, without, predicted)
    assert shown + hidden == pytest.approx(with_it - without, abs=1e-12)


@given(st.booleans(), share, reward, reward)
def test_a_score_is_bounded_by_the_rarer_arm(shown: bool, probability: float, got: float, predicted: float) -> None:
    score = trial_score(shown, probability, got, predicted)
    assert abs(score) * min(probability, 1 - probability) <= 1 + 1e-12


@pytest.mark.parametrize("probability", [0.0, 1.0, -0.1, 1.1, math.nan])
def test_a_draw_that_leaves_nothing_to_compare_is_refused(probability: float) -> None:
    with pytest.raises(ValueError, match="strictly between 0 and 1"):
        trial_score(True, probability, 0.5, 0.5)


@pytest.mark.parametrize(("got", "predicted"), [(1.1, 0.5), (-0.1, 0.5), (0.5, 2.0), (math.nan, 0.5), (0.5, math.nan)])
def test_rewards_beyond_the_unit_range_are_refused(got: float, predicted: float) -> None:
    with pytest.raises(ValueError, match=r"must lie in \[0, 1\]"):
        trial_score(True, 0.5, got, predicted)
