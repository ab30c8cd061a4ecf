"""Stratified estimates for many behaviours at once, from sums that add up over sessions.

Within one stratum (sessions of one task) the sessions that showed a behaviour are compared with those that did not.
For a behaviour x and a reward y the score of a stratum is ``u = Σ x (y - mean y)`` and its weight
``w = n_with · n_without / n``; over strata

- effect = Σ u / Σ w: the Mantel–Haenszel risk difference (Greenland & Robins 1985), which for graded rewards is the
  stratified difference in means;
- test: Σ u against its variance when rewards are shuffled within strata, ``Σ w · s²`` with s² the sample variance of
  the stratum's rewards: the Cochran–Mantel–Haenszel statistic (Mantel & Haenszel 1959; Mantel 1963 for graded scores);
- interval: heteroskedasticity-robust variance of Σ u at the estimated effect, strata of n sessions scaled by n/(n-1)
  (consistent for few large and for many small strata, as Sato's 1989 variance is), with Student's t.

Where a task was run by several agent variants, x and y are first cleared of task and variant effects (two-way fixed
effects by the Frisch–Waugh–Lovell theorem; the variant side is solved as a small Schur complement) and the variance is
clustered by task (Liang & Zeger 1986): the effect over its error, against Student's t with the effective number of
tasks (Carter, Schnepel & Steigerwald 2017) less one. The error is taken at the estimated effect, for test and interval
alike: taken at no effect, t could never exceed the root of that number, however strong the effect and however many the
sessions. A behaviour that only one variant shows, and always shows, is then left with no weight: it cannot be separated
from the variant.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TypedDict

import numpy as np

from reverie.statistics.corpus import Codes, Flags, Floats, Ints, sums
from reverie.statistics.distributions import chi2_sf, normal_isf, t_isf, t_sf
from reverie.statistics.quantity import Estimate

_COLUMNS_AT_ONCE = 64
_LEAST_WEIGHT = 1e-9
"""Below it a weight is what rounding left of nothing."""
_LEAST_SHARE_LEFT = 1e-6
"""Of a column's weight, beside one task: below it that task is all there is."""
_MOST_EMPTY = 8
"""Places of a table for each key to be counted in it."""


@dataclass(frozen=True, slots=True, eq=False)
class Balance:
    """What estimates within strata need of a design that no reward changes; per cell, but for what is per column."""

    without: Floats
    """Sessions of the stratum that did not show the behaviour."""
    weight: Floats
    column_weight: Floats
    share_without: Floats
    share_with: Floats
    scale: Floats
    others: Floats
    """Sessions of the stratum less one, at least one."""
    degrees: Floats
    """Degrees of freedom of each column."""


@dataclass(frozen=True, slots=True, eq=False)
class Design:
    """Who showed what among comparable sessions: all that estimates need apart from rewards.

    ``sessions`` are positions in the corpus; ``entry_row`` positions in ``sessions``; columns are behaviours.
    """

    sessions: Ints
    stratum: Codes
    strata: int
    variant: Codes
    variants: int
    entry_row: Codes
    entry_column: Codes
    columns: int
    cell: Codes
    """Which (behaviour, stratum) cell each entry falls in."""
    cell_column: Codes
    cell_stratum: Codes
    cell_with: Floats
    """Sessions of the stratum that showed the behaviour."""
    stratum_size: Floats
    balance: Balance | None = None
    """Kept where the design is used with many rewards."""

    def balanced(self) -> "Design":
        """The same design, ready for many rewards."""
        return self if self.balance is not None or self.variants > 1 else replace(self, balance=_balance(self))


@dataclass(frozen=True, slots=True, eq=False)
class Estimates:
    """One number per behaviour (column)."""

    effect: Floats
    """Reward with minus without, within strata; NaN where nothing can be said."""
    standard_error: Floats
    degrees: Floats
    """Degrees of freedom of the interval."""
    z: Floats
    """Signed test statistic, standard normal when the behaviour does not matter."""
    weight: Floats
    """Σ n_with · n_without / n; a quarter of the sessions when all strata are balanced."""
    informative: Ints
    """Strata with both kinds of sessions and differing rewards."""
    sessions_with: Ints
    """Sessions that showed it, in strata that hold both kinds."""
    sessions_without: Ints
    reward_with: Floats
    """Mean reward of ``sessions_with``."""
    reward_without: Floats

    def interval(self, level: float = 0.95) -> tuple[Floats, Floats]:
        """Lower and upper bounds of the effects at ``level`` (0 to 1), by Student's t; NaN where there is no effect."""
        half = t_isf(0.5 - level / 2, np.maximum(self.degrees, 1.0)) * self.standard_error
        return self.effect - half, self.effect + half

    def testable(self, least_weight: float) -> Flags:
        """Which columns enough repeats inform: weight, strata and degrees of freedom suffice for a test."""
        flags: Flags = (
            (self.weight >= least_weight)
            & (self.informative >= 1)
            & (self.degrees >= 1)
            & np.isfinite(self.effect)
            & (self.standard_error > 0)
        )
        return flags

    def at(self, column: int, *, bound: float = 1.0, widened: float = 1.0) -> Estimate | None:
        """One column with its 95 % interval, ``widened`` times as wide as its error alone makes it.

        The interval is cut off at ``±bound``; None where no stratum is informative.
        """
        effect, error = float(self.effect[column]), float(self.standard_error[column])
        if not np.isfinite(effect) or not np.isfinite(error) or self.informative[column] == 0:
            return None
        half = float(t_isf(0.025, max(float(self.degrees[column]), 1.0))) * error * widened
        return Estimate(
            effect=effect,
            low=max(effect - half, -bound),
            high=min(effect + half, bound),
            z=float(self.z[column]),
            informative=int(self.informative[column]),
            sessions_with=int(self.sessions_with[column]),
            sessions_without=int(self.sessions_without[column]),
            reward_with=float(self.reward_with[column]),
            reward_without=float(self.reward_without[column]),
        )


def join_estimates(blocks: Sequence[Estimates]) -> Estimates:
    """Estimates of several designs, one after the other."""
    names = Estimates.__dataclass_fields__
    return Estimates(**{n: np.concatenate([np.zeros(0), *(getattr(b, n) for b in blocks)]) for n in names})


def choose_estimates(flags: Flags, where: Estimates, otherwise: Estimates) -> Estimates:
    """The estimates of ``where`` for flagged behaviours, of ``otherwise`` for the others."""
    names = Estimates.__dataclass_fields__
    return Estimates(**{n: np.where(flags, getattr(where, n), getattr(otherwise, n)) for n in names})


def make_design(
    sessions: Ints,
    stratum: Codes,
    variant: Codes,
    entry_row: Codes,
    entry_column: Codes,
    columns: int,
) -> Design:
    """Count who showed what in which stratum; ``stratum`` and ``variant`` are parallel to ``sessions``."""
    compact, strata = _compact(stratum)
    compact_variant, variants = _compact(variant)
    key = entry_column.astype(np.int64) * max(strata, 1) + compact[entry_row]
    cells, cell, counts = _counted(key, columns * max(strata, 1))
    return Design(
        sessions=sessions,
        stratum=compact,
        strata=strata,
        variant=compact_variant,
        variants=variants,
        entry_row=entry_row,
        entry_column=entry_column,
        columns=columns,
        cell=cell.astype(np.int32),
        cell_column=(cells // max(strata, 1)).astype(np.int32),
        cell_stratum=(cells % max(strata, 1)).astype(np.int32),
        cell_with=counts.astype(np.float64),
        stratum_size=np.bincount(compact, minlength=strata).astype(np.float64),
    )


def _counted(key: Ints, size: int) -> tuple[Ints, Ints, Ints]:
    """The different keys (from 0, below ``size``), which of them each is, and how often each comes.

    Counted in a table of all there could be, where that is not much larger than the keys themselves; else sorted.
    """
    if size > _MOST_EMPTY * (len(key) + 1_000):
        cells, cell, counts = np.unique(key, return_inverse=True, return_counts=True)
        return cells, cell, counts
    table = np.bincount(key, minlength=size)
    cells = np.flatnonzero(table)
    number = np.zeros(size, np.int64)
    number[cells] = np.arange(len(cells))
    return cells, number[key], table[cells]


def strata_design(sessions: Ints, stratum: Codes, variant: Codes) -> Design:
    """A design without behaviours: what :func:`cleared_reward` needs to clear values of strata and variants."""
    none = np.zeros(0, np.int32)
    return make_design(sessions, stratum, variant, none, none, 0)


def single_design(sessions: Ints, stratum: Codes, variant: Codes, shown: Flags) -> Design:
    """A design of one behaviour, which the flagged of ``sessions`` showed; all arguments are parallel to them."""
    rows = np.flatnonzero(shown).astype(np.int32)
    return make_design(sessions, stratum, variant, rows, np.zeros_like(rows), 1)


def _compact(codes: Codes) -> tuple[Codes, int]:
    """The codes numbered anew from 0 without gaps, in their order, and how many there are."""
    present = np.bincount(codes) > 0
    number = (np.cumsum(present) - 1).astype(np.int32)
    return number[codes], int(present.sum())


def estimate(design: Design, reward: Floats) -> Estimates:
    """Estimates for every behaviour of the design; ``reward`` is parallel to ``design.sessions``."""
    return _two_way(design, reward) if design.variants > 1 else _one_way(design, reward)


def _one_way(design: Design, reward: Floats) -> Estimates:
    s, n, fixed = design.cell_stratum, design.stratum_size, design.balance or _balance(design)
    squared = reward * reward
    total, squares = _by_stratum(design, reward), _by_stratum(design, squared)
    spread = np.maximum(squares - total * total / n, 0.0)
    with_sum = _by_cell(design, reward)
    # Rewards of 0 and 1 are their own squares.
    with_squares = with_sum if np.array_equal(squared, reward) else _by_cell(design, squared)
    n1, n0, cell_total = design.cell_with, fixed.without, total[s]
    mean = (total / n)[s]

    score = _by_column(design, with_sum - n1 * mean)
    with np.errstate(divide="ignore", invalid="ignore"):
        effect = score / fixed.column_weight
        z = score / np.sqrt(_by_column(design, fixed.weight * spread[s] / fixed.others))
    # A behaviour that every stratum shows always or never has no weight, and rounding errors for a score.
    usable = fixed.column_weight > 1e-9
    delta = np.where(usable, np.nan_to_num(effect), 0.0)[design.cell_column]
    high, low = mean + delta * fixed.share_without, mean - delta * fixed.share_with
    residual_with = with_squares - 2 * high * with_sum + n1 * high**2
    without_sum, without_squares = cell_total - with_sum, squares[s] - with_squares
    residual_without = without_squares - 2 * low * without_sum + n0 * low**2
    variance = fixed.scale * (fixed.share_without**2 * residual_with + fixed.share_with**2 * residual_without)
    with np.errstate(divide="ignore", invalid="ignore"):
        error = np.sqrt(np.maximum(_by_column(design, variance), 0.0)) / fixed.column_weight
    return Estimates(
        effect=np.where(usable, effect, np.nan),
        standard_error=error,
        degrees=fixed.degrees,
        z=np.where(np.isfinite(z) & usable, z, 0.0),
        weight=fixed.column_weight,
        **_arms(design, total, with_sum, spread),
    )


def _balance(design: Design) -> Balance:
    n1, n = design.cell_with, design.stratum_size[design.cell_stratum]
    n0, others = n - n1, np.maximum(n - 1.0, 1.0)
    weight = n1 * n0 / n
    column_weight = _by_column(design, weight)
    both = (n0 > 0) & (n1 > 0)
    # The smaller kind of sessions limits what the variance is known from (Bell & McCaffrey 2002 in spirit); the factor
    # was set by the coverage of small samples in simulation.
    degrees = np.minimum(_by_column(design, np.where(both, n - 1.0, 0.0)) - 1.0, 1.5 * column_weight)
    return Balance(n0, weight, column_weight, n0 / n, n1 / n, n / others, others, degrees)


class _Arms(TypedDict):
    informative: Ints
    sessions_with: Ints
    sessions_without: Ints
    reward_with: Floats
    reward_without: Floats


def _arms(design: Design, total: Floats, with_sum: Floats, spread: Floats) -> _Arms:
    """Sizes and mean rewards of the two kinds of sessions, in strata that hold both."""
    s = design.cell_stratum
    both = (design.cell_with < design.stratum_size[s]).astype(np.float64)
    count_with = _by_column(design, both * design.cell_with)
    count_without = _by_column(design, both * (design.stratum_size[s] - design.cell_with))
    with np.errstate(divide="ignore", invalid="ignore"):
        reward_with = _by_column(design, both * with_sum) / count_with
        reward_without = _by_column(design, both * (total[s] - with_sum)) / count_without
    return _Arms(
        informative=_by_column(design, both * (spread[s] > 1e-12)).astype(np.int64),
        sessions_with=count_with.astype(np.int64),
        sessions_without=count_without.astype(np.int64),
        reward_with=reward_with,
        reward_without=reward_without,
    )


def _two_way(design: Design, reward: Floats) -> Estimates:
    clear = _variant_solver(design)
    residual = clear.residual(reward)
    total, squares = _by_stratum(design, reward), _by_stratum(design, reward * reward)
    spread = squares - total * total / design.stratum_size
    arms = _arms(design, total, _by_cell(design, reward), spread)
    columns = [
        _two_way_block(design, clear, residual, start, min(start + _COLUMNS_AT_ONCE, design.columns))
        for start in range(0, design.columns, _COLUMNS_AT_ONCE)
    ]
    effect, error, degrees, z, weight = (
        np.concatenate([block[i] for block in columns]) if columns else np.zeros(0) for i in range(5)
    )
    return Estimates(effect=effect, standard_error=error, degrees=degrees, z=z, weight=weight, **arms)


def _two_way_block(
    design: Design, clear: "_VariantSolver", residual: Floats, start: int, stop: int
) -> tuple[Floats, Floats, Floats, Floats, Floats]:
    """Effect, its error, degrees of freedom, z and weight of columns start…stop; dense over strata."""
    chosen = (design.entry_column >= start) & (design.entry_column < stop)
    rows, columns = design.entry_row[chosen], design.entry_column[chosen] - start
    width, strata = stop - start, design.strata
    stratum, variant = design.stratum[rows], design.variant[rows]

    def summed(values: Floats) -> Floats:
        key = stratum.astype(np.int64) * width + columns
        return sums(key, values, strata * width).reshape(strata, width)

    ones = np.ones(len(rows))
    with_count = summed(ones)
    by_variant = sums(variant.astype(np.int64) * width + columns, ones, design.variants * width)
    by_variant = by_variant.reshape(design.variants, width)
    c = clear.solve(by_variant - clear.counts.T @ (with_count / clear.size[:, None]))
    fitted = clear.counts @ c
    a = (with_count - fitted) / clear.size[:, None]
    u = summed(residual[rows]) - clear.residual_sums(residual) @ c
    crossed = summed(c[variant, columns])
    q = with_count - 2 * (a * with_count + crossed) + clear.size[:, None] * a**2 + 2 * a * fitted + clear.counts @ c**2
    weight, score = q.sum(axis=0), u.sum(axis=0)
    usable = weight > _LEAST_WEIGHT
    effect = np.where(usable, score / np.where(usable, weight, 1.0), np.nan)
    independent = weight * (residual**2).sum() / _free_sessions(design)
    error, degrees = _clustered_error(u, q, np.nan_to_num(effect), independent)
    told = usable & (error > 0)
    t = np.where(told, np.nan_to_num(effect) / np.where(told, error, 1.0), 0.0)
    z = np.sign(t) * normal_isf(np.maximum(t_sf(np.abs(t), degrees), 1e-300))
    return effect, np.where(usable, error, np.nan), degrees, z, weight


def _free_sessions(design: Design) -> int:
    """Sessions left to know the spread of rewards from, once tasks and variants have been fitted."""
    return max(len(design.stratum) - design.strata - design.variants + 1, 1)


def _clustered_error(u: Floats, q: Floats, effect: Floats, independent: Floats) -> tuple[Floats, Floats]:
    """Standard errors of ``effect`` with sessions of a task together, and their degrees of freedom; one per column.

    Leaving out each task in turn says how far the effect rests on it (the cluster jackknife: MacKinnon, Nielsen &
    Webb 2023). Tasks that happen to agree, as a few with few sessions do, are no reason for an error below that of
    independent sessions (Angrist & Pischke 2009, §8.2.3). NaN where one task holds all that there is to compare.

    Args:
        u: scores, tasks × columns; q: their weights.
        independent: variance of the summed scores if sessions of a task had nothing in common.
    """
    weight = q.sum(axis=0)
    safe = np.where(weight > _LEAST_WEIGHT, weight, 1.0)
    share = q / safe
    tasks = np.maximum((share > _LEAST_WEIGHT).sum(axis=0), 1)
    left = 1.0 - share
    alone = (left < _LEAST_SHARE_LEFT).any(axis=0)
    moved = (u - effect * q) / np.where(left < _LEAST_SHARE_LEFT, 1.0, left)
    together = (tasks - 1) / tasks * (moved**2).sum(axis=0)
    error = np.sqrt(np.maximum(together, independent)) / safe
    clusters = 1.0 / np.maximum((share**2).sum(axis=0), 1e-12)
    return np.where(alone, np.nan, error), np.maximum(clusters - 1.0, 1.0)


@dataclass(frozen=True, slots=True, eq=False)
class _VariantSolver:
    """Removes task and variant effects; ``counts`` is strata × variants."""

    design: Design
    counts: Floats
    size: Floats
    inverse: Floats

    def solve(self, right: Floats) -> Floats:
        return self.inverse @ right

    def residual(self, values: Floats) -> Floats:
        """``values`` (one per session) less their task and variant effects."""
        d = self.design
        by_stratum = _by_stratum(d, values)
        by_variant = sums(d.variant, values, d.variants)
        beta = self.solve(by_variant - self.counts.T @ (by_stratum / self.size))
        alpha = (by_stratum - self.counts @ beta) / self.size
        cleared: Floats = values - alpha[d.stratum] - beta[d.variant]
        return cleared

    def residual_sums(self, residual: Floats) -> Floats:
        d = self.design
        key = d.stratum.astype(np.int64) * d.variants + d.variant
        return sums(key, residual, d.strata * d.variants).reshape(d.strata, d.variants)


def _variant_solver(design: Design) -> _VariantSolver:
    key = design.stratum.astype(np.int64) * design.variants + design.variant
    ones = np.ones(len(key))
    counts = sums(key, ones, design.strata * design.variants).reshape(design.strata, design.variants)
    size = design.stratum_size
    schur = np.diag(counts.sum(axis=0)) - counts.T @ (counts / size[:, None])
    inverse: Floats = np.linalg.pinv(schur, hermitian=True).astype(np.float64)
    return _VariantSolver(design, counts, size, inverse)


def heterogeneity(effects: Floats, errors: Floats) -> float:
    """P-value of Cochran's Q (1954): whether effects with these standard errors can all be the same."""
    weights = errors**-2
    q = float((weights * (effects - (weights * effects).sum() / weights.sum()) ** 2).sum())
    return float(chi2_sf(q, len(effects) - 1))


def cleared_reward(design: Design, reward: Floats) -> Floats:
    """Rewards less their stratum's mean, and less variant effects where variants are mixed."""
    if design.variants > 1:
        return _variant_solver(design).residual(reward)
    return reward - (_by_stratum(design, reward) / design.stratum_size)[design.stratum]


def _by_stratum(design: Design, values: Floats) -> Floats:
    return sums(design.stratum, values, design.strata)


def _by_cell(design: Design, values: Floats) -> Floats:
    return sums(design.cell, values[design.entry_row], len(design.cell_column))


def _by_column(design: Design, values: Floats) -> Floats:
    return sums(design.cell_column, values, design.columns)
