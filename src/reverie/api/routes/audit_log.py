"""The audit log: who did what to which resource."""

from typing import Any

import msgspec

from reverie.api.endpoint import endpoint
from reverie.api.pages import Order, answer_page
from reverie.api.records import AuditLogEntry, AuditLogParams
from reverie.api.request_context import RequestContext
from reverie.api.wire_type import RecordType
from reverie.storage.service.audit import AuditEntry, list_acts

_BY_NUMBER = Order[AuditEntry](tuple[int], lambda row: (row.number,))


@endpoint(
    "audit_log.list",
    "GET",
    "/v1/audit_log",
    query=RecordType(AuditLogParams),
    answer=RecordType(AuditLogEntry),
    is_list=True,
    role="admin",
    extension=True,
)
async def list_all(context: RequestContext) -> dict[str, Any]:
    """List who did what, newest first."""
    query = context.query
    return await answer_page(
        query,
        lambda row: AuditLogEntry(**msgspec.structs.asdict(row)),
        lambda before, limit: list_acts(
            context.connection,
            resource_id=query.get("resource_id"),
            action=query.get("action"),
            before=before,
            limit=limit,
        ),
        _BY_NUMBER,
    )
