"""A desk of recorded sessions and a memory store, for dreams that are asked for over HTTP."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg
from anthropic import AsyncAnthropic
from anthropic.types.beta import BetaDream
from anthropic.types.beta.beta_dream_input_param import BetaDreamInputParam

from reverie.clock import SystemClock
from reverie.memory.memory import Edit
from reverie.settings import Settings
from reverie.storage.learning.served_dreams import CHANNEL
from reverie.storage.memory.memories import apply_edits, list_memories
from reverie.storage.memory.stores import create_store
from reverie.storage.postgres.database import Database
from reverie.storage.sessions.import_summary import ImportOptions
from reverie.storage.sessions.ingest import import_sessions
from reverie.testing.patience import PATIENCE_SECONDS
from tests.dreams.small_desk import small_desk

FEW = 10
"""Tasks; with ten sessions each, as many as a standard request may name."""
IDS = [f"t{task}-{run}" for task in range(FEW) for run in range(10)]


async def fill_desk(database: Database, settings: Settings, folder: Path, tasks: int = FEW) -> str:
    """Import the sessions and make a store with one note; the store's id."""
    clock = SystemClock()
    path = small_desk(folder / "desk.jsonl", tasks=tasks)
    await import_sessions(database, settings, [path], ImportOptions(), clock, lambda _: None)
    return await make_store(database, "desk")


async def make_store(database: Database, name: str) -> str:
    """A store with one note."""
    now = SystemClock().now()
    async with database.connection() as connection:
        made = await create_store(connection, name, "", {}, now)
        note = [Edit("/notes/hours.md", "The desk opens at nine.", "a note")]
        await apply_edits(connection, made.id, note, act="write", actor="user", reason="a note", now=now)
    return made.id


def inputs(store: str, ids: list[str] = IDS) -> list[BetaDreamInputParam]:
    """What a dream reads, in a standard request."""
    return [{"type": "memory_store", "memory_store_id": store}, {"type": "sessions", "session_ids": ids}]


def everything(store: str) -> dict[str, Any]:
    """A request of our own over every session, into the store itself."""
    return {
        "inputs": [{"type": "memory_store", "memory_store_id": store}, {"type": "session_query", "where": ""}],
        "output_behavior": {"type": "update_existing", "memory_store_id": store},
    }


async def at_rest(client: AsyncAnthropic, url: str, dream_id: str) -> BetaDream:
    """The dream once it has ended and its session is archived; ``url`` is the database's."""
    async with (
        asyncio.timeout(PATIENCE_SECONDS),
        await psycopg.AsyncConnection.connect(url, autocommit=True) as listener,
    ):
        await listener.execute(f"LISTEN {CHANNEL}".encode())
        while not await _rests(client, await client.beta.dreams.retrieve(dream_id)):
            async for _ in listener.notifies(stop_after=1):
                pass
        return await client.beta.dreams.retrieve(dream_id)


async def _rests(client: AsyncAnthropic, dream: BetaDream) -> bool:
    if dream.ended_at is None or dream.session_id is None:
        return dream.ended_at is not None
    return (await client.beta.sessions.retrieve(dream.session_id)).archived_at is not None


async def contents(database: Database, store: str) -> dict[str, str | None]:
    """Path and content of every memory of a store."""
    async with database.connection() as connection:
        return {memory.path: memory.content for memory in await list_memories(connection, store, with_content=True)}


@contextmanager
def slot_taken(url: str, store: str) -> Iterator[None]:
    """Another process dreams for the store, as far as anybody can tell."""
    with psycopg.connect(url, autocommit=True) as holder:
        holder.execute("SELECT pg_advisory_lock(hashtextextended('dream of ' || %s, 0))", [store])
        yield


@contextmanager
def table_locked(url: str, table: str) -> Iterator[psycopg.Connection]:
    """Nobody reads or writes the table until the transaction ends; a dream that comes to it waits there."""
    with psycopg.connect(url) as holder:
        holder.execute(f"LOCK TABLE {table} IN ACCESS EXCLUSIVE MODE".encode())
        yield holder


async def waiting_for(url: str, table: str, count: int = 1) -> None:
    """Return when so many wait for the table."""
    query = "SELECT count(*) FROM pg_locks WHERE NOT granted AND relation = %s::regclass"
    async with (
        asyncio.timeout(PATIENCE_SECONDS),
        await psycopg.AsyncConnection.connect(url, autocommit=True) as connection,
    ):
        while (await (await connection.execute(query, [table])).fetchone()) != (count,):
            pass
