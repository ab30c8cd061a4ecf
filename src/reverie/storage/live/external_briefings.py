"""Briefings that agents elsewhere asked for, as they were given."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import msgspec
from psycopg.rows import class_row

from reverie.errors import NotFoundError
from reverie.ids import derived_id
from reverie.runtime.briefing import Briefing
from reverie.storage.postgres.database import Connection


class ExternalBriefing(msgspec.Struct, frozen=True):
    """What an agent elsewhere was given."""

    id: str
    reference: str | None
    memory_store_ids: list[str]
    text: str
    """Empty also once something in it was redacted, or a store deleted."""
    shown: list[dict[str, Any]]
    """Lessons and memories in it: ``subject``, ``version``, ``memory_store_id``."""
    made_at: datetime


async def write_external_briefing(
    connection: Connection,
    briefing: Briefing,
    briefing_id: str,
    reference: str | None,
    store_ids: Sequence[str],
    now: datetime,
) -> ExternalBriefing:
    """Keep what an agent elsewhere is given; the first one of an id counts, whoever made it."""
    shown = [
        {"subject": one.item.subject, "version": one.item.version, "memory_store_id": one.item.memory_store_id}
        for one in briefing.shown
    ]
    await connection.execute(
        "INSERT INTO briefings (id, reference, memory_store_ids, text, shown, made_at)"
        " VALUES (%s, %s, %s, %s, %s::jsonb, %s) ON CONFLICT DO NOTHING",
        [briefing_id, reference, list(store_ids), briefing.text, msgspec.json.encode(shown).decode(), now],
    )
    return await read_external_briefing(connection, briefing_id)


async def find_external_briefing(connection: Connection, briefing_id: str) -> ExternalBriefing | None:
    """The briefing with this id, if there is one."""
    async with connection.cursor(row_factory=class_row(ExternalBriefing)) as cursor:
        await cursor.execute(
            "SELECT id, reference, memory_store_ids, text, shown, made_at FROM briefings WHERE id = %s", [briefing_id]
        )
        return await cursor.fetchone()


async def read_external_briefing(connection: Connection, briefing_id: str) -> ExternalBriefing:
    """The briefing with this id.

    Raises:
        NotFoundError: there is none.
    """
    found = await find_external_briefing(connection, briefing_id)
    if found is None:
        raise NotFoundError(f"there is no briefing {briefing_id!r}")
    return found


async def has_draws(connection: Connection, briefing_id: str, session_id: str) -> bool:
    """Whether a session, known by its briefing or by its own id, was drawn for any trial."""
    row = await connection.execute(
        "SELECT EXISTS (SELECT FROM trial_assignments WHERE reference = ANY (%s))", [[briefing_id, session_id]]
    )
    ((drawn,),) = await row.fetchall()
    return bool(drawn)


async def find_session_key(connection: Connection, session_id: str) -> int | None:
    """The key of the session with this id, if it is known here."""
    row = await connection.execute("SELECT key FROM sessions WHERE id = %s", [session_id])
    found = await row.fetchone()
    return None if found is None else int(found[0])


async def find_briefed_session(connection: Connection, briefing_id: str) -> str | None:
    """The session that has this briefing in its metadata, the first to come, if one is known here."""
    row = await connection.execute(
        "SELECT id FROM sessions WHERE metadata @> jsonb_build_object('reverie_briefing', %s::text)"
        " ORDER BY key LIMIT 1",
        [briefing_id],
    )
    found = await row.fetchone()
    return None if found is None else str(found[0])


async def find_known_session(connection: Connection, reference: str) -> str:
    """The session with this id, or of the briefing with this id or reference.

    Raises:
        NotFoundError: none is known here.
    """
    if await find_session_key(connection, reference) is not None:
        return reference
    for briefing_id in (reference, derived_id("brf", reference)):
        found = await find_briefed_session(connection, briefing_id)
        if found is not None:
            return found
    raise NotFoundError(f"there is no session {reference!r}, nor one of a briefing of that name; import it first")


async def hidden_from(connection: Connection, briefing: ExternalBriefing, store_id: str) -> dict[str, str | None]:
    """Memories of a store that the briefing's session was drawn to go without, and the lessons that they are of."""
    rows = await connection.execute(
        """
        SELECT DISTINCT m.id, m.lesson_id FROM trial_assignments a JOIN trials t ON t.id = a.trial_id
        JOIN memories m ON m.memory_store_id = t.memory_store_id
        WHERE a.reference = ANY (%s) AND NOT a.shown AND t.state IN ('trial', 'adopted') AND m.memory_store_id = %s
            AND (t.kind = 'memory' OR m.lesson_id = ANY (t.subject_ids))
        """,
        [[briefing.id, briefing.reference], store_id],
    )
    return dict(await rows.fetchall())
