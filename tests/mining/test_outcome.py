import numpy as np
import pytest

from reverie.mining.outcome import REWARD, Outcome
from reverie.mining.policy import MiningPolicy
from reverie.outcomes.metric import Metric
from reverie.statistics.estimate import estimate, make_design

SECONDS = Outcome("seconds")
TURNS = Outcome("turns", Metric("turns", direction="minimize", low=0, high=20))


def test_sizes_of_zero_or_unknown_say_nothing_and_less_is_better() -> None:
    scaled = SECONDS.scaled(np.array([10.0, 20.0, 0.0, np.nan]))
    assert scaled[0] > scaled[1]
    assert np.isnan(scaled[2:]).all()


def test_a_metric_is_scaled_to_its_range_with_its_best_at_one() -> None:
    assert TURNS.scaled(np.array([0.0, 5.0, 20.0, 90.0])).tolist() == [1.0, 0.75, 0.0, 0.0]
    assert np.isnan(TURNS.scaled(np.array([np.nan]))).all()


@pytest.mark.parametrize(
    ("outcome", "effect", "own", "words"),
    [
        (SECONDS, -np.log(0.8), 0.2, "-20%"),
        (SECONDS, -np.log(1.25), -0.25, "+25%"),
        (TURNS, 0.1, 2.0, "-2.00"),
        (REWARD, 0.1, 0.1, "+0.10"),
    ],
)
def test_effects_are_told_in_the_outcomes_own_unit(outcome: Outcome, effect: float, own: float, words: str) -> None:
    assert outcome.to_unit(effect) == pytest.approx(own)
    assert outcome.format_effect(effect) == words


def test_levels_come_back_from_the_scale() -> None:
    for outcome, value in ((SECONDS, 12.5), (TURNS, 7.0), (REWARD, 0.3)):
        assert outcome.level(float(outcome.scaled(np.array([value]))[0])) == pytest.approx(value)


def test_the_least_effect_is_a_share_of_what_is_taken_and_of_a_metrics_range() -> None:
    policy = MiningPolicy(least_effect=0.1, least_saving=0.2)
    assert [outcome.least_effect_in_unit(policy) for outcome in (SECONDS, TURNS, REWARD)] == pytest.approx(
        [0.2, 2.0, 0.1]
    )


def test_intervals_of_a_share_saved_hold_it_as_often_as_they_say_although_tails_are_heavy() -> None:
    held = 0
    for seed in range(200):
        generator = np.random.default_rng(seed)
        task = np.repeat(np.arange(30), 8).astype(np.int32)
        shown = generator.random(task.size) < generator.uniform(0.2, 0.6)
        seconds = np.exp(generator.normal(4, 1, 30)[task] + generator.standard_t(4, task.size) / 3)
        seconds[shown] *= 0.8
        rows = np.flatnonzero(shown).astype(np.int32)
        design = make_design(np.arange(task.size), task, np.zeros_like(task), rows, np.zeros_like(rows), 1)
        found = estimate(design, SECONDS.scaled(seconds)).at(0, bound=np.inf)
        assert found is not None
        told = SECONDS.in_unit(found)
        held += told.low < 0.2 < told.high
    assert held >= 182
