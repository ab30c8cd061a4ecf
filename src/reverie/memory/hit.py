"""What recall answers with: memories, and why each was found."""

import msgspec

from reverie.memory.memory import Tier


class Reason(msgspec.Struct, frozen=True):
    """What one word of the query added to a memory's relevance."""

    term: str
    contribution: float


class RecallHit(msgspec.Struct, frozen=True):
    """A memory that suits a query, and why: score = relevance × activation × impact.

    Relevance is the sum of what the words, the meaning and the scope added.
    """

    path: str
    memory_id: str
    score: float
    reasons: tuple[Reason, ...]
    """Weightiest first."""
    snippet: str
    """The passage that holds most of the query's words."""
    relevance: float
    meaning: float
    """What likeness of meaning added; 0 where no vectors were compared."""
    activation: float
    impact: float
    tier: Tier
    tokens: int
    """What the whole content takes to show, at four bytes a token."""
    scope: float = 0.0
    """What it added that this is a lesson for whoever asks."""
