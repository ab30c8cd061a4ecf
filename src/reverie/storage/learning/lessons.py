"""Lessons and the patterns behind them, as dreams left them."""

from typing import Any

import msgspec
from psycopg.rows import args_row

from reverie.errors import NotFoundError
from reverie.lessons.lesson import Lesson, LessonKind, LessonStatus
from reverie.storage.postgres.database import Connection

_SELECT_LESSONS = "SELECT memory_store_id, lesson::text, first_dream_id, last_dream_id FROM lessons"
_SELECT_PATTERNS = """
SELECT number, pattern FROM dreams CROSS JOIN LATERAL
    jsonb_array_elements(result -> 'patterns') WITH ORDINALITY AS listed (pattern, number)
WHERE memory_store_id = %s AND id = %s AND number > %s ORDER BY number LIMIT %s
"""


class LessonRow(msgspec.Struct, frozen=True):
    """A lesson, whose it is, and which dreams spoke of it."""

    memory_store_id: str
    lesson: Lesson
    first_dream_id: str | None
    """None of advice that a person gave and no dream has judged."""
    last_dream_id: str | None
    """The dream that last judged it."""


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


async def read_lesson(connection: Connection, lesson_id: str) -> LessonRow:
    """The lesson with this id.

    Raises:
        NotFoundError: there is none.
    """
    async with connection.cursor(row_factory=args_row(_row)) as cursor:
        await cursor.execute(f"{_SELECT_LESSONS} WHERE id = %s", [lesson_id])
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
