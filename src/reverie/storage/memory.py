"""Memories as they stand, and the one way to change them: edits that make one revision."""

from collections.abc import Mapping, Sequence
from datetime import datetime

from psycopg.rows import args_row, class_row
from psycopg.types.json import Jsonb

from reverie.errors import NotFoundError
from reverie.ids import new_id
from reverie.memory.diff import compare
from reverie.memory.edit import Head, Step, plan_edits
from reverie.memory.memory import Act, Edit, Memory, MemoryVersion, Revision
from reverie.memory.path import check_prefix
from reverie.storage.database import Connection
from reverie.storage.memory_stores import lock_store
from reverie.storage.recall import index_memories, unindex_memories
from reverie.storage.revisions import find_dream_revision, read_revision, redacted_memory_ids, snapshot

_COLUMNS = "id, memory_store_id, path, content_sha256, content_size_bytes, memory_version_id, created_at, updated_at"


async def list_memories(
    conn: Connection, store_id: str, *, prefix: str = "/", with_content: bool = False
) -> list[Memory]:
    """The memories beneath a path prefix, in byte order of their paths.

    Raises:
        MemoryPathError: the prefix does not start and end with ``/``.
    """
    check_prefix(prefix)
    content = "content" if with_content else "NULL AS content"
    async with conn.cursor(row_factory=class_row(Memory)) as cursor:
        await cursor.execute(
            f"SELECT {_COLUMNS}, {content} FROM memories WHERE memory_store_id = %s AND path ^@ %s ORDER BY path",
            [store_id, prefix],
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
    act: Act,
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
            :func:`reverie.memory.edit.plan_edits`.
    """
    store = await lock_store(conn, store_id)
    if act == "dream" and (written := await find_dream_revision(conn, store_id, actor)) is not None:
        return written
    heads = await _read_heads(conn, store_id)
    steps = plan_edits(store, heads, edits)
    if not steps:
        return None
    number = store.revision + 1
    await conn.execute(
        "INSERT INTO store_revisions (memory_store_id, number, act, actor, reason, source_session_ids, created_at)"
        " VALUES (%s, %s, %s, %s, %s, %s, %s)",
        [store_id, number, act, actor, reason, list(source_session_ids), now],
    )
    versions = [_version(store_id, step, number, created_by, now) for step in steps]
    await _insert_versions(conn, versions)
    terms = await _replace_heads(conn, versions)
    live = len(heads) + sum({"created": 1, "modified": 0, "deleted": -1}[step.operation] for step in steps)
    await conn.execute(
        "UPDATE memory_stores SET revision = %s, memory_count = %s, term_count = term_count + %s WHERE id = %s",
        [number, live, terms, store_id],
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

    Memories that still exist keep their ids. One whose version of that time has been redacted stays as it is now.

    Raises:
        NotFoundError: there is no such store or revision.
        StoreArchivedError: the store is archived and memories would have to be written.
    """
    await lock_store(conn, store_id)
    wished = await snapshot(conn, store_id, to_revision)
    redacted = await redacted_memory_ids(conn, store_id, to_revision)
    rows = await conn.execute(
        "SELECT path, content FROM memories WHERE memory_store_id = %s AND id <> ALL(%s)", [store_id, redacted]
    )
    present: dict[str, str] = dict(await rows.fetchall())
    why = f"back to revision {to_revision}: {reason}"
    edits = [Edit(difference.path, difference.after, why) for difference in compare(present, wished)]
    return await apply_edits(
        conn, store_id, edits, act="rollback", actor=actor, reason=why, created_by=created_by, now=now
    )


async def _read_heads(conn: Connection, store_id: str) -> dict[str, Head]:
    async with conn.cursor(row_factory=args_row(Head)) as cursor:
        await cursor.execute("SELECT id, path, content_sha256 FROM memories WHERE memory_store_id = %s", [store_id])
        return {head.path: head for head in await cursor.fetchall()}


def _version(
    store_id: str, step: Step, revision: int, created_by: Mapping[str, str] | None, now: datetime
) -> MemoryVersion:
    return MemoryVersion(
        id=new_id("memver", now),
        memory_store_id=store_id,
        memory_id=step.memory_id or new_id("mem", now),
        operation=step.operation,
        path=step.path,
        content=step.content,
        content_sha256=step.content_sha256,
        content_size_bytes=step.content_size_bytes,
        created_by=None if created_by is None else dict(created_by),
        created_at=now,
        revision=revision,
        reason=step.reason,
    )


async def _insert_versions(conn: Connection, versions: Sequence[MemoryVersion]) -> None:
    async with conn.cursor() as cursor:
        await cursor.executemany(
            "INSERT INTO memory_versions (id, memory_store_id, memory_id, operation, path, content, content_sha256,"
            " content_size_bytes, created_by, created_at, revision, reason)"
            " VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)",
            [
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
                )
                for version in versions
            ],
        )


async def _replace_heads(conn: Connection, versions: Sequence[MemoryVersion]) -> int:
    """Bring memories and their terms to the versions; returns by how much the store's term count grew."""
    touched = [version.memory_id for version in versions if version.operation != "created"]
    removed = await unindex_memories(conn, touched)
    deleted = [version.memory_id for version in versions if version.operation == "deleted"]
    await conn.execute("DELETE FROM memories WHERE id = ANY(%s)", [deleted])
    await conn.execute(
        "INSERT INTO memories (id, memory_store_id, path, content, content_sha256, content_size_bytes,"
        " memory_version_id, created_at, updated_at)"
        " SELECT memory_id, memory_store_id, path, content, content_sha256, content_size_bytes, id, created_at,"
        " created_at FROM memory_versions WHERE id = ANY(%s)"
        " ON CONFLICT (id) DO UPDATE SET content = excluded.content, content_sha256 = excluded.content_sha256,"
        " content_size_bytes = excluded.content_size_bytes, memory_version_id = excluded.memory_version_id,"
        " updated_at = excluded.updated_at",
        [[version.id for version in versions if version.operation != "deleted"]],
    )
    documents = [
        (version.memory_id, version.path or "", version.content) for version in versions if version.content is not None
    ]
    added = await index_memories(conn, versions[0].memory_store_id, documents)
    return added - removed
