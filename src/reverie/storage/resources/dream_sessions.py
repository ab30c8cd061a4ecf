"""The sessions that dreams are watched in: begun when a dream starts, told each stage, archived when it ends."""

from datetime import datetime
from typing import Any

from psycopg.types.json import Jsonb

from reverie.dreams.dream import DREAM_SOURCE
from reverie.ids import derived_id, new_id
from reverie.sessions.event import text_content
from reverie.storage.database import Connection
from reverie.storage.dreams import DreamRow

_AGENT_ID = derived_id("agent", DREAM_SOURCE)
_ENVIRONMENT_ID = derived_id("env", DREAM_SOURCE)
_INSERT = """
WITH made AS (
    INSERT INTO sessions (id, source, agent, model, started_at, imported_at, event_count, content_sha256)
    VALUES (%(id)s, %(source)s, %(source)s, %(model)s, %(now)s, %(now)s, 0, '') RETURNING key
)
INSERT INTO live_sessions (session_key, status, title, environment_id, agent_id, agent_version, agent,
    running_since, last_event_at, updated_at)
SELECT key, 'running', %(title)s, %(environment)s, %(agent_id)s, 1, %(agent)s, %(now)s, %(now)s, %(now)s FROM made
"""
_APPEND = """
WITH grown AS (
    UPDATE sessions SET event_count = event_count + 1, ended_at = %(now)s WHERE id = %(id)s
    RETURNING key, event_count - 1 AS sequence
), live AS (
    UPDATE live_sessions SET last_event_at = %(now)s, updated_at = %(now)s
    WHERE session_key = (SELECT key FROM grown)
), told AS (
    SELECT pg_notify('reverie_session', %(id)s)
)
INSERT INTO events (session_key, sequence, type, at, payload)
SELECT key, sequence, %(type)s, %(now)s, %(payload)s FROM grown, told
"""


async def begin_session(connection: Connection, dream: DreamRow, now: datetime) -> str:
    """Begin a dream's session; its id."""
    session_id = new_id("sesn", now)
    model = dream.request.model or ""
    parameters = {
        "id": session_id,
        "source": DREAM_SOURCE,
        "model": model,
        "title": f"Dream {dream.id}",
        "environment": _ENVIRONMENT_ID,
        "agent_id": _AGENT_ID,
        "agent": Jsonb(_agent(model)),
        "now": now,
    }
    await connection.execute(_INSERT, parameters)
    await _append(connection, session_id, "session.status_running", {}, now)
    return session_id


async def tell(connection: Connection, session_id: str, text: str, now: datetime) -> None:
    """Say in the session how far the dream is."""
    await _append(connection, session_id, "agent.message", {"content": text_content(text)}, now)


async def end_session(connection: Connection, session_id: str, text: str, now: datetime) -> None:
    """Say how the dream ended, and archive its session; once is enough."""
    ended = await connection.execute(
        """
        UPDATE live_sessions SET status = 'terminated', archived_at = %s, updated_at = %s, running_since = NULL,
            active_seconds = extract(epoch FROM %s - running_since)
        WHERE session_key = (SELECT key FROM sessions WHERE id = %s) AND archived_at IS NULL
        """,
        [now, now, now, session_id],
    )
    if ended.rowcount == 0:
        return
    await tell(connection, session_id, text, now)
    await _append(connection, session_id, "session.status_idle", {"stop_reason": {"type": "end_turn"}}, now)
    await _append(connection, session_id, "session.status_terminated", {}, now)


async def _append(connection: Connection, session_id: str, type: str, payload: dict[str, Any], now: datetime) -> None:
    parameters = {"id": session_id, "type": type, "payload": Jsonb(payload), "now": now}
    await connection.execute(_APPEND, parameters)


def _agent(model: str) -> dict[str, Any]:
    """The snapshot of the agent that dreams are shown to be run by."""
    return {
        "type": "agent",
        "id": _AGENT_ID,
        "version": 1,
        "name": "Dreamer",
        "description": "Learns from past sessions and writes what holds into a memory store.",
        "system": None,
        "model": {"id": model, "speed": "standard"},
        "tools": [],
        "mcp_servers": [],
        "skills": [],
        "multiagent": None,
        "execution_identity": {"type": "service_account"},
    }
