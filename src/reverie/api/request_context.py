"""What the handler of an endpoint is given: who asks, for what, and the one transaction that it works in."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from starlette.requests import Request

from reverie.api.service import Service
from reverie.storage.postgres.database import Connection, Database
from reverie.storage.postgres.outbox import WebhookNotice
from reverie.storage.service.api_keys import ApiKey


@dataclass(slots=True)
class RequestContext:
    """One request on its way through a handler."""

    request: Request
    service: Service
    key: ApiKey
    """Who asks."""
    database: Database
    """Looks at the workspace of the key."""
    path: Mapping[str, str]
    query: Mapping[str, Any]
    body: Any
    now: datetime
    request_id: str
    open_connection: Connection | None = None
    resource_id: str | None = None
    """What the request was about, for the audit log; by default the last id in the path."""
    notices: list[WebhookNotice] = field(default_factory=list)
    """Delivered to webhooks once the transaction is committed."""

    @property
    def connection(self) -> Connection:
        """The request's one transaction: committed when the handler returns, rolled back when it raises."""
        if self.open_connection is None:
            raise RuntimeError("this endpoint was declared without a transaction")
        return self.open_connection

    @property
    def actor(self) -> dict[str, str]:
        """Who asks, as the wire API's actor union."""
        if self.key.session_id is not None:
            return {"type": "session_actor", "session_id": self.key.session_id}
        return {"type": "api_actor", "api_key_id": self.key.id}

    def notify(self, type: str, id: str, **more: str) -> None:
        """Have webhooks notified, in this transaction, that something became of a resource."""
        self.notices.append(WebhookNotice(type, id, more))
