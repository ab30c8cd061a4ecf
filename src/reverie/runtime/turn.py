"""The steps that every act on a live session is made of: a turn begins, takes inputs in, and ends.

The table that they keep to is in ``design/013-life-cycle.md``.
"""

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

import msgspec

from reverie.runtime.live_state import ChildThread, Draft, PendingCall, Status, WaitingInput
from reverie.runtime.usage import usage_snapshot

END_TURN: Mapping[str, Any] = {"type": "end_turn"}
RESULT_LINKS: Mapping[str, str] = {
    "agent.tool_result": "tool_use_id",
    "user.tool_result": "tool_use_id",
    "agent.mcp_tool_result": "mcp_tool_use_id",
    "user.custom_tool_result": "custom_tool_use_id",
}
"""Types of results, and the field that names the tool use."""
_NO_USAGE = dict.fromkeys(
    ("input_tokens", "output_tokens", "cache_creation_input_tokens", "cache_read_input_tokens"), 0
)

Scope = Callable[[str | None], bool]
"""Which threads an act is about; the primary thread is None."""


def whole_session(_thread_id: str | None) -> bool:
    """The scope of an act on every thread."""
    return True


def run(draft: Draft, *, primary: bool = True) -> None:
    """Begin a turn of an idle session, of its own thread or of a child alone."""
    state = draft.state
    draft.change(status="running", running_since=draft.now, turn=state.turn + 1, turn_inputs=state.input_count)
    draft.add("session.status_running")
    if primary:
        run_primary(draft)
    draft.notices.append("session.status_run_started")


def run_primary(draft: Draft) -> None:
    """Say that the session's own thread runs, unless it is known."""
    if not draft.state.primary_running:
        draft.change(primary_running=True)
        draft.add("session.thread_status_running", _primary(draft))


def take_inputs(draft: Draft, is_taken: Callable[[WaitingInput], bool]) -> None:
    """Make events of those waiting inputs that ``is_taken`` says, in the order they were sent."""
    left = []
    for waiting in draft.state.waiting:
        if is_taken(waiting):
            draft.add(waiting.type, waiting.payload, thread_id=waiting.thread_id, number=waiting.number)
        else:
            left.append(waiting)
    draft.change(waiting=tuple(left))


def close_spans(draft: Draft, scope: Scope, *, is_error: bool) -> None:
    """End the model requests that are open in the threads of ``scope``; what they used is not known."""
    left = {}
    for thread, start in draft.state.open_spans.items():
        if scope(thread or None):
            end = {"model_request_start_id": start, "is_error": is_error, "model_usage": _NO_USAGE}
            draft.add("span.model_request_end", end, thread_id=thread or None)
        else:
            left[thread] = start
    draft.change(open_spans=left)


def fail_calls(draft: Draft, scope: Scope, reason: str) -> list[PendingCall]:
    """Give every tool use without a result, in the threads of ``scope``, an error as its result; those tool uses."""
    failed = [call for call in draft.state.pending if scope(call.thread_id)]
    for call in failed:
        type_ = _result_type(call)
        payload = {RESULT_LINKS[type_]: call.event_id, "content": [{"type": "text", "text": reason}], "is_error": True}
        if call.thread_id is not None and call.blocks:
            payload["session_thread_id"] = call.thread_id  # its tool use is in the session's view, so this is too
        draft.add(type_, payload, thread_id=call.thread_id)
    draft.change(pending=tuple(call for call in draft.state.pending if call not in failed))
    return failed


def _result_type(call: PendingCall) -> str:
    if call.type == "agent.custom_tool_use":
        return "user.custom_tool_result"
    if call.type == "agent.mcp_tool_use":
        return "agent.mcp_tool_result"
    # A worker looks for this type: without it, it would run the tool each time it comes back.
    return "user.tool_result" if call.outside else "agent.tool_result"


def set_thread(draft: Draft, thread_id: str, status: Status) -> None:
    """Note how a child thread stands."""
    threads = (
        msgspec.structs.replace(thread, status=status, begun=True) if thread.id == thread_id else thread
        for thread in draft.state.threads
    )
    draft.change(threads=tuple(threads))
    draft.thread_statuses.append((thread_id, status))


def idle_child(draft: Draft, thread: ChildThread) -> None:
    """Say that a child thread has nothing more to do."""
    draft.add("session.thread_status_idle", child_payload(thread, "idle", END_TURN), thread_id=thread.id)
    set_thread(draft, thread.id, "idle")


def child_payload(
    thread: ChildThread, status: Status, reason: Mapping[str, Any], recorded: Mapping[str, Any] = MappingProxyType({})
) -> dict[str, Any]:
    """What an event says of a child thread that is now in ``status``; ``recorded`` is what its writer said of it.

    ``reason`` is why it is idle, where it is and the writer did not say.
    """
    stop = {"stop_reason": dict(reason), "stop_details": None} if status == "idle" else {}
    name = recorded.get("agent_name") or thread.agent_name
    return {**stop, **recorded, "session_thread_id": thread.id, "agent_name": name}


def idle_primary(draft: Draft, stop: Mapping[str, Any]) -> None:
    """Say that the session's own thread has nothing more to do; ``stop`` has the event's ``stop_`` fields."""
    draft.change(primary_running=False)
    draft.add("session.thread_status_idle", {**_primary(draft), **stop})


def idle(draft: Draft, stop_reason: Mapping[str, Any] | None = None, stop_details: Any = None) -> None:
    """End the turn, of all threads; usage comes right before the session's own idle.

    Open model requests are ended. Without a reason given it is what the session waits for, or ``end_turn``. An idle
    session says again why it is idle.
    """
    was_idle = draft.state.status == "idle"
    reason = dict(stop_reason or waiting_reason(draft))
    close_spans(draft, whole_session, is_error=reason["type"] not in ("end_turn", "requires_action"))
    for thread in list(draft.state.running_children):
        idle_child(draft, thread)
    stop = {"stop_reason": reason, "stop_details": stop_details}
    if draft.state.primary_running or was_idle:
        idle_primary(draft, stop)
    active = draft.state.active_until(draft.now)
    draft.change(status="idle", running_since=None, active_seconds=active, previews={})
    usage = usage_snapshot(draft.state.usage, active)
    draft.add("session.usage", {"usage": usage, "budget": draft.state.budget})
    draft.add("session.status_idle", stop)
    draft.notices.append("session.status_idled")


def waiting_reason(draft: Draft) -> Mapping[str, Any]:
    """Why a session that has nothing more to do is idle."""
    blockers = draft.state.blockers
    return {"type": "requires_action", "event_ids": blockers} if blockers else END_TURN


def run_waiting(draft: Draft) -> None:
    """Begin the next turn of an idle session when inputs wait and no tool use is in their way."""
    if draft.state.status == "idle" and draft.state.waiting and not draft.state.blockers:
        run(draft)


def terminate(draft: Draft) -> None:
    """End the session for good."""
    close_spans(draft, whole_session, is_error=True)
    active = draft.state.active_until(draft.now)
    take_inputs(draft, lambda _: True)
    for thread in draft.state.threads:
        if thread.status != "terminated" and not thread.archived:
            end_child(draft, thread)
    draft.change(
        status="terminated",
        running_since=None,
        active_seconds=active,
        pending=(),
        previews={},
        primary_running=False,
    )
    draft.add("session.thread_status_terminated", _primary(draft))
    draft.add("session.status_terminated")
    draft.notices.append("session.status_terminated")


def end_child(draft: Draft, thread: ChildThread) -> None:
    """End a child thread for good."""
    about = {"session_thread_id": thread.id, "agent_name": thread.agent_name}
    draft.add("session.thread_status_terminated", about, thread_id=thread.id)
    set_thread(draft, thread.id, "terminated")


def _primary(draft: Draft) -> dict[str, Any]:
    return {"session_thread_id": draft.state.primary_thread, "agent_name": draft.state.agent_name}
