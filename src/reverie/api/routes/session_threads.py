"""Threads of a session: listed, read, archived, and their events."""

from typing import Any

from starlette.responses import StreamingResponse

from reverie.api.endpoint import endpoint
from reverie.api.pages import answer_slice
from reverie.api.request_context import RequestContext
from reverie.api.routes.session_events import list_page
from reverie.api.routes.sessions import wire_agent
from reverie.api.stream import open_stream
from reverie.api.wire_type import SdkType
from reverie.errors import StateError
from reverie.runtime.live_state import LiveState, Transition
from reverie.runtime.threads import archive_child
from reverie.storage.live import threads as table
from reverie.storage.live.log import LogFilter, apply_transition
from reverie.storage.live.sessions import LiveSession, read_session
from reverie.storage.live.threads import SessionThread, primary_thread

_THREAD = SdkType("beta.sessions.BetaManagedAgentsSessionThread")
_NO_STATS = {"active_seconds": 0, "duration_seconds": None, "startup_seconds": None}
_ALL = "/v1/sessions/{session_id}/threads"
_ONE = f"{_ALL}/{{thread_id}}"


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


async def _read(context: RequestContext, *, lock: bool = False) -> tuple[LiveSession, SessionThread]:
    session = await read_session(context.connection, context.path["session_id"], lock=lock)
    primary = primary_thread(session, wire_agent(session))
    if context.path["thread_id"] == primary.id:
        return session, primary
    return session, await table.read_thread(context.connection, session, context.path["thread_id"])


@endpoint(
    "sessions.threads.list",
    "GET",
    _ALL,
    query=SdkType("beta.sessions.ThreadListParams"),
    answer=_THREAD,
    is_list=True,
    worker=True,
)
async def list_all(context: RequestContext) -> dict[str, Any]:
    """List the threads of a session.

    In order of creation, the primary one first.
    """
    session = await read_session(context.connection, context.path["session_id"])
    children = await table.list_threads(context.connection, session)
    statuses = context.query.get("statuses")
    threads = [
        wire_thread(session, thread)
        for thread in (primary_thread(session, wire_agent(session)), *children)
        if statuses is None or thread.status in statuses
    ]
    return answer_slice(context.query, threads)


@endpoint("sessions.threads.retrieve", "GET", _ONE, answer=_THREAD, worker=True)
async def retrieve(context: RequestContext) -> dict[str, Any]:
    """Read a thread."""
    return wire_thread(*await _read(context))


@endpoint("sessions.threads.archive", "POST", f"{_ONE}/archive", answer=_THREAD)
async def archive(context: RequestContext) -> dict[str, Any]:
    """End a thread.

    It has to be idle; its place is free for another.
    """
    session, thread = await _read(context, lock=True)
    if thread.parent_thread_id is None:
        raise StateError("the primary thread ends with its session; archive the session")
    if thread.status in ("running", "rescheduling"):
        raise StateError(f"thread {thread.id} is {thread.status}; interrupt it and wait until it is idle")
    if thread.archived_at is None:

        def end(state: LiveState) -> Transition:
            transition = Transition(state, context.now)
            for child in state.threads:
                if child.id == thread.id:
                    archive_child(transition, child)
            return transition

        await apply_transition(context.connection, session.id, end, context.now)
        await table.archive_thread(context.connection, thread.id, context.now)
        context.notify("session.thread_terminated", session.id, session_thread_id=thread.id)
    return wire_thread(*await _read(context))


@endpoint(
    "sessions.threads.events.list",
    "GET",
    f"{_ONE}/events",
    query=SdkType("beta.sessions.threads.EventListParams", leave_out=("session_id",)),
    answer=SdkType("beta.sessions.BetaManagedAgentsSessionEvent"),
    is_list=True,
    worker=True,
)
async def list_events(context: RequestContext) -> dict[str, Any]:
    """List the events of a thread.

    In log order.
    """
    session, thread = await _read(context)
    return await list_page(context, session, _only(thread), False, context.query.get("limit", 1000))


def _only(thread: SessionThread) -> LogFilter:
    if thread.parent_thread_id is None:
        return LogFilter(primary_only=True)
    return LogFilter(thread_id=thread.id)


@endpoint(
    "sessions.threads.events.stream",
    "GET",
    f"{_ONE}/stream",
    query=SdkType("beta.sessions.threads.EventStreamParams", leave_out=("session_id",)),
    answer_media="text/event-stream",
    worker=True,
    transaction=False,
)
async def stream(context: RequestContext) -> StreamingResponse:
    """Stream the events of a thread as they come."""
    async with context.database.connection() as connection:
        context.open_connection = connection
        _, thread = await _read(context)
    context.open_connection = None
    return await open_stream(context, _only(thread), context.query.get("event_deltas", ()))
