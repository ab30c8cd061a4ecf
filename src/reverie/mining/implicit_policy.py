"""What stands in for scores where there are none: the implicit outcome and its settings."""

from collections.abc import Mapping
from typing import Literal

import msgspec

from reverie.digests.derived.occurrence import Trace
from reverie.digests.derived.signal import SIGNALS, goodness, value_of
from reverie.errors import InputError

DEFAULT_WEIGHTS: Mapping[str, float] = {
    "user_corrections": 1.0,
    "interruptions": 1.0,
    "permissions_denied": 1.0,
    "frustrations": 1.0,
    "satisfied_close": 0.5,
    "requests_repeated": 0.5,
    "abandoned": 0.5,
}
"""The user's word first. None is missing by the agent's choice, as the results of tests are: no tests, no result."""


class ImplicitPolicy(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What stands in for scores where there are none."""

    use: Literal["unscored", "never"] = "unscored"
    """``unscored``: where no session of a dream has a score; ``never``: then nothing is mined."""
    weights: dict[str, float] = msgspec.field(default_factory=lambda: dict(DEFAULT_WEIGHTS))
    """Weight of each signal (0 or more). Those that are the same in all sessions of a dream count for nothing."""

    def __post_init__(self) -> None:
        for name, weight in self.weights.items():
            if name not in SIGNALS:
                raise InputError(f"implicit.weights: there is no signal {name!r}; there are {', '.join(SIGNALS)}")
            if not weight >= 0:
                raise InputError(f"implicit.weights.{name}: {weight} is not 0 or more")


def implicit_outcome(trace: Trace, weights: Mapping[str, float], after: int = -1) -> float:
    """The weighted mean of the signals after an action, 0 (worst) to 1; NaN where none of them is known."""
    total = weight_known = 0.0
    for name, weight in weights.items():
        value = value_of(SIGNALS[name], trace, after)
        if value is not None:
            total += weight * goodness(SIGNALS[name], value)
            weight_known += weight
    return total / weight_known if weight_known else float("nan")
