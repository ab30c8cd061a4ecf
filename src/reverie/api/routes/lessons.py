"""Lessons: what dreams concluded, with the numbers, and what speaks for and against each."""

from typing import Any

import msgspec

from reverie.api import on_demand
from reverie.api.endpoint import endpoint
from reverie.api.pages import Order, answer_page
from reverie.api.records import (
    DecisiveMoment,
    ExplainedLesson,
    LessonEvent,
    LessonHistory,
    LessonListParams,
    LessonPageParams,
    LessonParams,
    LessonTrial,
    ListParams,
    StoredLesson,
    Stratum,
    TestedPattern,
)
from reverie.api.request_context import RequestContext
from reverie.api.wire_type import RecordType
from reverie.lessons.document import lesson_path
from reverie.storage.learning import lessons as table
from reverie.storage.learning.dreams import concluded_at
from reverie.storage.learning.lessons import LessonRow, NumberedPattern, Standing
from reverie.storage.live.trials import list_decisions, trials_of_lesson
from reverie.storage.live.tried_lessons import are_documents
from reverie.storage.memory.stores import read_store

_BY_ID = Order[LessonRow](tuple[str], lambda row: (row.lesson.id,))
_BY_STANDING = Order[tuple[Standing, LessonRow]](
    tuple[int, float, str, str], lambda found: msgspec.structs.astuple(found[0])
)
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


@endpoint(
    "lessons.list",
    "GET",
    "/v1/lessons",
    query=RecordType(LessonPageParams),
    answer=RecordType(StoredLesson),
    is_list=True,
    extension=True,
)
async def list_every(context: RequestContext) -> dict[str, Any]:
    """List the lessons of every memory store.

    Adopted ones come first, then those in trial, candidates, retired and refused ones; of each the greatest effect
    first.
    """
    query = context.query

    async def read(position: tuple[int, float, str, str] | None, limit: int) -> list[tuple[Standing, LessonRow]]:
        return await table.list_by_standing(
            context.connection,
            store_id=query.get("memory_store_id"),
            status=query.get("status"),
            kind=query.get("kind"),
            agent=query.get("agent"),
            after=None if position is None else Standing(*position),
            limit=limit,
        )

    return await answer_page(query, lambda found: wire_lesson(found[1]), read, _BY_STANDING)


@endpoint(
    "lessons.history",
    "GET",
    "/v1/lessons/{lesson_id}/history",
    query=RecordType(LessonParams),
    answer=RecordType(LessonHistory),
    extension=True,
)
async def history(context: RequestContext) -> LessonHistory:
    """Read a lesson, and all that befell it.

    No session is looked at again; for that, read the lesson itself.
    """
    row = await _read(context)
    claim = await table.read_claim(context.connection, row)
    is_document = await are_documents(context.connection, row.memory_store_id, [row.lesson.id])
    lesson = wire_lesson(await _followed(context, row))
    return LessonHistory(
        **msgspec.structs.asdict(lesson),
        naive_effect=claim.naive_effect,
        placebo=claim.placebo,
        events=tuple(sorted(await _events(context, row), key=lambda event: event.at)),
        document_path=lesson_path(row.lesson) if is_document else None,
    )


async def _followed(context: RequestContext, row: LessonRow) -> LessonRow:
    """The lesson with its citations as they are to be looked up by now."""
    if row.last_dream_id is None:
        return row
    since = await concluded_at(context.connection, row.last_dream_id)
    lesson = msgspec.structs.replace(
        row.lesson,
        evidence=tuple(await table.follow_citations(context.connection, row.lesson.evidence, since)),
        counter_examples=tuple(await table.follow_citations(context.connection, row.lesson.counter_examples, since)),
    )
    return msgspec.structs.replace(row, lesson=lesson)


async def _events(context: RequestContext, row: LessonRow) -> list[LessonEvent]:
    """What dreams said of a lesson, what became of its document, and its trials."""
    connection = context.connection
    events = [
        LessonEvent(each.at, "judged", each.status, each.reason, each.dream_id, effect=each.effect)
        for each in await table.list_judgements(connection, row)
    ]
    events += [
        LessonEvent(each.at, "written", each.operation, each.reason, each.actor, revision=each.revision)
        for each in await table.list_writings(connection, row)
    ]
    for trial in await trials_of_lesson(connection, row.memory_store_id, row.lesson.id):
        begun = LessonEvent(trial.created_at, "trial_begun", "trial", "", trial.created_by, trial_id=trial.id)
        decided = [
            LessonEvent(each.at, "trial_decided", each.act, each.reason, each.by, trial_id=trial.id)
            for each in await list_decisions(connection, trial.id)
        ]
        events += [begun, *decided]
    return events


async def _read(context: RequestContext) -> LessonRow:
    store_id = context.query.get("memory_store_id")
    return await table.read_lesson(context.connection, context.path["lesson_id"], store_id)


@endpoint(
    "lessons.retrieve",
    "GET",
    "/v1/lessons/{lesson_id}",
    query=RecordType(LessonParams),
    answer=RecordType(ExplainedLesson),
    extension=True,
)
async def retrieve(context: RequestContext) -> ExplainedLesson:
    """Read a lesson with all that speaks for and against it."""
    row = await _read(context)
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
