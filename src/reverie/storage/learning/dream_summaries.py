"""Dreams in a line each: what was asked, how far it is, what came of it."""

from collections.abc import Sequence
from datetime import datetime

import msgspec
from psycopg.rows import args_row

from reverie.dreams.dream import DreamStatus
from reverie.dreams.summary import SummarizedDream
from reverie.errors import NotFoundError
from reverie.storage.postgres.database import Connection

# The result, which is large, is taken apart once and stays in the database; so does a request that names thousands of
# sessions.
_SELECT = """
SELECT id, memory_store_id, request ->> 'store', coalesce((request ->> 'clone')::boolean, false),
    request ->> 'where',
    CASE WHEN jsonb_typeof(request -> 'session_ids') = 'array' THEN jsonb_array_length(request -> 'session_ids') END,
    request ->> 'instructions', status, error, session_id, created_at, ended_at, archived_at,
    told.sessions,
    (
        SELECT jsonb_object_agg(status, lessons) FROM (
            SELECT lesson ->> 'status' AS status, count(*) AS lessons
            FROM jsonb_array_elements(told.lessons) AS lesson GROUP BY 1
        ) AS counted
    ),
    jsonb_array_length(told.changes), told.revision,
    (told.usage ->> 'input_tokens')::bigint + (told.usage ->> 'output_tokens')::bigint,
    (told.usage ->> 'cost_usd')::float8
FROM dreams LEFT JOIN LATERAL jsonb_to_record(result)
    AS told (sessions jsonb, lessons jsonb, changes jsonb, revision integer, usage jsonb) ON true
"""
_PAGE = """
WHERE (%(store)s::text IS NULL OR memory_store_id = %(store)s OR request ->> 'store' = %(store)s)
    AND (cardinality(%(statuses)s::text[]) = 0 OR status = ANY (%(statuses)s))
    AND (%(archived)s OR archived_at IS NULL)
    AND (%(at)s::timestamptz IS NULL OR (created_at, id) < (%(at)s, %(id)s))
ORDER BY created_at DESC, id DESC LIMIT %(limit)s
"""


async def list_summaries(
    connection: Connection,
    *,
    store_id: str | None,
    statuses: Sequence[DreamStatus],
    include_archived: bool,
    before: tuple[datetime, str] | None,
    limit: int,
) -> list[SummarizedDream]:
    """Dreams that came before a place (time and id), newest first; without ``statuses``, of every status."""
    at, dream_id = before or (None, None)
    wanted = {"store": store_id, "statuses": list(statuses), "archived": include_archived}
    async with connection.cursor(row_factory=args_row(_row)) as cursor:
        await cursor.execute(_SELECT + _PAGE, {**wanted, "at": at, "id": dream_id, "limit": limit})
        return await cursor.fetchall()


async def read_summary(connection: Connection, dream_id: str) -> SummarizedDream:
    """One dream.

    Raises:
        NotFoundError: there is none.
    """
    async with connection.cursor(row_factory=args_row(_row)) as cursor:
        await cursor.execute(f"{_SELECT} WHERE id = %s", [dream_id])
        row = await cursor.fetchone()
    if row is None:
        raise NotFoundError(f"there is no dream {dream_id!r}")
    return row


def _row(*columns: object) -> SummarizedDream:
    return msgspec.convert(dict(zip(SummarizedDream.__struct_fields__, columns, strict=True)), SummarizedDream)
