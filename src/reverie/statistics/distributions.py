"""The few distributions that estimates need, their tails and quantiles, and ranks: SciPy's, under the names used here.

Arguments are numbers or arrays, and so are the answers; NaN stays NaN. One module, so that what loads SciPy is known.
"""

import numpy as np
import numpy.typing as npt
from scipy import special, stats

from reverie.statistics.corpus import Floats


def normal_sf(z: npt.ArrayLike) -> Floats:
    """The upper tail probability of the standard normal distribution."""
    return np.asarray(special.ndtr(-np.asarray(z, np.float64)), np.float64)


def normal_isf(tail: npt.ArrayLike) -> Floats:
    """The z with that upper tail probability; infinite at 0 and 1."""
    return np.asarray(-special.ndtri(np.asarray(tail, np.float64)), np.float64)


def t_sf(t: npt.ArrayLike, degrees: npt.ArrayLike) -> Floats:
    """The upper tail probability of Student's t distribution, ``degrees`` > 0 and not only whole."""
    return np.asarray(special.stdtr(degrees, -np.asarray(t, np.float64)), np.float64)


def t_isf(tail: float, degrees: npt.ArrayLike) -> Floats:
    """The t with the upper tail probability ``tail``, in (0, 1)."""
    return np.asarray(-special.stdtrit(degrees, tail), np.float64)


def chi2_sf(value: float, degrees: int) -> float:
    """The upper tail probability of the χ² distribution."""
    return float(special.chdtrc(degrees, max(value, 0.0)))


def hypergeometric_pmf(total: int, successes: int, drawn: int) -> Floats:
    """Probabilities of each count of successes among those drawn, from the least possible count to the most."""
    counts = np.arange(max(0, drawn + successes - total), min(drawn, successes) + 1)
    return np.asarray(stats.hypergeom.pmf(counts, total, successes, drawn), np.float64)


def average_ranks(values: npt.ArrayLike) -> Floats:
    """Ranks from 1; equal values share the mean of theirs."""
    return np.asarray(stats.rankdata(values), np.float64)


def rank_correlation(first: npt.ArrayLike, second: npt.ArrayLike) -> float:
    """Spearman's: the correlation of the ranks. Neither may be constant."""
    return float(np.corrcoef(average_ranks(first), average_ranks(second))[0, 1])


def benjamini_hochberg(p_values: npt.ArrayLike) -> Floats:
    """The least false discovery rate at which each is called a discovery (Benjamini & Hochberg 1995).

    Raises:
        ValueError: a value is not in [0, 1].
    """
    return np.asarray(stats.false_discovery_control(p_values), np.float64)


def beta_cdf(value: npt.ArrayLike, a: npt.ArrayLike, b: npt.ArrayLike) -> Floats:
    """P(X ≤ value) of a Beta distribution, element by element."""
    return np.asarray(special.betainc(a, b, value), np.float64)


def beta_quantile(share: npt.ArrayLike, a: npt.ArrayLike, b: npt.ArrayLike) -> Floats:
    """The value below which a Beta distribution has that share, element by element."""
    return np.asarray(special.betaincinv(a, b, share), np.float64)
