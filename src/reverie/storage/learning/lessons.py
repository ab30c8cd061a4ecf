"""Lessons and the patterns behind them, as dreams left them."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import msgspec
from psycopg.rows import args_row

from reverie.dreams.dream import PatternRow, PlaceboCounts
from reverie.errors import NotFoundError
from reverie.ids import event_id, event_sequence
from reverie.lessons.lesson import Effect, Evidence, Lesson, LessonKind, LessonStatus
from reverie.memory.memory import Operation
from reverie.storage.postgres.database import Connection
from reverie.storage.sessions.replacement import follow_events

_SELECT_LESSONS = "SELECT memory_store_id, lesson::text, first_dream_id, last_dream_id FROM lessons"
_SELECT_PATTERNS = """
SELECT number, pattern FROM dreams CROSS JOIN LATERAL
    jsonb_array_elements(result -> 'patterns') WITH ORDINALITY AS listed (pattern, number)
WHERE memory_store_id = %s AND id = %s AND number > %s ORDER BY number LIMIT %s
"""


# The expressions of the index lessons_by_standing: what holds first, the greatest effect first.
_RANKS = "ARRAY['adopted', 'trial', 'candidate', 'retired', 'refused']"
_STANDING = f"""
array_position({_RANKS}, status),
    -abs(coalesce((lesson #>> '{{effect,estimate}}')::float8, 0)), memory_store_id, id
"""
_SELECT_BY_STANDING = f"""
SELECT memory_store_id, lesson::text, first_dream_id, last_dream_id, {_STANDING} FROM lessons
WHERE (%(store)s::text IS NULL OR memory_store_id = %(store)s)
    AND (%(status)s::text IS NULL OR array_position({_RANKS}, status) = array_position({_RANKS}, %(status)s))
    AND (%(kind)s::text IS NULL OR kind = %(kind)s)
    AND (%(agent)s::text IS NULL OR lesson #>> '{{scope,agent}}' = %(agent)s)
    AND (%(rank)s::integer IS NULL
        OR ({_STANDING}) > (%(rank)s, %(strength)s::float8, %(after_store)s, %(after_id)s))
ORDER BY {_STANDING} LIMIT %(limit)s
"""
_MOST_JUDGEMENTS = 30
"""A result is large, and read whole to be looked into."""
_SELECT_JUDGEMENTS = f"""
SELECT d.id, d.ended_at, found.lesson ->> 'status', found.lesson ->> 'reason', found.lesson -> 'effect'
FROM (
    SELECT id, ended_at, result FROM dreams
    WHERE status = 'completed' AND (memory_store_id = %(store)s OR id = ANY (%(dreams)s))
    ORDER BY created_at DESC LIMIT {_MOST_JUDGEMENTS}
) AS d CROSS JOIN LATERAL (
    SELECT lesson FROM jsonb_array_elements(d.result -> 'lessons') AS lesson WHERE lesson ->> 'id' = %(lesson)s LIMIT 1
) AS found
ORDER BY d.ended_at, d.id
"""
_SELECT_WRITTEN = """
SELECT v.revision, v.created_at, v.operation, v.reason, r.act, r.actor
FROM memory_versions v JOIN store_revisions r ON r.memory_store_id = v.memory_store_id AND r.number = v.revision
WHERE v.memory_store_id = %(store)s AND v.memory_id IN (
    SELECT memory_id FROM memory_versions WHERE memory_store_id = %(store)s AND lesson_id = %(lesson)s
) ORDER BY v.revision DESC LIMIT 100
"""
_SELECT_CLAIM = """
SELECT result -> 'placebo', result -> 'outcomes', (
    SELECT jsonb_agg(pattern) FROM jsonb_array_elements(result -> 'patterns') AS pattern
    WHERE %(behaviour)s IN (pattern ->> 'behaviour', concat(pattern ->> 'situation', ' | ', pattern ->> 'behaviour'))
) FROM dreams WHERE id = %(dream)s AND result IS NOT NULL
"""


class LessonRow(msgspec.Struct, frozen=True):
    """A lesson, whose it is, and which dreams spoke of it."""

    memory_store_id: str
    lesson: Lesson
    first_dream_id: str | None
    """None of advice that a person gave and no dream has judged."""
    last_dream_id: str | None
    """The dream that last judged it."""


class Standing(msgspec.Struct, frozen=True):
    """A place in the list of all lessons: what holds first, the greatest effect first."""

    rank: int
    strength: float
    """Minus the size of the effect."""
    store_id: str
    lesson_id: str


class LessonJudgement(msgspec.Struct, frozen=True):
    """What a dream said of a lesson."""

    dream_id: str
    at: datetime
    status: LessonStatus
    reason: str
    effect: Effect


class LessonWriting(msgspec.Struct, frozen=True):
    """A change of a lesson's document."""

    revision: int
    at: datetime
    operation: Operation
    reason: str
    act: str
    actor: str


class ClaimBehind(msgspec.Struct, frozen=True):
    """What the dream that last judged a lesson said beside it."""

    naive_effect: float | None
    """What pooled comparison, ignoring the task, would have claimed."""
    placebo: PlaceboCounts | None
    """On shuffled outcomes, of the outcome that the lesson is about."""


class NumberedPattern(msgspec.Struct, frozen=True):
    """A pattern as a dream's result has it, and its place there, from 1."""

    number: int
    pattern: dict[str, Any]


async def list_lessons(
    connection: Connection,
    store_id: str,
    *,
    status: LessonStatus | None,
    kind: LessonKind | None,
    after: str | None,
    limit: int,
) -> list[LessonRow]:
    """The lessons of a store that come after the one with id ``after``, by id."""
    async with connection.cursor(row_factory=args_row(_row)) as cursor:
        await cursor.execute(
            f"{_SELECT_LESSONS} WHERE memory_store_id = %(store)s AND (%(status)s::text IS NULL OR status = %(status)s)"
            " AND (%(kind)s::text IS NULL OR kind = %(kind)s) AND (%(after)s::text IS NULL OR id > %(after)s)"
            " ORDER BY id LIMIT %(limit)s",
            {"store": store_id, "status": status, "kind": kind, "after": after, "limit": limit},
        )
        return await cursor.fetchall()


async def list_by_standing(
    connection: Connection,
    *,
    store_id: str | None,
    status: LessonStatus | None,
    kind: LessonKind | None,
    agent: str | None,
    after: Standing | None,
    limit: int,
) -> list[tuple[Standing, LessonRow]]:
    """The lessons of all stores that come after a place: what holds first, then the greatest effect first."""
    place = {"rank": None, "strength": None, "after_store": None, "after_id": None}
    if after is not None:
        place = dict(zip(place, msgspec.structs.astuple(after), strict=True))
    wanted = {"store": store_id, "status": status, "kind": kind, "agent": agent, "limit": limit, **place}
    rows = await connection.execute(_SELECT_BY_STANDING, wanted)
    return [(Standing(*row[4:]), _row(*row[:4])) for row in await rows.fetchall()]


async def read_lesson(connection: Connection, lesson_id: str, store_id: str | None = None) -> LessonRow:
    """The lesson with this id, of this store or else of the one that judged it last: clones have the same lessons.

    Raises:
        NotFoundError: there is none.
    """
    query = """
        SELECT l.memory_store_id, l.lesson::text, l.first_dream_id, l.last_dream_id
        FROM lessons l LEFT JOIN dreams d ON d.id = l.last_dream_id
        WHERE l.id = %(id)s AND (%(store)s::text IS NULL OR l.memory_store_id = %(store)s)
        ORDER BY d.created_at DESC NULLS LAST, l.memory_store_id LIMIT 1
    """
    async with connection.cursor(row_factory=args_row(_row)) as cursor:
        await cursor.execute(query, {"id": lesson_id, "store": store_id})
        row = await cursor.fetchone()
    if row is None:
        raise NotFoundError(f"there is no lesson {lesson_id!r}")
    return row


async def find_lesson(connection: Connection, lesson_id: str) -> LessonRow:
    """The lesson whose id ends in ``lesson_id``, whatever the case of its letters.

    The path of a lesson's document will do: it ends in the end of the id.

    Raises:
        NotFoundError: there is no such lesson, or more than one.
    """
    lesson_id = lesson_id.removesuffix(".md").rpartition("-")[2]
    # A clone of a store has the same lessons; the latest word counts.
    query = """
        SELECT DISTINCT ON (l.id) l.memory_store_id, l.lesson::text, l.first_dream_id, l.last_dream_id
        FROM lessons l LEFT JOIN dreams d ON d.id = l.last_dream_id
        WHERE lower(right(l.id, length(%s))) = lower(%s)
        ORDER BY l.id, d.created_at DESC NULLS LAST, l.memory_store_id LIMIT 2
    """
    async with connection.cursor(row_factory=args_row(_row)) as cursor:
        await cursor.execute(query, [lesson_id, lesson_id])
        rows = await cursor.fetchall()
    if len(rows) != 1 or not lesson_id:
        count = "no lesson" if not rows else "more than one lesson"
        raise NotFoundError(
            f"{count} has an id that ends in {lesson_id!r}; `reverie memory list STORE` lists the lessons' documents, "
            "whose paths name them"
        )
    return rows[0]


async def list_judgements(connection: Connection, row: LessonRow) -> list[LessonJudgement]:
    """What the latest dreams of its store said of a lesson, the oldest first.

    A clone's lesson came from a dream of the store that was cloned; that one is told too.
    """
    dreams = [dream_id for dream_id in (row.first_dream_id, row.last_dream_id) if dream_id is not None]
    wanted = {"store": row.memory_store_id, "lesson": row.lesson.id, "dreams": dreams}
    rows = await connection.execute(_SELECT_JUDGEMENTS, wanted)
    return [
        LessonJudgement(dream_id, at, status, reason, msgspec.convert(effect, Effect))
        for dream_id, at, status, reason, effect in await rows.fetchall()
    ]


async def list_writings(connection: Connection, row: LessonRow) -> list[LessonWriting]:
    """The latest changes of a lesson's document, the newest first."""
    async with connection.cursor(row_factory=args_row(LessonWriting)) as cursor:
        await cursor.execute(_SELECT_WRITTEN, {"store": row.memory_store_id, "lesson": row.lesson.id})
        return await cursor.fetchall()


async def read_claim(connection: Connection, row: LessonRow) -> ClaimBehind:
    """What the dream that last judged a lesson said of the same behaviour without regard to tasks, and of chance."""
    lesson = row.lesson
    found = await connection.execute(_SELECT_CLAIM, {"dream": row.last_dream_id, "behaviour": lesson.behaviour})
    told = await found.fetchone()
    if told is None:
        return ClaimBehind(None, None)
    placebo, outcomes, patterns = told
    if lesson.outcome != "reward":
        outcome: dict[str, Any] = next((one for one in outcomes or () if one["name"] == lesson.outcome), {})
        placebo, patterns = outcome.get("placebo"), outcome.get("patterns")
    rows = [
        pattern
        for pattern in patterns or ()
        if lesson.behaviour in (pattern["behaviour"], f"{pattern['situation']} | {pattern['behaviour']}")
    ]
    family = f"(category {lesson.scope.task_family})"
    rows.sort(key=lambda pattern: not pattern["situation"].endswith(family))
    pattern = msgspec.convert(rows[0], PatternRow) if rows else None
    return ClaimBehind(
        None if pattern is None else pattern.naive_effect,
        None if placebo is None else msgspec.convert(placebo, PlaceboCounts),
    )


async def follow_citations(connection: Connection, citations: Sequence[Evidence], since: datetime) -> list[Evidence]:
    """The citations as they are to be looked up by now: sessions may have been put together anew since."""
    cited = {one: (one.session_id, event_sequence(one.event_id)) for one in citations}
    places = await follow_events(connection, cited.values(), since)
    followed = []
    for citation, before in cited.items():
        place = places[before]
        if place == before:
            followed.append(citation)
        elif place is not None:
            followed.append(msgspec.structs.replace(citation, session_id=place[0], event_id=event_id(*place)))
    return followed


async def latest_dream_id(connection: Connection, store_id: str) -> str | None:
    """The store's latest dream that completed, if any."""
    row = await connection.execute(
        "SELECT id FROM dreams WHERE memory_store_id = %s AND status = 'completed' ORDER BY created_at DESC LIMIT 1",
        [store_id],
    )
    found = await row.fetchone()
    return None if found is None else str(found[0])


async def list_patterns(
    connection: Connection, store_id: str, dream_id: str, after: int, limit: int
) -> list[NumberedPattern]:
    """The patterns in the result of a store's dream that come after place ``after``."""
    async with connection.cursor(row_factory=args_row(NumberedPattern)) as cursor:
        await cursor.execute(_SELECT_PATTERNS, [store_id, dream_id, after, limit])
        return await cursor.fetchall()


def _row(store_id: str, lesson: str, first_dream_id: str | None, last_dream_id: str | None) -> LessonRow:
    return LessonRow(store_id, msgspec.json.decode(lesson, type=Lesson), first_dream_id, last_dream_id)
