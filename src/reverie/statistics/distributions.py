"""The few distributions that estimates need, their tails and quantiles, and ranks: what would else need all of SciPy.

Arguments are numbers or arrays, and so are the answers; NaN stays NaN. Tests hold each function against SciPy.
"""

import math
from statistics import NormalDist
from typing import Any

import numpy as np
import numpy.typing as npt

from reverie.statistics.corpus import Floats

_STANDARD = NormalDist()
_SMALLEST = 1e-300
_MOST_STEPS = 500


def _normal_isf(tail: float) -> float:
    if 0.0 < tail < 1.0:
        return -_STANDARD.inv_cdf(tail)
    return math.nan if math.isnan(tail) else math.copysign(math.inf, 0.5 - tail)


_erfc = np.vectorize(math.erfc, otypes=[np.float64])
_isf = np.vectorize(_normal_isf, otypes=[np.float64])
_lgamma = np.vectorize(math.lgamma, otypes=[np.float64])


def normal_sf(z: npt.ArrayLike) -> Floats:
    """The upper tail probability of the standard normal distribution."""
    with np.errstate(invalid="ignore"):  # of NaN
        result: Floats = _erfc(np.asarray(z, np.float64) / math.sqrt(2.0)) / 2.0
    return result


def normal_isf(tail: npt.ArrayLike) -> Floats:
    """The z with that upper tail probability (algorithm AS 241, Wichura 1988); infinite at 0 and 1."""
    with np.errstate(invalid="ignore"):
        result: Floats = _isf(np.asarray(tail, np.float64))
    return result


def t_sf(t: npt.ArrayLike, degrees: npt.ArrayLike) -> Floats:
    """The upper tail probability of Student's t distribution, ``degrees`` > 0 up to a million, and not only whole.

    Half the regularised incomplete beta function at ν/(ν + t²) with ν/2 and ½ (Abramowitz & Stegun 26.7.1).
    """
    t, degrees = np.broadcast_arrays(np.asarray(t, np.float64), np.asarray(degrees, np.float64))
    half = _incomplete_beta(degrees, np.square(t)) / 2.0
    result: Floats = np.where(t >= 0, half, 1.0 - half)
    return np.where(np.isnan(t) | np.isnan(degrees), np.nan, result)


def t_isf(tail: float, degrees: npt.ArrayLike) -> Floats:
    """The t with the upper tail probability ``tail``, in (0, ½].

    Newton's method: right of 0 the tail is convex, so that it climbs to the root from the normal quantile.
    """
    degrees = np.asarray(degrees, np.float64)
    t = np.full(degrees.shape, float(normal_isf(tail)))
    scale = -_log_beta(degrees / 2.0) - np.log(degrees) / 2.0
    for _ in range(_MOST_STEPS):
        density = np.exp(scale - (degrees + 1.0) / 2.0 * np.log1p(np.square(t) / degrees))
        step = (t_sf(t, degrees) - tail) / density
        t = t + step
        if not np.any(np.abs(step) > 1e-13 * np.maximum(t, 1.0)):
            break
    return t


def chi2_sf(value: float, degrees: int) -> float:
    """The upper tail probability of the χ² distribution, ``degrees`` whole (Abramowitz & Stegun 26.4.4 and 26.4.5)."""
    if value <= 0.0:
        return 1.0
    half = value / 2.0
    powers = np.arange(degrees % 2 / 2.0, degrees / 2.0)  # 0, 1, 2 … for an even number, ½, 1½ … for an odd one
    terms = np.exp(powers * math.log(half) - half - _lgamma(powers + 1.0)) if len(powers) else np.zeros(0)
    return min(math.fsum(terms.tolist()) + (math.erfc(math.sqrt(half)) if degrees % 2 else 0.0), 1.0)


def hypergeometric_pmf(total: int, successes: int, drawn: int) -> Floats:
    """Probabilities of each count of successes among those drawn, from the least possible count to the most.

    By the ratio of neighbours, in logarithms.
    """
    least, most = max(0, drawn + successes - total), min(drawn, successes)
    k = np.arange(least, most, dtype=np.float64)
    ratio = (successes - k) * (drawn - k) / ((k + 1) * (total - successes - drawn + k + 1))
    logarithm = np.concatenate([[0.0], np.cumsum(np.log(ratio))])
    weight = np.exp(logarithm - logarithm.max())
    result: Floats = weight / weight.sum()
    return result


def average_ranks(values: npt.ArrayLike) -> Floats:
    """Ranks from 1; equal values share the mean of theirs."""
    _, place, count = np.unique(np.asarray(values), return_inverse=True, return_counts=True)
    result: Floats = (np.cumsum(count) - (count - 1) / 2.0)[place]
    return result


def rank_correlation(first: npt.ArrayLike, second: npt.ArrayLike) -> float:
    """Spearman's: the correlation of the ranks. Neither may be constant."""
    return float(np.corrcoef(average_ranks(first), average_ranks(second))[0, 1])


def benjamini_hochberg(p_values: npt.ArrayLike) -> Floats:
    """The least false discovery rate at which each is called a discovery (Benjamini & Hochberg 1995).

    Raises:
        ValueError: a value is not in [0, 1].
    """
    p = np.asarray(p_values, np.float64)
    if not np.all((p >= 0.0) & (p <= 1.0)):
        raise ValueError("p values must be in [0, 1]; one is not, or is not a number")
    order = np.argsort(p)[::-1]
    scaled = p[order] * len(p) / np.arange(len(p), 0, -1)
    q = np.empty_like(p)
    q[order] = np.minimum.accumulate(scaled)
    return np.minimum(q, 1.0)


def _incomplete_beta(degrees: Floats, square: Floats) -> Floats:
    """Iₓ(ν/2, ½) at x = ν/(ν + square), by its continued fraction on the side where that converges fast."""
    a = degrees / 2.0
    ratio = square / degrees
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        x, rest = 1.0 / (1.0 + ratio), ratio / (1.0 + ratio)
        front = np.exp(-a * np.log1p(ratio) + np.log(rest) / 2.0 - _log_beta(a))
        near = x < (a + 1.0) / (a + 2.5)
        fraction = _fraction(np.where(near, a, 0.5), np.where(near, 0.5, a), np.where(near, x, rest))
        value = front * fraction / np.where(near, a, 0.5)
    result: Floats = np.where(square == 0, 1.0, np.where(near, value, 1.0 - value))
    return result


def _fraction(a: Floats, b: Floats, x: Floats) -> Floats:
    """The continued fraction DLMF 8.17.22 by Lentz's method (Thompson & Barnett 1986)."""
    c: Any = np.ones_like(x)
    d: Any = 1.0 / _off_zero(1.0 - (a + b) * x / (a + 1.0))
    value: Any = d
    for m in range(1, _MOST_STEPS):
        even = m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m))
        odd = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1))
        for term in (even, odd):
            d = 1.0 / _off_zero(1.0 + term * d)
            c = _off_zero(1.0 + term / c)
            change = c * d
            value = value * change
        if not np.any(np.abs(change - 1.0) > 1e-15):
            break
    result: Floats = value
    return result


def _off_zero(value: Floats) -> Floats:
    return np.where(np.abs(value) < _SMALLEST, _SMALLEST, value)


def _log_beta(a: Floats) -> Floats:
    """log B(a, ½); for large a by the ratio of gamma functions (DLMF 5.11.13), where their difference loses digits."""
    large = np.maximum(a, 50.0)
    series = -np.log(large) / 2.0 + 1 / (8 * large) - 1 / (192 * large**3) + 1 / (640 * large**5)
    small = np.minimum(a, 50.0)
    difference = _lgamma(small) - _lgamma(small + 0.5)
    result: Floats = np.where(a > 50.0, series, difference) + math.log(math.pi) / 2.0
    return result
