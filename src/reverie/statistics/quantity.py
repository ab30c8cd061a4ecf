"""Numbers with their intervals: an effect and the test behind it, a rate. The records, without what computes them."""

import msgspec


class Estimate(msgspec.Struct, frozen=True):
    """A stratified difference in mean reward (or another outcome) with its 95 % interval, and the test behind it."""

    effect: float
    low: float
    high: float
    z: float
    informative: int
    """Strata that hold both kinds of sessions and differing rewards."""
    sessions_with: int
    sessions_without: int
    reward_with: float
    reward_without: float


class Rate(msgspec.Struct, frozen=True):
    """A mean of values in [0, 1], such as a share or a mean reward, with its 95 % interval."""

    value: float
    low: float
    high: float
    sessions: int
    """How many it is a mean of."""


def wilson(mean: float, size: float, quantile: float) -> tuple[float, float]:
    """Wilson's score interval for a mean of ``size`` values in [0, 1]."""
    square = quantile**2
    middle = (mean + square / (2 * size)) / (1 + square / size)
    half = quantile / (1 + square / size) * (mean * (1 - mean) / size + square / (4 * size**2)) ** 0.5
    return max(middle - half, 0.0), min(middle + half, 1.0)
