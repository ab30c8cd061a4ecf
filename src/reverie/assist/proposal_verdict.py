"""What became of a behaviour that a model proposed."""

import msgspec


class ProposalVerdict(msgspec.Struct, frozen=True):
    """A proposal and what the tests said of it."""

    words: str
    counted: str
    """What was counted, in words."""
    verdict: str
    """``adopted``, ``candidate`` or ``refused``."""
    reason: str
    sessions: int
    """Sessions that showed it."""
