"""Documents as people look at them: by path, with every act that made them what they are."""

from datetime import datetime

import msgspec
from psycopg.rows import kwargs_row

from reverie.memory.memory import Operation, RevisionKind, Tier
from reverie.storage.memory.memories import read_memory
from reverie.storage.memory.revisions import read_revision, read_version, read_version_at
from reverie.storage.postgres.database import Connection

_SELECT_VERSIONS = """
SELECT v.id, v.revision, v.operation, v.path, v.tier, v.reason, v.lesson_id, v.created_at AS at, r.act, r.actor,
    r.source_session_ids
FROM memory_versions v JOIN store_revisions r ON r.memory_store_id = v.memory_store_id AND r.number = v.revision
WHERE v.memory_store_id = %(store)s AND v.memory_id = %(memory)s
    AND (%(version)s::text IS NULL OR v.id = %(version)s)
ORDER BY v.revision DESC LIMIT 100
"""


class DocumentVersionRow(msgspec.Struct, frozen=True):
    """What a memory was from a revision on, and whose act that was."""

    id: str
    revision: int
    operation: Operation
    path: str | None
    tier: Tier
    reason: str
    lesson_id: str | None
    at: datetime
    act: RevisionKind
    actor: str
    source_session_ids: tuple[str, ...]


class DocumentRow(msgspec.Struct, frozen=True):
    """A memory at one of its versions, and the latest hundred of them, the newest first."""

    memory_id: str
    path: str
    content: str
    is_current: bool
    version: DocumentVersionRow
    versions: tuple[DocumentVersionRow, ...]


async def read_document(connection: Connection, store_id: str, path: str, revision: int | None) -> DocumentRow:
    """The memory at a path, as it is or as it was at a revision.

    Raises:
        NotFoundError: there is no such document or revision, or what it held then has been redacted.
    """
    if revision is None:
        version_id = (await read_memory(connection, store_id, path)).memory_version_id
        version = await read_version(connection, store_id, version_id)
    else:
        await read_revision(connection, store_id, revision)
        version = await read_version_at(connection, store_id, revision, path)
    shown = await _list_versions(connection, store_id, version.memory_id, version.id)
    versions = await _list_versions(connection, store_id, version.memory_id)
    return DocumentRow(
        memory_id=version.memory_id,
        path=version.path or path,
        content=version.content or "",
        is_current=versions[0].id == version.id,
        version=shown[0],
        versions=versions,
    )


async def _list_versions(
    connection: Connection, store_id: str, memory_id: str, version_id: str | None = None
) -> tuple[DocumentVersionRow, ...]:
    async with connection.cursor(row_factory=kwargs_row(_version)) as cursor:
        await cursor.execute(_SELECT_VERSIONS, {"store": store_id, "memory": memory_id, "version": version_id})
        return tuple(await cursor.fetchall())


def _version(**columns: object) -> DocumentVersionRow:
    return msgspec.convert(columns, DocumentVersionRow)
