"""What an endpoint is, and what its handler is given."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

from starlette.requests import Request

from reverie.api.service import Service
from reverie.api.wire_type import WireType
from reverie.storage.postgres.database import Connection, Database
from reverie.storage.postgres.outbox import Notice
from reverie.storage.service.api_keys import ApiKey

Method = Literal["GET", "POST", "DELETE"]
Role = Literal["read", "write", "admin", "open"]
"""The least role that may call; ``open`` needs no key."""


@dataclass(slots=True)
class Call:
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
    """What the call was about, for the audit log; by default the last id in the path."""
    notices: list[Notice] = field(default_factory=list)
    """Told to webhooks once the transaction is committed."""

    @property
    def connection(self) -> Connection:
        """The call's one transaction: committed when the handler returns, rolled back when it raises."""
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
        """Have webhooks told, in this transaction, that something became of a resource."""
        self.notices.append(Notice(type, id, more))


Handler = Callable[[Call], Awaitable[Any]]
"""Gives what is answered: JSON-able data with status 200, or a response of its own."""


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One method on one path."""

    name: str
    """``resource.verb``, as the SDK calls it; the audit log's action and the OpenAPI operation id."""
    method: Method
    path: str
    handler: Handler
    summary: str
    """A sentence for the documentation."""
    body: WireType | None = None
    query: WireType | None = None
    answer: WireType | None = None
    """What is answered; of a list, what it lists."""
    is_list: bool = False
    answer_media: str = "application/json"
    role: Role | None = None
    """By default ``read`` for GET and ``write`` for the rest."""
    worker: bool = False
    """Whether keys of environments and tokens of work may call it, each within its scope."""
    worker_key: bool = False
    """Whether keys of environments may call it, but no tokens of work."""
    extension: bool = False
    """Whether it is ours, not of the Managed Agents API."""
    audited: bool = True
    """Whether its acts are in the audit log; signs of life and passing previews are not acts."""
    transaction: bool = True
    """Whether the handler works in one transaction; streams and long work open their own."""
    raw_body: bool = False
    """Whether the handler reads the body itself."""
    body_media: str = "application/json"
    """Another one goes with ``raw_body``; ``body`` then only describes."""

    @property
    def least_role(self) -> Role:
        """The least role that may call it."""
        return self.role or ("read" if self.method == "GET" else "write")
