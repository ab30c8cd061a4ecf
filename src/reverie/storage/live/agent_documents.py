"""Documents that people set for an agent or the workspace: every version is kept, and the latest one stands."""

from datetime import datetime
from typing import Any, Literal, TypeVar

import msgspec
from psycopg.rows import class_row
from psycopg.types.json import Jsonb

from reverie.storage.postgres.database import Connection

Table = Literal["rules", "charters", "roles"]
_COLUMNS = "agent_id, version, document, created_at"


class AgentDocument(msgspec.Struct, frozen=True):
    """A version of a document."""

    agent_id: str
    """Whose it is; ``''`` is the workspace's."""
    version: int
    """0 is the empty one that stands before any was set."""
    document: dict[str, Any]
    created_at: datetime | None


Document = TypeVar("Document", bound=AgentDocument)


async def write_document(
    connection: Connection, table: Table, type_: type[Document], agent_id: str, document: dict[str, Any], now: datetime
) -> Document:
    """Set a document: a new version, and the one that stands."""
    await connection.execute(f"LOCK TABLE {table} IN SHARE ROW EXCLUSIVE MODE".encode())
    async with connection.cursor(row_factory=class_row(type_)) as cursor:
        await cursor.execute(
            f"""
            INSERT INTO {table} ({_COLUMNS})
            SELECT %(agent)s, coalesce(max(version), 0) + 1, %(document)s, %(now)s
            FROM {table} WHERE agent_id = %(agent)s
            RETURNING {_COLUMNS}
            """.encode(),
            {"agent": agent_id, "document": Jsonb(document), "now": now},
        )
        (stored,) = await cursor.fetchall()
    return stored


async def find_document(
    connection: Connection, table: Table, type_: type[Document], agent_id: str, version: int | None
) -> Document | None:
    """A version of a document, by default the one that stands; None where there is none."""
    async with connection.cursor(row_factory=class_row(type_)) as cursor:
        await cursor.execute(
            f"""
            SELECT {_COLUMNS} FROM {table} WHERE agent_id = %s AND (%s::integer IS NULL OR version = %s)
            ORDER BY version DESC LIMIT 1
            """.encode(),
            [agent_id, version, version],
        )
        return await cursor.fetchone()


async def list_documents(
    connection: Connection, table: Table, type_: type[Document], agent_id: str, before: int | None, limit: int
) -> list[Document]:
    """Versions of a document before number ``before``, newest first."""
    async with connection.cursor(row_factory=class_row(type_)) as cursor:
        await cursor.execute(
            f"""
            SELECT {_COLUMNS} FROM {table} WHERE agent_id = %s AND (%s::integer IS NULL OR version < %s)
            ORDER BY version DESC LIMIT %s
            """.encode(),
            [agent_id, before, before, limit],
        )
        return await cursor.fetchall()
