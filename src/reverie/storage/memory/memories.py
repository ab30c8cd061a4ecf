"""Memories as they stand, and the one way to change them: edits that make one revision."""

from collections.abc import Mapping, Sequence
from datetime import datetime

from psycopg.rows import args_row, class_row
from psycopg.types.json import Jsonb

from reverie.errors import NotFoundError
from reverie.ids import new_id
from reverie.memory.conflicts import same_but_for_marks
from reverie.memory.edit import GROWTH, Head, PlannedVersion, plan_edits, related_directories, vacated_paths
from reverie.memory.memory import Edit, Memory, MemoryVersion, Revision, RevisionKind
from reverie.memory.path import check_prefix
from reverie.memory.rollback import Held, plan_rollback
from reverie.memory.store import MAX_MEMORIES
from reverie.storage.memory.policies import read_policy
from reverie.storage.memory.postings import IndexedText, change_index, ensure_index
from reverie.storage.memory.revisions import (
    find_dream_revision,
    held_at,
    read_revision,
    redacted_memory_ids,
)
from reverie.storage.memory.stores import lock_store
from reverie.storage.postgres.database import Connection

_COLUMNS = (
    "id, memory_store_id, path, content_sha256, content_size_bytes, memory_version_id, created_at, updated_at, tier"
)
# Those that the edits name or that would be their directories; and, of what would stand beneath a memory that they
# write, the first. One look-up a row (OFFSET and LIMIT keep it so), since after a bulk load the planner does not know
# yet how large a store is.
_SELECT_HEADS = """
SELECT m.* FROM unnest(%(paths)s::text[]) AS sought CROSS JOIN LATERAL (
    SELECT id, path, content_sha256, tier, lesson_id FROM memories
    WHERE memory_store_id = %(store)s AND path = sought COLLATE "C" OFFSET 0
) AS m
UNION
SELECT m.* FROM unnest(%(written)s::text[]) AS directory CROSS JOIN LATERAL (
    SELECT id, path, content_sha256, tier, lesson_id FROM memories
    WHERE memory_store_id = %(store)s AND path > (directory || '/') COLLATE "C"
        AND path < (directory || '0') COLLATE "C" AND path <> ALL(%(vacated)s)
    ORDER BY path LIMIT 1
) AS m
"""
_UPSERT_MEMORIES = """
INSERT INTO memories (id, memory_store_id, path, content, content_sha256, content_size_bytes, memory_version_id,
    created_at, updated_at, said_at, tier, tier_since, lesson_id, number, term_count)
SELECT v.memory_id, v.memory_store_id, v.path, v.content, v.content_sha256, v.content_size_bytes, v.id,
    v.created_at, v.created_at, v.created_at, v.tier, v.created_at, v.lesson_id, w.number, w.term_count
FROM memory_versions AS v
JOIN unnest(%s::text[], %s::bigint[], %s::integer[]) AS w (id, number, term_count) USING (id)
ON CONFLICT (id) DO UPDATE SET path = excluded.path, content = excluded.content,
    content_sha256 = excluded.content_sha256, content_size_bytes = excluded.content_size_bytes,
    memory_version_id = excluded.memory_version_id, updated_at = excluded.updated_at, tier = excluded.tier,
    number = excluded.number, term_count = excluded.term_count, lesson_id = excluded.lesson_id,
    said_at = CASE WHEN memories.id = ANY(%s) THEN memories.said_at ELSE excluded.said_at END,
    tier_since = CASE WHEN memories.tier = excluded.tier THEN memories.tier_since ELSE excluded.tier_since END
"""


async def list_memories(
    conn: Connection, store_id: str, *, prefix: str = "/", with_content: bool = False, hidden: Sequence[str] = ()
) -> list[Memory]:
    """The memories beneath a path prefix, in byte order of their paths, without those whose ids are ``hidden``.

    Raises:
        MemoryPathError: the prefix does not start and end with ``/``.
    """
    check_prefix(prefix)
    content = "content" if with_content else "NULL AS content"
    async with conn.cursor(row_factory=class_row(Memory)) as cursor:
        await cursor.execute(
            f"SELECT {_COLUMNS}, {content} FROM memories WHERE memory_store_id = %s AND path ^@ %s AND id <> ALL (%s)"
            " ORDER BY path",
            [store_id, prefix, list(hidden)],
        )
        return await cursor.fetchall()


async def read_memory(conn: Connection, store_id: str, path_or_id: str) -> Memory:
    """One memory with its content.

    Raises:
        NotFoundError: the store has no such memory.
    """
    async with conn.cursor(row_factory=class_row(Memory)) as cursor:
        await cursor.execute(
            f"SELECT {_COLUMNS}, content FROM memories WHERE memory_store_id = %s AND (path = %s OR id = %s)",
            [store_id, path_or_id, path_or_id],
        )
        memory = await cursor.fetchone()
    if memory is None:
        raise NotFoundError(f"memory store {store_id} has no memory {path_or_id!r}")
    return memory


async def apply_edits(
    conn: Connection,
    store_id: str,
    edits: Sequence[Edit],
    *,
    act: RevisionKind,
    actor: str,
    reason: str,
    source_session_ids: Sequence[str] = (),
    created_by: Mapping[str, str] | None = None,
    now: datetime,
) -> Revision | None:
    """Do all edits as one revision, or none of them; None when there is nothing to change.

    Writers of one store take turns. A dream (``act="dream"``, ``actor`` its id) writes at most one revision: asked
    again, it gets the one already written.

    Raises:
        NotFoundError: there is no such store.
        InputError: a path or content breaks its rules, or two edits name one path.
        StoreArchivedError, PreconditionError, PathConflictError, StoreLimitError: see
            :func:`reverie.memory.edit.plan_edits`; NotFoundError also where a memory to rename is missing.
    """
    store = await lock_store(conn, store_id)
    if act == "dream" and (written := await find_dream_revision(conn, store_id, actor)) is not None:
        return written
    budget = (await read_policy(conn, store_id)).memory.budget
    heads = await _read_heads(conn, store_id, edits)
    planned_versions = plan_edits(store, heads, edits, most_memories=max(MAX_MEMORIES, budget.most_memories))
    if not planned_versions:
        return None
    await ensure_index(conn, store_id)
    number = store.revision + 1
    await conn.execute(
        "INSERT INTO store_revisions (memory_store_id, number, act, actor, reason, source_session_ids, created_at)"
        " VALUES (%s, %s, %s, %s, %s, %s, %s)",
        [store_id, number, act, actor, reason, list(source_session_ids), now],
    )
    versions = [_version(store_id, planned, number, created_by, now) for planned in planned_versions]
    await _insert_versions(conn, versions)
    await _replace_heads(conn, store_id, versions)
    grown = sum(GROWTH[planned.operation] for planned in planned_versions)
    await conn.execute(
        "UPDATE memory_stores SET revision = %s, memory_count = memory_count + %s WHERE id = %s",
        [number, grown, store_id],
    )
    return await read_revision(conn, store_id, number)


async def rollback(
    conn: Connection,
    store_id: str,
    to_revision: int,
    reason: str,
    now: datetime,
    *,
    actor: str = "user",
    created_by: Mapping[str, str] | None = None,
) -> Revision | None:
    """Make the store as it was at a revision, by a new revision; None when it is so already.

    Memories that still exist keep their ids, and get their paths back. One whose version of that time has been redacted
    stays as it is now.

    Raises:
        NotFoundError: there is no such store or revision.
        StoreArchivedError: the store is archived and memories would have to be written.
        PathConflictError: a memory that stays as it is now is in the place of another.
    """
    await lock_store(conn, store_id)
    wished = await held_at(conn, store_id, to_revision)
    redacted = await redacted_memory_ids(conn, store_id, to_revision)
    rows = await conn.execute(
        "SELECT id, path, content, tier, lesson_id FROM memories WHERE memory_store_id = %s AND id <> ALL(%s)",
        [store_id, redacted],
    )
    present = {memory_id: Held(*held) for memory_id, *held in await rows.fetchall()}
    why = f"back to revision {to_revision}: {reason}"
    edits = plan_rollback(present, wished, why)
    return await apply_edits(
        conn, store_id, edits, act="rollback", actor=actor, reason=why, created_by=created_by, now=now
    )


async def _read_heads(conn: Connection, store_id: str, edits: Sequence[Edit]) -> dict[str, Head]:
    vacated = vacated_paths(edits)
    paths = {edit.path for edit in edits} | vacated | related_directories(edits)
    written = [edit.path for edit in edits if edit.content is not None]
    sought = {"store": store_id, "paths": list(paths), "written": written, "vacated": list(vacated)}
    async with conn.cursor(row_factory=args_row(Head)) as cursor:
        await cursor.execute(_SELECT_HEADS, sought)
        return {head.path: head for head in await cursor.fetchall()}


def _version(
    store_id: str, planned: PlannedVersion, revision: int, created_by: Mapping[str, str] | None, now: datetime
) -> MemoryVersion:
    return MemoryVersion(
        id=new_id("memver", now),
        memory_store_id=store_id,
        memory_id=planned.memory_id or new_id("mem", now),
        operation=planned.operation,
        path=planned.path,
        content=planned.content,
        content_sha256=planned.content_sha256,
        content_size_bytes=planned.content_size_bytes,
        created_by=None if created_by is None else dict(created_by),
        created_at=now,
        revision=revision,
        reason=planned.reason,
        tier=planned.tier,
        lesson_id=planned.lesson_id,
    )


async def _insert_versions(conn: Connection, versions: Sequence[MemoryVersion]) -> None:
    async with (
        conn.cursor() as cursor,
        cursor.copy(
            "COPY memory_versions (id, memory_store_id, memory_id, operation, path, content, content_sha256,"
            " content_size_bytes, created_by, created_at, revision, reason, tier, lesson_id) FROM STDIN"
        ) as copy,
    ):
        for version in versions:
            await copy.write_row(
                (
                    version.id,
                    version.memory_store_id,
                    version.memory_id,
                    version.operation,
                    version.path,
                    version.content,
                    version.content_sha256,
                    version.content_size_bytes,
                    None if version.created_by is None else Jsonb(version.created_by),
                    version.created_at,
                    version.revision,
                    version.reason,
                    version.tier,
                    version.lesson_id,
                )
            )


async def _replace_heads(conn: Connection, store_id: str, versions: Sequence[MemoryVersion]) -> None:
    """Bring memories and the index to the versions."""
    before = await _read_indexed(conn, [version.memory_id for version in versions if version.operation != "created"])
    deleted = [version.memory_id for version in versions if version.operation == "deleted"]
    await conn.execute("DELETE FROM memories WHERE id = ANY(%s)", [deleted])
    kept = [version for version in versions if version.operation != "deleted"]
    await _write_tiers(conn, [version for version in kept if _unchanged(version, before)])
    written = [version for version in kept if not _unchanged(version, before)]
    last = await conn.execute("SELECT last_number FROM memory_stores WHERE id = %s", [store_id])
    ((last_number,),) = await last.fetchall()
    added = [
        IndexedText(number, version.path or "", version.content or "")
        for number, version in enumerate(written, last_number + 1)
    ]
    # A mark is nothing new that somebody said.
    marked = [
        version.memory_id
        for version in written
        if (text := before.get(version.memory_id)) and same_but_for_marks(text.content, version.content or "")
    ]
    gone = {*deleted, *(version.memory_id for version in written)}
    lengths = await change_index(conn, store_id, [text for id_, text in before.items() if id_ in gone], added)
    await conn.execute(
        _UPSERT_MEMORIES, [[version.id for version in written], [text.number for text in added], lengths, marked]
    )


async def _read_indexed(conn: Connection, memory_ids: Sequence[str]) -> dict[str, IndexedText]:
    rows = await conn.execute("SELECT id, number, path, content FROM memories WHERE id = ANY(%s)", [list(memory_ids)])
    return {row[0]: IndexedText(*row[1:]) for row in await rows.fetchall()}


def _unchanged(version: MemoryVersion, before: Mapping[str, IndexedText]) -> bool:
    present = before.get(version.memory_id)
    return present is not None and (present.path, present.content) == (version.path, version.content)


async def _write_tiers(conn: Connection, versions: Sequence[MemoryVersion]) -> None:
    await conn.execute(
        "UPDATE memories AS m SET tier = v.tier, memory_version_id = v.id, lesson_id = v.lesson_id,"
        " tier_since = CASE WHEN m.tier = v.tier THEN m.tier_since ELSE v.created_at END"
        " FROM memory_versions AS v WHERE v.id = ANY(%s) AND m.id = v.memory_id",
        [[version.id for version in versions]],
    )
