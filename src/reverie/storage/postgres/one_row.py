"""Rows that are read one at a time, and are there or named as missing."""

from collections.abc import Sequence
from typing import Any, TypeVar

from psycopg.rows import class_row

from reverie.errors import NotFoundError
from reverie.storage.postgres.database import Connection

Row = TypeVar("Row")


async def read_one(
    connection: Connection,
    record: type[Row],
    selected: str,
    values: Sequence[Any],
    missing: NotFoundError,
    *,
    lock: bool = False,
    hold: bool = False,
) -> Row:
    """The row as ``record``; until the transaction ends nobody else changes it (``lock``), or nobody at all (``hold``).

    Args:
        selected: ``columns FROM table WHERE condition``, with ``values``.
        missing: what is raised where there is no such row.

    Raises:
        NotFoundError: there is none.
    """
    mark = " FOR UPDATE" if lock else " FOR SHARE" if hold else ""
    async with connection.cursor(row_factory=class_row(record)) as cursor:
        await cursor.execute(f"SELECT {selected}{mark}".encode(), values)
        row = await cursor.fetchone()
    if row is None:
        raise missing
    return row
