"""Sessions as people read them: what is known of one, and its events by their place in the log."""

from collections.abc import Mapping

import msgspec

from reverie.api.endpoint import endpoint
from reverie.api.records import EventRange, EventRangeParams, NumberedEvent, StoredSessionFacts
from reverie.api.request_context import RequestContext
from reverie.api.wire_type import RecordType
from reverie.digests.tool_error import tool_failed
from reverie.ids import event_id, event_sequence
from reverie.sessions.event import stored_event
from reverie.storage.learning.session_summaries import read_facts
from reverie.storage.live.log import LogFilter, LogRow, read_inputs, read_log, wire_event
from reverie.storage.live.sessions import LiveSession, read_session
from reverie.storage.postgres.database import Connection

PRIMARY = "primary"
_CHUNK = 500
_LONGER_THAN_ANY = 2**31 - 1
_RESULTS: Mapping[str, str] = {
    "agent.tool_result": "tool_use_id",
    "user.tool_result": "tool_use_id",
    "agent.mcp_tool_result": "mcp_tool_use_id",
    "user.custom_tool_result": "custom_tool_use_id",
}
"""The field that names the call."""


@endpoint(
    "sessions.facts",
    "GET",
    "/v1/sessions/{session_id}/facts",
    answer=RecordType(StoredSessionFacts),
    extension=True,
)
async def facts(context: RequestContext) -> StoredSessionFacts:
    """Read what is known of a session besides its events.

    Its scores with who gave them, what it was shown, the arms it was drawn for, its threads.
    """
    found = await read_facts(context.connection, context.path["session_id"])
    return StoredSessionFacts(**{name: getattr(found, name) for name in found.__struct_fields__})


@endpoint(
    "sessions.events.range",
    "GET",
    "/v1/sessions/{session_id}/event_range",
    query=RecordType(EventRangeParams),
    answer=RecordType(EventRange),
    extension=True,
)
async def event_range(context: RequestContext) -> EventRange:
    """Read events by their place in the log, of all threads or one, and where the next error is."""
    session = await read_session(context.connection, context.path["session_id"])
    query = context.query
    wanted = _filter(query.get("session_thread_id"))
    first, limit = query.get("first", 0), query.get("limit", 200)
    rows = await read_log(context.connection, session.key, wanted, after=first - 1, limit=limit + 1)
    more, shown = len(rows) > limit, rows[:limit]
    after = _place(shown[-1]) if shown else first - 1
    waiting = await read_inputs(context.connection, session.key, wanted, waiting_at=_LONGER_THAN_ANY)
    return EventRange(
        session_id=session.id,
        total=session.event_count,
        waiting=len(waiting),
        events=tuple(_numbered(session, row) for row in shown),
        next_first=_place(rows[limit]) if more else None,
        next_error=await _next_error(context.connection, session.key, wanted, after),
    )


def _filter(thread_id: str | None) -> LogFilter:
    if thread_id is None:
        return LogFilter(everything=True)
    return LogFilter(primary_only=True) if thread_id == PRIMARY else LogFilter(thread_id=thread_id)


def _place(row: LogRow) -> int:
    return row.sequence or 0


def _numbered(session: LiveSession, row: LogRow) -> NumberedEvent:
    return NumberedEvent(
        sequence=_place(row),
        session_thread_id=row.thread_id,
        at=row.at,
        is_error=_failed(row),
        answers=_call_of(session, row),
        event=wire_event(session, row),
    )


def _failed(row: LogRow) -> bool:
    if row.type in _RESULTS:
        return tool_failed(stored_event(row.type, row.payload, row.at, row.thread_id))
    return row.type == "session.error" or row.payload.get("is_error") is True


def _call_of(session: LiveSession, row: LogRow) -> int | None:
    """The sequence number of the call that a tool's result answers; None of anything else, or where it names none."""
    call = row.payload.get(_RESULTS.get(row.type, ""))
    if not isinstance(call, str) or not call:
        return None
    try:
        sequence = event_sequence(call)
    except ValueError:
        return None
    return sequence if event_id(session.id, sequence) == call else None


async def _next_error(connection: Connection, session_key: int, wanted: LogFilter, after: int) -> int | None:
    """The sequence number of the first error after a place."""
    errors = msgspec.structs.replace(wanted, types=(*_RESULTS, "session.error"))
    while rows := await read_log(connection, session_key, errors, after=after, limit=_CHUNK):
        for row in rows:
            if _failed(row):
                return _place(row)
        after = _place(rows[-1])
    return None
