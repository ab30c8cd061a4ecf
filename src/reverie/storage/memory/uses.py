"""When memories were recalled and confirmed, and documents with all that decides what becomes of them."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from reverie.memory.activation import RECENT_USES, UseTrace
from reverie.memory.salience import certain_effect
from reverie.memory.tiers import Confirmation, Document
from reverie.storage.postgres.database import Connection

LESSON_OF_MEMORY = """
LEFT JOIN lessons AS l ON l.memory_store_id = m.memory_store_id AND l.id = m.lesson_id
"""
"""Joins to memories ``m`` the lessons ``l`` that they are documents of."""

_UPSERT_USES = """
INSERT INTO memory_uses (memory_id, use_count, first_at, recent)
SELECT id, 1, %(now)s, ARRAY[%(now)s::timestamptz] FROM memories WHERE id = ANY(%(ids)s) ORDER BY id
ON CONFLICT (memory_id) DO UPDATE SET use_count = memory_uses.use_count + 1,
    recent = (memory_uses.recent || excluded.recent)[greatest(1, cardinality(memory_uses.recent) + 2 - %(kept)s):]
"""
_SELECT_DOCUMENTS = f"""
SELECT m.path, m.content, m.tier, m.tier_since, m.said_at, m.lesson_id, l.lesson -> 'effect',
    u.use_count, u.first_at, u.recent, c.began, c.ended, c.strata
FROM memories AS m LEFT JOIN memory_uses AS u ON u.memory_id = m.id {LESSON_OF_MEMORY}
LEFT JOIN LATERAL (
    SELECT array_agg(began_at ORDER BY source) AS began, array_agg(ended_at ORDER BY source) AS ended,
        jsonb_agg(strata ORDER BY source) AS strata
    FROM memory_confirmations WHERE memory_store_id = m.memory_store_id AND path = m.path
) AS c ON true
WHERE m.memory_store_id = %s ORDER BY m.path
"""


async def record_uses(conn: Connection, memory_ids: Sequence[str], now: datetime) -> None:
    """Note that memories were recalled for an agent."""
    await conn.execute(_UPSERT_USES, {"now": now, "ids": list(memory_ids), "kept": RECENT_USES})


async def record_confirmation(
    conn: Connection, store_id: str, path: str, source: str, confirmation: Confirmation
) -> None:
    """Note that sessions bore a memory out; ``source`` is the dream or session that says so, and counts once."""
    await conn.execute(
        "INSERT INTO memory_confirmations (memory_store_id, path, source, began_at, ended_at, strata)"
        " VALUES (%s, %s, %s, %s, %s, %s) ON CONFLICT DO NOTHING",
        [store_id, path, source, confirmation.began_at, confirmation.ended_at, list(confirmation.strata)],
    )


async def read_documents(conn: Connection, store_id: str) -> list[Document]:
    """Every memory of a store, in byte order of their paths."""
    rows = await conn.execute(_SELECT_DOCUMENTS, [store_id])
    return [
        Document(
            path,
            content,
            tier,
            since,
            written_at,
            use_trace(*traces[:3]),
            _confirmations(*traces[3:]),
            lesson_effect(effect),
            lesson_id,
        )
        for path, content, tier, since, written_at, lesson_id, effect, *traces in await rows.fetchall()
    ]


def use_trace(use_count: int | None, first_at: datetime | None, recent: Sequence[datetime] | None) -> UseTrace | None:
    """The trace of a row of uses; None where there is no row."""
    if use_count is None or first_at is None or recent is None:
        return None
    return UseTrace(use_count, first_at, tuple(recent))


def lesson_effect(effect: dict[str, Any] | None) -> float:
    """The size that a lesson's effect has for certain; 0 for what is no lesson, or not measured in reward."""
    if effect is None or effect.get("unit", "reward") != "reward":
        return 0.0
    return certain_effect(effect["low"], effect["high"])


def _confirmations(
    began: Sequence[datetime] | None, ended: Sequence[datetime] | None, strata: Sequence[Sequence[str]] | None
) -> tuple[Confirmation, ...]:
    return tuple(
        Confirmation(first, last, tuple(names))
        for first, last, names in zip(began or (), ended or (), strata or (), strict=True)
    )
