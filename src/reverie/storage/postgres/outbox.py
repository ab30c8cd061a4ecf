"""Notices for webhooks, written in the transaction of the change that they announce."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import msgspec
from psycopg.types.json import Jsonb

from reverie.ids import derived_id, new_id
from reverie.storage.postgres.announcement import CHANNEL, WEBHOOKS
from reverie.storage.postgres.database import Connection

ORGANIZATION = derived_id("org", "default")
"""What the wire API calls an organization is the whole installation, so there is one."""


class WebhookNotice(msgspec.Struct, frozen=True):
    """That something became of a resource; ids only, never content."""

    type: str
    id: str
    more: Mapping[str, str] = {}


async def write_notices(
    connection: Connection, notices: Sequence[WebhookNotice], workspace_id: str, now: datetime
) -> None:
    """Queue a delivery for each endpoint that listens to the type of a notice; nothing is waited for in a pipeline."""
    if not notices:
        return
    await connection.execute(
        """
        WITH queued AS (
            INSERT INTO webhook_deliveries (id, endpoint_id, event, next_attempt_at, created_at)
            SELECT x.event ->> 'id', e.id, x.event, %(now)s, %(now)s
            FROM jsonb_array_elements(%(events)s) AS x (event)
            JOIN webhook_endpoints e ON e.enabled AND x.event -> 'data' ->> 'type' = ANY (e.event_types)
            RETURNING id
        )
        SELECT pg_notify(%(channel)s, %(webhooks)s) FROM queued LIMIT 1
        """,
        {
            "events": Jsonb([_event(notice, workspace_id, now) for notice in notices]),
            "now": now,
            "channel": CHANNEL,
            "webhooks": WEBHOOKS,
        },
    )


def _event(notice: WebhookNotice, workspace_id: str, now: datetime) -> dict[str, Any]:
    data = {"type": notice.type, "id": notice.id, "organization_id": ORGANIZATION, "workspace_id": workspace_id}
    return {"type": "event", "id": new_id("whe", now), "created_at": now, "data": data | dict(notice.more)}
