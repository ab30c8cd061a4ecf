"""Making a session's briefing: once, from the stores that are attached to it."""

from collections.abc import Sequence

from reverie.runtime.briefing import BriefingItem, compose
from reverie.runtime.conversation import ThreadEvent, texts_of
from reverie.storage.live.briefings import (
    lesson_items,
    memory_items,
    note_items,
    write_briefing,
)
from reverie.storage.live.replies import read_thread_log
from reverie.storage.live.sessions import LiveSession
from reverie.storage.memory.recall import recall
from reverie.storage.postgres.database import Connection
from reverie.turns.desk import Desk

OFF = ("reverie_briefing", "off")
"""Metadata of a session that is to be shown nothing."""
_MOST_RECALLED = 8
_LONGEST_QUERY = 2_000


async def make_briefing(desk: Desk, connection: Connection, session: LiveSession) -> str:
    """The guidance that a session's requests carry; made when the first one has taken its inputs in, and kept."""
    items: list[BriefingItem] = []
    if session.metadata.get(OFF[0]) != OFF[1]:
        stores = _stores(session)
        log = await read_thread_log(connection, session.id, session.key, None) if stores else ()
        for store_id in stores:
            items += await _items(desk, connection, session, store_id, _opening(log)[:_LONGEST_QUERY])
    return await write_briefing(connection, session.key, compose(items), desk.clock.now())


def _stores(session: LiveSession) -> list[str]:
    return [resource["memory_store_id"] for resource in session.resources if resource["type"] == "memory_store"]


async def _items(
    desk: Desk, connection: Connection, session: LiveSession, store_id: str, query: str
) -> list[BriefingItem]:
    agent = session.agent["name"] if session.agent else None
    family = session.metadata.get("task_category")
    # Lessons come by their scope already, and need no place among what is recalled.
    now = desk.clock.now()
    hits = await recall(connection, store_id, query, _MOST_RECALLED, now=now, asker=None) if query else ()
    return [
        *await note_items(connection, store_id),
        *await lesson_items(connection, store_id, agent, family),
        *await memory_items(connection, store_id, [hit.memory_id for hit in hits]),
    ]


def _opening(log: Sequence[ThreadEvent]) -> str:
    """The text of the first message or outcome."""
    for event in log:
        if event.type == "user.message":
            return "\n".join(texts_of(event.payload))
        if event.type == "user.define_outcome":
            return str(event.payload.get("description") or "")
    return ""
