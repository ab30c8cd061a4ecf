"""Digests in the database: made from stored events, kept column by column, made again when out of date."""

from datetime import UTC, datetime
from typing import Any

import numpy as np
import pytest

from reverie.clock import ManualClock
from reverie.digests.digest import DIGEST_VERSION
from reverie.digests.vector import open_embedder, unpack_vectors
from reverie.jobs.digestion import digest_sessions
from reverie.sessions.segment import parse_segment
from reverie.settings import Settings
from reverie.storage.learning.digests import count_undigested, load_corpus, write_digests
from reverie.storage.learning.traces import load_traces
from reverie.storage.postgres.database import Connection, Database
from reverie.storage.sessions.import_summary import ImportOptions
from reverie.storage.sessions.ingest import import_sessions
from tests.conftest import ChatFile

EVERYTHING = parse_segment(None)
LAST_KEY = 1_000_000


def calling(tool: str, **arguments: Any) -> dict[str, Any]:
    return {"role": "assistant", "tool_calls": [{"id": tool, "function": {"name": tool, "arguments": arguments}}]}


MESSAGES = [
    {"role": "user", "content": "I want to cancel my order. This is terrible!"},
    {"role": "assistant", "content": "Which order is it?"},
    {"role": "user", "content": "Order 12, thanks!"},
    calling("find_order", number=12),
    {"role": "tool", "tool_call_id": "find_order", "content": "found"},
    calling("cancel_order", number=12),
    {"role": "tool", "tool_call_id": "cancel_order", "content": "done"},
    {"role": "assistant", "content": "It is cancelled."},
]


@pytest.fixture
async def digested(database: Database, settings: Settings, chat_file: ChatFile) -> Database:
    """A database with one digested session ``told``, and one ``silent`` in which the user says nothing."""
    silent = {"id": "silent", "messages": [{"role": "assistant", "content": "Anyone there?"}]}
    file = chat_file("a.jsonl", {"id": "told", "messages": MESSAGES}, silent)
    clock = ManualClock(datetime(2026, 3, 4, tzinfo=UTC))
    await import_sessions(database, settings, [file], ImportOptions(), clock, lambda _: None)
    await digest(database)
    return database


async def digest(database: Database) -> None:
    async with database.connection() as connection:
        keys = [row[0] async for row in await connection.execute("SELECT key FROM sessions ORDER BY key")]
        await write_digests(connection, digest_sessions(database.url, keys))


async def read(connection: Connection, columns: str) -> dict[str, tuple[Any, ...]]:
    query = f"SELECT s.id, {columns} FROM digests d JOIN sessions s ON s.key = d.session_key"
    return {row[0]: row[1:] async for row in await connection.execute(query.encode())}


async def test_signals_are_stored_each_in_its_column(digested: Database) -> None:
    async with digested.connection() as connection:
        counts = "user_turns, questions, confirmations, fallbacks, escalations, hand_offs, threads"
        rows = await read(connection, f"intent, {counts}")
        felt = await read(connection, "sentiment_first, sentiment_last, sentiment_lowest")
    assert rows == {"told": ("cancel order", 2, 1, 0, 0, 0, 0, 1), "silent": ("", 0, 1, 0, 0, 0, 0, 1)}
    first, last, lowest = felt["told"]
    assert first == lowest < -0.4 and last > 0.4
    assert felt["silent"] == (None, None, None)


async def test_the_vector_of_the_opening_is_stored_with_its_embedder(digested: Database) -> None:
    embedder = open_embedder(None)
    async with digested.connection() as connection:
        rows = await read(connection, "opening, vector, embedder")
    opening, vector, name = rows["told"]
    assert name == embedder.name
    assert np.allclose(unpack_vectors([vector], embedder.dimensions), embedder.embed([opening]), atol=1e-3)
    assert rows["silent"] == ("", None, None)


async def test_tool_actions_are_stored_in_order_as_behaviour_codes(digested: Database) -> None:
    async with digested.connection() as connection:
        rows = await read(connection, "actions")
        names = "SELECT code, name FROM behaviours WHERE situation = 'session'"
        name_of = {code: name async for code, name in await connection.execute(names)}
    codes = np.frombuffer(rows["told"][0], "<i4")
    assert [name_of[code] for code in codes] == ["call:find_order", "call:cancel_order"]
    assert rows["silent"] == (b"",)


async def test_situations_are_loaded_with_the_step_they_were_reached_at(digested: Database) -> None:
    async with digested.connection() as connection:
        corpus = await load_corpus(connection, EVERYTHING, LAST_KEY)
    reached = {
        corpus.names[code].situation.text: step
        for code, step in zip(corpus.entry_code, corpus.entry_step, strict=True)
        if corpus.names[code].kind == "situation"
    }
    assert reached["before cancel_order"] == 2
    assert reached["after user sours"] == 0


async def test_digests_of_an_older_version_are_made_again_and_replaced(digested: Database) -> None:
    async with digested.connection() as connection:
        await connection.execute("UPDATE digests SET version = %s, intent = '', vector = NULL", [DIGEST_VERSION - 1])
        assert await count_undigested(connection, EVERYTHING, LAST_KEY) == 2
    await digest(digested)
    async with digested.connection() as connection:
        assert await count_undigested(connection, EVERYTHING, LAST_KEY) == 0
        intent, vector = (await read(connection, "intent, vector"))["told"]
    assert intent == "cancel order" and vector is not None


async def test_what_shows_how_a_session_went_is_kept_with_the_digest(digested: Database) -> None:
    async with digested.connection() as connection:
        told, silent = sorted(await load_traces(connection, EVERYTHING, LAST_KEY), key=lambda each: each.id != "told")
    assert told.trace.language == "en" and told.intent == "cancel order"
    assert [each.kind for each in told.trace.occurrences] == ["thanks", "satisfied close"]
    assert [each.kind for each in silent.trace.occurrences] == ["ended on question"]
