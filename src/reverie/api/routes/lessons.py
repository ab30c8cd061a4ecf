"""Lessons: what dreams concluded, with the numbers, and what speaks for and against each."""

from datetime import datetime
from typing import Any, Literal, NotRequired

import msgspec
from typing_extensions import TypedDict

from reverie.api.endpoint import Call, Endpoint
from reverie.api.late import loaded
from reverie.api.pages import decode_cursor, envelope, page_of
from reverie.api.wire_type import WireType
from reverie.lessons.lesson import LessonKind, LessonStatus
from reverie.sessions.transcript import TurnKind
from reverie.storage.learning import lessons as table
from reverie.storage.learning.lessons import LessonRow
from reverie.storage.memory.stores import read_store


class LessonListParams(TypedDict):
    """Which lessons."""

    status: NotRequired[LessonStatus]
    kind: NotRequired[LessonKind]
    limit: NotRequired[int]
    page: NotRequired[str]


class PatternListParams(TypedDict):
    """Which page of patterns."""

    limit: NotRequired[int]
    page: NotRequired[str]


class WireEffect(TypedDict):
    """A difference with its 95 % interval."""

    estimate: float
    low: float
    high: float
    unit: str


class WireScope(TypedDict):
    """Where a lesson holds; null means anywhere the sessions came from."""

    agent: str | None
    task_family: str | None
    condition: str | None


class WireEvidence(TypedDict):
    """A session, and the event in it, that a claim rests on."""

    session_id: str
    event_id: str
    hint: NotRequired[str]
    """Why to look there, where a rule of thumb points at the event."""


class WireAdjustment(TypedDict("WireAdjustment", {"from": str | None})):
    """A change of a setting, and the values it was seen with."""

    parameter: str
    to: str | None
    low: float | None
    high: float | None
    seen: list[str]


class WireLesson(TypedDict):
    """A lesson as it is answered."""

    id: str
    type: Literal["lesson"]
    memory_store_id: str
    first_dream_id: str
    last_dream_id: str
    """The dream that last judged it."""
    kind: LessonKind
    status: LessonStatus
    statement: str
    """The advice, then the numbers; the parts below in sentences."""
    when: str
    """When the advice applies; empty where it always does."""
    do: str
    instead_of: str
    numbers: str
    words: str
    """The advice as a model worded it; empty where it is ours."""
    reason: str
    """Why it has this status."""
    scope: WireScope
    behaviour: str
    effect: WireEffect
    q_value: float
    strata_informative: int
    sessions_with: int
    sessions_without: int
    evidence: list[WireEvidence]
    counter_examples: list[WireEvidence]
    discovery: WireEffect | None
    reward_with: float | None
    reward_without: float | None
    first_seen_at: datetime | None
    last_seen_at: datetime | None
    exceptions: list[str]
    shadows: list[str]
    outcome: str
    """What sessions were compared on: the reward, ``seconds``, ``tokens``, ``cost_usd`` or a metric."""
    adjustment: WireAdjustment | None
    on_reward: WireEffect | None
    """Of advice on another outcome: what doing it does to the reward."""


class WireStratum(TypedDict):
    """One group of comparable sessions, and what it says of the behaviour."""

    stratum: str
    sessions_with: int
    sessions_without: int
    reward_with: float
    reward_without: float
    share: float


class WireTurn(TypedDict):
    """One thing said or done."""

    who: str
    text: str
    sequence: int
    kind: TurnKind
    is_error: bool


class WireMoment(TypedDict):
    """A session at the moment that decides."""

    session_id: str
    event_id: str
    reward: float | None
    supports: bool
    turns: list[WireTurn]


class ExplainedLesson(WireLesson):
    """A lesson with all that speaks for and against it."""

    strata: list[WireStratum]
    moments: list[WireMoment]
    doubts: list[str]
    """What would change our mind."""


class WirePattern(TypedDict):
    """One tested pattern."""

    type: Literal["pattern"]
    dream_id: str
    situation: str
    behaviour: str
    kind: str
    effect: WireEffect | None
    q_value: float
    strata_informative: int
    sessions_with: int
    sessions_without: int
    verdict: str
    naive_effect: float | None
    on_reward: WireEffect | None


def wire_lesson(row: LessonRow) -> dict[str, Any]:
    """A lesson as it is answered."""
    owner = {"memory_store_id": row.memory_store_id}
    dreams = {"first_dream_id": row.first_dream_id, "last_dream_id": row.last_dream_id}
    return {**msgspec.to_builtins(row.lesson), "type": "lesson", **owner, **dreams}


async def list_all(call: Call) -> dict[str, Any]:
    """The lessons of a store, by id."""
    store = await read_store(call.connection, call.path["memory_store_id"])
    limit = call.query.get("limit", 20)
    rows = await table.list_lessons(
        call.connection,
        store.id,
        status=call.query.get("status"),
        kind=call.query.get("kind"),
        after=decode_cursor(call.query["page"], tuple[str])[0] if "page" in call.query else None,
        limit=limit + 1,
    )
    shown, next_page = page_of(rows, limit, lambda row: (row.lesson.id,))
    return envelope([wire_lesson(row) for row in shown], next_page)


async def retrieve(call: Call) -> dict[str, Any]:
    """One lesson, with all that speaks for and against it."""
    row = await table.read_lesson(call.connection, call.path["lesson_id"])
    explain_lesson = await loaded("reverie.jobs.explanation:explain_lesson")
    explanation = await explain_lesson(call.connection, row.lesson, row.last_dream_id)
    return {**wire_lesson(row), **msgspec.to_builtins(explanation)}


async def list_patterns(call: Call) -> dict[str, Any]:
    """What a store's latest dream tested; later pages are of the same dream."""
    store = await read_store(call.connection, call.path["memory_store_id"])
    limit = call.query.get("limit", 20)
    if "page" in call.query:
        dream_id, after = decode_cursor(call.query["page"], tuple[str, int])
    else:
        dream_id, after = await table.latest_dream_id(call.connection, store.id), 0
    rows = [] if dream_id is None else await table.list_patterns(call.connection, store.id, dream_id, after, limit + 1)
    shown, next_page = page_of(rows, limit, lambda row: (dream_id, row.number))
    return envelope(
        [{"type": "pattern", "dream_id": dream_id, "on_reward": None, **row.pattern} for row in shown], next_page
    )


_HERE = "reverie.api.routes.lessons"
ENDPOINTS = (
    Endpoint(
        "memory_stores.lessons.list",
        "GET",
        "/v1/memory_stores/{memory_store_id}/lessons",
        list_all,
        "List the lessons of a memory store.",
        query=WireType(f"{_HERE}:LessonListParams"),
        answer=WireType(f"{_HERE}:WireLesson"),
        is_list=True,
        extension=True,
    ),
    Endpoint(
        "lessons.retrieve",
        "GET",
        "/v1/lessons/{lesson_id}",
        retrieve,
        "Read a lesson with all that speaks for and against it.",
        answer=WireType(f"{_HERE}:ExplainedLesson"),
        extension=True,
    ),
    Endpoint(
        "memory_stores.patterns.list",
        "GET",
        "/v1/memory_stores/{memory_store_id}/patterns",
        list_patterns,
        "List what the latest dream of a memory store tested.",
        query=WireType(f"{_HERE}:PatternListParams"),
        answer=WireType(f"{_HERE}:WirePattern"),
        is_list=True,
        extension=True,
    ),
)
