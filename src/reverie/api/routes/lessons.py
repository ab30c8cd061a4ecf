"""Lessons: what dreams concluded, with the numbers, and what speaks for and against each."""

from datetime import datetime
from typing import Any, Literal, NotRequired

import msgspec
from typing_extensions import TypedDict

from reverie.api import on_demand
from reverie.api.endpoint import endpoint
from reverie.api.pages import Order, answer_page
from reverie.api.request_context import RequestContext
from reverie.api.wire_type import WireType
from reverie.lessons.lesson import LessonKind, LessonStatus
from reverie.sessions.transcript import TurnKind
from reverie.storage.learning import lessons as table
from reverie.storage.learning.lessons import LessonRow, NumberedPattern
from reverie.storage.memory.stores import read_store

_BY_ID = Order[LessonRow](tuple[str], lambda row: (row.lesson.id,))
_BY_DREAM = Order[tuple[str, NumberedPattern]](tuple[str, int], lambda found: (found[0], found[1].number))


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


@endpoint(
    "memory_stores.lessons.list",
    "GET",
    "/v1/memory_stores/{memory_store_id}/lessons",
    query=WireType(LessonListParams),
    answer=WireType(WireLesson),
    is_list=True,
    extension=True,
)
async def list_all(context: RequestContext) -> dict[str, Any]:
    """List the lessons of a memory store.

    By id.
    """
    store = await read_store(context.connection, context.path["memory_store_id"])
    query = context.query
    return await answer_page(
        query,
        wire_lesson,
        lambda after, limit: table.list_lessons(
            context.connection,
            store.id,
            status=query.get("status"),
            kind=query.get("kind"),
            after=after,
            limit=limit,
        ),
        _BY_ID,
    )


@endpoint("lessons.retrieve", "GET", "/v1/lessons/{lesson_id}", answer=WireType(ExplainedLesson), extension=True)
async def retrieve(context: RequestContext) -> dict[str, Any]:
    """Read a lesson with all that speaks for and against it."""
    row = await table.read_lesson(context.connection, context.path["lesson_id"])
    explain_lesson = await on_demand.load(lambda: on_demand.explain_lesson)
    explanation = await explain_lesson(context.connection, row.lesson, row.last_dream_id)
    return {**wire_lesson(row), **msgspec.to_builtins(explanation)}


@endpoint(
    "memory_stores.patterns.list",
    "GET",
    "/v1/memory_stores/{memory_store_id}/patterns",
    query=WireType(PatternListParams),
    answer=WireType(WirePattern),
    is_list=True,
    extension=True,
)
async def list_patterns(context: RequestContext) -> dict[str, Any]:
    """List what the latest dream of a memory store tested.

    Later pages are of the same dream.
    """
    store = await read_store(context.connection, context.path["memory_store_id"])

    async def read(position: tuple[str, int] | None, limit: int) -> list[tuple[str, NumberedPattern]]:
        dream_id, after = position or (await table.latest_dream_id(context.connection, store.id), 0)
        if dream_id is None:
            return []
        rows = await table.list_patterns(context.connection, store.id, dream_id, after, limit)
        return [(dream_id, row) for row in rows]

    return await answer_page(context.query, _wire_pattern, read, _BY_DREAM)


def _wire_pattern(found: tuple[str, NumberedPattern]) -> dict[str, Any]:
    dream_id, row = found
    return {"type": "pattern", "dream_id": dream_id, "on_reward": None, **row.pattern}
