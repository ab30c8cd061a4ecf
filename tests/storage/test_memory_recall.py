from datetime import UTC, datetime

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from reverie.memory.hit import RecallHit
from reverie.memory.memory import Edit
from reverie.memory.rank import POSTING
from reverie.storage.memory.memories import apply_edits
from reverie.storage.memory.recall import recall as recall_at
from reverie.storage.memory.stores import create_store
from reverie.storage.postgres.database import Connection, Database

NOW = datetime(2026, 1, 1, tzinfo=UTC)
LESSONS = {
    "/lessons/refunds.md": "Verify the customer's identity before issuing a refund.\nRefunds need two checks.",
    "/lessons/exchange.md": "Offer a replacement when the item is out of stock.",
    "/facts/schema.md": "The table `orders.status` holds one of: shipped, cancelled, delivered.",
    "/facts/hours.md": "Support is open from nine to five.",
}


async def recall(conn: Connection, store_id: str, query: str, limit: int) -> tuple[RecallHit, ...]:
    return await recall_at(conn, store_id, query, limit, now=NOW)


async def store_of(conn: Connection, contents: dict[str, str]) -> str:
    store_id = (await create_store(conn, "notes", "", {}, NOW)).id
    await put(conn, store_id, dict(contents))
    return store_id


async def put(conn: Connection, store_id: str, contents: dict[str, str | None]) -> None:
    edits = [Edit(path, content, "") for path, content in contents.items()]
    await apply_edits(conn, store_id, edits, act="write", actor="user", reason="test", now=NOW)


@pytest.mark.parametrize(
    ("query", "path"),
    [
        ("refunding", "/lessons/refunds.md"),
        ("How do I verify identities?", "/lessons/refunds.md"),
        ("STATUS of orders", "/facts/schema.md"),
        ("replacements", "/lessons/exchange.md"),
        ("exchange", "/lessons/exchange.md"),
    ],
)
async def test_any_form_of_a_word_finds_the_memory(database: Database, query: str, path: str) -> None:
    async with database.connection() as conn:
        hits = await recall(conn, await store_of(conn, LESSONS), query, 3)
        assert hits[0].path == path


FOREIGN = {
    "/de/geld": "Die Rückerstattungen werden innerhalb von zehn Tagen gezahlt.",
    "/es/dinero": "La devolución se paga en diez días.",
    "/ru/dengi": "Возвраты перечисляются на карту.",
    "/ar/mal": "تعاد الأموال إلى البطاقة خلال عشرة أيام",
    "/zh/qian": "退款会在十天内退回到银行卡。",
    "/ja/kane": "返金は十日以内にカードに支払われます。",
    "/ko/don": "환불은 열흘 안에 카드로 됩니다.",
    "/th/ngen": "คืนเงินภายในสิบวัน",
    "/en/tools": "Use `runSQLQuery` before anything else.",
}


@pytest.mark.parametrize(
    ("query", "path"),
    [
        ("Wann kommt die Rückerstattung?", "/de/geld"),
        ("rueckerstattung Rückerstattungen", "/de/geld"),
        ("ruckerstattungen", "/de/geld"),
        ("¿cuándo llegan las devoluciones?", "/es/dinero"),
        ("devolucion", "/es/dinero"),
        ("где возврат", "/ru/dengi"),
        ("متى تصل أموالي إلى البطاقة", "/ar/mal"),
        ("退款多久", "/zh/qian"),
        ("返金はいつ", "/ja/kane"),
        ("환불", "/ko/don"),
        ("คืนเงิน", "/th/ngen"),
        ("the SQL query tool", "/en/tools"),
    ],
)
async def test_every_language_is_found_by_other_forms_of_its_words(database: Database, query: str, path: str) -> None:
    async with database.connection() as conn:
        hits = await recall(conn, await store_of(conn, FOREIGN), query, 3)
        assert hits[0].path == path


async def test_an_index_of_another_version_is_made_again_in_parts(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("reverie.storage.memory.postings._MADE_AT_ONCE", 2)
    async with database.connection() as conn:
        store_id = await store_of(conn, FOREIGN | LESSONS)
        before = await recall(conn, store_id, "退款 Rückerstattung refund", 9)
        await conn.execute("UPDATE memory_stores SET index_version = 1, languages = '{}' WHERE id = %s", [store_id])
        await conn.execute("DELETE FROM memory_postings")
        assert await recall(conn, store_id, "退款 Rückerstattung refund", 9) == before


async def test_a_hit_says_which_words_brought_it_and_shows_them(database: Database) -> None:
    async with database.connection() as conn:
        (hit,) = await recall(conn, await store_of(conn, LESSONS), "the identity refunded", 3)
        assert [reason.term for reason in hit.reasons] == ["refunded", "identity"]
        assert sum(reason.contribution for reason in hit.reasons) == pytest.approx(hit.relevance)
        assert "before issuing a refund." in hit.snippet


@pytest.mark.parametrize("query", ["", "the of and", "zebra", "'; DROP INDEX memories; --"])
async def test_a_query_without_known_words_finds_nothing(database: Database, query: str) -> None:
    async with database.connection() as conn:
        assert await recall(conn, await store_of(conn, LESSONS), query, 3) == ()


async def test_recall_keeps_to_its_store_and_its_limit_with_equals_in_path_order(database: Database) -> None:
    async with database.connection() as conn:
        store_id = await store_of(conn, {f"/{name}": "refund" for name in "caedb"})
        other = await store_of(conn, LESSONS)
        assert [hit.path for hit in await recall(conn, store_id, "refund", 3)] == ["/a", "/b", "/c"]
        assert [hit.path for hit in await recall(conn, other, "refund", 3)] == ["/lessons/refunds.md"]


async def test_recall_follows_edits_and_deletions(database: Database) -> None:
    async with database.connection() as conn:
        store_id = await store_of(conn, LESSONS)
        await put(conn, store_id, {"/lessons/refunds.md": "Nothing.", "/lessons/exchange.md": None})
        assert [hit.path for hit in await recall(conn, store_id, "refund", 3)] == ["/lessons/refunds.md"]
        assert await recall(conn, store_id, "identity replacement", 3) == ()


WORDS = st.lists(st.sampled_from(["refund", "policy", "order", "the", "check"]), max_size=6).map(" ".join)
ACTS = st.lists(st.dictionaries(st.sampled_from(["/a", "/b"]), st.none() | WORDS, min_size=1), max_size=4)


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(acts=ACTS)
async def test_the_store_s_sums_always_agree_with_its_index(
    database: Database, acts: list[dict[str, str | None]]
) -> None:
    async with database.connection() as conn:
        store_id = await store_of(conn, LESSONS)
        for act in acts:
            await put(conn, store_id, act)
        rows = await conn.execute("SELECT memory_count, term_count FROM memory_stores WHERE id = %s", [store_id])
        held = await conn.execute(
            "SELECT number, term_count FROM memories WHERE memory_store_id = %s ORDER BY number", [store_id]
        )
        memories = await held.fetchall()
        blocks = await conn.execute("SELECT postings FROM memory_postings WHERE memory_store_id = %s", [store_id])
        postings = np.concatenate([np.frombuffer(packed, POSTING) for (packed,) in await blocks.fetchall()])
        assert set(postings["memory"].tolist()) <= {number for number, _ in memories}
        total = int(postings["occurrences"].sum())
        assert await rows.fetchone() == (len(memories), total)
        assert sum(length for _, length in memories) == total
