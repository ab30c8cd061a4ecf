"""Sessions as the API shows them: those that are run through the server, and imported ones beside them."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, TypeVar

import msgspec
from psycopg.rows import class_row
from psycopg.types.json import Jsonb

from reverie.errors import NotFoundError, StateError
from reverie.runtime.live_state import Status
from reverie.sessions.session import LIVE_SOURCE
from reverie.storage.live.leases import STANDS, Lease, over, standing
from reverie.storage.memory.store_places import REACHABLE
from reverie.storage.postgres.database import Connection
from reverie.storage.sessions.received import forget_session

_COLUMNS = f"""
    s.key, s.id, s.source, s.agent AS agent_tag, s.agent_version AS agent_version_tag, s.model AS model_tag,
    s.metadata, s.imported_at AS created_at, s.event_count, s.started_at, s.ended_at,
    l.session_key IS NOT NULL AS live, coalesce(l.status, 'idle') AS status, l.title, l.environment_id, l.agent,
    {REACHABLE} AS resources, coalesce(l.vault_ids, '{{}}') AS vault_ids, l.budget, l.deployment_id,
    coalesce(l.outcome_evaluations, '[]') AS outcome_evaluations, coalesce(l.usage, '{{}}') AS usage,
    coalesce(l.active_seconds, 0) AS active_seconds, l.running_since, coalesce(l.pending, '[]') AS pending,
    coalesce(l.input_count, 0) AS input_count, coalesce(l.previews, '{{}}') AS previews, coalesce(l.turn, 0) AS turn,
    coalesce(l.primary_running, false) AS primary_running,
    coalesce(l.last_event_at, s.imported_at) AS last_event_at,
    coalesce(l.updated_at, s.imported_at) AS updated_at, l.archived_at, coalesce(l.run_here, false) AS run_here,
    coalesce(l.roles_version, 0) AS roles_version
"""
_LIFE_COLUMNS = """
    coalesce((SELECT e.config ->> 'type' = 'self_hosted' FROM environments e WHERE e.id = l.environment_id), false)
        AS self_hosted,
    coalesce((
        SELECT jsonb_agg(
            jsonb_build_object('number', i.number, 'type', i.type, 'payload', i.payload, 'thread_id', i.thread_id)
            ORDER BY i.number
        ) FROM session_inputs i WHERE i.session_key = s.key AND i.sequence IS NULL
    ), '[]') AS waiting,
    coalesce((
        SELECT jsonb_agg(
            jsonb_build_object('id', t.id, 'agent_name', coalesce(t.agent ->> 'name', ''), 'status', t.status,
                'archived', t.archived_at IS NOT NULL, 'begun', t.stats IS NOT NULL, 'part', t.part)
            ORDER BY t.created_at, coalesce((t.part ->> 'place')::bigint, 0), t.id
        ) FROM session_threads t WHERE t.session_key = s.key
    ), '[]') AS threads,
    coalesce(l.turn_inputs, 0) AS turn_inputs,
    coalesce(l.open_spans, '{}') AS open_spans
"""
_FROM = "FROM sessions s LEFT JOIN live_sessions l ON l.session_key = s.key"
_SELECT_WHOLE = f"SELECT {_COLUMNS}, {_LIFE_COLUMNS} {_FROM} WHERE s.id = %(id)s".encode()
_SELECT_LEASED = f"{_SELECT_WHOLE.decode()} AND {STANDS}".encode()
Found = TypeVar("Found", bound="LiveSession")

_TAGS = ("task_id", "task_category", "user_id")
"""Metadata keys that segments and strata know by name."""


class LiveSession(msgspec.Struct, frozen=True):
    """A session's row; ``agent`` and ``environment_id`` are None for an imported one, which has tags instead.

    ``resources`` are those that the session may see now: no private store of another agent is among them.
    """

    key: int
    id: str
    source: str
    agent_tag: str | None
    agent_version_tag: str | None
    model_tag: str | None
    metadata: dict[str, str]
    created_at: datetime
    event_count: int
    started_at: datetime | None
    ended_at: datetime | None
    live: bool
    status: Status
    title: str | None
    environment_id: str | None
    agent: dict[str, Any] | None
    resources: list[dict[str, Any]]
    vault_ids: list[str]
    budget: dict[str, Any] | None
    deployment_id: str | None
    outcome_evaluations: list[dict[str, Any]]
    usage: dict[str, Any]
    active_seconds: float
    running_since: datetime | None
    pending: list[dict[str, Any]]
    input_count: int
    previews: dict[str, str]
    turn: int
    primary_running: bool
    last_event_at: datetime
    updated_at: datetime
    archived_at: datetime | None
    run_here: bool = False
    """Whether this server's side runs its turns."""
    roles_version: int = 0
    """Of its agent's roles, those that stood when it began; 0: none."""


class WholeSession(LiveSession, frozen=True, kw_only=True):
    """A session with what its life cycle needs besides."""

    self_hosted: bool
    waiting: list[dict[str, Any]]
    """Inputs that the agent has not taken in yet, in order."""
    threads: list[dict[str, Any]]
    turn_inputs: int
    open_spans: dict[str, str]


class NewSession(msgspec.Struct, frozen=True):
    """What a session starts with."""

    id: str
    title: str | None
    environment_id: str
    agent: dict[str, Any]
    metadata: dict[str, str]
    resources: list[dict[str, Any]]
    vault_ids: list[str]
    budget: dict[str, Any] | None
    deployment_id: str | None
    source: str = LIVE_SOURCE
    run_here: bool = False
    """Whether this server's side is to run its turns."""


async def insert_session(connection: Connection, session: NewSession, now: datetime) -> LiveSession:
    """Record a new session without events; it is idle."""
    agent = session.agent
    tags = [session.metadata.get(name) for name in _TAGS]
    row = await connection.execute(
        """
        INSERT INTO sessions (id, source, agent, agent_version, model, task_id, task_category, user_id, started_at,
            imported_at, metadata, event_count, content_sha256)
        VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, 0, '') RETURNING key
        """,
        [
            *(session.id, session.source, agent["name"], str(agent["version"]), agent["model"]["id"]),
            *(*tags, now, now, Jsonb(session.metadata)),
        ],
    )
    ((key,),) = await row.fetchall()
    await connection.execute(
        """
        INSERT INTO live_sessions (session_key, status, title, environment_id, agent_id, agent_version, agent,
            resources, vault_ids, budget, deployment_id, run_here, last_event_at, updated_at, roles_version)
        VALUES (%s, 'idle', %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s,
            coalesce((SELECT max(version) FROM roles WHERE agent_id = %s), 0))
        """,
        [
            *(key, session.title, session.environment_id, agent["id"], agent["version"], Jsonb(agent)),
            *(Jsonb(session.resources), session.vault_ids, Jsonb(session.budget) if session.budget else None),
            *(session.deployment_id, session.run_here, now, now, agent["id"]),
        ],
    )
    return await read_session(connection, session.id)


async def read_session(connection: Connection, session_id: str, *, lock: bool = False) -> LiveSession:
    """One session, locked until the transaction ends where asked for.

    Raises:
        NotFoundError: there is none.
    """
    if lock:
        return await lock_session(connection, session_id)
    async with connection.cursor(row_factory=class_row(LiveSession)) as cursor:
        await cursor.execute(f"SELECT {_COLUMNS} {_FROM} WHERE s.id = %s".encode(), [session_id])
        return _found(await cursor.fetchone(), session_id)


async def lock_session(connection: Connection, session_id: str, lease: Lease | None = None) -> WholeSession:
    """One session, locked until the transaction ends.

    Args:
        lease: what the caller runs the session's turn by; it must still stand.

    Raises:
        NotFoundError: there is none.
        ConflictError: the lease does not stand; also where its session is gone.
    """
    async with connection.pipeline(), connection.cursor(row_factory=class_row(WholeSession)) as cursor:
        # A statement of its own, so that what is read after it is what the last writer left.
        await connection.execute("SELECT FROM sessions WHERE id = %s FOR UPDATE", [session_id])
        if lease is None:
            await cursor.execute(_SELECT_WHOLE, {"id": session_id})
            return _found(await cursor.fetchone(), session_id)
        await cursor.execute(_SELECT_LEASED, {"id": session_id, **standing(lease)})
        session = await cursor.fetchone()
    if session is None:
        raise over(lease)
    return session


async def read_whole_session(connection: Connection, session_id: str) -> WholeSession:
    """One session as the last writer left it; it is not locked, so it may change at once.

    Raises:
        NotFoundError: there is none.
    """
    async with connection.cursor(row_factory=class_row(WholeSession)) as cursor:
        await cursor.execute(_SELECT_WHOLE, {"id": session_id})
        return _found(await cursor.fetchone(), session_id)


def _found(session: Found | None, session_id: str) -> Found:
    if session is None:
        raise NotFoundError(f"there is no session {session_id!r}")
    return session


async def list_sessions(
    connection: Connection,
    filters: Mapping[str, Any],
    *,
    position: tuple[datetime, int] | None,
    ascending: bool,
    limit: int,
) -> list[LiveSession]:
    """Sessions by creation, from after ``position``.

    Args:
        filters: of ``agent_id``, ``agent_version``, ``deployment_id``, ``memory_store_id``, ``statuses``,
            ``created_at_gt`` (and ``gte``, ``lt``, ``lte``), ``include_archived``.
    """
    conditions, parameters = _conditions(filters)
    if position is not None:
        conditions.append(f"(s.imported_at, s.key) {'>' if ascending else '<'} (%(at)s, %(key)s)")
        parameters |= {"at": position[0], "key": position[1]}
    order = "ASC" if ascending else "DESC"
    query = f"""
        SELECT {_COLUMNS} {_FROM} {"WHERE " + " AND ".join(conditions) if conditions else ""}
        ORDER BY s.imported_at {order}, s.key {order} LIMIT %(limit)s
    """
    async with connection.cursor(row_factory=class_row(LiveSession)) as cursor:
        await cursor.execute(query.encode(), {**parameters, "limit": limit})
        return await cursor.fetchall()


def _conditions(filters: Mapping[str, Any]) -> tuple[list[str], dict[str, Any]]:
    plain = {
        "agent_id": "l.agent_id = %(agent_id)s",
        "agent_version": "l.agent_version = %(agent_version)s",
        "deployment_id": "l.deployment_id = %(deployment_id)s",
        "statuses": "coalesce(l.status, 'idle') = ANY (%(statuses)s)",
        "created_at_gt": "s.imported_at > %(created_at_gt)s",
        "created_at_gte": "s.imported_at >= %(created_at_gte)s",
        "created_at_lt": "s.imported_at < %(created_at_lt)s",
        "created_at_lte": "s.imported_at <= %(created_at_lte)s",
    }
    chosen = [name for name in plain if filters.get(name) is not None]
    conditions = [plain[name] for name in chosen]
    parameters = {name: filters[name] for name in chosen}
    if filters.get("memory_store_id") is not None:
        conditions.append("l.resources @> %(stores)s")
        parameters["stores"] = Jsonb([{"memory_store_id": filters["memory_store_id"]}])
    if not filters.get("include_archived"):
        conditions.append("l.archived_at IS NULL")
    return conditions, parameters


async def update_session(
    connection: Connection,
    session: LiveSession,
    *,
    title: str | None,
    metadata: Mapping[str, str],
    agent: Mapping[str, Any],
    budget: Mapping[str, Any] | None,
    now: datetime,
) -> None:
    """Replace what may change of a live session."""
    tags = [metadata.get(name) for name in _TAGS]
    await connection.execute(
        "UPDATE sessions SET metadata = %s, task_id = %s, task_category = %s, user_id = %s WHERE key = %s",
        [Jsonb(dict(metadata)), *tags, session.key],
    )
    await connection.execute(
        "UPDATE live_sessions SET title = %s, agent = %s, budget = %s, updated_at = %s WHERE session_key = %s",
        [title, Jsonb(dict(agent)), Jsonb(dict(budget)) if budget else None, now, session.key],
    )


async def replace_resources(
    connection: Connection, session: LiveSession, resources: Sequence[Mapping[str, Any]], now: datetime
) -> None:
    """Replace the resources of a live session; stores stay attached as they were, those that it cannot see now too."""
    rows = await connection.execute("SELECT resources FROM live_sessions WHERE session_key = %s", [session.key])
    ((attached,),) = await rows.fetchall()
    stores = {one["memory_store_id"]: one for one in attached if one["type"] == "memory_store"}
    kept = [stores.pop(one.get("memory_store_id", ""), one) for one in resources]
    await connection.execute(
        "UPDATE live_sessions SET resources = %s, updated_at = %s WHERE session_key = %s",
        [Jsonb([*kept, *stores.values()]), now, session.key],
    )


async def archive_session(connection: Connection, session: LiveSession, now: datetime) -> None:
    """Mark a live session as archived."""
    await connection.execute(
        "UPDATE live_sessions SET archived_at = %s, updated_at = %s WHERE session_key = %s", [now, now, session.key]
    )


async def delete_session(connection: Connection, session: LiveSession) -> None:
    """Delete a session with its events, threads, digest and scores, and the spans that it was put together from."""
    await forget_session(connection, session.id)
    await connection.execute("DELETE FROM sessions WHERE key = %s", [session.key])


async def session_exists(connection: Connection, session_id: str) -> bool:
    """Whether there is a session of this id."""
    row = await connection.execute("SELECT FROM sessions WHERE id = %s", [session_id])
    return await row.fetchone() is not None


async def live_among(connection: Connection, ids: Sequence[str]) -> set[str]:
    """Those of ``ids`` that are live sessions and not archived."""
    row = await connection.execute(
        "SELECT s.id FROM sessions s JOIN live_sessions l ON l.session_key = s.key"
        " WHERE s.id = ANY (%s) AND l.archived_at IS NULL",
        [list(ids)],
    )
    return {session_id for (session_id,) in await row.fetchall()}


def require_live(session: LiveSession) -> LiveSession:
    """The session, if it is run through the server.

    Raises:
        StateError: it was imported, and stays as it is.
    """
    if not session.live:
        raise StateError(f"session {session.id} was imported ({session.source}) and cannot go on; make a new session")
    return session
