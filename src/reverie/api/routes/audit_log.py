"""The audit log: who did what to which resource."""

from datetime import datetime
from typing import Any, Literal, NotRequired

from typing_extensions import TypedDict

from reverie.api.endpoint import endpoint
from reverie.api.pages import Order, answer_page
from reverie.api.request_context import RequestContext
from reverie.api.wire_type import WireType
from reverie.storage.service.audit import AuditEntry, list_acts

_BY_NUMBER = Order[AuditEntry](tuple[int], lambda row: (row.number,))


class AuditLogParams(TypedDict):
    """Which acts."""

    resource_id: NotRequired[str]
    action: NotRequired[str]
    """Such as ``memory_stores.memories.update``."""
    limit: NotRequired[int]
    page: NotRequired[str]


class WireAct(TypedDict):
    """One act."""

    type: Literal["audit_entry"]
    number: int
    at: datetime
    actor: dict[str, Any]
    action: str
    resource_id: str | None
    request_id: str


@endpoint(
    "audit_log.list",
    "GET",
    "/v1/audit_log",
    query=WireType(AuditLogParams),
    answer=WireType(WireAct),
    is_list=True,
    role="admin",
    extension=True,
)
async def list_all(context: RequestContext) -> dict[str, Any]:
    """List who did what, newest first."""
    query = context.query
    return await answer_page(
        query,
        _wire,
        lambda before, limit: list_acts(
            context.connection,
            resource_id=query.get("resource_id"),
            action=query.get("action"),
            before=before,
            limit=limit,
        ),
        _BY_NUMBER,
    )


def _wire(entry: AuditEntry) -> dict[str, Any]:
    return {
        "type": "audit_entry",
        "number": entry.number,
        "at": entry.at,
        "actor": entry.actor,
        "action": entry.action,
        "resource_id": entry.resource_id,
        "request_id": entry.request_id,
    }
