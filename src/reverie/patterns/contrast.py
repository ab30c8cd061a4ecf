"""Reward with something against without it, within strata: many contrasts at once, their intervals and q-values."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy import stats

from reverie.patterns.corpus import Codes, Flags, Floats, Ints
from reverie.patterns.estimate import Design, Estimates, estimate, join_estimates, make_design
from reverie.patterns.exact import exact_z
from reverie.patterns.finding import Estimate

_LEAST_WEIGHT = 2.5
"""Σ n_with·n_without/n: what ten sessions in balanced pairs would give."""
_SMALL_ARM = 25
_WORTH_EXACT_Z = 1.645
_SEED = 20_260_102


@dataclass(frozen=True, slots=True, eq=False)
class Contrasts:
    """One contrast per column of the designs they were made of."""

    estimates: Estimates
    q: Floats
    """False discovery rate over all of them (Benjamini & Hochberg 1995); NaN where not enough repeats can tell."""

    def at(self, column: int) -> Estimate | None:
        """The contrast of one column; None where it cannot be told."""
        if np.isnan(self.q[column]):
            return None
        e = self.estimates
        low, high = e.interval()
        return Estimate(
            effect=float(e.effect[column]),
            low=max(float(low[column]), -1.0),
            high=min(float(high[column]), 1.0),
            z=float(e.z[column]),
            informative=int(e.informative[column]),
            sessions_with=int(e.sessions_with[column]),
            sessions_without=int(e.sessions_without[column]),
            reward_with=float(e.reward_with[column]),
            reward_without=float(e.reward_without[column]),
        )

    def q_at(self, column: int) -> float | None:
        """The q-value of one column; None where it cannot be told."""
        return None if np.isnan(self.q[column]) else float(self.q[column])


def design_of(
    stratum: Codes, variant: Codes, sessions: Ints, members: Codes | Ints, columns: Codes | Ints, width: int
) -> Design:
    """Who had what among ``sessions`` (positions, ascending).

    Args:
        stratum: per session of the table; so is ``variant``.
        members: positions of sessions that had something; those outside ``sessions`` are left out.
        columns: what they had, from 0 to ``width``; parallel to ``members``, a pair may come several times.
    """
    row_of = np.full(len(stratum), -1, np.int64)
    row_of[sessions] = np.arange(sessions.size)
    rows = row_of[members]
    inside = rows >= 0
    pairs = np.unique(rows[inside] * max(width, 1) + columns[inside])
    row, column = np.divmod(pairs, max(width, 1))
    return make_design(
        sessions, stratum[sessions], variant[sessions], row.astype(np.int32), column.astype(np.int32), width
    )


def contrast(designs: Sequence[Design], values: Floats) -> Contrasts:
    """Estimates for all columns of ``designs``, one design after the other, exact where few sessions decide.

    ``values`` is the outcome per session of the table, in [0, 1] and known for every session of the designs.
    """
    generator = np.random.default_rng(_SEED)
    blocks = []
    for design in designs:
        outcome = values[design.sessions]
        # Where no stratum holds both kinds of sessions, rounding errors are divided by nothing; not testable, below.
        with np.errstate(over="ignore", invalid="ignore"):
            block = estimate(design, outcome)
        if design.variants == 1:
            few = np.minimum(block.sessions_with, block.sessions_without) < _SMALL_ARM
            for column in np.flatnonzero(few & _testable(block) & (np.abs(block.z) > _WORTH_EXACT_Z)):
                block.z[column] = exact_z(design, outcome, int(column), generator)
        blocks.append(block)
    estimates = join_estimates(blocks)
    return Contrasts(estimates, q_values(2 * stats.norm.sf(np.abs(estimates.z)), _testable(estimates)))


def q_values(p_values: Floats, tested: Flags) -> Floats:
    """Benjamini–Hochberg q-values of those that are ``tested``; NaN for the others."""
    q = np.full(len(p_values), np.nan)
    if tested.any():
        q[tested] = stats.false_discovery_control(np.clip(p_values[tested], 0.0, 1.0))
    return q


def _testable(estimates: Estimates) -> Flags:
    flags: Flags = (
        (estimates.weight >= _LEAST_WEIGHT)
        & (estimates.informative >= 2)
        & (estimates.degrees >= 1)
        & np.isfinite(estimates.effect)
        & (estimates.standard_error > 0)
    )
    return flags
