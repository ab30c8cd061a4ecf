"""How the few scores of mostly unscored sessions are used: the settings of a store."""

import msgspec

from reverie.errors import InputError

LEAST_LABELS = 20
"""Scored sessions below which a dream does not look at what they say beside a proxy."""


class LabelPolicy(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Where few sessions are scored: what stands in for the score in the others, and what is few."""

    proxy: str = "implicit_outcome"
    """A metric, or a signal, that nearly all sessions have: what claims are found by. Labels alone confirm them."""
    below: float = 0.2
    """Share of scored sessions (0 to 1) below which claims of a proxy are tested on labels; 0 never does."""

    def __post_init__(self) -> None:
        if not self.proxy.strip():
            raise InputError("labels.proxy is empty; name a metric or a signal, or set labels.below to 0")
        if not 0 <= self.below <= 1:
            raise InputError(f"labels.below: {self.below} is not a share from 0 to 1")
