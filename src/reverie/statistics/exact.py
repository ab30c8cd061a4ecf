"""Small samples: the exact conditional distribution where the normal approximation would lie."""

from collections.abc import Sequence

import numpy as np

from reverie.statistics.corpus import Floats
from reverie.statistics.distributions import hypergeometric_pmf, normal_isf
from reverie.statistics.estimate import Design, Estimates, estimate, join_estimates

_SHUFFLES = 9_999
_SMALL_ARM = 25
_WORTH_EXACT_Z = 1.645


def sharp_estimates(
    designs: Sequence[Design], values: Floats, generator: np.random.Generator, *, least_weight: float | None = None
) -> Estimates:
    """Estimates for all columns of ``designs``, one design after the other; z is exact where few sessions decide.

    Args:
        values: the outcome per session of the corpus, known for every session of the designs.
        least_weight: below it a column is not tested, and its z left as it is; None sharpens all.
    """
    blocks = []
    for design in designs:
        outcome = values[design.sessions]
        # Where no stratum holds both kinds of sessions, rounding errors are divided by nothing; it is not testable.
        with np.errstate(over="ignore", invalid="ignore"):
            block = estimate(design, outcome)
        if design.variants == 1:
            few = np.minimum(block.sessions_with, block.sessions_without) < _SMALL_ARM
            if least_weight is not None:
                few &= block.testable(least_weight)
            for column in np.flatnonzero(few & (np.abs(block.z) > _WORTH_EXACT_Z)):
                block.z[column] = exact_z(design, outcome, int(column), generator)
        blocks.append(block)
    return join_estimates(blocks)


def exact_z(design: Design, reward: Floats, column: int, generator: np.random.Generator) -> float:
    """The z with the tail probability of the exact stratified test for one behaviour.

    For rewards of 0 and 1: the sum of hypergeometric counts over strata, convolved, with the mid-p convention
    (Agresti, *Categorical Data Analysis*, 3rd ed., §3.5 and §6.4). For graded rewards: a permutation test within
    strata, sampled ``_SHUFFLES`` times.
    """
    tables = _tables(design, reward, column)
    if not tables:
        return 0.0
    binary = all(np.isin(rewards, (0.0, 1.0)).all() for _, rewards in tables)
    below, above = _hypergeometric_tails(tables) if binary else _shuffled_tails(tables, generator)
    z = normal_isf(above) if above < below else -normal_isf(below)
    return float(z)


def _tables(design: Design, reward: Floats, column: int) -> list[tuple[Floats, Floats]]:
    """Per stratum with both kinds of sessions: rewards of those with, rewards of all."""
    shown = design.entry_row[design.entry_column == column]
    with_flag = np.zeros(len(design.stratum), np.bool_)
    with_flag[shown] = True
    tables = []
    for stratum in np.unique(design.stratum[shown]):
        inside = design.stratum == stratum
        rewards = reward[inside]
        with_rewards = reward[inside & with_flag]
        if 0 < len(with_rewards) < len(rewards) and rewards.min() < rewards.max():
            tables.append((with_rewards, rewards))
    return tables


def _hypergeometric_tails(tables: list[tuple[Floats, Floats]]) -> tuple[float, float]:
    distribution = np.ones(1)
    observed = offset = 0
    for with_rewards, rewards in tables:
        total, successes, drawn = len(rewards), int(rewards.sum()), len(with_rewards)
        distribution = np.convolve(distribution, hypergeometric_pmf(total, successes, drawn))
        observed += int(with_rewards.sum())
        offset += max(0, drawn + successes - total)
    at = observed - offset
    half = distribution[at] / 2
    return float(distribution[:at].sum() + half), float(distribution[at + 1 :].sum() + half)


def _shuffled_tails(tables: list[tuple[Floats, Floats]], generator: np.random.Generator) -> tuple[float, float]:
    observed = sum(float(with_rewards.sum()) for with_rewards, _ in tables)
    sums = np.zeros(_SHUFFLES)
    for with_rewards, rewards in tables:
        order = generator.random((_SHUFFLES, len(rewards))).argsort(axis=1)[:, : len(with_rewards)]
        sums += rewards[order].sum(axis=1)
    tolerance = 1e-9
    ties = float((np.abs(sums - observed) <= tolerance).sum()) + 1.0
    below, above = float((sums < observed - tolerance).sum()), float((sums > observed + tolerance).sum())
    return (below + ties / 2) / (_SHUFFLES + 1), (above + ties / 2) / (_SHUFFLES + 1)
