"""A copy of a memory store with all that its dreams have learnt, so that they go on from there."""

from collections.abc import Mapping
from datetime import datetime

from reverie.memory.memory import Edit, MemoryStore
from reverie.memory.store import MAX_NAME_CHARACTERS
from reverie.storage.memory.memories import apply_edits, list_memories
from reverie.storage.memory.stores import lock_store
from reverie.storage.postgres.database import Connection

_INSERT_STORE = """
INSERT INTO memory_stores (id, name, description, metadata, created_at, updated_at, policy, origin_id)
SELECT %(clone)s, %(name)s, description, metadata, %(now)s, %(now)s, policy, coalesce(origin_id, id)
FROM memory_stores WHERE id = %(source)s
"""
_LEARNT = (
    # What only one agent may read, only that one reads in a copy.
    """
    INSERT INTO private_stores (memory_store_id, agent)
    SELECT %(clone)s, agent FROM private_stores WHERE memory_store_id = %(source)s
    """,
    """
    INSERT INTO lessons (memory_store_id, id, status, kind, lesson, first_dream_id, last_dream_id)
    SELECT %(clone)s, id, status, kind, lesson, first_dream_id, last_dream_id
    FROM lessons WHERE memory_store_id = %(source)s
    """,
    """
    INSERT INTO confirmation_streams (memory_store_id, stream)
    SELECT %(clone)s, stream FROM confirmation_streams WHERE memory_store_id = %(source)s
    """,
    """
    INSERT INTO memory_confirmations (memory_store_id, path, source, began_at, ended_at, strata)
    SELECT %(clone)s, path, source, began_at, ended_at, strata
    FROM memory_confirmations WHERE memory_store_id = %(source)s
    """,
    """
    INSERT INTO memory_uses (memory_id, use_count, first_at, recent)
    SELECT copy.id, u.use_count, u.first_at, u.recent
    FROM memories m JOIN memory_uses u ON u.memory_id = m.id
    JOIN memories copy ON copy.memory_store_id = %(clone)s AND copy.path = m.path
    WHERE m.memory_store_id = %(source)s
    """,
    """
    UPDATE memories copy SET tier_since = m.tier_since, said_at = m.said_at FROM memories m
    WHERE copy.memory_store_id = %(clone)s AND m.memory_store_id = %(source)s AND m.path = copy.path
    """,
)


async def clone_store(
    conn: Connection,
    source_id: str,
    clone_id: str,
    dream_id: str,
    created_by: Mapping[str, str] | None,
    now: datetime,
) -> MemoryStore:
    """Make a store ``clone_id`` with the memories of another, for a dream; its history is one revision.

    Raises:
        NotFoundError: there is no such store.
    """
    source = await lock_store(conn, source_id)
    suffix = f" (dream {dream_id})"
    name = source.name[: MAX_NAME_CHARACTERS - len(suffix)] + suffix
    parameters = {"clone": clone_id, "source": source_id, "name": name, "now": now}
    await conn.execute(_INSERT_STORE, parameters)
    reason = f"cloned from {source_id} at revision {source.revision}"
    memories = await list_memories(conn, source_id, with_content=True)
    lessons = await conn.execute("SELECT path, lesson_id FROM memories WHERE memory_store_id = %s", [source_id])
    lesson_of: dict[str, str | None] = dict(await lessons.fetchall())
    edits = [
        Edit(memory.path, memory.content, reason, tier=memory.tier, lesson_id=lesson_of[memory.path])
        for memory in memories
    ]
    await apply_edits(
        conn, clone_id, edits, act="import", actor=dream_id, reason=reason, created_by=created_by, now=now
    )
    for query in _LEARNT:
        await conn.execute(query, parameters)
    return await lock_store(conn, clone_id)


async def store_origin(conn: Connection, store_id: str) -> str:
    """The store that a clone descends from; of another one, itself."""
    query = "SELECT coalesce(origin_id, id) FROM memory_stores WHERE id = %s"
    row = await (await conn.execute(query, [store_id])).fetchone()
    return store_id if row is None else str(row[0])
