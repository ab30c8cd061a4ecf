"""One test of many behaviours on all sessions at once, for data too small to be cut in half.

Rewards are shuffled within strata, again and again, and each time the largest statistic of all behaviours is kept: a
behaviour counts when chance seldom reaches it with *any* of them (step-down maxT, Westfall & Young 1993, algorithm
2.8). The chance of a single false claim is then kept exactly, whatever the behaviours have to do with each other, and
no session is spent on finding alone. The quantile of those largest statistics widens the intervals, so that they hold
although only the strongest effects are quoted.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from reverie.statistics.corpus import Flags, Floats, Ints, Strata
from reverie.statistics.estimate import Design, cleared_reward
from reverie.statistics.placebo import shuffle_within_strata

_SHUFFLES = 4_999
_LEAST_CRITICAL = 1.96


@dataclass(frozen=True, slots=True, eq=False)
class MaxTest:
    """What shuffled rewards say of all columns of some designs together."""

    p_values: Floats
    """Per column, two-sided and for all tested columns together; NaN where it was not tested."""
    critical: float
    """What the largest statistic of 95 % of the shuffles stays below; at least 1.96."""


def max_test(
    designs: Sequence[Design], values: Floats, strata: Strata, tested: Flags, generator: np.random.Generator
) -> MaxTest:
    """Test the flagged columns of ``designs``, one design after the other.

    Args:
        designs: over any of the sessions of ``strata``.
        values: the outcome per session of the corpus, known for every session.
        tested: parallel to the columns; the others neither count nor cost anything.
    """
    shuffled = np.concatenate([values[None, :], _shuffled(values, strata, generator)])
    blocks, start = [np.zeros((len(shuffled), 0))], 0
    for design in designs:
        columns = np.flatnonzero(tested[start : start + design.columns])
        start += design.columns
        if columns.size:
            blocks.append(_statistics(design, columns, shuffled[:, design.sessions]))
    adjusted, critical = _step_down(np.concatenate(blocks, axis=1))
    p_values = np.full(len(tested), np.nan)
    p_values[tested] = adjusted
    return MaxTest(p_values, critical)


def _shuffled(values: Floats, strata: Strata, generator: np.random.Generator) -> Floats:
    """Many shuffles of ``values`` within strata, a row each; with mixed variants as the placebo does it."""
    if strata.variants > 1:
        return np.stack([shuffle_within_strata(values, strata, generator) for _ in range(_SHUFFLES)])
    order = (strata.code + generator.random((_SHUFFLES, len(values)))).argsort(axis=1)
    shuffled = np.empty((_SHUFFLES, len(values)))
    shuffled[:, np.argsort(strata.code, kind="stable")] = values[order]
    return shuffled


def _statistics(design: Design, columns: Ints, rewards: Floats) -> Floats:
    """|z| of each column (second axis) with each row of ``rewards``, which has one value per session of the design."""
    shown = np.zeros((design.columns, len(design.sessions)))
    shown[design.entry_column, design.entry_row] = 1.0
    cleared = np.array([cleared_reward(design, row) for row in shown[columns]])
    member = np.zeros((design.strata, len(design.sessions)))
    member[design.stratum, np.arange(len(design.sessions))] = 1.0
    size = design.stratum_size
    total, squares = rewards @ member.T, (rewards * rewards) @ member.T
    spread = np.maximum(squares - total * total / size, 0.0) / np.maximum(size - 1.0, 1.0)
    variance = spread @ (member @ (cleared * cleared).T)
    score = (rewards - (total / size)[:, design.stratum]) @ cleared.T
    return np.where(variance > 1e-12, np.abs(score) / np.sqrt(np.maximum(variance, 1e-12)), 0.0)


def _step_down(statistics: Floats) -> tuple[Floats, float]:
    """Adjusted p-values of the first row against the others, and the 95 % quantile of the largest."""
    if statistics.shape[1] == 0:
        return np.zeros(0), _LEAST_CRITICAL
    observed, by_chance = statistics[0], statistics[1:]
    order = np.argsort(-observed, kind="stable")
    largest = np.maximum.accumulate(by_chance[:, order[::-1]], axis=1)[:, ::-1]
    reached = (largest >= observed[order] - 1e-9).sum(axis=0)
    adjusted = np.empty(len(order))
    adjusted[order] = np.maximum.accumulate((1.0 + reached) / (len(by_chance) + 1.0))
    return adjusted, max(float(np.quantile(largest[:, 0], 0.95)), _LEAST_CRITICAL)
