"""Session tables read from the database."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from reverie.clock import ManualClock
from reverie.jobs.digestion import digest_sessions
from reverie.overview.table import MAIN_AGENT
from reverie.sessions.segment import parse_segment
from reverie.settings import Settings
from reverie.storage.learning.digests import write_digests
from reverie.storage.learning.session_table import load_session_table, read_agent_texts
from reverie.storage.postgres.database import Database
from reverie.storage.sessions.import_summary import ImportOptions
from reverie.storage.sessions.ingest import import_sessions
from reverie.testing.worlds import team_world, write_world
from tests.conftest import ChatFile

LAST_KEY = 1_000_000
NOON = datetime(2026, 3, 4, 12, tzinfo=UTC)


def calling(tool: str) -> dict[str, Any]:
    return {"role": "assistant", "tool_calls": [{"id": tool, "function": {"name": tool, "arguments": {}}}]}


SESSIONS = (
    {
        "id": "alone",
        "messages": [
            {"role": "user", "content": "I want to cancel my order. This is terrible!"},
            calling("find_order"),
            {"role": "tool", "tool_call_id": "find_order", "content": "found"},
            calling("cancel_order"),
            {"role": "tool", "tool_call_id": "cancel_order", "content": "done"},
            {"role": "assistant", "content": "It is cancelled."},
        ],
        "reward": 1.0,
        "metadata": {"task_id": "t1", "started_at": NOON.isoformat()},
    },
    {
        "id": "team",
        "messages": [
            {"role": "user", "content": "Where is my parcel?"},
            {"role": "assistant", "name": "desk", "content": "I ask the warehouse."},
            {"role": "assistant", "name": "warehouse", "content": "It left today."},
            {"role": "assistant", "name": "desk", "content": "It is on its way."},
        ],
    },
)


@pytest.fixture
async def digested(database: Database, settings: Settings, chat_file: ChatFile) -> Database:
    """A database with both sessions, digested."""
    options, clock = ImportOptions(), ManualClock(NOON)
    await import_sessions(database, settings, [chat_file("a.jsonl", *SESSIONS)], options, clock, lambda _: None)
    async with database.connection() as connection:
        keys = [row[0] async for row in await connection.execute("SELECT key FROM sessions")]
        await write_digests(connection, digest_sessions(database.url, keys))
    return database


async def test_columns_are_parallel_and_what_is_unknown_is_nan(digested: Database) -> None:
    table = await load_session_table(digested, parse_segment(None), LAST_KEY)
    assert table.corpus.session_ids == ["alone", "team"]
    assert table.signals.intent[0] == "cancel order"
    assert table.signals.opening[1] == "Where is my parcel?"
    assert table.signals.sentiment_first[0] < 0
    assert table.signals.scores["reward"][0] == 1
    assert np.isnan([table.reward[1], table.signals.scores["reward"][1], table.signals.tokens[0]]).all()
    assert table.signals.counts["hand-offs"].tolist() == [0, 2]
    assert np.linalg.norm(table.vectors, axis=1) == pytest.approx([1, 1], abs=0.01)


async def test_actions_are_in_the_order_they_were_taken(digested: Database) -> None:
    table = await load_session_table(digested, parse_segment(None), LAST_KEY)
    names = [table.corpus.names[code].name.text for code in table.action_code]
    assert names == ["call:find_order", "call:cancel_order"]
    assert table.action_session.tolist() == [0, 0]


async def test_hand_offs_say_who_hands_to_whom(digested: Database) -> None:
    table = await load_session_table(digested, parse_segment(None), LAST_KEY)
    pairs = set(zip(table.hand_off_from, table.hand_off_to, strict=True))
    assert table.hand_off_session.tolist() == [1, 1]
    assert len(pairs) == 2
    assert {giver for giver, _ in pairs} == {taker for _, taker in pairs}


async def test_hand_offs_name_agents_where_threads_are_ids(
    database: Database, settings: Settings, tmp_path: Path
) -> None:
    write_world(team_world(1, sessions=3, tasks=3), tmp_path / "team.jsonl")
    options, clock = ImportOptions(), ManualClock(NOON)
    await import_sessions(database, settings, [tmp_path / "team.jsonl"], options, clock, lambda _: None)
    async with database.connection() as connection:
        keys = [row[0] async for row in await connection.execute("SELECT key FROM sessions")]
        await write_digests(connection, digest_sessions(database.url, keys))
    table = await load_session_table(database, parse_segment(None), LAST_KEY)
    takers = {MAIN_AGENT, "researcher", "writer"}
    assert set(table.hand_off_to) == takers
    assert set(table.hand_off_from) == takers


async def test_only_the_segment_is_read(digested: Database) -> None:
    table = await load_session_table(digested, parse_segment("task_id = 't1'"), LAST_KEY)
    assert table.corpus.session_ids == ["alone"]
    empty = await load_session_table(digested, parse_segment("task_id = 'none'"), LAST_KEY)
    assert empty.size == 0


async def test_the_messages_of_some_sessions_come_in_order(digested: Database) -> None:
    table = await load_session_table(digested, parse_segment(None), LAST_KEY)
    texts = await read_agent_texts(digested, table, np.array([1]))
    assert texts == [(1, ["I ask the warehouse.", "It left today.", "It is on its way."])]
