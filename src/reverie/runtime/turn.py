"""The steps that every transition of a live session is made of: a turn begins, takes inputs in, and ends.

The table that they keep to is in ``design/013-life-cycle.md``.
"""

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

import msgspec

from reverie.runtime.live_state import ChildThread, PendingCall, Status, Transition, WaitingInput
from reverie.runtime.thread_queue import enqueue, leave_queue, may_run, queue_of, without_queue
from reverie.runtime.usage import NO_USAGE, usage_snapshot

END_TURN: Mapping[str, Any] = {"type": "end_turn"}
RESULT_LINKS: Mapping[str, str] = {
    "agent.tool_result": "tool_use_id",
    "user.tool_result": "tool_use_id",
    "agent.mcp_tool_result": "mcp_tool_use_id",
    "user.custom_tool_result": "custom_tool_use_id",
}
"""Types of results, and the field that names the tool use."""

_MAY_HAVE_RUN = "It may have run, in part or in full."
_NOT_RUN = "It was not run."

Scope = Callable[[str | None], bool]
"""Which threads a transition is about; the primary thread is None."""


def whole_session(_thread_id: str | None) -> bool:
    """The scope of a transition of every thread."""
    return True


def run(transition: Transition, *, primary: bool = True) -> None:
    """Begin a turn of an idle session, of its own thread or of a child alone."""
    state = transition.state
    transition.change(
        status="running", running_since=transition.now, turn=state.turn + 1, turn_inputs=state.input_count
    )
    transition.add("session.status_running")
    if primary:
        run_primary(transition)
    transition.notices.append("session.status_run_started")


def run_primary(transition: Transition) -> None:
    """Say that the session's own thread runs, unless it is known."""
    if not transition.state.primary_running:
        transition.change(primary_running=True)
        transition.add("session.thread_status_running", _primary(transition))


def run_child(transition: Transition, thread: ChildThread) -> None:
    """Say that a child thread runs."""
    payload = child_payload(thread, "running", END_TURN)
    transition.add("session.thread_status_running", payload, thread_id=thread.id)
    set_thread(transition, thread.id, "running")


def reschedule(transition: Transition) -> None:
    """Say that a turn that goes on stands still for a while, until its request to the model is tried again."""
    if transition.state.status != "running":
        return
    transition.change(status="rescheduling")
    transition.add("session.thread_status_rescheduled", _primary(transition))
    transition.add("session.status_rescheduled")
    transition.answer_last()


def resume(transition: Transition) -> None:
    """Go on with a turn that stood still; it is the same turn."""
    transition.change(status="running")
    transition.add("session.status_running")
    if transition.state.primary_running:
        transition.add("session.thread_status_running", _primary(transition))


def take_inputs(transition: Transition, is_taken: Callable[[WaitingInput], bool]) -> None:
    """Make events of those waiting inputs that ``is_taken`` says, in the order they were sent."""
    left = []
    for waiting in transition.state.waiting:
        if is_taken(waiting):
            transition.add(waiting.type, waiting.payload, thread_id=waiting.thread_id, number=waiting.number)
        else:
            left.append(waiting)
    transition.change(waiting=tuple(left))


def close_spans(transition: Transition, scope: Scope, *, is_error: bool) -> None:
    """End the model requests that are open in the threads of ``scope``; what they used is not known."""
    left = {}
    for thread, start in transition.state.open_spans.items():
        if scope(thread or None):
            end = {"model_request_start_id": start, "is_error": is_error, "model_usage": dict(NO_USAGE)}
            transition.add("span.model_request_end", end, thread_id=thread or None)
        else:
            left[thread] = start
    transition.change(open_spans=left)


def fail_calls(transition: Transition, scope: Scope, reason: str) -> list[PendingCall]:
    """Give every tool use without a result, in the threads of ``scope``, an error as its result; those tool uses.

    The error says the reason, and whether the call may have run all the same.
    """
    failed = [call for call in transition.state.pending if scope(call.thread_id)]
    for call in failed:
        type_ = _result_type(call)
        # Whoever had an allowed call may have begun it; the log does not say.
        text = f"{reason} {_MAY_HAVE_RUN if call.confirmed and call.denied is None else _NOT_RUN}"
        payload = {RESULT_LINKS[type_]: call.event_id, "content": [{"type": "text", "text": text}], "is_error": True}
        if call.thread_id is not None and call.blocks:
            payload["session_thread_id"] = call.thread_id  # its tool use is in the session's view, so this is too
        transition.add(type_, payload, thread_id=call.thread_id)
    transition.change(pending=tuple(call for call in transition.state.pending if call not in failed))
    return failed


def _result_type(call: PendingCall) -> str:
    if call.type == "agent.custom_tool_use":
        return "user.custom_tool_result"
    if call.type == "agent.mcp_tool_use":
        return "agent.mcp_tool_result"
    # A worker looks for this type: without it, it would run the tool each time it comes back.
    return "user.tool_result" if call.outside else "agent.tool_result"


def set_thread(transition: Transition, thread_id: str, status: Status) -> None:
    """Note how a child thread stands."""
    threads = (
        msgspec.structs.replace(thread, status=status, begun=True, part=without_queue(thread.part))
        if thread.id == thread_id
        else thread
        for thread in transition.state.threads
    )
    transition.change(threads=tuple(threads))
    transition.thread_statuses.append((thread_id, status))


def idle_child(transition: Transition, thread: ChildThread) -> None:
    """Say that a child thread has nothing more to do."""
    transition.add("session.thread_status_idle", child_payload(thread, "idle", END_TURN), thread_id=thread.id)
    set_thread(transition, thread.id, "idle")


def child_payload(
    thread: ChildThread, status: Status, reason: Mapping[str, Any], recorded: Mapping[str, Any] = MappingProxyType({})
) -> dict[str, Any]:
    """What an event says of a child thread that is now in ``status``; ``recorded`` is what its writer said of it.

    ``reason`` is why it is idle, where it is and the writer did not say.
    """
    stop = {"stop_reason": dict(reason), "stop_details": None} if status == "idle" else {}
    name = recorded.get("agent_name") or thread.agent_name
    return {**stop, **recorded, "session_thread_id": thread.id, "agent_name": name}


def idle_primary(transition: Transition, stop: Mapping[str, Any]) -> None:
    """Say that the session's own thread has nothing more to do; ``stop`` has the event's ``stop_`` fields."""
    transition.change(primary_running=False)
    transition.add("session.thread_status_idle", {**_primary(transition), **stop})


def idle(transition: Transition, stop_reason: Mapping[str, Any] | None = None, stop_details: Any = None) -> None:
    """End the turn, of all threads; usage comes right before the session's own idle.

    Open model requests are ended. Without a reason given it is what the session waits for, or ``end_turn``. An idle
    session says again why it is idle.
    """
    was_idle = transition.state.status == "idle"
    reason = dict(stop_reason or waiting_reason(transition))
    close_spans(transition, whole_session, is_error=reason["type"] not in ("end_turn", "requires_action"))
    for thread in list(transition.state.running_children):
        idle_child(transition, thread)
    # Those that queue behind a thread that waits for the client still do; of others the turn was ended.
    state = transition.state
    leave_queue(transition, [thread.id for thread in queue_of(state) if may_run(state, thread)])
    stop = {"stop_reason": reason, "stop_details": stop_details}
    if transition.state.primary_running or was_idle:
        idle_primary(transition, stop)
    active = transition.state.active_until(transition.now)
    transition.change(status="idle", running_since=None, active_seconds=active, previews={})
    usage = usage_snapshot(transition.state.usage, active)
    transition.add("session.usage", {"usage": usage, "budget": transition.state.budget})
    transition.add("session.status_idle", stop)
    transition.notices.append("session.status_idled")


def waiting_reason(transition: Transition) -> Mapping[str, Any]:
    """Why a session that has nothing more to do is idle."""
    blockers = transition.state.blockers
    return {"type": "requires_action", "event_ids": blockers} if blockers else END_TURN


def run_waiting(transition: Transition) -> None:
    """Begin the next turn of an idle session, of those threads that inputs wait for, when no tool use is in the way."""
    state = transition.state
    if state.status == "idle" and state.waiting and not state.blockers:
        threads = {waiting.thread_id for waiting in state.waiting}
        run(transition, primary=None in threads)
        for thread in [thread for thread in state.threads if thread.id in threads]:
            if may_run(transition.state, thread):
                run_child(transition, thread)
            else:
                enqueue(transition, thread)


def terminate(transition: Transition) -> None:
    """End the session for good."""
    close_spans(transition, whole_session, is_error=True)
    active = transition.state.active_until(transition.now)
    take_inputs(transition, lambda _: True)
    for thread in transition.state.threads:
        if thread.status != "terminated" and not thread.archived:
            end_child(transition, thread)
    transition.change(
        status="terminated",
        running_since=None,
        active_seconds=active,
        pending=(),
        previews={},
        primary_running=False,
    )
    transition.add("session.thread_status_terminated", _primary(transition))
    transition.add("session.status_terminated")
    transition.notices.append("session.status_terminated")


def end_child(transition: Transition, thread: ChildThread) -> None:
    """End a child thread for good; what waits for it is taken in, since nobody will read it."""
    take_inputs(transition, lambda waiting: waiting.thread_id == thread.id)
    about = {"session_thread_id": thread.id, "agent_name": thread.agent_name}
    transition.add("session.thread_status_terminated", about, thread_id=thread.id)
    set_thread(transition, thread.id, "terminated")


def _primary(transition: Transition) -> dict[str, Any]:
    return {"session_thread_id": transition.state.primary_thread, "agent_name": transition.state.agent_name}
