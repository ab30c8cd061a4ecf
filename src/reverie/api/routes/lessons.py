"""Lessons: what dreams concluded, with the numbers, and what speaks for and against each."""

from typing import Any

import msgspec

from reverie.api import on_demand
from reverie.api.endpoint import endpoint
from reverie.api.pages import Order, answer_page
from reverie.api.records import (
    DecisiveMoment,
    ExplainedLesson,
    LessonListParams,
    LessonTrial,
    ListParams,
    StoredLesson,
    Stratum,
    TestedPattern,
)
from reverie.api.request_context import RequestContext
from reverie.api.wire_type import RecordType
from reverie.storage.learning import lessons as table
from reverie.storage.learning.lessons import LessonRow, NumberedPattern
from reverie.storage.memory.stores import read_store

_BY_ID = Order[LessonRow](tuple[str], lambda row: (row.lesson.id,))
_BY_DREAM = Order[tuple[str, NumberedPattern]](tuple[str, int], lambda found: (found[0], found[1].number))


def wire_lesson(row: LessonRow) -> StoredLesson:
    """A lesson as it is answered."""
    return StoredLesson(
        **msgspec.structs.asdict(row.lesson),
        memory_store_id=row.memory_store_id,
        first_dream_id=row.first_dream_id,
        last_dream_id=row.last_dream_id,
    )


@endpoint(
    "memory_stores.lessons.list",
    "GET",
    "/v1/memory_stores/{memory_store_id}/lessons",
    query=RecordType(LessonListParams),
    answer=RecordType(StoredLesson),
    is_list=True,
    extension=True,
)
async def list_all(context: RequestContext) -> dict[str, Any]:
    """List the lessons of a memory store.

    They are sorted by id.
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


@endpoint("lessons.retrieve", "GET", "/v1/lessons/{lesson_id}", answer=RecordType(ExplainedLesson), extension=True)
async def retrieve(context: RequestContext) -> ExplainedLesson:
    """Read a lesson with all that speaks for and against it."""
    row = await table.read_lesson(context.connection, context.path["lesson_id"])
    explain_lesson = await on_demand.load(lambda: on_demand.explain_lesson)
    explanation = await explain_lesson(context.connection, row)
    return ExplainedLesson(
        **msgspec.structs.asdict(wire_lesson(row)),
        strata=msgspec.convert(explanation.strata, tuple[Stratum, ...], from_attributes=True),
        moments=msgspec.convert(explanation.moments, tuple[DecisiveMoment, ...], from_attributes=True),
        doubts=explanation.doubts,
        trials=msgspec.convert(explanation.trials, tuple[LessonTrial, ...], from_attributes=True),
    )


@endpoint(
    "memory_stores.patterns.list",
    "GET",
    "/v1/memory_stores/{memory_store_id}/patterns",
    query=RecordType(ListParams),
    answer=RecordType(TestedPattern),
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


def _wire_pattern(found: tuple[str, NumberedPattern]) -> TestedPattern:
    dream_id, row = found
    return msgspec.convert({**row.pattern, "type": "pattern", "dream_id": dream_id}, TestedPattern)
