"""What the MCP server's tools do with the database: one session's briefing, recall, notes and outcome."""

import asyncio
import hashlib
import re
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager

import msgspec

from reverie.clock import Clock
from reverie.errors import InputError, NotFoundError, RoleError
from reverie.jobs.external_briefing import BriefingRequest, give_briefing
from reverie.jobs.outcome_report import ReportedOutcome, report_outcome
from reverie.lazy_modules import load_module
from reverie.lessons.asker import Asker
from reverie.lessons.lesson import Lesson
from reverie.memory.hit import RecallHit
from reverie.memory.memory import Edit, Memory, MemoryStore
from reverie.memory.path import QUARANTINE
from reverie.memory.screening import screen
from reverie.settings import Settings
from reverie.storage.learning.lessons import find_lesson
from reverie.storage.live.external_briefings import ExternalBriefing, hidden_from
from reverie.storage.memory.memories import apply_edits, list_memories, read_memory
from reverie.storage.memory.recall import recall
from reverie.storage.memory.store_places import lessons_of_others, read_place, require_open
from reverie.storage.memory.stores import choose_store, find_store
from reverie.storage.postgres.act import record_act
from reverie.storage.postgres.database import Connection, Database, telling_database_errors
from reverie.teams.membership import is_for_another, why_not_written

LONGEST_NOTE = 4_000
_MOST_TOKENS = 2_000
_LONGEST_SLUG = 40
_REFUSED = {
    "empty": "it says nothing; say what is to be remembered in a sentence",
    "boilerplate": "it says nothing; say what is to be remembered in a sentence",
    "redacted": "only redacted values are left of it; leave secrets out",
    "instruction": "it orders agents about; write what you found instead, as a fact",
}


class Place(msgspec.Struct, frozen=True):
    """Whose session it is, and which stores it may see."""

    stores: tuple[str, ...]
    """Names or ids; none is the only store there is."""
    agent: str | None
    reference: str
    """What its briefing is known by."""
    session_id: str
    """What the session is known by once it is here: by it, notes tell what their writer was shown."""
    actor: Mapping[str, str] | None = None
    """Whose key asks, for the audit log; None for whoever has the database."""
    role: str = "write"
    """What the key may do."""


class McpDesk:
    """One client's session. What is drawn for it is drawn when it first asks for anything that lessons are in."""

    def __init__(self, database: Database, settings: Settings, clock: Clock, place: Place) -> None:
        self._database = database
        self._settings = settings
        self._clock = clock
        self._place = place

    async def brief(self, task: str, family: str | None) -> ExternalBriefing:
        """The session's briefing; asked again, the same.

        Raises:
            RoleError: the key may only read: a briefing draws the session, and that is recorded.
        """
        self._check_writes("briefing")
        async with self._opened() as (connection, stores):
            return await self._brief(connection, stores, task, family)

    async def recall(self, query: str, limit: int) -> list[tuple[MemoryStore, RecallHit]]:
        """What suits the query in all stores, best first, without what the session was drawn to go without."""
        embedder = await asyncio.to_thread(
            lambda: load_module("reverie.digests.vector").open_embedder(self._settings.embedder)
        )
        found: list[tuple[MemoryStore, RecallHit]] = []
        async with self._opened() as (connection, stores):
            briefing = await self._drawn(connection, stores, query)
            for store in stores:
                hits = await recall(
                    connection,
                    store.id,
                    query,
                    limit,
                    now=self._clock.now(),
                    embedder=embedder,
                    most_tokens=_MOST_TOKENS,
                    asker=Asker(self._place.agent),
                    hidden=await self._hidden(connection, briefing, store.id),
                )
                found += [(store, hit) for hit in hits]
        return sorted(found, key=lambda pair: -pair[1].score)[:limit]

    async def remember(self, text: str, store: str | None) -> tuple[MemoryStore, str]:
        """A note of the short tier, which the next dream looks at; its store and path. The same text is one note.

        Raises:
            InputError: the text is too long, says nothing or orders agents about.
            RoleError: the key may only read, or the store is what a team remembers together.
        """
        self._check_writes("remember")
        path = _note_path(text)
        if len(text) > LONGEST_NOTE:
            raise InputError(f"text: {len(text):,} characters; at most {LONGEST_NOTE:,} are taken: keep what matters")
        verdict = screen(text, path)
        if verdict is not None:
            raise InputError(f"text: not remembered, as {_REFUSED[verdict]}")
        async with self._opened() as (connection, stores):
            chosen = _chosen(stores, store)
            place = await read_place(connection, chosen.id)
            if (why := why_not_written(chosen.id, place, untrusted=False)) is not None:
                raise RoleError(why)
            await apply_edits(
                connection,
                chosen.id,
                [Edit(path, text.strip() + "\n", "remembered by an agent", tier="short")],
                act="write",
                actor=self._place.session_id,
                reason="remembered by an agent over MCP",
                created_by={"type": "session_actor", "session_id": self._place.session_id},
                now=self._clock.now(),
            )
            await self._record(connection, "mcp.remember", chosen.id)
            return chosen, path

    async def report(self, score: float, note: str, reference: str | None) -> ReportedOutcome:
        """Record how the session, or another one by its reference, went."""
        self._check_writes("report_outcome")
        asked = reference or self._place.reference
        async with telling_database_errors():
            return await report_outcome(
                self._database, self._settings, self._clock, asked, score, note=note, agent=self._place.agent
            )

    def _check_writes(self, tool: str) -> None:
        if self._place.role == "read":
            raise RoleError(f"{tool} needs a key of role write; this one may read: recall and explain_lesson")

    async def _record(self, connection: Connection, action: str, resource_id: str) -> None:
        if self._place.actor is not None:
            await record_act(connection, self._place.actor, action, resource_id, "", self._clock.now())

    async def explain(self, lesson_id: str) -> Lesson:
        """A lesson of the stores, if this session may see it.

        Raises:
            NotFoundError: there is none.
        """
        async with self._opened() as (connection, stores):
            row = await find_lesson(connection, lesson_id)
            briefing = await self._drawn(connection, stores)
            hidden = await self._hidden(connection, briefing, row.memory_store_id)
            place = await read_place(connection, row.memory_store_id)
        is_ours = row.memory_store_id in {store.id for store in stores} and not is_for_another(
            place, row.lesson.scope.agent, self._place.agent
        )
        is_told = briefing is not None and row.lesson.id in {one["subject"] for one in briefing.shown}
        if not is_ours or not (is_told or (row.lesson.status == "adopted" and row.lesson.id not in hidden.values())):
            raise NotFoundError(f"there is no lesson {lesson_id!r} here; the briefing and recall name those that are")
        return row.lesson

    async def paths(self, store: str) -> list[str]:
        """The paths of a store's memories."""
        async with self._opened() as (connection, stores):
            chosen = _chosen(stores, store)
            briefing = await self._drawn(connection, stores)
            hidden = await self._hidden(connection, briefing, chosen.id)
            found = await list_memories(connection, chosen.id, hidden=list(hidden))
        return [memory.path for memory in found if not memory.path.startswith(QUARANTINE)]

    async def memory(self, store: str, path: str) -> Memory:
        """One memory.

        Raises:
            NotFoundError: there is none for this session.
        """
        async with self._opened() as (connection, stores):
            chosen = _chosen(stores, store)
            briefing = await self._drawn(connection, stores)
            found = await read_memory(connection, chosen.id, path)
            if found.id in await self._hidden(connection, briefing, chosen.id) or path.startswith(QUARANTINE):
                raise NotFoundError(f"memory store {chosen.id} has no memory {path!r}")
            return found

    async def _drawn(
        self, connection: Connection, stores: Sequence[MemoryStore], query: str = ""
    ) -> ExternalBriefing | None:
        """What the session was drawn to see; None for who may only read, and takes no part in trials."""
        return None if self._place.role == "read" else await self._brief(connection, stores, query, None)

    async def _brief(
        self, connection: Connection, stores: Sequence[MemoryStore], task: str, family: str | None
    ) -> ExternalBriefing:
        request = BriefingRequest(
            [store.id for store in stores], self._place.agent, family, query=task, reference=self._place.reference
        )
        return await give_briefing(connection, request, self._clock.now())

    async def _hidden(
        self, connection: Connection, briefing: ExternalBriefing | None, store_id: str
    ) -> dict[str, str | None]:
        """Memories that the session must not come upon, and the lessons that they are of."""
        drawn = {} if briefing is None else await hidden_from(connection, briefing, store_id)
        return drawn | await lessons_of_others(connection, store_id, self._place.agent)

    async def check_stores(self) -> None:
        """See that the stores that were named are there, before a session begins that could do nothing.

        Raises:
            NotFoundError: one is not; names those that are.
            ConflictError: several have the name.
        """
        async with telling_database_errors(), self._database.connection() as connection:
            for name in self._place.stores:
                await find_store(connection, name)

    @asynccontextmanager
    async def _opened(self) -> AsyncIterator[tuple[Connection, list[MemoryStore]]]:
        """A transaction, and the stores, which may have come to be since the server began.

        Raises:
            NotFoundError: one of them is not there, or is private to another agent.
        """
        async with telling_database_errors(), self._database.connection() as connection:
            names = self._place.stores
            stores = [await find_store(connection, name) for name in names] or [await choose_store(connection, None)]
            await require_open(connection, [store.id for store in stores], self._place.agent)
            yield connection, stores


def _chosen(stores: Sequence[MemoryStore], name: str | None) -> MemoryStore:
    if name is None:
        return stores[0]
    found = [store for store in stores if name in (store.id, store.name)]
    if not found:
        raise NotFoundError(f"store: there is no {name!r} here; give one of: {', '.join(s.name for s in stores)}")
    return found[0]


def _note_path(text: str) -> str:
    """Where a note lives: by its first words, and apart from notes that begin alike."""
    words = re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")[:_LONGEST_SLUG].strip("-")
    digest = hashlib.sha256(text.strip().encode("utf-8", "surrogatepass")).hexdigest()[:8]
    return f"/notes/{f'{words}-' if words else ''}{digest}.md"
