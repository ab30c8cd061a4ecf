"""Events of a session: listed, sent, recorded, streamed."""

from collections.abc import Mapping
from datetime import datetime
from functools import cache
from typing import Any, Literal, NotRequired, Required, get_args

from starlette.responses import StreamingResponse
from typing_extensions import TypedDict

from reverie.api.endpoint import Call, Endpoint
from reverie.api.pages import decode_cursor, encode_cursor, envelope
from reverie.api.stream import open_stream
from reverie.api.wire_type import WireType, resolve
from reverie.errors import InputError
from reverie.runtime.content import check_content
from reverie.runtime.live_state import LiveState, Status, Transition
from reverie.runtime.writer import begin_preview, record
from reverie.storage.live.creation import send_events
from reverie.storage.live.log import (
    LogFilter,
    apply_transition,
    rows_of,
    state_of,
    wire_event,
)
from reverie.storage.live.log_pages import LogPlace, read_backwards, read_forwards
from reverie.storage.live.sessions import LiveSession, lock_session, read_session, require_live
from reverie.storage.live.work import enqueue_work
from reverie.storage.postgres.announcement import announce_preview, preview_pieces
from reverie.telemetry.telemetry import EVENTS_APPENDED

_TYPES = "anthropic.types.beta.sessions"
_EVENT_ADDRESS = f"{_TYPES}.beta_managed_agents_session_event:BetaManagedAgentsSessionEvent"
_EVENT = WireType(_EVENT_ADDRESS)
_FILLED_IN = ("session.status_idle", "session.status_running", "session.status_terminated")
"""Recorded events whose fields the server knows better."""
_NEVER_RECORDED = ("session.deleted", "session.updated", "session.usage", "event_start", "event_delta")
_KNOWN_LATER = dict.fromkeys(
    ("model_request_start_id", "outcome_evaluation_start_id", "session_thread_id", "agent_name"), ""
)
"""Fields that the server may fill in."""
MOST_RECORDED = 10_000


class RecordParams(TypedDict):
    """Events in the order they happened, as the wire API has them, without ``processed_at``.

    An event's ``id`` is the writer's own name for it, by which later events of the call may refer to it.
    """

    events: Required[list[dict[str, Any]]]
    session_thread_id: NotRequired[str]
    """The thread that they happened in; by default the primary one."""
    only_while_running: NotRequired[bool]
    """Refuse with 409 unless a turn is going on."""
    expected_turn: NotRequired[int]
    """Refuse with 409 unless this turn is going on: nobody else can have begun another one meanwhile."""


class PreviewParams(TypedDict, total=False):
    """A piece of an event that is being written: its beginning (``type``), or more text (``event_id`` and ``text``)."""

    type: Literal["agent.message", "agent.thinking"]
    event_id: str
    text: str
    session_thread_id: str


class TurnAnswer(TypedDict):
    """How a session stands for whoever runs its agent."""

    type: Literal["session_turn"]
    session_id: str
    turn: int
    """The number of the latest turn, to be given as ``expected_turn``; 0 before the first one."""
    status: Status
    waiting: int
    """How many inputs the agent has not taken in yet."""
    blocked_by: list[str]
    """Ids of tool uses that wait for a client."""


class PreviewAnswer(TypedDict):
    """The id that the event will have; record it under this id."""

    type: Literal["session_preview"]
    id: str


async def list_all(call: Call) -> dict[str, Any]:
    """Events in log order; inputs that wait come last."""
    session = await read_session(call.connection, call.path["session_id"])
    ranges = {
        end: call.query[f"created_at_{end}"] for end in ("gt", "gte", "lt", "lte") if f"created_at_{end}" in call.query
    }
    wanted = LogFilter(types=tuple(call.query.get("types", ())), ranges=ranges)
    return await list_page(call, session, wanted, call.query.get("order") == "desc", call.query.get("limit", 1000))


async def list_page(
    call: Call, session: LiveSession, wanted: LogFilter, descending: bool, limit: int
) -> dict[str, Any]:
    """A page of a session's events, those that wait last.

    Events that come while a client turns the pages are neither left out nor shown twice, also when they are inputs
    that were shown as waiting.

    Raises:
        InputError: the cursor is not one of this session's events.
    """
    place = _read_cursor(call.query.get("page"), session)
    read = read_backwards if descending else read_forwards
    rows, after = await read(call.connection, session, wanted, place, limit)
    next_page = None if after is None else encode_cursor(session.key, after.sequence, after.input_number)
    return envelope([wire_event(session, row) for row in rows], next_page)


def _read_cursor(cursor: str | None, session: LiveSession) -> LogPlace:
    if cursor is None:
        return LogPlace()
    key, sequence, number = decode_cursor(cursor, tuple[int, int | None, int | None])
    if key != session.key:
        raise InputError("page: this is a cursor of another session's events; use next_page of an earlier answer")
    return LogPlace(sequence, number)


async def send(call: Call) -> dict[str, Any]:
    """Take in what a client sends; answered once it is stored, before the agent acts on it."""
    session, transition = await send_events(call.connection, call.path["session_id"], call.body["events"], call.now)
    _tell(call, session, transition)
    return {"data": [wire_event(session, row) for row in rows_of(session, transition, call.now)]}


async def record_events(call: Call) -> dict[str, Any]:
    """Take in what whoever runs the agent says happened; status events, usage and inputs fall into place."""
    body = call.body
    events = body["events"]
    if not 1 <= len(events) <= MOST_RECORDED:
        raise InputError(f"events: {len(events)} events; give 1 to {MOST_RECORDED:,}")
    for place, event in enumerate(events):
        check_recorded(place, event, call.now)
    session, transition = await apply_transition(
        call.connection,
        call.path["session_id"],
        lambda state: record(
            state,
            events,
            call.now,
            thread_id=body.get("session_thread_id"),
            only_while_running=body.get("only_while_running", False),
            expected_turn=body.get("expected_turn"),
        ),
        call.now,
    )
    if transition.state.self_hosted and (transition.state.status == "running" or transition.state.blockers):
        await enqueue_work(call.connection, str(session.environment_id), session.id, call.now)
    _tell(call, session, transition)
    return {"data": [wire_event(session, row) for row in rows_of(session, transition, call.now)]}


async def read_turn(call: Call) -> dict[str, Any]:
    """How the session stands for whoever runs its agent."""
    session = await lock_session(call.connection, call.path["session_id"])
    require_live(session)
    state = state_of(session)
    return {
        "type": "session_turn",
        "session_id": session.id,
        "turn": state.turn,
        "status": state.status,
        "waiting": len(state.waiting),
        "blocked_by": state.blockers,
    }


async def preview(call: Call) -> dict[str, Any]:
    """Show an event while it is being written; only the event itself, recorded under the same id, is kept."""
    body, session_id = call.body, call.path["session_id"]
    thread_id = body.get("session_thread_id")
    if "type" in body and not {"event_id", "text"} & body.keys():
        promised = ""

        def begin(state: LiveState) -> Transition:
            nonlocal promised
            transition, promised = begin_preview(state, body["type"], call.now)
            return transition

        await apply_transition(call.connection, session_id, begin, call.now)
        start = {"type": "event_start", "event": {"type": body["type"], "id": promised}}
        await announce_preview(call.connection, session_id, thread_id, start)
        return {"type": "session_preview", "id": promised}
    if not {"event_id", "text"} <= body.keys() or "type" in body:
        raise InputError("give type to begin a preview, or event_id and text to go on with one")
    await read_session(call.connection, session_id)
    for text in preview_pieces(body["text"]):
        content = {"type": "content_delta", "index": 0, "content": {"type": "text", "text": text}}
        piece = {"type": "event_delta", "event_id": body["event_id"], "delta": content}
        await announce_preview(call.connection, session_id, thread_id, piece)
    return {"type": "session_preview", "id": body["event_id"]}


@cache
def _event_types() -> Mapping[str, WireType]:
    """The SDK's type of each kind of event."""
    union = get_args(resolve(_EVENT_ADDRESS))[0]
    models = {get_args(model.model_fields["type"].annotation)[0]: model for model in get_args(union)}
    return {name: WireType(f"{model.__module__}:{model.__name__}") for name, model in models.items()}


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


def _tell(call: Call, session: LiveSession, transition: Transition) -> None:
    call.service.telemetry.count(EVENTS_APPENDED, len(transition.events))
    for notice in dict.fromkeys(transition.notices):
        call.notify(notice, session.id)


async def stream(call: Call) -> StreamingResponse:
    """Events as they come, from now on."""
    return await open_stream(call, LogFilter(), call.query.get("event_deltas", ()))


_EVENTS = "/v1/sessions/{session_id}/events"
ENDPOINTS = (
    Endpoint(
        "sessions.events.list",
        "GET",
        _EVENTS,
        list_all,
        "List the events of a session.",
        query=WireType(f"{_TYPES}.event_list_params:EventListParams"),
        answer=_EVENT,
        is_list=True,
        worker=True,
    ),
    Endpoint(
        "sessions.events.send",
        "POST",
        _EVENTS,
        send,
        "Send events to a session.",
        body=WireType(f"{_TYPES}.event_send_params:EventSendParams"),
        answer=WireType(f"{_TYPES}.beta_managed_agents_send_session_events:BetaManagedAgentsSendSessionEvents"),
        worker=True,
    ),
    Endpoint(
        "sessions.events.stream",
        "GET",
        f"{_EVENTS}/stream",
        stream,
        "Stream the events of a session as they come.",
        query=WireType(f"{_TYPES}.event_stream_params:EventStreamParams"),
        answer_media="text/event-stream",
        worker=True,
        transaction=False,
    ),
    Endpoint(
        "sessions.record",
        "POST",
        "/v1/sessions/{session_id}/record",
        record_events,
        "Record what an agent did, as whoever runs it.",
        body=WireType("reverie.api.routes.session_events:RecordParams"),
        answer=_EVENT,
        is_list=True,
        extension=True,
        worker=True,
    ),
    Endpoint(
        "sessions.turn",
        "GET",
        "/v1/sessions/{session_id}/turn",
        read_turn,
        "Read which turn a session is in.",
        answer=WireType("reverie.api.routes.session_events:TurnAnswer"),
        extension=True,
        worker=True,
    ),
    Endpoint(
        "sessions.preview",
        "POST",
        "/v1/sessions/{session_id}/previews",
        preview,
        "Show an event while it is being written.",
        body=WireType("reverie.api.routes.session_events:PreviewParams"),
        answer=WireType("reverie.api.routes.session_events:PreviewAnswer"),
        audited=False,
        extension=True,
        worker=True,
    ),
)
