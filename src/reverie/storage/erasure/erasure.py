"""Erasures as recorded: what was asked, how far each has come, what it did."""

import hashlib
import hmac
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Literal

import msgspec
from psycopg.rows import class_row
from psycopg.types.json import Jsonb

from reverie.errors import InputError, NotFoundError, StateError
from reverie.ids import new_id
from reverie.storage.postgres.database import DEFAULT_SCHEMA, Connection

ErasureState = Literal["running", "done"]
_COLUMNS = "id, state, session_ids, lowest_key, progress, report, created_at, ended_at, actor"
_TARGETS = """
SELECT s.key, s.id, l.status FROM sessions s LEFT JOIN live_sessions l ON l.session_key = s.key
WHERE s.id = ANY (%(ids)s) OR s.user_id = %(user)s OR s.agent = %(agent)s OR l.agent_id = %(agent)s ORDER BY s.key
"""
# Under every id that they had: what was learned cites the one of its time.
_EARLIER = """
WITH RECURSIVE known (id) AS (
    SELECT unnest(%s::text[]) UNION
    SELECT r.session_id FROM session_renumberings r JOIN known k ON r.new_session_id = k.id
)
SELECT id FROM known ORDER BY id
"""


class ErasureRequest(msgspec.Struct, frozen=True):
    """Whose sessions are to be erased: those named, those of a user, those of an agent."""

    session_ids: tuple[str, ...] = ()
    """Also of sessions that were deleted before: what was learned from them may still be there."""
    user_id: str | None = None
    agent: str | None = None
    """An agent's id, or the name that its sessions bear."""

    def check(self) -> None:
        """See that something is asked.

        Raises:
            InputError: nothing is, or something empty.
        """
        asked = [*self.session_ids, *(each for each in (self.user_id, self.agent) if each is not None)]
        if not asked or not all(asked):
            raise InputError(
                "say whose sessions are to be erased: ids of sessions, a user or an agent, none of them empty"
            )


class ErasedSession(msgspec.Struct, frozen=True):
    """A session that was stored and is erased."""

    id: str
    content_sha256: str
    """Of its events as they were imported, by which a copy elsewhere can be known."""


class Progress(msgspec.Struct, frozen=True):
    """How far the erasure of sessions has come."""

    sessions: tuple[ErasedSession, ...] = ()
    rows: dict[str, int] = {}
    """Deleted so far, by table."""
    codes: tuple[int, ...] = ()
    """Behaviours that they showed."""


class ErasureReport(msgspec.Struct, frozen=True):
    """What was erased: counts, ids and hashes, no content."""

    sessions: tuple[ErasedSession, ...] = ()
    rows: dict[str, int] = {}
    """Deleted or blanked, by table."""
    lessons_retold: tuple[str, ...] = ()
    """They stand without the erased sessions, with fewer citations."""
    lessons_retired: tuple[str, ...] = ()
    """All sessions that they cited are erased."""
    lessons_removed: tuple[str, ...] = ()
    """No session that is left shows what they speak of."""
    memories_changed: tuple[str, ...] = ()
    memories_removed: tuple[str, ...] = ()
    versions_redacted: tuple[str, ...] = ()
    dreams_changed: tuple[str, ...] = ()
    """Dreams that may have read an erased session; what they found of it is taken out of their results."""
    trials_ended: tuple[str, ...] = ()
    shown_in: tuple[str, ...] = ()
    """Other sessions that were shown what came from erased ones: their logs may repeat it, and stay."""
    left: tuple[str, ...] = ()
    """What a person has to look at, in sentences."""


class Erasure(msgspec.Struct, frozen=True):
    """An erasure, and how far it is."""

    id: str
    state: ErasureState
    session_ids: list[str]
    """To be erased, under every id that they had."""
    lowest_key: int
    """No dream before the session of this key can have read any of them."""
    progress: Progress
    report: ErasureReport | None
    """None while it goes on."""
    created_at: datetime
    ended_at: datetime | None
    actor: dict[str, str]


class _Row(msgspec.Struct, frozen=True):
    id: str
    state: ErasureState
    session_ids: list[str]
    lowest_key: int
    progress: dict[str, Any]
    report: dict[str, Any] | None
    created_at: datetime
    ended_at: datetime | None
    actor: dict[str, str]


async def begin_erasure(
    connection: Connection, request: ErasureRequest, actor: Mapping[str, str], now: datetime
) -> Erasure:
    """Record what is to be erased; the erasure of the same that was cut short goes on instead of another.

    Raises:
        InputError: nothing is asked for.
        StateError: a session runs, or a dream goes on that may read one.
    """
    request.check()
    await _refuse_while_dreaming(connection)
    asked = {"ids": list(request.session_ids), "user": request.user_id, "agent": request.agent}
    found = await (await connection.execute(_TARGETS, asked)).fetchall()
    for _, session_id, status in found:
        if status in ("running", "rescheduling"):
            raise StateError(f"session {session_id} is {status}; send user.interrupt and wait until it is idle")
    stored = {session_id: key for key, session_id, _ in found}
    ids = [row[0] for row in await (await connection.execute(_EARLIER, [[*stored, *request.session_ids]])).fetchall()]
    # Of one that is not stored any more nobody knows which dreams have read it.
    lowest = min(stored.values(), default=0) if set(request.session_ids) <= stored.keys() else 0
    subject = await _subject_hash(connection, request)
    await connection.execute(
        """
        INSERT INTO erasures (id, subject_hash, state, session_ids, lowest_key, created_at, actor)
        VALUES (%s, %s, 'running', %s, %s, %s, %s)
        ON CONFLICT (subject_hash) WHERE state = 'running' DO UPDATE
        SET session_ids = ARRAY(SELECT DISTINCT unnest(erasures.session_ids || excluded.session_ids) ORDER BY 1),
            lowest_key = least(erasures.lowest_key, excluded.lowest_key)
        """,
        [new_id("erasure", now), subject, ids, lowest, now, Jsonb(dict(actor))],
    )
    return (await _select(connection, "WHERE subject_hash = %s AND state = 'running'", [subject]))[0]


async def lock_erasure(connection: Connection, erasure_id: str) -> Erasure:
    """An erasure, held until the transaction ends.

    Raises:
        NotFoundError: there is none.
    """
    return _one(await _select(connection, "WHERE id = %s FOR UPDATE", [erasure_id]), erasure_id)


async def read_erasure(connection: Connection, erasure_id: str) -> Erasure:
    """One erasure.

    Raises:
        NotFoundError: there is none.
    """
    return _one(await _select(connection, "WHERE id = %s", [erasure_id]), erasure_id)


async def list_erasures(
    connection: Connection, *, before: tuple[datetime, str] | None = None, limit: int | None = None
) -> list[Erasure]:
    """Erasures that were begun before a place (time and id), newest first."""
    at, erasure_id = before or (None, None)
    return await _select(
        connection,
        "WHERE %s::timestamptz IS NULL OR (created_at, id) < (%s, %s) ORDER BY created_at DESC, id DESC LIMIT %s",
        [at, at, erasure_id, limit],
    )


async def keep_progress(connection: Connection, erasure_id: str, progress: Progress) -> None:
    """Record how far it has come."""
    await connection.execute(
        "UPDATE erasures SET progress = %s WHERE id = %s", [Jsonb(msgspec.to_builtins(progress)), erasure_id]
    )


async def end_erasure(connection: Connection, erasure_id: str, report: ErasureReport, now: datetime) -> None:
    """Record what was done."""
    await connection.execute(
        "UPDATE erasures SET state = 'done', report = %s, ended_at = %s WHERE id = %s",
        [Jsonb(msgspec.to_builtins(report)), now, erasure_id],
    )


async def _refuse_while_dreaming(connection: Connection) -> None:
    rows = await connection.execute("SELECT id, status FROM dreams WHERE status IN ('pending', 'running') LIMIT 1")
    found = await rows.fetchone()
    if found is not None:
        raise StateError(f"dream {found[0]} is {found[1]} and may read what is to be erased; wait for it, or cancel it")


async def _subject_hash(connection: Connection, request: ErasureRequest) -> str:
    """What was asked, so that nobody who reads it learns a user's id, nor can try ids."""
    rows = await connection.execute(f"SELECT redaction_key FROM {DEFAULT_SCHEMA}.installation".encode())
    found = await rows.fetchone()
    key = bytes(found[0]) if found else b""
    asked = msgspec.structs.replace(request, session_ids=tuple(sorted(set(request.session_ids))))
    return hmac.new(key, msgspec.json.encode(asked), hashlib.sha256).hexdigest()


def _one(found: list[Erasure], erasure_id: str) -> Erasure:
    if not found:
        raise NotFoundError(f"there is no erasure {erasure_id!r}; `reverie erase --list` names those that there are")
    return found[0]


async def _select(connection: Connection, clauses: str, parameters: list[Any]) -> list[Erasure]:
    async with connection.cursor(row_factory=class_row(_Row)) as cursor:
        await cursor.execute(f"SELECT {_COLUMNS} FROM erasures {clauses}".encode(), parameters)
        rows = await cursor.fetchall()
    return [msgspec.convert(row, Erasure, from_attributes=True) for row in rows]
