"""The rows of sealed tables as they are hashed, read as a stream."""

from collections.abc import AsyncIterator
from typing import Any

import msgspec

from reverie.storage.postgres.database import Connection, Database
from reverie.storage.postgres.sealed_table import SEALED_TABLES, SealedTable
from reverie.storage.postgres.workspaces import workspace_here
from reverie.storage.service.seal import Seal

_FETCHED = 500
"""Rows that are held at a time."""
_SEALS = """
SELECT number, workspace_id, "table", first, last, count, made_at, key_id, encode(root, 'hex'),
    encode(signature, 'hex'), leaves
FROM audit_seals ORDER BY number
"""


class HistoryRow(msgspec.Struct, frozen=True):
    """A row as it stands."""

    number: int
    content_hash: bytes
    """What was written with it."""
    text: str
    """Its canonical text now."""
    blanked: bool
    name: str
    """What a person knows it by."""


async def begin_reading(connection: Connection) -> str:
    """Have the rest of the transaction read one snapshot, whatever is written meanwhile; the workspace's id."""
    await connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
    return await workspace_here(connection)


async def read_rows(
    connection: Connection, table: SealedTable, after: int | None = None, last: int | None = None
) -> AsyncIterator[HistoryRow]:
    """The rows of a table whose numbers are above ``after`` and not above ``last``, in order."""
    query = f"""
        SELECT {table.number}, content_hash, {table.text}, {table.blanked}, {table.name_of_row} FROM {table.name}
        WHERE (%s::bigint IS NULL OR {table.number} > %s) AND (%s::bigint IS NULL OR {table.number} <= %s)
        ORDER BY {table.number}
    """
    async with connection.cursor(name="history") as cursor:
        cursor.itersize = _FETCHED
        await cursor.execute(query.encode(), [after, after, last, last])
        async for row in cursor:
            yield HistoryRow(*row)


async def read_erased(
    connection: Connection, table: SealedTable, after: int | None = None, last: int | None = None
) -> set[int]:
    """The numbers of rows in that range that are said to be lawfully erased."""
    found = await connection.execute(
        'SELECT number FROM erased_rows WHERE "table" = %s AND (%s::bigint IS NULL OR number > %s)'
        " AND (%s::bigint IS NULL OR number <= %s)",
        [table.name, after, after, last, last],
    )
    return {number for (number,) in await found.fetchall()}


async def read_seals(connection: Connection) -> AsyncIterator[tuple[Seal, bytes]]:
    """Each seal with its leaves, in order."""
    async with connection.cursor(name="seals") as cursor:
        cursor.itersize = 1  # It may hold the leaves of 10,000 rows.
        await cursor.execute(_SEALS)
        async for *said, leaves in cursor:
            yield Seal(*said), leaves


async def export_history(database: Database) -> AsyncIterator[dict[str, Any]]:
    """All rows with their canonical texts and hashes, table by table, then the seals: one JSON-able record each."""
    async with database.connection() as connection:
        await begin_reading(connection)
        for table in SEALED_TABLES:
            async for row in read_rows(connection, table):
                yield {
                    "type": "row",
                    "table": table.name,
                    "number": row.number,
                    "content_hash": row.content_hash.hex(),
                    "text": row.text,
                }
        async for seal, leaves in read_seals(connection):
            yield {"type": "seal", **msgspec.structs.asdict(seal), "leaves": leaves.hex()}
