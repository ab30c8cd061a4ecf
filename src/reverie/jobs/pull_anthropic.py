"""Sessions and memory stores of a Managed Agents server, by the official client, brought here."""

from collections.abc import AsyncIterator, Callable, Sequence
from datetime import datetime
from typing import Any

import msgspec
from anthropic import AsyncAnthropic

from reverie.jobs.pulling import Source
from reverie.memory.memory import Edit
from reverie.sessions.importers.managed_agents import SESSION_FIELD
from reverie.storage.memory.memories import apply_edits
from reverie.storage.memory.stores import ensure_store, read_store
from reverie.storage.postgres.database import Connection
from reverie.storage.sessions.import_summary import ImportSummary, added
from reverie.storage.sessions.pulled import read_marks, write_marks

WAY = "pull anthropic"
_TOGETHER = 10
"""Sessions that are stored at once."""
_PAGE = 100
Told = Callable[[str], None]
"""Says how far it is."""


class PulledStore(msgspec.Struct, frozen=True):
    """What became of a memory store."""

    id: str
    name: str
    memories: int
    """Memories that were new or changed."""


class PulledAgents(msgspec.Struct, frozen=True):
    """What was brought."""

    imported: ImportSummary
    unchanged: int
    """Sessions that have not changed since the last time."""
    stores: tuple[PulledStore, ...]


async def pull_sessions(
    client: AsyncAnthropic, source: Source, since: datetime | None, tell: Told
) -> tuple[ImportSummary, int]:
    """Bring every session that is new or has changed; also how many have not."""
    known = await source.marks()
    total, unchanged = ImportSummary(), 0
    documents: list[Any] = []
    marks: dict[str, str] = {}
    bounds: dict[str, Any] = {} if since is None else {"created_at_gte": since}
    async for session in client.beta.sessions.list(order="asc", limit=_PAGE, include_archived=True, **bounds):
        if known.get(f"session {session.id}") == session.updated_at.isoformat():
            unchanged += 1
            continue
        events = await _events(client, session.id)
        documents.append({SESSION_FIELD: session.to_dict(mode="json"), "events": events})
        marks[f"session {session.id}"] = session.updated_at.isoformat()
        if len(documents) == _TOGETHER:
            total = added(total, await source.store(documents, marks))
            documents, marks = [], {}
            tell(f"{total.sessions.created + total.sessions.extended} sessions")
    return added(total, await source.store(documents, marks)), unchanged


async def _events(client: AsyncAnthropic, session_id: str) -> list[dict[str, Any]]:
    """The session's events in order, those of its threads where they happened."""
    primary = [one.to_dict(mode="json") async for one in _all_events(client, session_id)]
    seen = {event.get("id") for event in primary}
    others: list[dict[str, Any]] = []
    async for thread in client.beta.sessions.threads.list(session_id, limit=_PAGE):
        if thread.parent_thread_id is None:
            continue
        name = getattr(thread.agent, "name", None) or thread.id
        listed = client.beta.sessions.threads.events.list(thread.id, session_id=session_id, limit=_PAGE)
        given = [one.to_dict(mode="json") async for one in listed]
        others += [{**event, "thread": name} for event in given if event.get("id") not in seen]
    return sorted([*primary, *others], key=_when) if others else primary


async def _all_events(client: AsyncAnthropic, session_id: str) -> AsyncIterator[Any]:
    async for event in client.beta.sessions.events.list(session_id, order="asc", limit=_PAGE):
        yield event


def _when(event: dict[str, Any]) -> str:
    return str(event.get("processed_at") or "")


async def pull_stores(
    client: AsyncAnthropic, source: Source, names: Sequence[str], tell: Told
) -> tuple[PulledStore, ...]:
    """Bring memories that are new or have changed there; what is written here alone stays, and so does all else.

    A store goes into the one that it went into before, else into the one of its name, which is made where there is
    none. ``names`` are names or ids; none is all.
    """
    done = []
    async for store in client.beta.memory_stores.list(limit=_PAGE):
        if names and store.id not in names and store.name not in names:
            continue
        listed = client.beta.memory_stores.memories.list(store.id, view="full", limit=_PAGE)
        memories = [one async for one in listed if one.type == "memory"]
        async with source.database.connection() as connection:
            done.append(await _keep(connection, source, store.id, store.name, memories))
        tell(f"{store.name}: {done[-1].memories} memories")
    return tuple(done)


async def _keep(
    connection: Connection, source: Source, store_id: str, name: str, memories: Sequence[Any]
) -> PulledStore:
    place = f"{source.place} {store_id}"
    marks = await read_marks(connection, source.way, place)
    now = source.clock.now()
    if "" in marks:
        own = await read_store(connection, marks[""])
    else:
        own = await ensure_store(connection, name, now)
    fresh = [one for one in memories if marks.get(one.path) != one.content_sha256]
    edits = [Edit(one.path, one.content or "", f"pulled from {store_id}") for one in fresh]
    if edits:
        reason = f"pulled from {source.place}, store {store_id}"
        await apply_edits(connection, own.id, edits, act="write", actor=WAY, reason=reason, now=now)
    brought = {one.path: one.content_sha256 for one in fresh} | {"": own.id}
    await write_marks(connection, source.way, place, brought, now)
    return PulledStore(own.id, own.name, len(edits))
