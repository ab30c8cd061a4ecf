import numpy as np
import pytest

from reverie.mining.timing import timing_z


def log_rank(stratum: np.ndarray, reward: np.ndarray, first: np.ndarray, last: np.ndarray) -> float:
    """The definition, one risk set at a time."""
    score = variance = 0.0
    for task in np.unique(stratum):
        for step in range(int(max(last.max(), first.max())) + 1):
            until = np.where(first >= 0, first, last)
            at_risk = (stratum == task) & (until >= step)
            acting = at_risk & (first == step)
            size, acts = at_risk.sum(), acting.sum()
            if acts == 0 or size < 2:
                continue
            score += reward[acting].sum() - acts * reward[at_risk].mean()
            variance += acts * (size - acts) / (size - 1) * reward[at_risk].var()
    return float(score / variance**0.5)


def test_it_is_the_stratified_log_rank_statistic() -> None:
    generator = np.random.default_rng(4)
    last = generator.integers(2, 9, 200)
    first = np.where(generator.random(200) < 0.6, generator.integers(0, last + 1), -1)
    stratum, reward = generator.integers(0, 5, 200).astype(np.int32), generator.random(200)
    assert timing_z(stratum, reward, first, last) == pytest.approx(log_rank(stratum, reward, first, last))


def test_what_only_long_sessions_have_time_for_is_not_blamed() -> None:
    """Episodes stop when solved; an act taken by chance at each step is commoner in those that fail."""
    generator = np.random.default_rng(5)
    solved_at = generator.integers(0, 15, 4_000)
    last = np.minimum(solved_at, 9)
    reward = (solved_at <= 9).astype(float)
    chance = generator.geometric(0.15, 4_000) - 1
    first = np.where(chance <= last, chance, -1)
    stratum = np.zeros(4_000, np.int32)
    with_it, without = reward[first >= 0].mean(), reward[first < 0].mean()
    assert with_it < without - 0.1
    assert abs(timing_z(stratum, reward, first, last)) < 3


def test_an_act_that_helps_is_seen_at_its_step() -> None:
    generator = np.random.default_rng(6)
    acts = generator.random(1_000) < 0.5
    reward = (generator.random(1_000) < 0.4 + 0.2 * acts).astype(float)
    first = np.where(acts, generator.integers(0, 6, 1_000), -1)
    assert timing_z(np.zeros(1_000, np.int32), reward, first, np.full(1_000, 8)) > 4
