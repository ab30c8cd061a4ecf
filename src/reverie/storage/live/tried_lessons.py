"""Lessons in trials: what they say, what became of them, and the documents that they have once they are adopted."""

from collections.abc import Sequence
from datetime import datetime

import msgspec

from reverie.lessons.document import lesson_document, lesson_path
from reverie.lessons.lesson import Lesson, LessonStatus
from reverie.memory.memory import Edit, Revision
from reverie.storage.memory.memories import apply_edits
from reverie.storage.memory.stores import lock_store
from reverie.storage.postgres.database import Connection


async def read_lessons(connection: Connection, store_id: str, lesson_ids: Sequence[str]) -> list[Lesson]:
    """The lessons of a store with these ids that there are, by id."""
    rows = await connection.execute(
        "SELECT lesson::text FROM lessons WHERE memory_store_id = %s AND id = ANY (%s) ORDER BY id",
        [store_id, list(lesson_ids)],
    )
    return [msgspec.json.decode(text, type=Lesson) for (text,) in await rows.fetchall()]


async def set_status(
    connection: Connection, store_id: str, lessons: Sequence[Lesson], status: LessonStatus, reason: str
) -> list[Lesson]:
    """Bring lessons into a status, and say why."""
    changed = [msgspec.structs.replace(lesson, status=status, reason=reason) for lesson in lessons]
    async with connection.cursor() as cursor:
        await cursor.executemany(
            "UPDATE lessons SET status = %s, lesson = %s::jsonb WHERE memory_store_id = %s AND id = %s",
            [(x.status, msgspec.json.encode(x).decode(), store_id, x.id) for x in changed],
        )
    return changed


async def insert_lesson(connection: Connection, store_id: str, lesson: Lesson) -> None:
    """Record a lesson that no dream made; one that is there stays as it is."""
    await connection.execute(
        "INSERT INTO lessons (memory_store_id, id, status, kind, lesson) VALUES (%s, %s, %s, %s, %s::jsonb)"
        " ON CONFLICT DO NOTHING",
        [store_id, lesson.id, lesson.status, lesson.kind, msgspec.json.encode(lesson).decode()],
    )


async def write_documents(
    connection: Connection, store_id: str, lessons: Sequence[Lesson], actor: str, reason: str, now: datetime
) -> tuple[Revision | None, list[str]]:
    """Write adopted lessons into their store as one revision; also the paths that somebody else's text keeps."""
    await lock_store(connection, store_id)
    foreign = await _foreign_paths(connection, store_id, [lesson_path(lesson) for lesson in lessons])
    edits = [
        Edit(lesson_path(lesson), lesson_document(lesson), reason, lesson_id=lesson.id)
        for lesson in lessons
        if lesson_path(lesson) not in foreign
    ]
    return await _apply(connection, store_id, edits, actor, reason, now), foreign


async def drop_documents(
    connection: Connection, store_id: str, lessons: Sequence[Lesson], actor: str, reason: str, now: datetime
) -> tuple[Revision | None, list[str]]:
    """Take lessons out of their store as one revision; also the paths that a person has made their own, which stay."""
    await lock_store(connection, store_id)
    paths = [lesson_path(lesson) for lesson in lessons]
    foreign = await _foreign_paths(connection, store_id, paths)
    rows = await connection.execute(
        "SELECT path, content_sha256 FROM memories WHERE memory_store_id = %s AND path = ANY (%s)", [store_id, paths]
    )
    edits = [
        Edit(path, None, reason, content_hash) for path, content_hash in await rows.fetchall() if path not in foreign
    ]
    return await _apply(connection, store_id, edits, actor, reason, now), foreign


async def are_documents(connection: Connection, store_id: str, lesson_ids: Sequence[str]) -> bool:
    """Whether each of the lessons has its document in the store, as it was written."""
    row = await connection.execute(
        "SELECT count(DISTINCT lesson_id) FROM memories WHERE memory_store_id = %s AND lesson_id = ANY (%s)",
        [store_id, list(lesson_ids)],
    )
    ((count,),) = await row.fetchall()
    return int(count) == len(set(lesson_ids))


async def _foreign_paths(connection: Connection, store_id: str, paths: Sequence[str]) -> list[str]:
    """Those of the paths at which stands what no dream and no trial wrote, or what was edited since."""
    rows = await connection.execute(
        "SELECT path FROM memories WHERE memory_store_id = %s AND path = ANY (%s) AND lesson_id IS NULL ORDER BY path",
        [store_id, list(paths)],
    )
    return [path for (path,) in await rows.fetchall()]


async def _apply(
    connection: Connection, store_id: str, edits: Sequence[Edit], actor: str, reason: str, now: datetime
) -> Revision | None:
    return await apply_edits(connection, store_id, edits, act="write", actor=actor, reason=reason, now=now)
