"""Briefings for agents that run elsewhere."""

import msgspec

from reverie.api.endpoint import endpoint
from reverie.api.records import BriefingParams, ShownItem, StoredBriefing
from reverie.api.request_context import RequestContext
from reverie.api.wire_type import RecordType
from reverie.jobs.external_briefing import BriefingRequest, give_briefing
from reverie.storage.live.external_briefings import ExternalBriefing, read_external_briefing
from reverie.storage.memory.stores import find_store

_ALL = "/v1/briefings"
_BRIEFING = RecordType(StoredBriefing)


@endpoint("briefings.create", "POST", _ALL, body=RecordType(BriefingParams), answer=_BRIEFING, extension=True)
async def create(context: RequestContext) -> StoredBriefing:
    """Make the briefing of a session that runs elsewhere, by the draws of the live trials that it takes part in."""
    body = context.body
    stores = [(await find_store(context.connection, given)).id for given in body["memory_store_ids"]]
    request = BriefingRequest(
        stores,
        agent=body.get("agent"),
        task_family=body.get("task_family"),
        user_id=body.get("user_id"),
        query=body.get("query", ""),
        reference=body.get("reference"),
    )
    given = await give_briefing(context.connection, request, context.now)
    context.resource_id = given.id
    return _wire(given)


@endpoint("briefings.retrieve", "GET", f"{_ALL}/{{briefing_id}}", answer=_BRIEFING, extension=True)
async def retrieve(context: RequestContext) -> StoredBriefing:
    """Read a briefing as it was given."""
    return _wire(await read_external_briefing(context.connection, context.path["briefing_id"]))


def _wire(given: ExternalBriefing) -> StoredBriefing:
    shown = tuple(msgspec.convert(one, ShownItem) for one in given.shown)
    return StoredBriefing(given.id, given.reference, given.text, shown, given.made_at)
