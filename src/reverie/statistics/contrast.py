"""Reward with something against without it, within strata: many contrasts at once, their intervals and q-values."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from reverie.statistics.corpus import Codes, Flags, Floats, Ints
from reverie.statistics.distributions import benjamini_hochberg, normal_sf
from reverie.statistics.estimate import Design, Estimates, make_design
from reverie.statistics.exact import sharp_estimates
from reverie.statistics.quantity import Estimate

_LEAST_WEIGHT = 2.5
"""Σ n_with·n_without/n: what ten sessions in balanced pairs would give."""
_SEED = 20_260_102


@dataclass(frozen=True, slots=True, eq=False)
class Contrasts:
    """One contrast per column of the designs they were made of."""

    estimates: Estimates
    q: Floats
    """False discovery rate over all of them (Benjamini & Hochberg 1995); NaN where there are too few repeats."""

    def at(self, column: int) -> Estimate | None:
        """The contrast of one column; None where it cannot be estimated."""
        return None if np.isnan(self.q[column]) else self.estimates.at(column)

    def q_at(self, column: int) -> float | None:
        """The q-value of one column; None where it cannot be estimated."""
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
    estimates = sharp_estimates(designs, values, np.random.default_rng(_SEED), least_weight=_LEAST_WEIGHT)
    return Contrasts(estimates, q_values(2 * normal_sf(np.abs(estimates.z)), estimates.testable(_LEAST_WEIGHT)))


def q_values(p_values: Floats, tested: Flags) -> Floats:
    """Benjamini–Hochberg q-values of those that are ``tested``; NaN for the others."""
    q = np.full(len(p_values), np.nan)
    if tested.any():
        q[tested] = benjamini_hochberg(np.clip(p_values[tested], 0.0, 1.0))
    return q
