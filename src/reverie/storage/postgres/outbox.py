"""Notices for webhooks, written in the transaction of the change that they announce."""

from collections.abc import Mapping, Sequence
from datetime import datetime

import msgspec
from psycopg.types.json import Jsonb

from reverie.ids import derived_id, new_id
from reverie.storage.postgres.announcement import WEBHOOKS, announce
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
    """Queue a delivery for each endpoint that listens to the type of a notice."""
    for notice in notices:
        event_id = new_id("whe", now)
        data = {"type": notice.type, "id": notice.id, "organization_id": ORGANIZATION, "workspace_id": workspace_id}
        event = {"type": "event", "id": event_id, "created_at": now, "data": data | dict(notice.more)}
        queued = await connection.execute(
            """
            INSERT INTO webhook_deliveries (id, endpoint_id, event, next_attempt_at, created_at)
            SELECT %s, id, %s, %s, %s FROM webhook_endpoints WHERE enabled AND %s = ANY (event_types)
            """,
            [event_id, Jsonb(event), now, now, notice.type],
        )
        if queued.rowcount:
            await announce(connection, WEBHOOKS)
