"""Events of a session: listed, sent, recorded, streamed."""

from collections.abc import Mapping
from datetime import datetime
from functools import cache
from typing import Any, get_args

from starlette.responses import StreamingResponse

from reverie.api.endpoint import endpoint
from reverie.api.late_stream import note_read
from reverie.api.pages import decode_cursor, encode_cursor, envelope
from reverie.api.records import PreviewParams, RecordParams, SessionPreview, SessionTurn
from reverie.api.request_context import RequestContext
from reverie.api.stream import open_stream
from reverie.api.wire_type import RecordType, SdkType, WireType
from reverie.errors import InputError
from reverie.runtime.content import check_content
from reverie.runtime.live_state import LiveState, Transition
from reverie.runtime.writer import begin_preview, record
from reverie.storage.live.creation import send_events
from reverie.storage.live.leases import leave_to_others
from reverie.storage.live.log import (
    LogFilter,
    apply_transition,
    rows_of,
    state_of,
    wire_event,
)
from reverie.storage.live.log_pages import LogPlace, read_backwards, read_forwards
from reverie.storage.live.sessions import LiveSession, read_session, read_whole_session, require_live
from reverie.storage.live.work import enqueue_work
from reverie.storage.postgres.announcement import announce_preview, preview_pieces
from reverie.telemetry.telemetry import EVENTS_APPENDED

_EVENT = SdkType("beta.sessions.BetaManagedAgentsSessionEvent")
_FILLED_IN = ("session.status_idle", "session.status_running", "session.status_terminated")
"""Recorded events whose fields the server knows better."""
_NEVER_RECORDED = ("session.deleted", "session.updated", "session.usage", "event_start", "event_delta")
_KNOWN_LATER = dict.fromkeys(
    ("model_request_start_id", "outcome_evaluation_start_id", "session_thread_id", "agent_name"), ""
)
"""Fields that the server may fill in."""
MOST_RECORDED = 10_000
_EVENTS = "/v1/sessions/{session_id}/events"


@endpoint(
    "sessions.events.list",
    "GET",
    _EVENTS,
    query=SdkType("beta.sessions.EventListParams"),
    answer=_EVENT,
    is_list=True,
    worker=True,
)
async def list_all(context: RequestContext) -> dict[str, Any]:
    """List the events of a session.

    In log order; inputs that wait come last.
    """
    session = await read_session(context.connection, context.path["session_id"])
    await note_read(context.service.live.shown, context.connection, session, context.now)
    ranges = {
        end: context.query[f"created_at_{end}"]
        for end in ("gt", "gte", "lt", "lte")
        if f"created_at_{end}" in context.query
    }
    wanted = LogFilter(types=tuple(context.query.get("types", ())), ranges=ranges)
    return await list_page(
        context, session, wanted, context.query.get("order") == "desc", context.query.get("limit", 1000)
    )


async def list_page(
    context: RequestContext, session: LiveSession, wanted: LogFilter, descending: bool, limit: int
) -> dict[str, Any]:
    """A page of a session's events, those that wait last.

    Events that come while a client turns the pages are neither left out nor shown twice, also when they are inputs
    that were shown as waiting.

    Raises:
        InputError: the cursor is not one of this session's events.
    """
    place = _read_cursor(context.query.get("page"), session)
    read = read_backwards if descending else read_forwards
    rows, after = await read(context.connection, session, wanted, place, limit)
    next_page = None if after is None else encode_cursor(session.key, after.sequence, after.input_number)
    return envelope([wire_event(session, row) for row in rows], next_page)


def _read_cursor(cursor: str | None, session: LiveSession) -> LogPlace:
    if cursor is None:
        return LogPlace()
    key, sequence, number = decode_cursor(cursor, tuple[int, int | None, int | None])
    if key != session.key:
        raise InputError("page: this is a cursor of another session's events; use next_page of an earlier answer")
    return LogPlace(sequence, number)


@endpoint(
    "sessions.events.send",
    "POST",
    _EVENTS,
    body=SdkType("beta.sessions.EventSendParams"),
    answer=SdkType("beta.sessions.BetaManagedAgentsSendSessionEvents"),
    worker=True,
)
async def send(context: RequestContext) -> dict[str, Any]:
    """Send events to a session.

    Answered once they are stored, before the agent acts on them.
    """
    session, transition = await send_events(
        context.connection, context.path["session_id"], context.body["events"], context.now
    )
    _notify(context, session, transition)
    return {"data": [wire_event(session, row) for row in rows_of(session, transition, context.now)]}


@endpoint(
    "sessions.record",
    "POST",
    "/v1/sessions/{session_id}/record",
    body=RecordType(RecordParams),
    answer=_EVENT,
    is_list=True,
    extension=True,
    worker=True,
)
async def record_events(context: RequestContext) -> dict[str, Any]:
    """Record what an agent did, as whoever runs it.

    Status events, usage and inputs fall into place.
    """
    body = context.body
    events = body["events"]
    if not 1 <= len(events) <= MOST_RECORDED:
        raise InputError(f"events: {len(events)} events; give 1 to {MOST_RECORDED:,}")
    for place, event in enumerate(events):
        check_recorded(place, event, context.now)
    session, transition = await apply_transition(
        context.connection,
        context.path["session_id"],
        lambda state: record(
            state,
            events,
            context.now,
            thread_id=body.get("session_thread_id"),
            only_while_running=body.get("only_while_running", False),
            expected_turn=body.get("expected_turn"),
        ),
        context.now,
    )
    await leave_to_others(context.connection, session.key)
    if transition.state.self_hosted and (transition.state.goes_on or transition.state.blockers):
        await enqueue_work(context.connection, str(session.environment_id), session.id, context.now)
    _notify(context, session, transition)
    return {"data": [wire_event(session, row) for row in rows_of(session, transition, context.now)]}


@endpoint(
    "sessions.turn",
    "GET",
    "/v1/sessions/{session_id}/turn",
    answer=RecordType(SessionTurn),
    extension=True,
    worker=True,
)
async def read_turn(context: RequestContext) -> SessionTurn:
    """Read which turn a session is in."""
    session = await read_whole_session(context.connection, context.path["session_id"])
    require_live(session)
    state = state_of(session)
    return SessionTurn(session.id, state.turn, state.status, len(state.waiting), tuple(state.blockers))


@endpoint(
    "sessions.preview",
    "POST",
    "/v1/sessions/{session_id}/previews",
    body=RecordType(PreviewParams),
    answer=RecordType(SessionPreview),
    audited=False,
    extension=True,
    worker=True,
)
async def preview(context: RequestContext) -> SessionPreview:
    """Show an event while it is being written.

    Only the event itself, recorded under the same id, is kept.
    """
    body, session_id = context.body, context.path["session_id"]
    thread_id = body.get("session_thread_id")
    if "type" in body and not {"event_id", "text"} & body.keys():
        promised = ""

        def begin(state: LiveState) -> Transition:
            nonlocal promised
            transition, promised = begin_preview(state, body["type"], context.now)
            return transition

        session, _ = await apply_transition(context.connection, session_id, begin, context.now)
        await leave_to_others(context.connection, session.key)
        start = {"type": "event_start", "event": {"type": body["type"], "id": promised}}
        await announce_preview(context.connection, session_id, thread_id, start)
        return SessionPreview(promised)
    if not {"event_id", "text"} <= body.keys() or "type" in body:
        raise InputError("give type to begin a preview, or event_id and text to go on with one")
    await read_session(context.connection, session_id)
    for text in preview_pieces(body["text"]):
        content = {"type": "content_delta", "index": 0, "content": {"type": "text", "text": text}}
        piece = {"type": "event_delta", "event_id": body["event_id"], "delta": content}
        await announce_preview(context.connection, session_id, thread_id, piece)
    return SessionPreview(body["event_id"])


@cache
def _event_types() -> Mapping[str, WireType]:
    """The SDK's type of each kind of event."""
    union = get_args(_EVENT.source)[0]
    models = {get_args(model.model_fields["type"].annotation)[0]: model for model in get_args(union)}
    return {name: WireType(model) for name, model in models.items()}


def check_recorded(place: int, event: Mapping[str, Any], now: datetime) -> None:
    """Accept an event that is to be recorded.

    Raises:
        InputError: it is of no known type, or not as its type has it.
    """
    type_ = event.get("type")
    if not isinstance(type_, str) or type_ in _NEVER_RECORDED or type_ not in _event_types():
        raise InputError(f"events.{place}.type: {type_!r} cannot be recorded")
    if type_ in _FILLED_IN:
        return
    filled = {**_KNOWN_LATER, **event}
    try:
        _event_types()[type_].read_strictly({**filled, "id": "sevt_", "processed_at": now})
    except InputError as error:
        raise InputError(f"events.{place}.{error}") from error
    check_content(f"events.{place}", event)


def _notify(context: RequestContext, session: LiveSession, transition: Transition) -> None:
    context.service.telemetry.count(EVENTS_APPENDED, len(transition.events))
    for notice in dict.fromkeys(transition.notices):
        context.notify(notice, session.id)


@endpoint(
    "sessions.events.stream",
    "GET",
    f"{_EVENTS}/stream",
    older_paths=("/v1/sessions/{session_id}/stream",),
    query=SdkType("beta.sessions.EventStreamParams"),
    answer_media="text/event-stream",
    worker=True,
    transaction=False,
)
async def stream(context: RequestContext) -> StreamingResponse:
    """Stream the events of a session as they come.

    From now on, or from the message that was sent just before and has not been shown yet.
    """
    return await open_stream(context, LogFilter(), context.query.get("event_deltas", ()))
