"""Sessions and memory stores of a Managed Agents server, by the official client, brought here."""

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any

import msgspec
from anthropic import AsyncAnthropic

from reverie.display_name import numbered
from reverie.errors import SizeError
from reverie.jobs.bounded_http import Meter, each_listed
from reverie.jobs.pulling import Pulled, Source
from reverie.memory.memory import Edit
from reverie.sessions.import_problem import ImportProblem
from reverie.sessions.importers.managed_agents import SESSION_FIELD
from reverie.storage.memory.memories import apply_edits
from reverie.storage.memory.stores import ensure_store, read_store
from reverie.storage.postgres.database import Connection
from reverie.storage.sessions.import_summary import ImportSummary
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
    pulled, unchanged = Pulled(source, _TOGETHER), 0
    bounds: dict[str, Any] = {} if since is None else {"created_at_gte": since}
    listed = client.beta.sessions.list(order="asc", limit=_PAGE, include_archived=True, **bounds)
    async for session in each_listed(listed, "sessions"):
        if known.get(f"session {session.id}") == session.updated_at.isoformat():
            unchanged += 1
            continue
        try:
            line = await _line(client, session)
        except SizeError as error:
            pulled.fail(ImportProblem(session.id, 0, str(error)))
            continue
        if await pulled.add(line, {f"session {session.id}": session.updated_at.isoformat()}):
            counts = pulled.total.sessions
            tell(f"{numbered(counts.created + counts.extended, 'session')}")
    await pulled.flush()
    return pulled.total, unchanged


async def _line(client: AsyncAnthropic, session: Any) -> bytes:
    """The session as the importer reads it: its events in order, those of its threads where they happened.

    Raises:
        SizeError: it is larger than what is taken.
    """
    meter, sessions = Meter(), client.beta.sessions
    primary = await _events(sessions.events.list(session.id, order="asc", limit=_PAGE), meter)
    seen = {event.get("id") for event in primary}
    others: list[dict[str, Any]] = []
    async for thread in each_listed(sessions.threads.list(session.id, limit=_PAGE), "threads"):
        if thread.parent_thread_id is None:
            continue
        name = getattr(thread.agent, "name", None) or thread.id
        given = await _events(sessions.threads.events.list(thread.id, session_id=session.id, limit=_PAGE), meter)
        others += [{**event, "thread": name} for event in given if event.get("id") not in seen]
    events = sorted([*primary, *others], key=_when) if others else primary
    return msgspec.json.encode({SESSION_FIELD: session.to_dict(mode="json"), "events": events}) + b"\n"


async def _events(listed: Any, meter: Meter) -> list[dict[str, Any]]:
    events = []
    async for one in each_listed(listed, "events"):
        events.append(one.to_dict(mode="json"))
        meter.lines(events[-1:])
    return events


def _when(event: dict[str, Any]) -> str:
    return str(event.get("processed_at") or "")


async def pull_stores(
    client: AsyncAnthropic, source: Source, names: Sequence[str], tell: Told
) -> tuple[PulledStore, ...]:
    """Bring memories that are new or have changed there; what is written here alone stays, and so does all else.

    A store goes into the one that it went into before, else into the one of its name, which is made where there is
    none. ``names`` are names or ids; none is all.

    Raises:
        SizeError: a store is larger than what is taken.
    """
    done = []
    async for store in each_listed(client.beta.memory_stores.list(limit=_PAGE), "memory stores"):
        if names and store.id not in names and store.name not in names:
            continue
        listed = client.beta.memory_stores.memories.list(store.id, view="full", limit=_PAGE)
        meter, memories = Meter(), []
        async for one in each_listed(listed, "memories"):
            meter.lines([one.to_dict(mode="json")])
            memories += [one] if one.type == "memory" else []
        async with source.database.connection() as connection:
            done.append(await _keep(connection, source, store.id, store.name, memories))
        tell(f"{store.name}: {numbered(done[-1].memories, 'memory', 'memories')}")
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
