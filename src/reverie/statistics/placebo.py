"""What chance alone would give: shuffled outcomes, and the smallest effect that would be found above it."""

import numpy as np

from reverie.statistics.corpus import Floats, Strata
from reverie.statistics.distributions import normal_isf, t_isf
from reverie.statistics.estimate import cleared_reward, strata_design

_TAIL, _MISSED = 0.0005, 0.2
"""A test at p = 0.001, as false discovery control asks of a handful of true effects among hundreds, with power 0.8."""


def shuffle_within_strata(reward: Floats, strata: Strata, generator: np.random.Generator) -> Floats:
    """Rewards that no behaviour can have caused: permuted inside each stratum and each part of the sessions.

    Where variants are mixed in strata, what task and variant explain stays and only the rest is permuted
    (Freedman & Lane 1983).
    """
    group = strata.code.astype(np.int64) * 2 + strata.confirmation
    design = strata_design(np.arange(len(reward)), strata.code, strata.variant)
    rest = cleared_reward(design, reward) if strata.variants > 1 else reward
    order = np.lexsort((generator.random(len(reward)), group))
    target = np.argsort(group, kind="stable")
    shuffled = np.empty_like(rest)
    shuffled[target] = rest[order]
    return reward - rest + shuffled if strata.variants > 1 else shuffled


def detectable_effect(strata: Strata, reward: Floats) -> float | None:
    """Smallest effect found 8 times in 10 in the discovery part, for a behaviour half of each stratum shows.

    Where variants are mixed in strata, errors are known from whole strata, so few of those ask for a larger effect.
    """
    part = ~strata.confirmation
    code, y = strata.code[part], reward[part]
    n = np.bincount(code, minlength=strata.count).astype(np.float64)
    total, squares = np.bincount(code, y, strata.count), np.bincount(code, y * y, strata.count)
    usable = n >= 2
    variance = np.maximum(squares - total**2 / np.maximum(n, 1), 0.0) / np.maximum(n - 1, 1)
    weight = n[usable].sum() / 4
    if weight == 0 or not variance[usable].any():
        return None
    error = float(np.sqrt((n[usable] / 4 * variance[usable]).sum()) / weight)
    if strata.variants == 1:
        return float(normal_isf(_TAIL) + normal_isf(_MISSED)) * error
    degrees = max(float(n[usable].sum() ** 2 / (n[usable] ** 2).sum()) - 1.0, 1.0)
    return float(t_isf(_TAIL, degrees) + t_isf(_MISSED, degrees)) * error
