"""A stored session is put in place of by a fuller one: its key, its scores and labels stay, its events are others.

Only sessions that were put together from parts are replaced (see design/031): imports extend, or leave what is stored.
"""

from collections import defaultdict, deque
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

import msgspec

from reverie.sessions.session import Session
from reverie.storage.postgres.act import record_act, system_actor
from reverie.storage.postgres.copy_text import COPY_EVENTS
from reverie.storage.postgres.database import Connection
from reverie.storage.sessions.prepare import PreparedSession
from reverie.storage.sessions.scores import update_rewards

ACTOR = "receiver"
"""Who replaces, in the audit log."""
GONE = -1
"""The new number of an event that the session has no more."""

# What of an event does not depend on where it stands. Ids of calls are made of numbers.
_CONTENTS = """
SELECT md5(concat_ws(chr(31), type, coalesce(thread_id, ''), (payload - 'tool_use_id')::text))
FROM events WHERE session_key = %s ORDER BY sequence
"""
_SET_TAGS = """
UPDATE sessions s SET agent = n.agent, agent_version = n.agent_version, model = n.model, task_id = n.task_id,
    task_category = n.task_category, user_id = n.user_id, started_at = n.started_at, ended_at = n.ended_at,
    metadata = n.metadata
FROM json_populate_record(NULL::sessions, %(session)s) n
WHERE s.key = %(key)s AND (s.agent, s.agent_version, s.model, s.task_id, s.task_category, s.user_id, s.started_at,
        s.ended_at, s.metadata)
    IS DISTINCT FROM (n.agent, n.agent_version, n.model, n.task_id, n.task_category, n.user_id, n.started_at,
        n.ended_at, n.metadata)
"""
_RENUMBERINGS = """
SELECT session_id, new_session_id, moved FROM session_renumberings
WHERE at > %(since)s ORDER BY number
"""


async def set_tags(connection: Connection, key: int, session: Session) -> None:
    """Give a stored session the tags of ``session``, whatever its own were."""
    await connection.execute(_SET_TAGS, {"key": key, "session": msgspec.json.encode(session).decode()})


def merged_tags(stored: Session, before: Session, now: Session) -> Session:
    """The tags of ``now``, but for those that were changed in the ``stored`` session since it was as ``before``."""
    changed = {
        name: getattr(stored, name)
        for name in Session.__struct_fields__
        if name not in ("id", "source", "metadata") and getattr(stored, name) != getattr(before, name)
    }
    metadata = {
        name: value
        for name, value in now.metadata.items()
        if name in stored.metadata or name not in before.metadata  # else somebody took it away
    }
    own = {name: value for name, value in stored.metadata.items() if before.metadata.get(name) != value}
    return msgspec.structs.replace(now, **changed, metadata=metadata | own)


async def replace_events(connection: Connection, prepared: PreparedSession, session_id: str, now: datetime) -> None:
    """Put the events of ``prepared`` in place of those stored under its key.

    The digest goes, so that a new one is made. Where there was one, something may have been learned from the events:
    then it is recorded where each went, and the audit log has it.
    """
    key = prepared.key
    dropped = await connection.execute("DELETE FROM digests WHERE session_key = %s", [key])
    before = await _contents(connection, key) if dropped.rowcount else []
    await connection.execute("DELETE FROM events WHERE session_key = %s", [key])
    async with connection.cursor() as cursor, cursor.copy(COPY_EVENTS) as copy:
        await copy.write(prepared.rows)
    await connection.execute(
        "UPDATE sessions SET event_count = %s, content_sha256 = %s WHERE key = %s",
        [prepared.event_count, prepared.content_sha256, key],
    )
    if dropped.rowcount:
        moved = moved_events(before, await _contents(connection, key))
        await record_renumbering(connection, session_id, session_id, moved, now)
        details = {"events_before": len(before), "events": prepared.event_count, "gone": moved.count(GONE)}
        await record_act(connection, system_actor(ACTOR), "sessions.replace", session_id, "", now, details)


def moved_events(before: Sequence[str], after: Sequence[str]) -> list[int]:
    """The new number of each event, by content; of equal ones the first went to the first, and so on."""
    places: defaultdict[str, deque[int]] = defaultdict(deque)
    for number, content in enumerate(after):
        places[content].append(number)
    return [places[content].popleft() if places[content] else GONE for content in before]


async def record_renumbering(
    connection: Connection, session_id: str, new_session_id: str, moved: Sequence[int], now: datetime
) -> None:
    """Record where events went; ``moved`` is empty where they kept their numbers."""
    await connection.execute(
        "INSERT INTO session_renumberings (session_id, new_session_id, at, moved) VALUES (%s, %s, %s, %s)",
        [session_id, new_session_id, now, list(moved)],
    )


async def follow_events(
    connection: Connection, cited: Iterable[tuple[str, int]], since: datetime
) -> dict[tuple[str, int], tuple[str, int] | None]:
    """Where events that were cited at ``since``, by session and number, are now; None where they are gone."""
    places: dict[tuple[str, int], tuple[str, int] | None] = {one: one for one in cited}
    rows: list[tuple[Any, ...]] = await (await connection.execute(_RENUMBERINGS, {"since": since})).fetchall()
    for session_id, new_session_id, moved in rows:
        for one, place in places.items():
            if place is None or place[0] != session_id:
                continue
            number = place[1] if not moved else moved[place[1]] if place[1] < len(moved) else GONE
            places[one] = None if number == GONE else (new_session_id, number)
    return places


async def rename_session(connection: Connection, session_id: str, new_session_id: str, now: datetime) -> None:
    """Give a stored session another id, since its conversation became known; key, scores and labels stay."""
    await connection.execute("UPDATE sessions SET id = %s WHERE id = %s", [new_session_id, session_id])
    await connection.execute(
        "UPDATE received_sessions SET session_id = %s WHERE session_id = %s", [new_session_id, session_id]
    )
    await record_renumbering(connection, session_id, new_session_id, (), now)
    details = {"new_id": new_session_id}
    await record_act(connection, system_actor(ACTOR), "sessions.rename", session_id, "", now, details)


async def dissolve_session(connection: Connection, session_id: str, into: str | None, now: datetime) -> None:
    """Delete a session that has become part of another stored one, which takes over scores that it lacks."""
    if into is not None:
        taken = await connection.execute(
            """
            INSERT INTO scores (session_key, metric, value, source, probability)
            SELECT new.key, c.metric, c.value, c.source, c.probability
            FROM scores c JOIN sessions old ON old.key = c.session_key AND old.id = %s, sessions new
            WHERE new.id = %s ON CONFLICT DO NOTHING RETURNING session_key
            """,
            [session_id, into],
        )
        await update_rewards(connection, {row[0] for row in await taken.fetchall()})
        await connection.execute(
            """
            INSERT INTO part_scores (session_key, part, metric, value, source)
            SELECT new.key, p.part, p.metric, p.value, p.source
            FROM part_scores p JOIN sessions old ON old.key = p.session_key AND old.id = %s, sessions new
            WHERE new.id = %s ON CONFLICT DO NOTHING
            """,
            [session_id, into],
        )
    await connection.execute("DELETE FROM sessions WHERE id = %s", [session_id])
    await connection.execute("DELETE FROM received_sessions WHERE session_id = %s", [session_id])
    details = {"into": into}
    await record_act(connection, system_actor(ACTOR), "sessions.merge", session_id, "", now, details)


async def _contents(connection: Connection, key: int) -> list[str]:
    return [row[0] for row in await (await connection.execute(_CONTENTS, [key])).fetchall()]
