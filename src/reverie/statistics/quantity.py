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
