"""How sure a share or a mean is, when sessions of one task have outcomes that go together."""

import numpy as np

from reverie.statistics.corpus import Codes, Floats, sums
from reverie.statistics.distributions import t_isf
from reverie.statistics.quantity import Rate, wilson


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
    if clusters == 1:
        return Rate(mean, 0.0, 1.0, size)
    residuals = sums(compact, values - mean, clusters)
    variance = clusters / (clusters - 1) * float((residuals**2).sum()) / size**2
    effective = mean * (1 - mean) / variance if variance > 1e-12 else float(clusters)
    low, high = wilson(mean, effective, float(t_isf(0.025, clusters - 1)))
    return Rate(mean, low, high, size)
