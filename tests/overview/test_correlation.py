"""Correlations between measures."""

from dataclasses import replace

import numpy as np
import pytest
from scipy import stats

from reverie.overview.correlation import find_correlations

from .simulated_table import TableSimulation


def test_measures_that_only_share_the_task_are_not_correlated_within_it() -> None:
    world = TableSimulation(1)
    ease = world.difficulty[world.task]
    seconds, tokens = (np.exp(-5 * ease + 0.3 * world.generator.standard_normal(world.size)) for _ in range(2))
    world.signals = replace(world.signals, seconds=seconds, tokens=tokens)
    found = {(c.first, c.second): c for c in find_correlations(world.table())}
    pair = found["seconds", "tokens"]
    assert pair.pooled_rho > 0.5
    assert pair.low < 0 < pair.high


def test_one_stratum_gives_spearmans_correlation() -> None:
    world = TableSimulation(2, tasks=1, per_task=300)
    world.category = ["one"] * world.size
    seconds = world.generator.integers(0, 20, world.size).astype(np.float64)
    tokens = seconds + world.generator.normal(0, 8, world.size)
    world.signals = replace(world.signals, seconds=seconds, tokens=tokens)
    (pair,) = [c for c in find_correlations(world.table()) if (c.first, c.second) == ("seconds", "tokens")]
    expected = stats.spearmanr(seconds, tokens).statistic
    assert pair.rho == pytest.approx(expected)
    assert pair.low < expected < pair.high
    assert pair.q_value < 1e-6


def test_intervals_hold_no_correlation_nineteen_times_in_twenty() -> None:
    held = 0
    for seed in range(100):
        world = TableSimulation(seed, tasks=10, per_task=10)
        world.signals = replace(world.signals, seconds=world.generator.random(world.size))
        pair = next(c for c in find_correlations(world.table()) if {c.first, c.second} == {"steps", "seconds"})
        held += pair.low <= 0 <= pair.high
    assert held >= 89


def test_measures_that_only_share_the_agent_variant_are_not_correlated() -> None:
    world = TableSimulation(4)
    slow = world.coin(0.5)
    world.variant = ["slow" if s else "fast" for s in slow]
    world.signals = replace(
        world.signals,
        seconds=5.0 * slow + world.generator.random(world.size),
        tokens=5.0 * slow + world.generator.random(world.size),
    )
    pair = next(c for c in find_correlations(world.table()) if (c.first, c.second) == ("seconds", "tokens"))
    assert pair.pooled_rho > 0.5
    assert abs(pair.rho) < 0.3


def test_own_metrics_are_measures() -> None:
    world = TableSimulation(3)
    stars = world.generator.integers(1, 6, world.size).astype(np.float64)
    world.signals = replace(world.signals, scores={"stars": stars})
    assert any("stars" in (c.first, c.second) for c in find_correlations(world.table()))
