"""Lists that are read newest first, page by page, from an index on creation and id."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, TypeVar

from psycopg.rows import class_row

from reverie.storage.postgres.database import Connection

Position = tuple[datetime, str]
"""When the last row shown was made, and its id."""
Row = TypeVar("Row")


async def list_newest(
    connection: Connection,
    record: type[Row],
    selected: str,
    *,
    before: Position | None,
    limit: int,
    conditions: Sequence[str] = (),
    parameters: Mapping[str, Any] = {},
) -> list[Row]:
    """Rows as ``record``, newest first, that come after the position ``before``.

    Args:
        selected: ``columns FROM table``; the table has ``created_at`` and ``id``.
        conditions: what else has to hold, in SQL with ``parameters``.
    """
    wanted, values = [*conditions], {**parameters, "limit": limit}
    if before is not None:
        wanted.append("(created_at, id) < (%(at)s, %(id)s)")
        values |= {"at": before[0], "id": before[1]}
    where = f"WHERE {' AND '.join(wanted)}" if wanted else ""
    async with connection.cursor(row_factory=class_row(record)) as cursor:
        query = f"SELECT {selected} {where} ORDER BY created_at DESC, id DESC LIMIT %(limit)s"
        await cursor.execute(query.encode(), values)
        return await cursor.fetchall()
