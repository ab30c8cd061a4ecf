"""The sessions that dreams are watched in: begun when a dream starts, one message a stage, archived when it ends."""

from datetime import datetime
from typing import Any

from reverie.dreams.dream import DREAM_SOURCE
from reverie.ids import derived_id, new_id
from reverie.runtime.live_state import LiveState, NewEvent, Transition
from reverie.runtime.turn import terminate
from reverie.sessions.event import text_content
from reverie.storage.learning.dreams import DreamRow
from reverie.storage.live.log import append_events, apply_transition
from reverie.storage.live.sessions import (
    NewSession,
    archive_session,
    insert_session,
    read_session,
    session_exists,
)
from reverie.storage.postgres.database import Connection

_AGENT_ID = derived_id("agent", DREAM_SOURCE)
_ENVIRONMENT_ID = derived_id("env", DREAM_SOURCE)


async def begin_session(connection: Connection, dream: DreamRow, now: datetime) -> str:
    """Begin a dream's session; its id."""
    new = NewSession(
        id=new_id("sesn", now),
        title=f"Dream {dream.id}",
        environment_id=_ENVIRONMENT_ID,
        agent=_agent(dream.request.model or ""),
        metadata={"dream_id": dream.id},
        resources=[],
        vault_ids=[],
        budget=None,
        deployment_id=None,
        source=DREAM_SOURCE,
    )
    await insert_session(connection, new, now)
    await append_events(connection, new.id, [NewEvent("session.status_running", {})], now)
    return new.id


async def post_message(connection: Connection, session_id: str, text: str, now: datetime) -> None:
    """Say in the session how far the dream is."""
    await append_events(connection, session_id, [NewEvent("agent.message", {"content": text_content(text)})], now)


async def end_session(connection: Connection, session_id: str, text: str, now: datetime) -> None:
    """Say how the dream ended, and archive its session; once is enough, and one that was deleted stays so."""
    if not await session_exists(connection, session_id):
        return
    session = await read_session(connection, session_id, lock=True)
    if session.archived_at is not None:
        return
    idle = NewEvent("session.status_idle", {"stop_reason": {"type": "end_turn"}})
    await append_events(connection, session_id, [NewEvent("agent.message", {"content": text_content(text)}), idle], now)

    def end(state: LiveState) -> Transition:
        transition = Transition(state, now)
        terminate(transition)
        return transition

    await apply_transition(connection, session_id, end, now)
    await archive_session(connection, session, now)


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
