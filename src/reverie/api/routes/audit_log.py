"""The audit log: who did what to which resource, the seals over the history, and its verification."""

import asyncio
from typing import Any

import msgspec

from reverie.api.endpoint import endpoint
from reverie.api.pages import Order, answer_page
from reverie.api.pipeline import finish
from reverie.api.records import AuditLogEntry, AuditLogParams, AuditSeal, AuditSealing, AuditVerification, ListParams
from reverie.api.request_context import RequestContext
from reverie.api.wire_type import RecordType
from reverie.storage.service.audit import AuditEntry, list_acts
from reverie.storage.service.seal import Seal
from reverie.storage.service.seal_keys import known_keys
from reverie.storage.service.seals import list_seals, seal_history
from reverie.storage.service.verification import verify_history

PATIENCE_SECONDS = 10.0
"""How long a request waits for those who are still writing."""
_SEALS = "/v1/audit_log/seals"
_BY_SEAL = Order[Seal](tuple[int], lambda seal: (seal.number,))
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
            actor=query.get("actor"),
            before=before,
            limit=limit,
        ),
        _BY_NUMBER,
    )


@endpoint(
    "audit_log.seals.list",
    "GET",
    _SEALS,
    query=RecordType(ListParams),
    answer=RecordType(AuditSeal),
    is_list=True,
    role="admin",
    extension=True,
)
async def list_of_seals(context: RequestContext) -> dict[str, Any]:
    """List the seals over the history, newest first."""
    return await answer_page(
        context.query, _wire, lambda before, limit: list_seals(context.connection, before=before, limit=limit), _BY_SEAL
    )


@endpoint(
    "audit_log.seals.create",
    "POST",
    _SEALS,
    answer=RecordType(AuditSealing),
    role="admin",
    extension=True,
    transaction=False,
)
async def seal(context: RequestContext) -> AuditSealing:
    """Seal what was added to the history since the last seals.

    Tables to which somebody keeps writing for ten seconds are left for the next time.
    """
    settings = context.service.settings
    sealing = await seal_history(context.database, settings, context.now, PATIENCE_SECONDS)
    async with context.database.connection() as connection:
        context.open_connection = connection
        await finish(context, "audit_log.seals.create")
    return AuditSealing(tuple(map(_wire, sealing.seals)), sealing.waiting)


@endpoint(
    "audit_log.verify",
    "GET",
    "/v1/audit_log/verify",
    answer=RecordType(AuditVerification),
    role="admin",
    extension=True,
    transaction=False,
)
async def verify(context: RequestContext) -> AuditVerification:
    """Compare every row of the history with its hash and its seal, with the outside file and key that are set.

    It reads the whole history.
    """
    settings = context.service.settings
    keys = await asyncio.to_thread(known_keys, settings)
    found = await verify_history(context.database, keys, settings.audit_seal_file)
    return AuditVerification(**msgspec.structs.asdict(found))


def _wire(seal: Seal) -> AuditSeal:
    return AuditSeal(**msgspec.structs.asdict(seal))
