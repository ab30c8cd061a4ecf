"""Briefings in the database: what may be shown to a session, what was, and the text that it keeps."""

import posixpath
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import msgspec

from reverie.ids import event_id
from reverie.lessons.leaflet import AdoptedLesson
from reverie.lessons.lesson import Lesson
from reverie.memory.path import QUARANTINE
from reverie.memory.screening import screen
from reverie.runtime.briefing import Briefing, BriefingItem, estimate_tokens, fits, lesson_text, note_text
from reverie.storage.live.sessions import LiveSession
from reverie.storage.postgres.database import Connection

_WORKDIR = "/workspace"
"""Where tools begin: what relative paths are relative to."""
_MOST_NOTES = 20
_SELECT_LESSONS = """
SELECT m.memory_version_id, split_part(m.content, E'\\n', 1), l.lesson::text
FROM memories m JOIN lessons l ON l.memory_store_id = m.memory_store_id AND l.id = m.lesson_id
WHERE m.memory_store_id = %s AND l.status = 'adopted'
"""
_SELECT_NOTES = """
SELECT id, memory_version_id, path, content FROM memories
WHERE memory_store_id = %s AND tier = 'short' AND lesson_id IS NULL AND NOT starts_with(path, %s)
ORDER BY updated_at DESC LIMIT %s
"""
_SELECT_MEMORIES = "SELECT id, memory_version_id, content FROM memories WHERE id = ANY (%s) AND lesson_id IS NULL"


async def read_briefing(connection: Connection, session_key: int) -> str | None:
    """The text that a session's requests carry; None before it was made."""
    row = await connection.execute("SELECT text FROM session_briefings WHERE session_key = %s", [session_key])
    found = await row.fetchone()
    return None if found is None else str(found[0])


async def find_briefing(connection: Connection, session_id: str) -> str | None:
    """The text that the requests of a session carried; None where it had none."""
    query = "SELECT b.text FROM session_briefings b JOIN sessions s ON s.key = b.session_key WHERE s.id = %s"
    found = await (await connection.execute(query, [session_id])).fetchone()
    return None if found is None else str(found[0])


async def write_briefing(connection: Connection, session_key: int, briefing: Briefing, now: datetime) -> str:
    """Fix a session's briefing and record what it shows; the first one counts, whoever made it."""
    made = await connection.execute(
        "INSERT INTO session_briefings (session_key, text, made_at) VALUES (%s, %s, %s) ON CONFLICT DO NOTHING"
        " RETURNING session_key",
        [session_key, briefing.text, now],
    )
    if await made.fetchone() is None:
        return await read_briefing(connection, session_key) or ""
    async with connection.cursor() as cursor:
        await cursor.executemany(
            """
            INSERT INTO exposures
                (session_key, subject, version, memory_store_id, position, tokens, mechanism, shown_at)
            VALUES (%s, %s, %s, %s, %s, %s, 'briefing', %s) ON CONFLICT DO NOTHING
            """,
            [
                (
                    session_key,
                    one.item.subject,
                    one.item.version,
                    one.item.memory_store_id,
                    one.position,
                    one.tokens,
                    now,
                )
                for one in briefing.shown
            ],
        )
    return briefing.text


async def read_adopted(connection: Connection, store_id: str) -> list[AdoptedLesson]:
    """Adopted lessons that stand in a store, each as its document reads now."""
    rows = await connection.execute(_SELECT_LESSONS, [store_id])
    adopted = []
    for version, heading, text in await rows.fetchall():
        lesson = msgspec.json.decode(text, type=Lesson)
        adopted.append(AdoptedLesson(lesson, version, heading.removeprefix("#").strip() or lesson.advice))
    return adopted


async def lesson_items(
    connection: Connection, store_id: str, agent: str | None, family: str | None
) -> list[BriefingItem]:
    """Adopted lessons that stand in a store and may be shown to this agent at this kind of task."""
    return [
        BriefingItem(
            "lesson",
            one.lesson.id,
            one.version,
            store_id,
            lesson_text(one.lesson, one.advice, agent, family),
            one.lesson.effect.low,
        )
        for one in await read_adopted(connection, store_id)
        if fits(one.lesson.scope, agent, family)
    ]


async def note_items(connection: Connection, store_id: str) -> list[BriefingItem]:
    """Notes of the short tier, newest first.

    No dream has looked at them yet, so those that order agents about are left out here.
    """
    rows = await connection.execute(_SELECT_NOTES, [store_id, QUARANTINE, _MOST_NOTES])
    return [
        BriefingItem("note", memory_id, version, store_id, note_text(content), float(-place))
        for place, (memory_id, version, path, content) in enumerate(await rows.fetchall())
        if screen(content, path) is None
    ]


async def memory_items(connection: Connection, store_id: str, memory_ids: Sequence[str]) -> list[BriefingItem]:
    """Memories that were recalled, in that order; lessons among them are shown as lessons."""
    rows = await connection.execute(_SELECT_MEMORIES, [list(memory_ids)])
    found: dict[str, tuple[Any, ...]] = {row[0]: row for row in await rows.fetchall()}
    return [
        BriefingItem("memory", memory_id, found[memory_id][1], store_id, note_text(found[memory_id][2]), float(-place))
        for place, memory_id in enumerate(memory_ids)
        if memory_id in found
    ]


async def note_read(connection: Connection, session: LiveSession, file_path: str, now: datetime) -> None:
    """Record that a session read a lesson's document where it is mounted; other files leave no trace."""
    plain = posixpath.normpath(posixpath.join(_WORKDIR, file_path))
    for resource in session.resources:
        if resource["type"] == "memory_store" and plain.startswith(f"{resource['mount_path']}/"):
            inside = plain.removeprefix(resource["mount_path"])
            await _note_read(connection, session.key, resource["memory_store_id"], inside, now)


async def note_answered_reads(
    connection: Connection, session: LiveSession, inputs: Sequence[Mapping[str, Any]], now: datetime
) -> None:
    """Record what a self-hosted session read, from the results that its worker sends."""
    answered = {
        sent["tool_use_id"] for sent in inputs if sent["type"] == "user.tool_result" and not sent.get("is_error")
    }
    if not answered or all(resource["type"] != "memory_store" for resource in session.resources):
        return
    row = await connection.execute(
        "SELECT sequence, payload -> 'input' ->> 'file_path' FROM events"
        " WHERE session_key = %s AND type = 'agent.tool_use' AND payload ->> 'name' = 'read'",
        [session.key],
    )
    for sequence, file_path in await row.fetchall():
        if file_path and event_id(session.id, sequence) in answered:
            await note_read(connection, session, file_path, now)


async def _note_read(connection: Connection, session_key: int, store_id: str, path: str, now: datetime) -> None:
    row = await connection.execute(
        "SELECT lesson_id, memory_version_id, content FROM memories"
        " WHERE memory_store_id = %s AND path = %s AND lesson_id IS NOT NULL",
        [store_id, path],
    )
    found = await row.fetchone()
    if found is None:
        return
    lesson_id, version, content = found
    await connection.execute(
        """
        INSERT INTO exposures (session_key, subject, version, memory_store_id, position, tokens, mechanism, shown_at)
        VALUES (%s, %s, %s, %s, 0, %s, 'mount', %s) ON CONFLICT DO NOTHING
        """,
        [session_key, lesson_id, version, store_id, estimate_tokens(content), now],
    )
