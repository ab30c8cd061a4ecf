"""Making a session's briefing: once, from the stores that are attached to it."""

from collections.abc import Sequence

from reverie.memory.briefing_size import USUAL_SIZE, BriefingSize, read_size
from reverie.runtime.briefing import Briefing
from reverie.runtime.conversation import ThreadEvent, texts_of
from reverie.storage.live.assignments import Candidate
from reverie.storage.live.briefings import write_briefing
from reverie.storage.live.guidance import LONGEST_QUERY, make_guidance
from reverie.storage.live.replies import read_thread_log
from reverie.storage.live.session_views import stores_of
from reverie.storage.live.sessions import LiveSession
from reverie.storage.postgres.database import Connection
from reverie.storage.service.agents import read_metadata
from reverie.turns.desk import Desk

OFF = ("reverie_briefing", "off")
"""Metadata of a session that is to be shown nothing."""


async def make_briefing(desk: Desk, connection: Connection, session: LiveSession) -> str:
    """The guidance that a session's requests carry; made when the first one has taken its inputs in, and kept."""
    now, briefing = desk.clock.now(), Briefing("", ())
    stores = stores_of(session.resources)
    if stores and session.metadata.get(OFF[0]) != OFF[1]:
        log = await read_thread_log(connection, session.id, session.key, None)
        query = _opening(log)[:LONGEST_QUERY]
        briefing = await make_guidance(
            connection, stores, _candidate(session), query, now, await _size(connection, session)
        )
    return await write_briefing(connection, session.key, briefing, now)


async def _size(connection: Connection, session: LiveSession) -> BriefingSize:
    """How much the session's agent is to be shown."""
    agent = session.agent
    return read_size(await read_metadata(connection, agent["id"], agent["version"])) if agent else USUAL_SIZE


def _candidate(session: LiveSession) -> Candidate:
    metadata = session.metadata
    agent, version = (session.agent["name"], str(session.agent["version"])) if session.agent else (None, None)
    return Candidate(session.id, session.key, metadata.get("user_id"), agent, metadata.get("task_category"), version)


def _opening(log: Sequence[ThreadEvent]) -> str:
    """The text of the first message or outcome."""
    for event in log:
        if event.type == "user.message":
            return "\n".join(texts_of(event.payload))
        if event.type == "user.define_outcome":
            return str(event.payload.get("description") or "")
    return ""
