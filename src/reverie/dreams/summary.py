"""A dream in a line: what was asked, how far it is, what came of it."""

from datetime import datetime

import msgspec

from reverie.dreams.dream import DreamStatus, SessionCounts
from reverie.lessons.lesson import LessonStatus


class SummarizedDream(msgspec.Struct, frozen=True):
    """A dream in a line; what came of it is None until it has completed."""

    id: str
    memory_store_id: str
    """The store that it writes to."""
    read_store_id: str
    """The store that it reads: another one where it writes to a clone. Of a dream from the command line its name."""
    clone: bool
    where: str | None
    """Which sessions it reads; None reads all, or those that are named."""
    named_sessions: int | None
    """How many sessions it was given by their ids."""
    instructions: str | None
    status: DreamStatus
    error: str | None
    session_id: str | None
    """The session that it is watched in."""
    created_at: datetime
    ended_at: datetime | None
    archived_at: datetime | None
    sessions: SessionCounts | None
    lessons: dict[LessonStatus, int] | None
    """How many, by what became of them."""
    changes: int | None
    """Of documents of the store."""
    revision: int | None
    """The store's revision that it wrote."""
    tokens: int | None
    """Of a model; None where none was asked."""
    cost_usd: float | None
