"""Calls of tools that are run on this side: those of MCP servers, of the web, of other agents, and of the sandbox."""

import asyncio
from collections.abc import Sequence

import structlog

from reverie.errors import ConflictError
from reverie.ids import event_sequence
from reverie.runtime.conversation import ThreadEvent
from reverie.runtime.delegation import in_order
from reverie.runtime.live_state import PendingCall
from reverie.runtime.reply_events import result_event
from reverie.runtime.tool_catalogue import AgentTool
from reverie.storage.live.leases import Lease
from reverie.storage.live.replies import read_events
from reverie.storage.live.sessions import LiveSession
from reverie.storage.postgres.database import Connection
from reverie.turns.desk import Desk, ToolCall, ToolOutcome, text_outcome
from reverie.turns.log import append

MAY_HAVE_RUN = (
    "The process that ran this call was lost before its result came. The call may have run, in part or in full: "
    "look at what is there before you call it again."
)
NOBODY_RUNS = (
    "Nothing here runs this tool. Whoever operates the server can start it with --with-worker, "
    "or give the session a self-hosted environment with a worker."
)
DENIED = "The user refused this call; it was not run."
MOST_AT_ONCE = 8

log = structlog.get_logger("reverie.turns")
Opened = tuple[PendingCall, ToolCall | None]


async def open_calls(
    connection: Connection,
    session: LiveSession,
    pending: Sequence[PendingCall],
    tools: Sequence[AgentTool],
) -> list[Opened]:
    """The calls behind pending events, in order; None for one whose tool is not there any more."""
    places = [event_sequence(call.event_id) for call in pending]
    events = {event.id: event for event in await read_events(connection, session.id, session.key, places)}
    return [(call, _call(events.get(call.event_id), tools)) for call in pending]


def parted(
    calls: Sequence[Opened],
) -> tuple[list[Opened], list[tuple[PendingCall, ToolCall]]]:
    """Calls of tools, and those of other agents in the order in which they are to be done."""
    to_agents = [
        (pending, call)
        for pending, call in calls
        if call is not None and call.tool.kind == "delegation" and pending.denied is None
    ]
    theirs = [(pending, call) for pending, call in calls if (pending, call) not in to_agents]
    return theirs, [to_agents[place] for place in in_order([call.tool.name for _, call in to_agents])]


def _call(event: ThreadEvent | None, tools: Sequence[AgentTool]) -> ToolCall | None:
    if event is None:
        return None
    name, server = event.payload.get("name"), event.payload.get("mcp_server_name")
    tool = next((tool for tool in tools if (tool.name, tool.server) == (name, server)), None)
    return None if tool is None else ToolCall(event.id, tool, event.payload.get("input") or {})


async def run_calls(
    desk: Desk,
    lease: Lease,
    session: LiveSession,
    calls: Sequence[Opened],
    *,
    maybe_ran: bool,
) -> None:
    """Run calls side by side and store each result as it comes.

    Args:
        maybe_ran: whether a process that is gone may have begun them; then only those that may be repeated are run.
    """
    room = asyncio.Semaphore(MOST_AT_ONCE)

    async def run(pending: PendingCall, call: ToolCall | None) -> None:
        async with room:
            if pending.denied is not None:
                outcome = text_outcome(f"{DENIED} {pending.denied}".strip(), is_error=True)
            else:
                outcome = await _outcome(desk, lease, session, call, maybe_ran=maybe_ran)
            result = result_event(pending.type, pending.event_id, outcome.content, is_error=outcome.is_error)
            await append(desk, lease, [result])

    try:
        async with asyncio.TaskGroup() as group:
            for pending, call in calls:
                group.create_task(run(pending, call))
    except* ConflictError as errors:
        raise ConflictError(str(errors.exceptions[0])) from errors


async def _outcome(
    desk: Desk, lease: Lease, session: LiveSession, call: ToolCall | None, *, maybe_ran: bool
) -> ToolOutcome:
    if call is None:
        return text_outcome("This tool is not there any more.", is_error=True)
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
