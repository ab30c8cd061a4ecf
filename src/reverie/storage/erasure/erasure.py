"""Erasures as recorded: what was asked, how far each has come, what it did."""

import hashlib
import hmac
from collections import Counter
from collections.abc import Mapping
from datetime import datetime
from typing import Any

import msgspec
from psycopg.rows import class_row
from psycopg.types.json import Jsonb

from reverie.errors import NotFoundError, StateError
from reverie.ids import new_id
from reverie.storage.erasure.known import NEVER, lowest_key, refuse_unknown
from reverie.storage.erasure.report import ErasureReport, ErasureRequest, ErasureState, Progress
from reverie.storage.postgres.database import Connection
from reverie.storage.postgres.installation import find_redaction_key
from reverie.storage.sessions.prepare import redactor_of

_COLUMNS = "id, state, session_ids, lowest_key, progress, report, created_at, ended_at, actor"
_TARGETS = """
SELECT s.key, s.id, l.status FROM sessions s LEFT JOIN live_sessions l ON l.session_key = s.key
WHERE s.id = ANY (%(ids)s) OR s.user_id = ANY (%(users)s) OR s.agent = %(agent)s OR l.agent_id = %(agent)s
    OR s.key = ANY (%(called_in)s)
ORDER BY s.key
"""
# What a thread's agent said and was told stands in the log of the session that called it in.
_CALLED_IN = """
SELECT session_key FROM session_threads WHERE %(agent)s IN (agent ->> 'id', agent ->> 'name')
UNION SELECT session_key FROM events WHERE type = 'session.thread_created' AND payload ->> 'agent_name' = %(agent)s
"""
# Under every id that they had: what was learned cites the one of its time.
_EARLIER = """
WITH RECURSIVE known (id) AS (
    SELECT unnest(%s::text[]) UNION
    SELECT r.session_id FROM session_renumberings r JOIN known k ON r.new_session_id = k.id
)
SELECT id FROM known ORDER BY id
"""


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
        NotFoundError: something that is named is not known here, and the same was not asked for before.
        StateError: a session runs, or a dream goes on that may read one.
    """
    request.check()
    await _refuse_while_dreaming(connection)
    users = await user_names(connection, request.user_id)
    called_in = await _called_in(connection, request.agent)
    asked = {"ids": list(request.session_ids), "users": users, "agent": request.agent, "called_in": called_in}
    found = await (await connection.execute(_TARGETS, asked)).fetchall()
    subject = await _subject_hash(connection, request)
    stored = {session_id: key for key, session_id, _ in found}
    await refuse_unknown(connection, request, subject, users, stored, called_in)
    for _, session_id, status in found:
        if status in ("running", "rescheduling"):
            raise StateError(f"session {session_id} is {status}; send user.interrupt and wait until it is idle")
    ids = [row[0] for row in await (await connection.execute(_EARLIER, [[*stored, *request.session_ids]])).fetchall()]
    missing = [each for each in request.session_ids if each not in stored]
    lowest = min(await lowest_key(connection, missing), *stored.values(), NEVER)
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


async def user_names(connection: Connection, user_id: str | None) -> list[str]:
    """A user's id as it was given, and as redaction left it in sessions; none without a user."""
    if user_id is None:
        return []
    key = await find_redaction_key(connection)
    if key is None:
        return [user_id]
    redacted = redactor_of(key).fields({"user_id": user_id}, Counter())["user_id"]
    return list(dict.fromkeys([user_id, redacted]))


async def _called_in(connection: Connection, agent: str | None) -> list[int]:
    """Keys of the sessions in which an agent was called in, as a thread."""
    if agent is None:
        return []
    return [key for (key,) in await (await connection.execute(_CALLED_IN, {"agent": agent})).fetchall()]


async def _refuse_while_dreaming(connection: Connection) -> None:
    rows = await connection.execute("SELECT id, status FROM dreams WHERE status IN ('pending', 'running') LIMIT 1")
    found = await rows.fetchone()
    if found is not None:
        raise StateError(f"dream {found[0]} is {found[1]} and may read what is to be erased; wait for it, or cancel it")


async def _subject_hash(connection: Connection, request: ErasureRequest) -> str:
    """What was asked, so that nobody who reads it learns a user's id, nor can try ids."""
    key = await find_redaction_key(connection) or b""
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
