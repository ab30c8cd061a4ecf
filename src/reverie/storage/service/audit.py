"""The audit log: who did what to which resource, written in the transaction of the act itself."""

from datetime import datetime
from typing import Any

import msgspec
from psycopg.rows import class_row
from psycopg.types.json import Jsonb

from reverie.storage.postgres.database import Connection


class AuditEntry(msgspec.Struct, frozen=True):
    """One act."""

    number: int
    at: datetime
    actor: dict[str, Any]
    action: str
    resource_id: str | None
    request_id: str


async def record_act(
    connection: Connection, actor: dict[str, str], action: str, resource_id: str | None, request_id: str, now: datetime
) -> None:
    """Add an act to the log."""
    await connection.execute(
        "INSERT INTO audit_log (at, actor, action, resource_id, request_id) VALUES (%s, %s, %s, %s, %s)",
        [now, Jsonb(actor), action, resource_id, request_id],
    )


async def list_acts(
    connection: Connection, *, resource_id: str | None, action: str | None, before: int | None, limit: int
) -> list[AuditEntry]:
    """Acts, newest first, before number ``before``."""
    async with connection.cursor(row_factory=class_row(AuditEntry)) as cursor:
        await cursor.execute(
            """
            SELECT number, at, actor, action, resource_id, request_id FROM audit_log
            WHERE (%(id)s::text IS NULL OR resource_id = %(id)s) AND (%(action)s::text IS NULL OR action = %(action)s)
                AND (%(before)s::bigint IS NULL OR number < %(before)s)
            ORDER BY number DESC LIMIT %(limit)s
            """,
            {"id": resource_id, "action": action, "before": before, "limit": limit},
        )
        return await cursor.fetchall()
