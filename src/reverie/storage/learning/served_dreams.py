"""Dreams as the server keeps them: asked for, waiting their turn, listed, canceled, archived."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import msgspec
from psycopg.rows import class_row

from reverie.assist.budget import total_usage
from reverie.assist.consultation import Consultation
from reverie.assist.wording import ModelWording
from reverie.dreams.dream import DreamRequest, DreamStatus
from reverie.errors import ConflictError, NotFoundError, StateError
from reverie.language_model import ModelUsage
from reverie.storage.learning.dreams import DreamRow, held_to_store, insert_dream, read_dream
from reverie.storage.memory.stores import lock_store
from reverie.storage.postgres.database import Connection

CHANNEL = "reverie_dreams"
"""Where it is announced that there may be a dream to take up."""
_COLUMNS = """id, memory_store_id, status, request::text AS request, created_at, ended_at, archived_at, error,
    error_type, has_output, session_id, consultation, wording"""


class ServedDream(msgspec.Struct, frozen=True):
    """A dream with all that is shown of it."""

    id: str
    memory_store_id: str
    status: DreamStatus
    request: DreamRequest
    created_at: datetime
    ended_at: datetime | None
    archived_at: datetime | None
    error: str | None
    error_type: str | None
    has_output: bool
    session_id: str | None
    usage: ModelUsage
    """What a model has taken so far."""


async def ask_for_dream(
    connection: Connection, dream_id: str, output_id: str, request: DreamRequest, now: datetime
) -> DreamRow:
    """Record a dream for the server to run, and announce it.

    Raises:
        InputError: a session is named that the store may not learn from.
        ConflictError: another dream writes to the store, or has not fully stopped yet.
    """
    request = await held_to_store(connection, request)
    if not request.clone:
        await lock_store(connection, output_id)
        rows = await connection.execute(
            """
            SELECT id FROM dreams WHERE memory_store_id = %s
                AND (status IN ('pending', 'running') OR (served AND NOT at_rest))
            """,
            [output_id],
        )
        busy = await rows.fetchone()
        if busy is not None:
            raise ConflictError(f"dream {busy[0]} writes to {output_id}; wait until it has fully stopped, or cancel it")
    row = await insert_dream(connection, dream_id, output_id, request, now, served=True)
    await announce_dreams(connection)
    return row


async def announce_dreams(connection: Connection) -> None:
    """Notify every server, once this transaction is committed, that there may be a dream to take up."""
    await connection.execute("SELECT pg_notify(%s, '')", [CHANNEL])


async def unfinalized_dreams(connection: Connection) -> list[DreamRow]:
    """Dreams asked for through the server that wait, run, or have ended and are not finalized; the oldest first."""
    rows = await connection.execute("SELECT id FROM dreams WHERE served AND NOT at_rest ORDER BY created_at, id")
    return [await read_dream(connection, row[0]) for row in await rows.fetchall()]


async def set_session(connection: Connection, dream_id: str, session_id: str) -> bool:
    """Name the session that a dream is watched in; False when it was canceled before."""
    done = await connection.execute(
        "UPDATE dreams SET session_id = %s WHERE id = %s AND status IN ('pending', 'running')", [session_id, dream_id]
    )
    return done.rowcount > 0


async def finalize_dream(connection: Connection, dream_id: str) -> None:
    """Mark an ended dream as finalized (column ``at_rest``): nobody works on it any more. Announces its free place."""
    await connection.execute(
        "UPDATE dreams SET at_rest = true WHERE id = %s AND status NOT IN ('pending', 'running')", [dream_id]
    )
    await announce_dreams(connection)


async def read_served(connection: Connection, dream_id: str) -> ServedDream:
    """One dream.

    Raises:
        NotFoundError: there is none.
    """
    found = await _select(connection, "WHERE id = %(id)s", {"id": dream_id})
    if not found:
        raise NotFoundError(f"there is no dream {dream_id!r}")
    return found[0]


async def list_served(
    connection: Connection,
    *,
    before: tuple[datetime, str] | None,
    statuses: Sequence[str],
    created_after: datetime | None,
    created_before: datetime | None,
    include_archived: bool,
    limit: int,
) -> list[ServedDream]:
    """Dreams, newest first, that come after the position ``before``; without ``statuses``, of every status."""
    return await _select(
        connection,
        """
        WHERE (%(at)s::timestamptz IS NULL OR (created_at, id) < (%(at)s, %(id)s))
            AND (cardinality(%(statuses)s::text[]) = 0 OR status = ANY (%(statuses)s))
            AND (%(after)s::timestamptz IS NULL OR created_at > %(after)s)
            AND (%(before)s::timestamptz IS NULL OR created_at < %(before)s)
            AND (%(archived)s OR archived_at IS NULL)
        ORDER BY created_at DESC, id DESC LIMIT %(limit)s
        """,
        {
            "at": before[0] if before else None,
            "id": before[1] if before else None,
            "statuses": list(statuses),
            "after": created_after,
            "before": created_before,
            "archived": include_archived,
            "limit": limit,
        },
    )


async def cancel_dream(connection: Connection, dream_id: str, now: datetime) -> ServedDream:
    """Cancel a dream that has not ended; whoever runs it stops at its next step. Again, it changes nothing.

    Raises:
        NotFoundError: there is none.
        StateError: it completed or failed.
    """
    await connection.execute(
        """
        UPDATE dreams SET status = 'canceled', ended_at = %s, at_rest = (session_id IS NULL)
        WHERE id = %s AND status IN ('pending', 'running')
        """,
        [now, dream_id],
    )
    await announce_dreams(connection)
    dream = await read_served(connection, dream_id)
    if dream.status != "canceled":
        raise StateError(f"dream {dream_id} has {dream.status}; only one that has not ended can be canceled")
    return dream


async def archive_dream(connection: Connection, dream_id: str, now: datetime) -> ServedDream:
    """Archive a dream that has ended, unless it is archived already.

    Raises:
        NotFoundError: there is none.
        StateError: it has not ended.
    """
    await connection.execute(
        """
        UPDATE dreams SET archived_at = %s
        WHERE id = %s AND archived_at IS NULL AND status NOT IN ('pending', 'running')
        """,
        [now, dream_id],
    )
    dream = await read_served(connection, dream_id)
    if dream.archived_at is None:
        raise StateError(f"dream {dream_id} is {dream.status}; cancel it or wait until it has ended, then archive it")
    return dream


class _Row(msgspec.Struct, frozen=True):
    id: str
    memory_store_id: str
    status: DreamStatus
    request: str
    created_at: datetime
    ended_at: datetime | None
    archived_at: datetime | None
    error: str | None
    error_type: str | None
    has_output: bool
    session_id: str | None
    consultation: bytes | None
    wording: bytes | None


async def _select(connection: Connection, clauses: str, parameters: dict[str, Any]) -> list[ServedDream]:
    async with connection.cursor(row_factory=class_row(_Row)) as cursor:
        await cursor.execute(f"SELECT {_COLUMNS} FROM dreams {clauses}".encode(), parameters)
        return [_served(row) for row in await cursor.fetchall()]


def _served(row: _Row) -> ServedDream:
    fields = msgspec.structs.asdict(row)
    consultation, wording = fields.pop("consultation"), fields.pop("wording")
    # What was spent on words goes on from what was spent before.
    spent = {}
    if wording is not None:
        spent = msgspec.msgpack.decode(wording, type=ModelWording).spent
    elif consultation is not None:
        spent = msgspec.msgpack.decode(consultation, type=Consultation).spent
    fields["request"] = msgspec.json.decode(row.request, type=DreamRequest)
    return ServedDream(**fields, usage=total_usage(spent))
