"""What was: a store's revisions, its memories' versions, and its state at any revision."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import msgspec
from psycopg.rows import class_row, kwargs_row
from psycopg.types.json import Jsonb

from reverie.errors import NotFoundError, StateError
from reverie.memory.memory import MemoryVersion, Operation, Revision
from reverie.memory.rollback import Held
from reverie.storage.postgres.act import record_erasure
from reverie.storage.postgres.database import Connection

_VERSION_COLUMNS = (
    "id, memory_store_id, memory_id, operation, path, content, content_sha256, content_size_bytes,"
    " created_by, created_at, revision, reason, redacted_at, redacted_by, tier"
)
_SELECT_REVISIONS = """
SELECT memory_store_id, number, act, actor, reason, source_session_ids, created_at, created, modified, deleted
FROM store_revisions AS r CROSS JOIN LATERAL (
    SELECT count(*) FILTER (WHERE operation = 'created') AS created,
        count(*) FILTER (WHERE operation = 'modified') AS modified,
        count(*) FILTER (WHERE operation = 'deleted') AS deleted
    FROM memory_versions AS v WHERE v.memory_store_id = r.memory_store_id AND v.revision = r.number
) AS counts
"""
# The version of each memory that was its latest at a revision. Ids first, so that no contents are sorted.
_VERSIONS_AT = """
id IN (
    SELECT DISTINCT ON (memory_id) id FROM memory_versions
    WHERE memory_store_id = %(store)s AND revision <= %(revision)s ORDER BY memory_id, revision DESC
)
"""
_SELECT_VERSIONS = """
SELECT id, memory_store_id, memory_id, operation, path, CASE WHEN %(full)s THEN content END AS content,
    content_sha256, content_size_bytes, created_by, created_at, revision, reason, redacted_at, redacted_by, tier
FROM memory_versions
WHERE memory_store_id = %(store)s
    AND (%(memory_id)s::text IS NULL OR memory_id = %(memory_id)s)
    AND (%(operation)s::text IS NULL OR operation = %(operation)s)
    AND (%(session_id)s::text IS NULL OR created_by ->> 'session_id' = %(session_id)s)
    AND (%(api_key_id)s::text IS NULL OR created_by ->> 'api_key_id' = %(api_key_id)s)
    AND (%(service_account_id)s::text IS NULL OR created_by ->> 'service_account_id' = %(service_account_id)s)
    AND (%(created_from)s::timestamptz IS NULL OR created_at >= %(created_from)s)
    AND (%(created_to)s::timestamptz IS NULL OR created_at <= %(created_to)s)
    AND (%(revision)s::integer IS NULL OR (revision, id) < (%(revision)s, %(id)s))
ORDER BY revision DESC, id DESC LIMIT %(limit)s
"""


class VersionFilter(msgspec.Struct, frozen=True):
    """Which versions are wanted; None leaves it open."""

    memory_id: str | None = None
    operation: Operation | None = None
    session_id: str | None = None
    """Of the session that wrote it."""
    api_key_id: str | None = None
    service_account_id: str | None = None
    created_from: datetime | None = None
    created_to: datetime | None = None


ALL_VERSIONS = VersionFilter()


async def list_revisions(
    conn: Connection, store_id: str, *, before: int | None = None, limit: int | None = None
) -> list[Revision]:
    """The store's revisions below number ``before``, newest first."""
    async with conn.cursor(row_factory=kwargs_row(_revision)) as cursor:
        await cursor.execute(
            f"{_SELECT_REVISIONS} WHERE memory_store_id = %(store)s AND (%(before)s::bigint IS NULL"
            " OR number < %(before)s) ORDER BY number DESC LIMIT %(limit)s",
            {"store": store_id, "before": before, "limit": limit},
        )
        return await cursor.fetchall()


async def read_revision(conn: Connection, store_id: str, number: int) -> Revision:
    """One revision of the store.

    Raises:
        NotFoundError: the store has no such revision.
    """
    async with conn.cursor(row_factory=kwargs_row(_revision)) as cursor:
        await cursor.execute(f"{_SELECT_REVISIONS} WHERE memory_store_id = %s AND number = %s", [store_id, number])
        revision = await cursor.fetchone()
    if revision is None:
        raise NotFoundError(f"memory store {store_id} has no revision {number}; list them with: reverie memory log")
    return revision


async def find_dream_revision(conn: Connection, store_id: str, dream_id: str) -> Revision | None:
    """The revision that a dream wrote, if it has."""
    async with conn.cursor(row_factory=kwargs_row(_revision)) as cursor:
        await cursor.execute(
            f"{_SELECT_REVISIONS} WHERE memory_store_id = %s AND actor = %s AND act = 'dream'", [store_id, dream_id]
        )
        return await cursor.fetchone()


async def snapshot(conn: Connection, store_id: str, revision: int) -> dict[str, str]:
    """The content at each path as of a revision, in path order; 0 is the empty store. Redacted versions are left out.

    Raises:
        NotFoundError: the store has no such revision.
    """
    if revision == 0:
        return {}
    await read_revision(conn, store_id, revision)
    rows = await conn.execute(
        f"SELECT path, content FROM memory_versions WHERE {_VERSIONS_AT}"
        " AND operation <> 'deleted' AND redacted_at IS NULL ORDER BY path COLLATE \"C\"",
        {"store": store_id, "revision": revision},
    )
    return dict(await rows.fetchall())


async def held_at(conn: Connection, store_id: str, revision: int) -> dict[str, Held]:
    """What each memory held as of a revision, by its id; 0 is the empty store. Redacted versions are left out.

    Raises:
        NotFoundError: the store has no such revision.
    """
    if revision == 0:
        return {}
    await read_revision(conn, store_id, revision)
    rows = await conn.execute(
        f"SELECT memory_id, path, content, tier, lesson_id FROM memory_versions WHERE {_VERSIONS_AT}"
        " AND operation <> 'deleted' AND redacted_at IS NULL",
        {"store": store_id, "revision": revision},
    )
    return {memory_id: Held(*held) for memory_id, *held in await rows.fetchall()}


async def read_version_at(conn: Connection, store_id: str, revision: int, path: str) -> MemoryVersion:
    """The version that stood at a path as of a revision.

    Raises:
        NotFoundError: there was no memory at the path then, or its version has been redacted.
    """
    async with conn.cursor(row_factory=class_row(MemoryVersion)) as cursor:
        await cursor.execute(
            f"SELECT {_VERSION_COLUMNS} FROM memory_versions WHERE {_VERSIONS_AT}"
            " AND operation <> 'deleted' AND path = %(path)s",
            {"store": store_id, "revision": revision, "path": path},
        )
        version = await cursor.fetchone()
    if version is None:
        raise NotFoundError(f"memory store {store_id} had no memory at {path!r} at revision {revision}")
    return version


async def list_current_versions(conn: Connection, store_id: str) -> list[MemoryVersion]:
    """The version that each memory holds now, in byte order of their paths."""
    async with conn.cursor(row_factory=class_row(MemoryVersion)) as cursor:
        await cursor.execute(
            f"SELECT {_VERSION_COLUMNS} FROM memory_versions"
            " WHERE id IN (SELECT memory_version_id FROM memories WHERE memory_store_id = %s)"
            ' ORDER BY path COLLATE "C"',
            [store_id],
        )
        return await cursor.fetchall()


async def redacted_memory_ids(conn: Connection, store_id: str, revision: int) -> list[str]:
    """Memories whose content as of a revision is not known any more."""
    rows = await conn.execute(
        f"SELECT memory_id FROM memory_versions WHERE {_VERSIONS_AT} AND redacted_at IS NOT NULL",
        {"store": store_id, "revision": revision},
    )
    return [memory_id for (memory_id,) in await rows.fetchall()]


async def list_versions(
    conn: Connection,
    store_id: str,
    wanted: VersionFilter = ALL_VERSIONS,
    *,
    before: tuple[int, str] | None = None,
    with_content: bool = True,
    limit: int | None = None,
) -> list[MemoryVersion]:
    """Versions that come after the position ``before``, a revision and an id, newest first. They outlive the memory."""
    place = {"revision": before[0], "id": before[1]} if before else {"revision": None, "id": None}
    parameters = {"store": store_id, "full": with_content, "limit": limit, **place, **msgspec.structs.asdict(wanted)}
    async with conn.cursor(row_factory=class_row(MemoryVersion)) as cursor:
        await cursor.execute(_SELECT_VERSIONS, parameters)
        return await cursor.fetchall()


async def read_version(conn: Connection, store_id: str, version_id: str) -> MemoryVersion:
    """One version.

    Raises:
        NotFoundError: the store has no such version.
    """
    async with conn.cursor(row_factory=class_row(MemoryVersion)) as cursor:
        await cursor.execute(
            f"SELECT {_VERSION_COLUMNS} FROM memory_versions WHERE memory_store_id = %s AND id = %s",
            [store_id, version_id],
        )
        version = await cursor.fetchone()
    if version is None:
        raise NotFoundError(f"memory store {store_id} has no memory version {version_id!r}")
    return version


async def redact_version(
    conn: Connection, store_id: str, version_id: str, redacted_by: dict[str, str] | None, now: datetime
) -> MemoryVersion:
    """Blank a version's path, content, hash, size and reason for good; who wrote it and when stays.

    Redacting again changes nothing. An archived store's versions can be redacted too.

    Raises:
        NotFoundError: the store has no such version.
        StateError: the version is what a live memory holds now.
    """
    version = await read_version(conn, store_id, version_id)
    head = await conn.execute("SELECT path FROM memories WHERE memory_version_id = %s", [version_id])
    if (row := await head.fetchone()) is not None:
        raise StateError(
            f"memory version {version_id} is what {row[0]!r} holds now; write or delete that memory, then redact"
        )
    if version.redacted_at is not None:
        return version
    await blank_versions(conn, [version_id], redacted_by, version_id, now)
    return await read_version(conn, store_id, version_id)


async def blank_versions(
    conn: Connection, version_ids: Sequence[str], redacted_by: Mapping[str, str] | None, act_on: str, now: datetime
) -> list[str]:
    """Blank versions that no live memory holds now, and briefings that showed them; the ids of those blanked.

    Args:
        act_on: the resource that the act ``erasure`` of the audit log is about.
    """
    blanked = await conn.execute(
        "UPDATE memory_versions SET path = NULL, content = NULL, content_sha256 = NULL, content_size_bytes = NULL,"
        " salt = NULL, reason = 'redacted', redacted_at = %s, redacted_by = %s"
        " WHERE id = ANY (%s) AND redacted_at IS NULL AND id NOT IN (SELECT memory_version_id FROM memories)"
        " RETURNING entry, id",
        [now, None if redacted_by is None else Jsonb(dict(redacted_by)), list(version_ids)],
    )
    rows = sorted(await blanked.fetchall())
    await record_erasure(conn, act_on, {"memory_versions": [entry for entry, _ in rows]}, now)
    await conn.execute(
        "UPDATE briefings SET text = '' WHERE EXISTS (SELECT FROM unnest(%s::text[]) AS version"
        " WHERE shown @> jsonb_build_array(jsonb_build_object('version', version)))",
        [[version_id for _, version_id in rows]],
    )
    return [version_id for _, version_id in rows]


def _revision(**columns: Any) -> Revision:
    return Revision(**{**columns, "source_session_ids": tuple(columns["source_session_ids"])})
