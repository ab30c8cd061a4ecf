"""The settings of a dream: what counts as found, and how much may change."""

import msgspec

from reverie.patterns.policy import MiningPolicy


class DreamPolicy(msgspec.Struct, frozen=True):
    """Settings of a dream."""

    mining: MiningPolicy = MiningPolicy()
    loss_cap: float = 0.2
    """Largest share of a store's documents that may vanish in one dream (0 to 1); one may always."""
    digest_batch: int = 4_000
    """Sessions digested per durable step."""
