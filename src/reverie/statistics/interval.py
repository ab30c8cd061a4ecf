"""How sure a share or a mean is, when sessions of one task have outcomes that go together."""

from dataclasses import dataclass

import numpy as np

from reverie.statistics.corpus import Codes, Floats, sums
from reverie.statistics.distributions import t_isf
from reverie.statistics.quantity import Rate, wilson


@dataclass(frozen=True, slots=True)
class ClusterSums:
    """What the interval of a mean needs to know of clusters with ``n`` values each that add up to ``t``."""

    clusters: int
    """Those that have a value."""
    size: int
    """The sum of ``n``."""
    total: float
    """The sum of ``t``."""
    squared_totals: float
    """The sum of ``t²``."""
    products: float
    """The sum of ``n t``."""
    squared_sizes: float
    """The sum of ``n²``."""


def rate_of(values: Floats, cluster: Codes) -> Rate | None:
    """The mean of ``values`` (NaN left out) with Wilson's interval (1927) at the effective sample size.

    That size follows from the variance between clusters, so ten sessions of one task that always end alike count as
    little more than one (Korn & Graubard 1998); it is never taken for larger than the number of clusters where the
    values do not vary at all. Student's t stands for the normal quantile. None without any value.
    """
    known = ~np.isnan(values)
    values, cluster = values[known], cluster[known]
    size = len(values)
    if size == 0:
        return None
    mean = float(np.clip(values.mean(), 0.0, 1.0))
    _, compact = np.unique(cluster, return_inverse=True)
    clusters = int(compact.max()) + 1
    residuals = sums(compact, values - mean, clusters)
    return _rate(mean, size, clusters, float((residuals**2).sum()))


def rate_of_sums(found: ClusterSums) -> Rate | None:
    """As :func:`rate_of`, of values that were added up by cluster where they are kept."""
    if found.size == 0:
        return None
    mean = float(np.clip(found.total / found.size, 0.0, 1.0))
    squares = found.squared_totals - 2 * mean * found.products + mean**2 * found.squared_sizes
    return _rate(mean, found.size, found.clusters, max(squares, 0.0))


def _rate(mean: float, size: int, clusters: int, squares: float) -> Rate:
    """``squares`` is the sum over clusters of the squared sum of their residuals."""
    if clusters == 1:
        return Rate(mean, 0.0, 1.0, size)
    variance = clusters / (clusters - 1) * squares / size**2
    effective = mean * (1 - mean) / variance if variance > 1e-12 else float(clusters)
    low, high = wilson(mean, effective, float(t_isf(0.025, clusters - 1)))
    return Rate(mean, low, high, size)
