"""The audit log: who did what to which resource."""

from datetime import datetime
from typing import Any, Literal, NotRequired

from typing_extensions import TypedDict

from reverie.api.endpoint import Call, Endpoint
from reverie.api.pages import decode_cursor, envelope, page_of
from reverie.api.wire_type import WireType
from reverie.storage.service.audit import AuditEntry, list_acts


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


async def list_all(call: Call) -> dict[str, Any]:
    """Acts, newest first."""
    limit = call.query.get("limit", 20)
    rows = await list_acts(
        call.connection,
        resource_id=call.query.get("resource_id"),
        action=call.query.get("action"),
        before=decode_cursor(call.query["page"], tuple[int])[0] if "page" in call.query else None,
        limit=limit + 1,
    )
    shown, next_page = page_of(rows, limit, lambda row: (row.number,))
    return envelope([_wire(row) for row in shown], next_page)


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


_HERE = "reverie.api.routes.audit_log"
ENDPOINTS = (
    Endpoint(
        "audit_log.list",
        "GET",
        "/v1/audit_log",
        list_all,
        "List who did what, newest first.",
        query=WireType(f"{_HERE}:AuditLogParams"),
        answer=WireType(f"{_HERE}:WireAct"),
        is_list=True,
        role="admin",
        extension=True,
    ),
)
