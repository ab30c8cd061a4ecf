"""Memories, page by page."""

from collections.abc import Sequence
from typing import Any

from psycopg.rows import kwargs_row

from reverie.memory.memory import Directory, Memory
from reverie.memory.path import check_prefix, least_path_after
from reverie.storage.postgres.database import Connection

_EVERY_PATH = """
WITH item AS (
    SELECT path FROM memories
    WHERE memory_store_id = %(store)s AND path >= %(start)s AND path < %(end)s AND id <> ALL (%(hidden)s)
    ORDER BY path LIMIT %(limit)s
)
"""
# From item to item, each found in the index: what a directory holds is never read.
_FIRST_SEGMENTS = """
WITH RECURSIVE item (path, place, start) AS (
    SELECT NULL::text COLLATE "C", 0, %(start)s::text COLLATE "C"
    UNION ALL
    SELECT found.path, item.place + 1,
        CASE WHEN found.path LIKE '%%/' THEN rtrim(found.path, '/') || '0' ELSE found.path || chr(1) END
    FROM item CROSS JOIN LATERAL (
        SELECT substring(path FOR %(length)s) || substring(substring(path FROM %(length)s + 1) FROM '^[^/]+/?') AS path
        FROM memories WHERE memory_store_id = %(store)s AND path >= item.start AND path < %(end)s
            AND id <> ALL (%(hidden)s)
        ORDER BY memories.path LIMIT 1
    ) AS found
    WHERE item.place < %(limit)s
)
"""
_SELECT_ITEMS = """
SELECT item.path, m.* FROM item LEFT JOIN LATERAL (
    SELECT id, memory_store_id, content_sha256, content_size_bytes, memory_version_id, created_at, updated_at, tier,
        CASE WHEN %(full)s THEN content END AS content
    FROM memories WHERE memory_store_id = %(store)s AND path = item.path COLLATE "C" OFFSET 0
) AS m ON true
WHERE item.path IS NOT NULL ORDER BY item.path COLLATE "C"
"""


async def list_page(
    connection: Connection,
    store_id: str,
    *,
    prefix: str,
    after: str | None,
    collapsed: bool,
    with_content: bool,
    limit: int,
    hidden: Sequence[str] = (),
) -> list[Memory | Directory]:
    """The first ``limit`` memories beneath a path prefix that come, in byte order, after an item with path ``after``.

    When ``collapsed``, whatever is deeper than directly beneath the prefix is one directory for each name. Memories
    whose ids are ``hidden`` are left out.

    Raises:
        MemoryPathError: the prefix does not start and end with ``/``.
    """
    check_prefix(prefix)
    parameters = {
        "store": store_id,
        "start": prefix if after is None else max(prefix, least_path_after(after)),
        "end": least_path_after(prefix),
        "length": len(prefix),
        "limit": limit,
        "full": with_content,
        "hidden": list(hidden),
    }
    query = (_FIRST_SEGMENTS if collapsed else _EVERY_PATH) + _SELECT_ITEMS
    async with connection.cursor(row_factory=kwargs_row(_item)) as cursor:
        await cursor.execute(query.encode(), parameters)
        return await cursor.fetchall()


def _item(**columns: Any) -> Memory | Directory:
    return Directory(columns["path"]) if columns["id"] is None else Memory(**columns)
