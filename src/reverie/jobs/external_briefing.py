"""A briefing for an agent that runs elsewhere: what a session here would be shown, drawn and recorded alike."""

from collections.abc import Sequence
from datetime import datetime

import msgspec

from reverie.errors import ConflictError
from reverie.ids import derived_id, new_id
from reverie.storage.live.assignments import Candidate
from reverie.storage.live.external_briefings import (
    ExternalBriefing,
    find_external_briefing,
    find_session_key,
    write_external_briefing,
)
from reverie.storage.live.guidance import LONGEST_QUERY, make_guidance
from reverie.storage.memory.store_places import require_open
from reverie.storage.postgres.database import Connection


class BriefingRequest(msgspec.Struct, frozen=True):
    """Who asks, and for what."""

    store_ids: Sequence[str]
    agent: str | None = None
    task_family: str | None = None
    user_id: str | None = None
    query: str = ""
    """The opening message, for what is recalled."""
    reference: str | None = None
    """The id that the session has, or will have; with it, asking again gives what was given first."""


async def give_briefing(connection: Connection, request: BriefingRequest, now: datetime) -> ExternalBriefing:
    """The briefing; a reference has one, as a session has, so that what was shown is known.

    Raises:
        NotFoundError: there is no such store, or it is private to another agent.
        ConflictError: the reference has a briefing of other stores.
    """
    reference = request.reference
    briefing_id = new_id("brf", now) if reference is None else derived_id("brf", reference)
    given = await find_external_briefing(connection, briefing_id)
    stores = list(dict.fromkeys(request.store_ids))
    await require_open(connection, stores, request.agent)
    if given is not None and set(given.memory_store_ids) != set(stores):
        raise ConflictError(f"{reference!r} was given a briefing of other memory stores; a session has one briefing")
    if given is not None:
        return given
    key = None if reference is None else await find_session_key(connection, reference)
    candidate = Candidate(
        reference if key is not None and reference is not None else briefing_id,
        key,
        request.user_id,
        request.agent,
        request.task_family,
    )
    briefing = await make_guidance(connection, stores, candidate, request.query[:LONGEST_QUERY], now)
    return await write_external_briefing(connection, briefing, briefing_id, reference, stores, now)
