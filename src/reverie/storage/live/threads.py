"""Threads of a session: the primary one, which every session has, and those of agents that it called in."""

from datetime import datetime
from typing import Any

import msgspec
from psycopg.rows import class_row
from psycopg.types.json import Jsonb

from reverie.errors import NotFoundError
from reverie.ids import derived_id
from reverie.runtime.checking import JUDGE, JUDGE_SYSTEM
from reverie.runtime.delegation import roster
from reverie.runtime.live_state import Status
from reverie.runtime.tool_catalogue import with_tools_alone
from reverie.runtime.usage import COUNTS, WEB_REQUESTS, usage_snapshot
from reverie.storage.live.sessions import LiveSession
from reverie.storage.postgres.database import Connection

_COLUMNS = "id, parent_thread_id, agent, status, usage, stats, created_at, updated_at, archived_at"


class SessionThread(msgspec.Struct, frozen=True):
    """One agent's line of events inside a session."""

    id: str
    parent_thread_id: str | None
    agent: dict[str, Any]
    status: Status
    usage: dict[str, Any] | None
    stats: dict[str, Any] | None
    created_at: datetime
    updated_at: datetime
    archived_at: datetime | None = None


def primary_thread(session: LiveSession, agent: dict[str, Any]) -> SessionThread:
    """The session's own thread; it is what the session is."""
    began = session.event_count > 0
    usage = usage_snapshot(session.usage, session.active_seconds) if session.active_seconds else None
    own = {name: value for name, value in agent.items() if name != "multiagent"}
    return SessionThread(
        id=derived_id("sthr", session.id),
        parent_thread_id=None,
        agent=own,
        status="idle" if session.status == "running" and not session.primary_running else session.status,
        usage=usage,
        stats={"active_seconds": session.active_seconds} if began else None,
        created_at=session.created_at,
        updated_at=session.updated_at,
        archived_at=session.archived_at,
    )


def child_thread(
    session: LiveSession, thread_id: str, agent_name: str, now: datetime, tools: tuple[str, ...] | None = None
) -> SessionThread:
    """A thread that begins now; its agent is the roster's of that name, else one that has no more than the name.

    Args:
        tools: of the agent's, those that it has there; None for all.
    """
    agent = dict(session.agent or {})
    known = roster(agent).get(agent_name)
    agent.pop("multiagent", None)
    if known is None and agent_name == JUDGE:
        agent |= {"system": JUDGE_SYSTEM, "tools": [], "mcp_servers": [], "skills": []}
    own = dict(known) if known is not None else agent | {"name": agent_name}
    return SessionThread(
        id=thread_id,
        parent_thread_id=derived_id("sthr", session.id),
        agent=own if tools is None else with_tools_alone(own, tools),
        status="idle",
        usage=None,
        stats=None,
        created_at=now,
        updated_at=now,
    )


async def insert_thread(connection: Connection, session: LiveSession, thread: SessionThread) -> None:
    """Record a child thread; one that is there stays as it is."""
    await connection.execute(
        f"INSERT INTO session_threads (session_key, {_COLUMNS}) VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s)"
        " ON CONFLICT (id) DO NOTHING",
        [
            *(session.key, thread.id, thread.parent_thread_id, Jsonb(thread.agent), thread.status),
            *(Jsonb(thread.usage) if thread.usage else None, Jsonb(thread.stats) if thread.stats else None),
            *(thread.created_at, thread.updated_at, thread.archived_at),
        ],
    )


async def list_threads(connection: Connection, session: LiveSession) -> list[SessionThread]:
    """The child threads of a session, in the order in which they begin in its log; there are at most a few dozen."""
    async with connection.cursor(row_factory=class_row(SessionThread)) as cursor:
        await cursor.execute(
            f"SELECT {_COLUMNS} FROM session_threads WHERE session_key = %s"
            " ORDER BY created_at, coalesce((part ->> 'place')::bigint, 0), id",
            [session.key],
        )
        return await cursor.fetchall()


async def read_thread(connection: Connection, session: LiveSession, thread_id: str) -> SessionThread:
    """A child thread of a session.

    Raises:
        NotFoundError: the session has no such thread.
    """
    async with connection.cursor(row_factory=class_row(SessionThread)) as cursor:
        await cursor.execute(
            f"SELECT {_COLUMNS} FROM session_threads WHERE session_key = %s AND id = %s", [session.key, thread_id]
        )
        thread = await cursor.fetchone()
    if thread is None:
        raise NotFoundError(f"session {session.id} has no thread {thread_id!r}")
    return thread


async def set_thread_status(
    connection: Connection, session_key: int, thread_id: str, status: Status, now: datetime
) -> None:
    """Say how a child thread stands; one that stops says what it has used, too."""
    await connection.execute(
        "UPDATE session_threads SET status = %s, updated_at = %s, stats = coalesce(stats, '{\"active_seconds\": 0}')"
        " WHERE session_key = %s AND id = %s",
        [status, now, session_key, thread_id],
    )
    if status in ("idle", "terminated"):
        usage, active = await _used(connection, session_key, thread_id)
        await connection.execute(
            "UPDATE session_threads SET usage = %s, stats = %s WHERE session_key = %s AND id = %s",
            [
                Jsonb({"list_cost": None, **usage_snapshot(usage, active)}),
                Jsonb({"active_seconds": active}),
                session_key,
                thread_id,
            ],
        )


async def _used(connection: Connection, session_key: int, thread_id: str) -> tuple[dict[str, int], float]:
    """Tokens of a thread's requests by kind, calls of web tools, and the seconds between each of its starts and stops.

    Where starts and stops do not pair, as when its writer left some out, there are no seconds.
    """
    sums = ", ".join(f"coalesce(sum((payload -> 'model_usage' ->> '{name}')::bigint), 0)::bigint" for name in COUNTS)
    calls = ", ".join(
        f"count(*) FILTER (WHERE type = 'agent.tool_use' AND payload ->> 'name' = '{tool}'"
        " AND payload ->> 'evaluated_permission' IS DISTINCT FROM 'deny')"
        for tool in WEB_REQUESTS
    )
    row = await connection.execute(
        f"""
        SELECT {sums}, {calls},
            CASE WHEN count(*) FILTER (WHERE type = 'session.thread_status_running')
                = count(*) FILTER (WHERE type IN ('session.thread_status_idle', 'session.thread_status_terminated'))
            THEN coalesce(sum(extract(epoch FROM at) * CASE
                WHEN type = 'session.thread_status_running' THEN -1
                WHEN type IN ('session.thread_status_idle', 'session.thread_status_terminated') THEN 1
                ELSE 0 END), 0)::float
            ELSE 0.0 END
        FROM events WHERE session_key = %s AND thread_id = %s
        """.encode(),
        [session_key, thread_id],
    )
    names = (*COUNTS, *WEB_REQUESTS.values())
    *counts, active = await row.fetchone() or [0] * (len(names) + 1)
    return dict(zip(names, counts, strict=True)), max(0.0, float(active))


async def set_thread_part(connection: Connection, session_key: int, thread_id: str, part: dict[str, Any]) -> None:
    """Say what a child thread is there for, and whether it waits until it may run."""
    await connection.execute(
        "UPDATE session_threads SET part = %s WHERE session_key = %s AND id = %s",
        [Jsonb(part), session_key, thread_id],
    )


async def archive_thread(connection: Connection, thread_id: str, now: datetime) -> None:
    """Archive a child thread unless it is archived already."""
    await connection.execute(
        "UPDATE session_threads SET archived_at = %s, updated_at = %s, status = 'terminated'"
        " WHERE id = %s AND archived_at IS NULL",
        [now, now, thread_id],
    )
