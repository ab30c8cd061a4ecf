"""What Reverie's own calls answer; what the rooms have records for is answered as those."""

from datetime import datetime
from typing import Any, Generic, Literal, TypeVar

import msgspec

from reverie.lessons.lesson import Effect, Lesson
from reverie.memory.memory import Operation, RevisionKind
from reverie.outcomes.metric import Metric
from reverie.sessions.session import Score
from reverie.sessions.transcript import Turn

Item = TypeVar("Item")


class Page(msgspec.Struct, Generic[Item], frozen=True):
    """One page of a list."""

    data: tuple[Item, ...]
    next_page: str | None = None


class StoreRevision(msgspec.Struct, frozen=True):
    """One act on a memory store."""

    memory_store_id: str
    number: int
    act: RevisionKind
    actor: str
    """``user``, or the id of a dream, of a session or of an API key."""
    reason: str
    source_session_ids: tuple[str, ...]
    created_at: datetime
    created: int
    modified: int
    deleted: int


class PathDifference(msgspec.Struct, frozen=True):
    """One path whose content differs."""

    path: str
    operation: Operation
    diff: str
    """In the unified format."""


class RevisionDiff(msgspec.Struct, frozen=True):
    """What a revision has that another lacks."""

    memory_store_id: str
    revision: int
    against: int
    created: int
    modified: int
    deleted: int
    differences: tuple[PathDifference, ...]


class StoreRollback(msgspec.Struct, frozen=True):
    """A return to an earlier revision."""

    memory_store_id: str
    to_revision: int
    revision: StoreRevision | None
    """The new revision; None where the store was as it should be."""


class StoredLesson(Lesson, frozen=True, kw_only=True):
    """A lesson, and the dreams that made and last judged it."""

    memory_store_id: str
    first_dream_id: str
    last_dream_id: str


class Stratum(msgspec.Struct, frozen=True):
    """One group of comparable sessions, and what it says of a behaviour."""

    stratum: str
    sessions_with: int
    sessions_without: int
    reward_with: float
    reward_without: float
    share: float


class Moment(msgspec.Struct, frozen=True):
    """A session at the moment that decides."""

    session_id: str
    event_id: str
    reward: float | None
    supports: bool
    turns: tuple[Turn, ...]


class ExplainedLesson(StoredLesson, frozen=True, kw_only=True):
    """A lesson with all that speaks for and against it."""

    strata: tuple[Stratum, ...]
    moments: tuple[Moment, ...]
    doubts: tuple[str, ...]
    """What would change our mind."""


class TestedPattern(msgspec.Struct, frozen=True):
    """A behaviour in a situation that a dream tested."""

    dream_id: str
    situation: str
    behaviour: str
    kind: str
    effect: Effect | None
    q_value: float
    strata_informative: int
    sessions_with: int
    sessions_without: int
    verdict: str
    naive_effect: float | None
    on_reward: Effect | None = None


class MeasuredMetric(Metric, frozen=True, forbid_unknown_fields=False, kw_only=True):
    """A metric, and how the sessions stand on it."""

    defined: bool
    """False for a score name that nobody defined."""
    sessions: int
    """Sessions with a score."""
    mean: float | None
    on_target: float | None
    mean_reward: float | None


class SessionScores(msgspec.Struct, frozen=True):
    """What a session was scored, and the reward that follows."""

    session_id: str
    reward: float | None
    scores: tuple[Score, ...]


class SessionTurn(msgspec.Struct, frozen=True):
    """How a session stands for whoever runs its agent."""

    session_id: str
    turn: int
    """The number of the latest turn, to be given as ``expected_turn``; 0 before the first one."""
    status: Literal["idle", "running", "rescheduling", "terminated"]
    waiting: int
    """How many inputs the agent has not taken in yet."""
    blocked_by: tuple[str, ...]
    """Ids of tool uses that wait for a client."""


class SegmentPreview(msgspec.Struct, frozen=True):
    """What an expression chooses."""

    where: str | None
    sessions: int
    scored: int
    """Those with a reward."""
    mean_reward: float | None
    first_session_ids: tuple[str, ...]


class AuditEntry(msgspec.Struct, frozen=True):
    """One act, and who did it."""

    number: int
    at: datetime
    actor: dict[str, Any]
    action: str
    resource_id: str | None
    request_id: str
