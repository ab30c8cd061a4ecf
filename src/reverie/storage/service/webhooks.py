"""Webhook endpoints, and the deliveries that are due to them."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, Literal

import msgspec
from psycopg.rows import class_row

from reverie.errors import NotFoundError
from reverie.storage.postgres.database import Connection
from reverie.storage.postgres.one_row import read_one

_COLUMNS = "id, name, description, url, event_types, secret, enabled, disabled_reason, created_at, updated_at"


class WebhookEndpoint(msgspec.Struct, frozen=True):
    """Where notices are delivered to."""

    id: str
    name: str
    description: str
    url: str
    event_types: list[str]
    secret: str
    """What deliveries are signed with, sealed."""
    enabled: bool
    disabled_reason: str | None
    """Why the server disabled it; None when a user did."""
    created_at: datetime
    updated_at: datetime


class Delivery(msgspec.Struct, frozen=True):
    """An event that is due to an endpoint."""

    id: str
    endpoint_id: str
    event: dict[str, Any]
    attempts: int
    """How many have failed."""
    url: str
    secret: str


async def insert_endpoint(connection: Connection, endpoint: WebhookEndpoint) -> None:
    """Record a new endpoint."""
    await connection.execute(
        f"INSERT INTO webhook_endpoints ({_COLUMNS}) VALUES ({', '.join(['%s'] * 10)})",
        [*msgspec.structs.astuple(endpoint)],
    )


async def read_endpoint(connection: Connection, endpoint_id: str, *, lock: bool = False) -> WebhookEndpoint:
    """One endpoint, locked until the transaction ends where asked for.

    Raises:
        NotFoundError: there is none.
    """
    missing = NotFoundError(f"there is no webhook endpoint {endpoint_id!r}")
    query = f"{_COLUMNS} FROM webhook_endpoints WHERE id = %s"
    return await read_one(connection, WebhookEndpoint, query, [endpoint_id], missing, lock=lock)


async def list_endpoints(
    connection: Connection,
    *,
    order: Literal["asc", "desc"],
    after: WebhookEndpoint | None,
    before: WebhookEndpoint | None,
    limit: int,
) -> list[WebhookEndpoint]:
    """Endpoints by their making, those between ``after`` and ``before`` in the order asked for."""
    further, sooner = ("<", ">") if order == "desc" else (">", "<")
    query = f"""
        SELECT {_COLUMNS} FROM webhook_endpoints
        WHERE (%(after_id)s::text IS NULL OR (created_at, id) {further} (%(after_at)s::timestamptz, %(after_id)s))
            AND (%(before_id)s::text IS NULL OR (created_at, id) {sooner} (%(before_at)s::timestamptz, %(before_id)s))
        ORDER BY created_at {order}, id {order} LIMIT %(limit)s
        """
    values = {
        "after_id": after and after.id,
        "after_at": after and after.created_at,
        "before_id": before and before.id,
        "before_at": before and before.created_at,
        "limit": limit,
    }
    async with connection.cursor(row_factory=class_row(WebhookEndpoint)) as cursor:
        await cursor.execute(query.encode(), values)
        return await cursor.fetchall()


async def update_endpoint(connection: Connection, endpoint: WebhookEndpoint) -> None:
    """Replace what may change of an endpoint; what waits for a disabled one is dropped."""
    await connection.execute(
        "UPDATE webhook_endpoints SET name = %s, description = %s, url = %s, event_types = %s, secret = %s,"
        " enabled = %s, disabled_reason = %s, updated_at = %s WHERE id = %s",
        [
            endpoint.name,
            endpoint.description,
            endpoint.url,
            endpoint.event_types,
            endpoint.secret,
            endpoint.enabled,
            endpoint.disabled_reason,
            endpoint.updated_at,
            endpoint.id,
        ],
    )
    if not endpoint.enabled:
        await _drop_waiting(connection, endpoint.id)


async def disable_endpoint(connection: Connection, endpoint_id: str, reason: str, now: datetime) -> None:
    """Give up an endpoint, if it is still there; what waits for it is dropped."""
    await connection.execute(
        "UPDATE webhook_endpoints SET enabled = false, disabled_reason = %s, updated_at = %s WHERE id = %s",
        [reason, now, endpoint_id],
    )
    await _drop_waiting(connection, endpoint_id)


async def _drop_waiting(connection: Connection, endpoint_id: str) -> None:
    await connection.execute(
        "UPDATE webhook_deliveries SET next_attempt_at = NULL, last_error = 'the endpoint was disabled'"
        " WHERE endpoint_id = %s AND next_attempt_at IS NOT NULL",
        [endpoint_id],
    )


async def delete_endpoint(connection: Connection, endpoint_id: str) -> None:
    """Delete an endpoint with its deliveries.

    Raises:
        NotFoundError: there is none.
    """
    await read_endpoint(connection, endpoint_id, lock=True)
    await connection.execute("DELETE FROM webhook_endpoints WHERE id = %s", [endpoint_id])


async def claim_deliveries(connection: Connection, now: datetime, hold: timedelta, most: int) -> Sequence[Delivery]:
    """Deliveries that are due, now held for ``hold``: whoever claims them and dies leaves them due again after that."""
    async with connection.cursor(row_factory=class_row(Delivery)) as cursor:
        await cursor.execute(
            """
            WITH due AS MATERIALIZED (
                SELECT id, endpoint_id FROM webhook_deliveries WHERE next_attempt_at <= %(now)s
                ORDER BY next_attempt_at LIMIT %(most)s FOR UPDATE SKIP LOCKED
            )
            UPDATE webhook_deliveries d SET next_attempt_at = %(end)s
            FROM due JOIN webhook_endpoints e ON e.id = due.endpoint_id
            WHERE d.id = due.id AND d.endpoint_id = due.endpoint_id
            RETURNING d.id, d.endpoint_id, d.event, d.attempts, e.url, e.secret
            """,
            {"now": now, "most": most, "end": now + hold},
        )
        return await cursor.fetchall()


async def record_delivered(connection: Connection, delivery: Delivery, now: datetime) -> None:
    """Note that a delivery has arrived."""
    await connection.execute(
        "UPDATE webhook_deliveries SET attempts = attempts + 1, delivered_at = %s, next_attempt_at = NULL,"
        " last_error = NULL WHERE id = %s AND endpoint_id = %s",
        [now, delivery.id, delivery.endpoint_id],
    )


async def record_failed(
    connection: Connection, delivery: Delivery, reason: str, next_attempt_at: datetime | None
) -> None:
    """Note that an attempt failed; without a time for another one the delivery is dropped."""
    await connection.execute(
        "UPDATE webhook_deliveries SET attempts = attempts + 1, next_attempt_at = %s, last_error = %s"
        " WHERE id = %s AND endpoint_id = %s AND delivered_at IS NULL",
        [next_attempt_at, reason, delivery.id, delivery.endpoint_id],
    )


async def forget_deliveries(connection: Connection, before: datetime) -> None:
    """Delete deliveries that are done with and were made before a time."""
    await connection.execute(
        "DELETE FROM webhook_deliveries WHERE next_attempt_at IS NULL AND created_at < %s", [before]
    )
