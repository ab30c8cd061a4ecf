"""The audit log: who did what to which resource, written in the transaction of the act itself."""

from datetime import datetime
from typing import Any

import msgspec
from psycopg.rows import class_row

from reverie.storage.postgres.act import record_act
from reverie.storage.postgres.database import Connection

__all__ = ["AuditEntry", "list_acts", "record_act"]


class AuditEntry(msgspec.Struct, frozen=True):
    """One act."""

    number: int
    at: datetime
    actor: dict[str, Any]
    action: str
    resource_id: str | None
    request_id: str
    details: dict[str, Any] | None
    content_hash: str
    """SHA-256 of the row's canonical text, in hexadecimal; see :mod:`reverie.storage.postgres.sealed_table`."""


async def list_acts(
    connection: Connection,
    *,
    resource_id: str | None,
    action: str | None,
    actor: str | None = None,
    before: int | None,
    limit: int,
) -> list[AuditEntry]:
    """Acts, newest first, before number ``before``.

    Args:
        actor: an API key's id, a session's, or the name of what acts by itself.
    """
    async with connection.cursor(row_factory=class_row(AuditEntry)) as cursor:
        await cursor.execute(
            """
            SELECT number, at, actor, action, resource_id, request_id, details,
                encode(content_hash, 'hex') AS content_hash
            FROM audit_log
            WHERE (%(id)s::text IS NULL OR resource_id = %(id)s) AND (%(action)s::text IS NULL OR action = %(action)s)
                AND (%(actor)s::text IS NULL
                    OR coalesce(actor ->> 'api_key_id', actor ->> 'session_id', actor ->> 'name') = %(actor)s)
                AND (%(before)s::bigint IS NULL OR number < %(before)s)
            ORDER BY number DESC LIMIT %(limit)s
            """,
            {"id": resource_id, "action": action, "actor": actor, "before": before, "limit": limit},
        )
        return await cursor.fetchall()
