"""Erasures: sessions with all that came from them, of a user, of an agent, or by their ids."""

from typing import Any

from reverie.api.endpoint import endpoint
from reverie.api.pages import NEWEST_FIRST, answer_page
from reverie.api.pipeline import finish
from reverie.api.records import ErasureParams, ListParams, StoredErasure
from reverie.api.request_context import RequestContext
from reverie.api.wire_type import RecordType
from reverie.jobs.erasure import erase, rehearse
from reverie.storage.erasure.erasure import Erasure, list_erasures, read_erasure
from reverie.storage.erasure.report import ErasureRequest

_ALL = "/v1/erasures"
_ERASURE = RecordType(StoredErasure)


@endpoint(
    "erasures.create",
    "POST",
    _ALL,
    body=RecordType(ErasureParams),
    answer=_ERASURE,
    role="admin",
    extension=True,
    transaction=False,
)
async def create(context: RequestContext) -> StoredErasure:
    """Erase sessions, and what was learned from them.

    It answers when all is done. Cut short, it goes on when the same is asked for again.
    """
    body = context.body
    request = ErasureRequest(tuple(body.get("session_ids", ())), body.get("user_id"), body.get("agent"))
    clock = context.service.clock
    if body.get("dry_run"):
        return _wire(await rehearse(context.database, request, context.actor, clock))
    done = await erase(context.database, request, context.actor, clock, request_id=context.request_id)
    async with context.database.connection() as connection:
        context.open_connection = connection
        context.resource_id = done.id
        await finish(context, "erasures.create")
    return _wire(done)


@endpoint(
    "erasures.list",
    "GET",
    _ALL,
    query=RecordType(ListParams),
    answer=_ERASURE,
    is_list=True,
    role="admin",
    extension=True,
)
async def list_all(context: RequestContext) -> dict[str, Any]:
    """List erasures, newest first."""
    return await answer_page(
        context.query,
        _wire,
        lambda before, limit: list_erasures(context.connection, before=before, limit=limit),
        NEWEST_FIRST,
    )


@endpoint("erasures.retrieve", "GET", f"{_ALL}/{{erasure_id}}", answer=_ERASURE, role="admin", extension=True)
async def retrieve(context: RequestContext) -> StoredErasure:
    """Read what an erasure did."""
    return _wire(await read_erasure(context.connection, context.path["erasure_id"]))


def _wire(erasure: Erasure) -> StoredErasure:
    return StoredErasure(
        id=erasure.id,
        state=erasure.state,
        sessions_erased=len(erasure.progress.sessions),
        report=erasure.report,
        created_at=erasure.created_at,
        ended_at=erasure.ended_at,
        actor=erasure.actor,
    )
