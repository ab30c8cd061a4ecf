"""Threads of a session: listed, read, archived, and their events."""

from typing import Any

from starlette.responses import StreamingResponse

from reverie.api.endpoint import Call, Endpoint
from reverie.api.pages import decode_cursor, encode_cursor, envelope
from reverie.api.routes.session_events import list_page
from reverie.api.routes.sessions import wire_agent
from reverie.api.stream import open_stream
from reverie.api.wire_type import WireType
from reverie.errors import StateError
from reverie.runtime.live_state import LiveState, Transition
from reverie.runtime.turn import end_child
from reverie.storage.live import threads as table
from reverie.storage.live.log import LogFilter, apply_transition
from reverie.storage.live.sessions import LiveSession, read_session
from reverie.storage.live.threads import SessionThread, primary_thread

_TYPES = "anthropic.types.beta.sessions"
_THREAD = WireType(f"{_TYPES}.beta_managed_agents_session_thread:BetaManagedAgentsSessionThread")
_NO_STATS = {"active_seconds": 0, "duration_seconds": None, "startup_seconds": None}


def wire_thread(session: LiveSession, thread: SessionThread) -> dict[str, Any]:
    """A thread as it is answered."""
    return {
        "id": thread.id,
        "type": "session_thread",
        "session_id": session.id,
        "parent_thread_id": thread.parent_thread_id,
        "agent": thread.agent,
        "status": thread.status,
        "usage": thread.usage,
        "stats": None if thread.stats is None else {**_NO_STATS, **thread.stats},
        "workflow_run_id": None,
        "created_at": thread.created_at,
        "updated_at": thread.updated_at,
        "archived_at": thread.archived_at,
    }


async def _read(call: Call, *, lock: bool = False) -> tuple[LiveSession, SessionThread]:
    session = await read_session(call.connection, call.path["session_id"], lock=lock)
    primary = primary_thread(session, wire_agent(session))
    if call.path["thread_id"] == primary.id:
        return session, primary
    return session, await table.read_thread(call.connection, session, call.path["thread_id"])


async def list_all(call: Call) -> dict[str, Any]:
    """The threads of a session in order of creation, the primary one first."""
    session = await read_session(call.connection, call.path["session_id"])
    children = await table.list_threads(call.connection, session)
    statuses = call.query.get("statuses")
    threads = [
        thread
        for thread in (primary_thread(session, wire_agent(session)), *children)
        if statuses is None or thread.status in statuses
    ]
    (start,) = decode_cursor(call.query["page"], tuple[int]) if "page" in call.query else (0,)
    limit = call.query.get("limit", 1000)
    shown = [wire_thread(session, thread) for thread in threads[start : start + limit]]
    return envelope(shown, encode_cursor(start + limit) if start + limit < len(threads) else None)


async def retrieve(call: Call) -> dict[str, Any]:
    """One thread."""
    return wire_thread(*await _read(call))


async def archive(call: Call) -> dict[str, Any]:
    """End a thread that is idle; its place is free for another."""
    session, thread = await _read(call, lock=True)
    if thread.parent_thread_id is None:
        raise StateError("the primary thread ends with its session; archive the session")
    if thread.status in ("running", "rescheduling"):
        raise StateError(f"thread {thread.id} is {thread.status}; interrupt it and wait until it is idle")
    if thread.archived_at is None:

        def end(state: LiveState) -> Transition:
            transition = Transition(state, call.now)
            for child in state.threads:
                if child.id == thread.id:
                    end_child(transition, child)
            return transition

        await apply_transition(call.connection, session.id, end, call.now)
        await table.archive_thread(call.connection, thread.id, call.now)
        call.notify("session.thread_terminated", session.id, session_thread_id=thread.id)
    return wire_thread(*await _read(call))


async def list_events(call: Call) -> dict[str, Any]:
    """The events of one thread, in log order."""
    session, thread = await _read(call)
    return await list_page(call, session, _only(thread), False, call.query.get("limit", 1000))


def _only(thread: SessionThread) -> LogFilter:
    if thread.parent_thread_id is None:
        return LogFilter(primary_only=True)
    return LogFilter(thread_id=thread.id)


async def stream(call: Call) -> StreamingResponse:
    """The events of one thread as they come."""
    async with call.database.connection() as connection:
        call.open_connection = connection
        _, thread = await _read(call)
    call.open_connection = None
    return await open_stream(call, _only(thread), call.query.get("event_deltas", ()))


_ALL = "/v1/sessions/{session_id}/threads"
_ONE = f"{_ALL}/{{thread_id}}"
ENDPOINTS = (
    Endpoint(
        "sessions.threads.list",
        "GET",
        _ALL,
        list_all,
        "List the threads of a session.",
        query=WireType(f"{_TYPES}.thread_list_params:ThreadListParams"),
        answer=_THREAD,
        is_list=True,
        worker=True,
    ),
    Endpoint("sessions.threads.retrieve", "GET", _ONE, retrieve, "Read a thread.", answer=_THREAD, worker=True),
    Endpoint("sessions.threads.archive", "POST", f"{_ONE}/archive", archive, "End a thread.", answer=_THREAD),
    Endpoint(
        "sessions.threads.events.list",
        "GET",
        f"{_ONE}/events",
        list_events,
        "List the events of a thread.",
        query=WireType(f"{_TYPES}.threads.event_list_params:EventListParams", leave_out=("session_id",)),
        answer=WireType(f"{_TYPES}.beta_managed_agents_session_event:BetaManagedAgentsSessionEvent"),
        is_list=True,
        worker=True,
    ),
    Endpoint(
        "sessions.threads.events.stream",
        "GET",
        f"{_ONE}/stream",
        stream,
        "Stream the events of a thread as they come.",
        query=WireType(f"{_TYPES}.threads.event_stream_params:EventStreamParams", leave_out=("session_id",)),
        answer_media="text/event-stream",
        worker=True,
        transaction=False,
    ),
)
