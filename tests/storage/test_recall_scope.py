"""Lessons are recalled by what they are for, beside words and never over them."""

from datetime import UTC, datetime

import msgspec
import pytest

from reverie.dreams.policy import DreamPolicy
from reverie.lessons.asker import Asker
from reverie.memory.memory import Edit
from reverie.memory.policy import MemoryPolicy, RecallPolicy
from reverie.storage.memory.memories import apply_edits
from reverie.storage.memory.policies import write_policy
from reverie.storage.memory.recall import recall
from reverie.storage.memory.stores import create_store
from reverie.storage.postgres.database import Connection, Database

NOW = datetime(2026, 1, 1, tzinfo=UTC)
QUESTION = "What are the names of poker players?"
SCHEMA, WAIT, ASK = "/lessons/schema.md", "/lessons/wait.md", "/lessons/ask.md"
LESSONS = {
    SCHEMA: ("When the last tool call failed, inspect the schema", {"agent": "sql"}, "inspects the schema", 0.3),
    WAIT: ("Wait and retry", {}, "call:wait_and_retry", 0.2),
    ASK: ("Ask first", {"task_family": "refunds"}, "ask", 0.4),
}


async def desk(conn: Connection, notes: dict[str, str]) -> str:
    store_id = (await create_store(conn, "notes", "", {}, NOW)).id
    edits = [Edit(path, content, "") for path, content in notes.items()]
    edits += [Edit(path, words, "", lesson_id=f"lsn_{path}") for path, (words, *_) in LESSONS.items()]
    await apply_edits(conn, store_id, edits, act="write", actor="user", reason="test", now=NOW)
    await conn.execute(
        "INSERT INTO dreams (id, memory_store_id, status, request, created_at, last_session_key)"
        " VALUES ('drm_1', %s, 'completed', '{}', %s, 0)",
        [store_id, NOW],
    )
    for path, (_, scope, behaviour, low) in LESSONS.items():
        effect = {"estimate": low, "low": low, "high": low, "unit": "reward"}
        lesson = msgspec.json.encode({"scope": scope, "behaviour": behaviour, "effect": effect}).decode()
        await conn.execute(
            "INSERT INTO lessons VALUES (%s, %s, 'adopted', 'best_practice', %s::jsonb, 'drm_1', 'drm_1')",
            [store_id, f"lsn_{path}", lesson],
        )
    return store_id


async def paths(conn: Connection, store_id: str, question: str, asker: Asker | None) -> list[str]:
    return [hit.path for hit in await recall(conn, store_id, question, 5, now=NOW, asker=asker)]


@pytest.mark.parametrize(
    ("asker", "found"),
    [
        (Asker(), [SCHEMA, WAIT]),
        (Asker(agent="desk"), [WAIT]),
        (Asker(tools=("lookup",)), [SCHEMA]),
        (Asker(task_family="refunds"), [ASK, SCHEMA]),
        (None, []),
    ],
)
async def test_the_surest_lessons_for_the_asker_come_without_a_word(
    database: Database, asker: Asker | None, found: list[str]
) -> None:
    async with database.connection() as conn:
        assert await paths(conn, await desk(conn, {}), QUESTION, asker) == found


async def test_a_memory_that_answers_comes_before_lessons_and_a_stray_word_after(database: Database) -> None:
    async with database.connection() as conn:
        answer, stray = "/poker.md", "/hotel.md"
        notes = {answer: "Poker players by name: Ann, Bob.", **{f"/n{i}x": "Names matter." for i in range(9)}}
        store_id = await desk(conn, notes)
        assert (await paths(conn, store_id, QUESTION, Asker()))[0] == answer
        strays = {stray: "The hotel has names for its rooms.", **{f"/n{i}x": "Names matter." for i in range(9)}}
        assert (await paths(conn, await desk_of_other(conn, store_id, strays), QUESTION, Asker()))[0] == SCHEMA


async def desk_of_other(conn: Connection, store_id: str, notes: dict[str, str]) -> str:
    edits = [Edit("/poker.md", None, ""), *(Edit(path, content, "") for path, content in notes.items())]
    await apply_edits(conn, store_id, edits, act="write", actor="user", reason="test", now=NOW)
    return store_id


async def test_the_parts_of_a_score_add_up_and_the_policy_turns_scope_off(database: Database) -> None:
    async with database.connection() as conn:
        store_id = await desk(conn, {})
        first, second = await recall(conn, store_id, QUESTION, 5, now=NOW)
        assert (first.reasons, first.relevance) == ((), first.scope)
        assert first.score == pytest.approx(first.scope * first.activation * first.impact)
        assert first.scope > second.scope > 0
        off = DreamPolicy(memory=MemoryPolicy(recall=RecallPolicy(scope_lessons=0)))
        await write_policy(conn, store_id, msgspec.json.encode(off))
        assert await paths(conn, store_id, QUESTION, Asker()) == []
