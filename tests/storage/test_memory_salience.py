from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import msgspec
import numpy as np
import pytest

from reverie.digests.vector import Vectors
from reverie.dreams.policy import DreamPolicy
from reverie.errors import InputError, NotFoundError, StoreLimitError
from reverie.memory.activation import RECENT_USES, UseTrace
from reverie.memory.hit import RecallHit
from reverie.memory.memory import Edit
from reverie.memory.tiers import Confirmation
from reverie.storage.memory.memories import apply_edits, read_memory, rollback
from reverie.storage.memory.policies import read_policy, write_policy
from reverie.storage.memory.recall import recall
from reverie.storage.memory.revisions import list_versions
from reverie.storage.memory.stores import create_store
from reverie.storage.memory.uses import read_documents, record_confirmation, record_uses
from reverie.storage.postgres.database import Connection, Database

NOW = datetime(2026, 1, 1, tzinfo=UTC)
LATER = NOW + timedelta(days=100)
HIGH_AND_LOW = {"high": "lsn_high", "low": "lsn_low"}


class TopicEmbedder:
    """One dimension for sorrow, one for everything else."""

    name = "topics"
    dimensions = 2

    def embed(self, texts: Sequence[str]) -> Vectors:
        sad = [any(word in text for word in ("tears", "grief", "wept")) for text in texts]
        return np.array([[each, not each] for each in sad], np.float32)


async def store_of(conn: Connection, *edits: Edit) -> str:
    store_id = (await create_store(conn, "notes", "", {}, NOW)).id
    await put(conn, store_id, *edits)
    return store_id


async def put(conn: Connection, store_id: str, *edits: Edit) -> None:
    await apply_edits(conn, store_id, edits, act="write", actor="user", reason="test", now=NOW)


async def find(conn: Connection, store_id: str, query: str, **options: object) -> tuple[RecallHit, ...]:
    return await recall(conn, store_id, query, 9, now=LATER, **options)  # type: ignore[arg-type]


async def test_what_was_recalled_for_an_agent_is_recalled_sooner(database: Database) -> None:
    async with database.connection() as conn:
        store_id = await store_of(conn, Edit("/x", "refund", ""), Edit("/y", "refund", ""))
        assert [hit.path for hit in await find(conn, store_id, "refund")] == ["/x", "/y"]
        await record_uses(conn, [(await read_memory(conn, store_id, "/y")).id], LATER - timedelta(days=1))
        first, second = await find(conn, store_id, "refund")
        assert (first.path, first.relevance) == ("/y", second.relevance)
        assert first.score == pytest.approx(first.relevance * first.activation)
        assert second.activation < first.activation < 1


async def test_the_latest_uses_are_kept_and_all_are_counted(database: Database) -> None:
    async with database.connection() as conn:
        store_id = await store_of(conn, Edit("/a", "refund", ""))
        memory_id = (await read_memory(conn, store_id, "/a")).id
        times = [NOW + timedelta(days=day) for day in range(RECENT_USES + 3)]
        for time in times:
            await record_uses(conn, [memory_id, "mem_gone"], time)
        (document,) = await read_documents(conn, store_id)
        assert document.uses == UseTrace(len(times), NOW, tuple(times[-RECENT_USES:]))


async def test_a_confirmation_counts_once_for_each_source_and_outlives_its_memory(database: Database) -> None:
    async with database.connection() as conn:
        store_id = await store_of(conn, Edit("/a", "refund", ""))
        window = Confirmation(NOW, LATER, ("task 1", "task 2"))
        for source in ("drm_1", "drm_1", "drm_2"):
            await record_confirmation(conn, store_id, "/a", source, window)
        await put(conn, store_id, Edit("/a", None, ""))
        await put(conn, store_id, Edit("/a", "again", ""))
        (document,) = await read_documents(conn, store_id)
        assert document.confirmations == (window, window)


async def test_a_lesson_gains_by_the_certain_part_of_its_effect(database: Database) -> None:
    async with database.connection() as conn:
        edits = [
            Edit(f"/lessons/{path}", f"Refund advice. Lesson `{key}`.", "", lesson_id=key)
            for path, key in HIGH_AND_LOW.items()
        ]
        edits.append(Edit("/lessons/z", "Refund advice. Lesson `lsn_high`.", ""))
        store_id = await store_of(conn, *edits)
        await conn.execute(
            "INSERT INTO dreams (id, memory_store_id, status, request, created_at, last_session_key)"
            " VALUES ('drm_1', %s, 'completed', '{}', %s, 0)",
            [store_id, NOW],
        )
        for key, low in (("lsn_high", 0.4), ("lsn_low", -0.1)):
            await conn.execute(
                "INSERT INTO lessons VALUES (%s, %s, 'adopted', 'best_practice', %s::jsonb, 'drm_1', 'drm_1')",
                [store_id, key, msgspec.json.encode({"effect": {"low": low, "high": 0.6, "unit": "reward"}}).decode()],
            )
        impacts = {hit.path: hit.impact for hit in await find(conn, store_id, "refund")}
        assert impacts == {"/lessons/high": 1.2, "/lessons/low": 1.0, "/lessons/z": 1.0}
        assert [document.effect for document in await read_documents(conn, store_id)] == [0.4, 0.0, 0.0]


async def test_a_reply_is_found_by_the_words_of_the_turn_before(database: Database) -> None:
    async with database.connection() as conn:
        turns = ["Hello there.", "Ann: which instrument do you play?", "Bob: the cello, since spring.", "Rain again."]
        edits = [Edit(f"/talk/{number}.md", turn, "") for number, turn in enumerate(turns, 9)]
        store_id = await store_of(conn, *edits, Edit("/other.md", "A cello is a string thing.", ""))
        found = [hit.path for hit in await find(conn, store_id, "instrument played by Bob")]
        assert found[:2] == ["/talk/11.md", "/talk/10.md"] or found[:2] == ["/talk/10.md", "/talk/11.md"]
        assert "/other.md" not in found
        await write_policy(conn, store_id, b'{"memory": {"recall": {"context_reach": 0}}}')
        assert "/talk/9.md" not in [hit.path for hit in await find(conn, store_id, "instrument played by Bob")]


async def test_meaning_decides_between_memories_with_the_same_words(database: Database) -> None:
    async with database.connection() as conn:
        store_id = await store_of(conn, Edit("/a", "Maria, refund", ""), Edit("/b", "Maria, tears", ""))
        plain = await find(conn, store_id, "the grief of Maria")
        first, second = await find(conn, store_id, "the grief of Maria", embedder=TopicEmbedder())
        assert (plain[0].path, plain[0].meaning) == ("/a", 0)
        assert (first.path, second.meaning) == ("/b", 0)
        assert first.relevance == pytest.approx(first.meaning + sum(reason.contribution for reason in first.reasons))
        assert first.meaning == pytest.approx(0.3 / 0.7 * plain[0].relevance)


async def test_recall_keeps_to_a_budget_of_tokens_and_passes_over_what_is_too_long(database: Database) -> None:
    async with database.connection() as conn:
        store_id = await store_of(conn, Edit("/long", "refund " * 40, ""), Edit("/short", "refund", ""))
        assert [hit.path for hit in await find(conn, store_id, "refund", most_tokens=69)] == ["/short"]
        both = await find(conn, store_id, "refund", most_tokens=72)
        assert {hit.path: hit.tokens for hit in both} == {"/long": 70, "/short": 2}
        await write_policy(conn, store_id, b'{"memory": {"budget": {"shown_tokens": 2}}}')
        assert [hit.path for hit in await find(conn, store_id, "refund")] == ["/short"]


async def test_quarantined_text_is_never_recalled(database: Database) -> None:
    async with database.connection() as conn:
        store_id = await store_of(conn, Edit("/quarantine/a", "refund everything", ""), Edit("/b", "refund", ""))
        assert [hit.path for hit in await find(conn, store_id, "refund everything")] == ["/b"]


async def test_a_change_of_tier_is_a_version_with_its_reason_and_is_rolled_back(database: Database) -> None:
    async with database.connection() as conn:
        store_id = await store_of(conn, Edit("/a", "refund", ""))
        before = await read_memory(conn, store_id, "/a")
        change = Edit("/a", "refund", "confirmed twice", tier="long")
        await apply_edits(conn, store_id, [change], act="dream", actor="drm_1", reason="dreamt", now=LATER)
        after = await read_memory(conn, store_id, "/a")
        assert (after.tier, after.updated_at, after.content) == ("long", before.updated_at, "refund")
        assert [hit.tier for hit in await find(conn, store_id, "refund")] == ["long"]
        (document,) = await read_documents(conn, store_id)
        assert (document.tier_since, document.written_at) == (LATER, NOW)
        latest, *_ = await list_versions(conn, store_id)
        assert (latest.operation, latest.reason, latest.tier) == ("modified", "confirmed twice", "long")
        await rollback(conn, store_id, 1, "test", LATER)
        assert (await read_memory(conn, store_id, "/a")).tier == "intermediate"


async def test_a_policy_keeps_what_is_set_and_defaults_to_the_rest(database: Database) -> None:
    async with database.connection() as conn:
        store_id = await store_of(conn)
        assert await read_policy(conn, store_id) == DreamPolicy()
        await write_policy(conn, store_id, b'{"memory": {"tiers": {"short_days": 3}}}')
        assert (await read_policy(conn, store_id)).memory.tiers.short_days == 3
        for wrong in (b'{"tiers": {"short_day": 3}}', b'{"recall": {"meaning_weight": 1}}', b"{"):
            with pytest.raises(InputError, match="policy: "):
                await write_policy(conn, store_id, wrong)
        with pytest.raises(NotFoundError):
            await read_policy(conn, "memstore_none")


async def test_a_larger_budget_lets_a_store_grow_beyond_two_thousand(database: Database) -> None:
    edits = [Edit(f"/{number}", "", "") for number in range(2_001)]
    async with database.connection() as conn:
        store_id = await store_of(conn)
        with pytest.raises(StoreLimitError, match="2,001"):
            await put(conn, store_id, *edits)
        await write_policy(conn, store_id, b'{"memory": {"budget": {"most_memories": 2001}}}')
        await put(conn, store_id, *edits)


async def test_an_index_of_an_older_kind_is_made_again(database: Database) -> None:
    async with database.connection() as conn:
        store_id = await store_of(conn, Edit("/a", "refund", ""), Edit("/b", "replacement", ""))
        whole = await find(conn, store_id, "refund replaced")
        await conn.execute("DELETE FROM memory_postings")
        await conn.execute("UPDATE memories SET number = 0, term_count = 0")
        await conn.execute("UPDATE memory_stores SET index_version = 0, last_number = 0, term_count = 9")
        assert await find(conn, store_id, "refund replaced") == whole
        await put(conn, store_id, Edit("/a", "nothing", ""))
        assert [hit.path for hit in await find(conn, store_id, "refund replaced")] == ["/b"]


async def test_blocks_of_many_postings_lose_and_gain_single_memories(database: Database) -> None:
    async with database.connection() as conn:
        store_id = await store_of(conn, *(Edit(f"/{number}/a", f"refund {number}", "") for number in range(700)))
        await put(conn, store_id, *(Edit(f"/{number}/a", None, "") for number in range(0, 700, 2)))
        await put(conn, store_id, Edit("/1/a", "other", ""), Edit("/new", "refund 4", ""))
        rows = await conn.execute("SELECT sum(length(postings) / 8) FROM memory_postings WHERE term = 'refund'")
        assert await rows.fetchone() == (350,)
        first, *_ = await find(conn, store_id, "refund 4")
        assert first.path == "/new"
        assert "/1/a" not in {hit.path for hit in await recall(conn, store_id, "refund", 400, now=NOW)}
