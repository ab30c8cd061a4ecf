"""Calls of tools that are run on this side: those of MCP servers, of the web, of other agents, and of the sandbox."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

import structlog

from reverie.errors import ConflictError
from reverie.runtime.conversation import ThreadEvent
from reverie.runtime.live_state import PendingCall, WaitingInput
from reverie.runtime.reply_events import result_event
from reverie.runtime.tool_catalogue import AgentTool
from reverie.storage.live.leases import Lease
from reverie.storage.live.replies import read_thread_log
from reverie.storage.live.sessions import LiveSession
from reverie.storage.postgres.database import Connection
from reverie.turns.desk import Desk, ToolCall, ToolOutcome, text_outcome

MAY_HAVE_RUN = (
    "The process that ran this call was lost before its result came. The call may have run, in part or in full: "
    "look at what is there before you call it again."
)
NOBODY_RUNS = (
    "Nothing here runs this tool. Whoever operates the server can start it with --with-worker, "
    "or give the session a self-hosted environment with a worker."
)
DENIED = "The user denied this call, so it has not run."
MOST_AT_ONCE = 8

log = structlog.get_logger("reverie.turns")
Store = Callable[[Sequence[Mapping[str, Any]]], Awaitable[None]]


async def open_calls(
    connection: Connection,
    session: LiveSession,
    lease: Lease,
    pending: Sequence[PendingCall],
    waiting: Sequence[WaitingInput],
    tools: Sequence[AgentTool],
) -> list[tuple[PendingCall, ToolCall | ToolOutcome]]:
    """The calls behind pending events, in order; what came of those that are not to run: denied, or without a tool.

    A denial is in ``waiting`` until the first result of its turn is recorded, and in the thread's log from then on.
    """
    log_of_thread = await read_thread_log(connection, session.id, session.key, lease.thread)
    events = {event.id: event for event in log_of_thread}
    answers: list[ThreadEvent | WaitingInput] = [*log_of_thread, *waiting]
    denied = {
        answer.payload["tool_use_id"]: text_outcome(_denial(answer.payload.get("deny_message")), is_error=True)
        for answer in answers
        if answer.type == "user.tool_confirmation" and answer.payload["result"] == "deny"
    }
    return [(call, denied.get(call.event_id) or _call(events.get(call.event_id), tools)) for call in pending]


def _denial(message: str | None) -> str:
    return f"{DENIED} They said: {message}" if message else DENIED


def _call(event: ThreadEvent | None, tools: Sequence[AgentTool]) -> ToolCall | ToolOutcome:
    payload: Mapping[str, Any] = {} if event is None else event.payload
    name, server = payload.get("name"), payload.get("mcp_server_name")
    tool = next((tool for tool in tools if (tool.name, tool.server) == (name, server)), None)
    if event is None or tool is None:
        return text_outcome("This tool is not there any more.", is_error=True)
    return ToolCall(event.id, tool, payload.get("input") or {})


async def run_calls(
    desk: Desk,
    lease: Lease,
    session: LiveSession,
    calls: Sequence[tuple[PendingCall, ToolCall | ToolOutcome]],
    store: Store,
    *,
    maybe_ran: bool,
) -> None:
    """Run calls side by side and store each result as it comes.

    Args:
        maybe_ran: whether a process that is gone may have begun them; then only those that may be repeated are run.
    """
    room = asyncio.Semaphore(MOST_AT_ONCE)

    async def run(pending: PendingCall, call: ToolCall | ToolOutcome) -> None:
        async with room:
            if isinstance(call, ToolOutcome):
                outcome = call
            else:
                outcome = await _outcome(desk, lease, session, call, maybe_ran=maybe_ran)
            result = result_event(pending.type, pending.event_id, outcome.content, is_error=outcome.is_error)
            await store([*outcome.events, result])

    try:
        async with asyncio.TaskGroup() as group:
            for pending, call in calls:
                group.create_task(run(pending, call))
    except* ConflictError as errors:
        raise ConflictError(str(errors.exceptions[0])) from errors


async def _outcome(desk: Desk, lease: Lease, session: LiveSession, call: ToolCall, *, maybe_ran: bool) -> ToolOutcome:
    if maybe_ran and not call.tool.repeatable:
        return text_outcome(MAY_HAVE_RUN, is_error=True)
    host = next((host for host in desk.hosts if host.runs(session, call.tool)), None)
    if host is None:
        return text_outcome(NOBODY_RUNS, is_error=True)
    try:
        return await host.run(session, lease, call)
    except Exception as error:  # the outermost level of one call: whatever a tool does, the agent is told
        log.exception("a tool failed", session_id=session.id, tool=call.tool.name)
        return text_outcome(f"The tool failed: {type(error).__name__}: {error}", is_error=True)
