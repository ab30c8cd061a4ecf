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
from reverie.sessions.content import check_content
from reverie.sessions.lifecycle import Draft, LiveState, begin_preview, record
from reverie.storage.announcing import announce_preview, preview_pieces
from reverie.storage.resources.live_sessions import LiveSession, read_session
from reverie.storage.resources.session_creation import send_events
from reverie.storage.resources.session_log import (
    LogFilter,
    LogRow,
    act,
    read_inputs,
    read_log,
    rows_of,
    wire_event,
)
from reverie.storage.resources.session_threads import list_threads
from reverie.storage.resources.work import enqueue_work
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


class PreviewParams(TypedDict, total=False):
    """A piece of an event that is being written: its beginning (``type``), or more text (``event_id`` and ``text``)."""

    type: Literal["agent.message", "agent.thinking"]
    event_id: str
    text: str
    session_thread_id: str


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
    """A page of a session's events; a cursor is a sequence number, or −1 − the number of a waiting input."""
    cursor = call.query.get("page")
    (place,) = decode_cursor(cursor, tuple[int]) if cursor is not None else (None,)
    read = _read_backwards if descending else _read_forwards
    rows = await read(call, session, wanted, place, limit + 1)
    shown = rows[:limit]
    data = [wire_event(session, row) for row in shown]
    return envelope(data, encode_cursor(_place(shown[-1])) if len(rows) > limit else None)


def _place(row: LogRow) -> int:
    return row.sequence if row.sequence is not None else -1 - (row.input_number or 0)


async def _read_forwards(
    call: Call, session: LiveSession, wanted: LogFilter, place: int | None, limit: int
) -> list[LogRow]:
    rows: list[LogRow] = []
    if place is None or place >= 0:
        rows = await read_log(call.connection, session.key, wanted, after=-1 if place is None else place, limit=limit)
    if len(rows) < limit and session.live:
        after = -1 if place is None or place >= 0 else -1 - place
        rows += await read_inputs(call.connection, session.key, wanted, after=after)
    return rows[:limit]


async def _read_backwards(
    call: Call, session: LiveSession, wanted: LogFilter, place: int | None, limit: int
) -> list[LogRow]:
    rows: list[LogRow] = []
    if session.live and (place is None or place < 0):
        waiting = await read_inputs(call.connection, session.key, wanted)
        rows = [row for row in reversed(waiting) if place is None or (row.input_number or 0) < -1 - place]
    if len(rows) < limit:
        before = place if place is not None and place >= 0 else None
        rows += await read_log(
            call.connection, session.key, wanted, before=before, descending=True, limit=limit - len(rows)
        )
    return rows[:limit]


async def send(call: Call) -> dict[str, Any]:
    """Take in what a client sends; answered once it is stored, before the agent acts on it."""
    session, draft = await send_events(call.connection, call.path["session_id"], call.body["events"], call.now)
    _tell(call, session, draft)
    return {"data": [wire_event(session, row) for row in rows_of(session, draft, call.now)]}


async def record_events(call: Call) -> dict[str, Any]:
    """Take in what whoever runs the agent says happened; status events, usage and inputs fall into place."""
    body = call.body
    events = body["events"]
    if not 1 <= len(events) <= MOST_RECORDED:
        raise InputError(f"events: {len(events)} events; give 1 to {MOST_RECORDED:,}")
    for place, event in enumerate(events):
        check_recorded(place, event, call.now)
    events = await _named(call, events)
    session, draft = await act(
        call.connection,
        call.path["session_id"],
        lambda state: record(
            state,
            events,
            call.now,
            thread_id=body.get("session_thread_id"),
            only_while_running=body.get("only_while_running", False),
        ),
        call.now,
    )
    if draft.state.self_hosted and (draft.state.status == "running" or draft.state.pending):
        await enqueue_work(call.connection, str(session.environment_id), session.id, call.now)
    _tell(call, session, draft)
    return {"data": [wire_event(session, row) for row in rows_of(session, draft, call.now)]}


async def preview(call: Call) -> dict[str, Any]:
    """Show an event while it is being written; only the event itself, recorded under the same id, is kept."""
    body, session_id = call.body, call.path["session_id"]
    thread_id = body.get("session_thread_id")
    if "type" in body and not {"event_id", "text"} & body.keys():
        promised = ""

        def begin(state: LiveState) -> Draft:
            nonlocal promised
            draft, promised = begin_preview(state, body["type"], call.now)
            return draft

        await act(call.connection, session_id, begin, call.now)
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


async def _named(call: Call, events: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The events with the names of agents in those that tell how a child thread stands."""
    nameless = {
        event["session_thread_id"]
        for event in events
        if event["type"].startswith("session.thread_status_")
        and event.get("session_thread_id")
        and not event.get("agent_name")
    }
    if not nameless:
        return events
    session = await read_session(call.connection, call.path["session_id"])
    threads = await list_threads(call.connection, session)
    names = {thread.id: thread.agent.get("name", "") for thread in threads if thread.id in nameless}
    return [
        {"agent_name": names.get(event.get("session_thread_id", ""), ""), **event}
        if event.get("session_thread_id") in names
        else event
        for event in events
    ]


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


def _tell(call: Call, session: LiveSession, draft: Draft) -> None:
    call.service.telemetry.count(EVENTS_APPENDED, len(draft.events))
    for notice in dict.fromkeys(draft.notices):
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
