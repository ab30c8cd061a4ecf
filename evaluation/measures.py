"""Shares and differences with intervals that respect how the counts came about."""

from collections.abc import Sequence

import msgspec
import numpy as np
from scipy import stats


class Share(msgspec.Struct, frozen=True):
    """``part`` of ``whole`` with its 95 % interval; None where ``whole`` is 0."""

    part: float
    whole: float
    low: float | None
    high: float | None

    @property
    def value(self) -> float | None:
        """The share itself."""
        return self.part / self.whole if self.whole else None


class Rate(msgspec.Struct, frozen=True):
    """Events per unit with the 95 % interval of a Poisson mean."""

    events: int
    units: int
    value: float
    low: float
    high: float


class PairedDifference(msgspec.Struct, frozen=True):
    """Two arms judged on the same units: how often each alone succeeded, and the difference of their shares."""

    both: int
    only_first: int
    only_second: int
    neither: int
    difference: float
    """First arm minus second."""
    low: float
    high: float
    p_value: float


def clustered_share(counts: Sequence[tuple[int, int]]) -> Share:
    """A share over clusters (one ``(part, whole)`` per seed), exact, at the effective sample size.

    Clopper–Pearson with the count shrunk by the design effect of the clusters, which is taken to be at least 1
    (Korn & Graubard 1998).
    """
    part, whole = sum(p for p, _ in counts), sum(w for _, w in counts)
    if not whole:
        return Share(0.0, 0.0, None, None)
    effective = whole / _design_effect(counts, part / whole, whole)
    x = part / whole * effective
    low = float(stats.beta.ppf(0.025, x, effective - x + 1)) if part else 0.0
    high = float(stats.beta.ppf(0.975, x + 1, effective - x)) if part < whole else 1.0
    return Share(part, whole, low, high)


def _design_effect(counts: Sequence[tuple[int, int]], share: float, whole: int) -> float:
    """Variance of the ratio between clusters over the binomial one."""
    binomial = share * (1 - share) / whole
    used = [(p, w) for p, w in counts if w]
    if binomial == 0 or len(used) < 2:
        return 1.0
    residuals = np.array([p - share * w for p, w in used])
    between = len(used) / (len(used) - 1) * float((residuals**2).sum()) / whole**2
    return max(1.0, between / binomial)


def poisson_rate(events: int, units: int) -> Rate:
    """Events per unit with the exact interval (Garwood 1936).

    Raises:
        ValueError: no units.
    """
    if units <= 0:
        raise ValueError("a rate needs at least one unit")
    low = float(stats.chi2.ppf(0.025, 2 * events)) / 2 if events else 0.0
    high = float(stats.chi2.ppf(0.975, 2 * (events + 1))) / 2
    return Rate(events, units, events / units, low / units, high / units)


def paired_difference(first: Sequence[bool], second: Sequence[bool]) -> PairedDifference:
    """Compare two arms on the same units: Newcombe's interval (1998, method 10) and McNemar's mid-p test.

    Raises:
        ValueError: the arms differ in length, or are empty.
    """
    pairs = list(zip(first, second, strict=True))
    if not pairs:
        raise ValueError("a comparison needs at least one pair")
    both, only_first = pairs.count((True, True)), pairs.count((True, False))
    only_second, neither = pairs.count((False, True)), pairs.count((False, False))
    low, high = _newcombe_paired(both, only_first, only_second, neither)
    n = len(pairs)
    return PairedDifference(
        both,
        only_first,
        only_second,
        neither,
        (only_first - only_second) / n,
        low,
        high,
        _mid_p(only_first, only_second),
    )


def wilson(part: float, whole: int) -> tuple[float, float]:
    """95 % interval of a share of independent units (Wilson 1927)."""
    z = float(stats.norm.isf(0.025))
    share = part / whole
    middle = (share + z * z / (2 * whole)) / (1 + z * z / whole)
    half = z / (1 + z * z / whole) * float(np.sqrt(share * (1 - share) / whole + z * z / (4 * whole**2)))
    return middle - half, middle + half


def _newcombe_paired(both: int, only_first: int, only_second: int, neither: int) -> tuple[float, float]:
    n = both + only_first + only_second + neither
    p1, p2 = (both + only_first) / n, (both + only_second) / n
    (l1, u1), (l2, u2) = wilson(p1 * n, n), wilson(p2 * n, n)
    margins = (both + only_first) * (only_second + neither) * (both + only_second) * (only_first + neither)
    product = float(both * neither - only_first * only_second)
    if product > n / 2:
        product -= n / 2
    elif product >= 0:
        product = 0.0
    phi = product / np.sqrt(margins) if margins else 0.0
    down, up = (p1 - l1, u2 - p2), (u1 - p1, p2 - l2)
    lower = np.sqrt(max(down[0] ** 2 - 2 * phi * down[0] * down[1] + down[1] ** 2, 0.0))
    upper = np.sqrt(max(up[0] ** 2 - 2 * phi * up[0] * up[1] + up[1] ** 2, 0.0))
    return float(p1 - p2 - lower), float(p1 - p2 + upper)


def _mid_p(one: int, other: int) -> float:
    """Two-sided mid-p of McNemar's exact test (Fagerland, Lydersen & Laake 2013)."""
    n, fewer = one + other, min(one, other)
    if n == 0 or one == other:
        return 1.0
    return float(2 * stats.binom.cdf(fewer, n, 0.5) - stats.binom.pmf(fewer, n, 0.5))
