"""How the threads of a session work together: messages between them, who wakes whom, and when the session may rest.

Pure steps of a transition, as those of :mod:`reverie.runtime.turn`. A message becomes an event of the thread that it is
for at once where that thread is idle, which wakes it; else it waits until the thread's next request begins, as the
user's messages do, so that each is in the input of a request.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import msgspec

from reverie.runtime.check_threads import check_of, finished_checks
from reverie.runtime.live_state import ChildThread, LiveState, Transition, WaitingInput
from reverie.runtime.thread_queue import enqueue, may_run, queue_of
from reverie.runtime.turn import (
    END_TURN,
    child_payload,
    close_spans,
    end_child,
    fail_calls,
    idle,
    idle_primary,
    run,
    run_child,
    run_primary,
    run_waiting,
    set_thread,
    take_inputs,
)

RECEIVED = "agent.thread_message_received"
_ARCHIVED = "The thread was archived before this call was answered."
_STOPPED = "My thread was archived before I was done, so there is no result."
_INTERRUPTED = "The user interrupted me before I was done, so there is no result."
_UNFINISHED = "The agent stopped before this call was answered."


def find_child(state: LiveState, thread_id: str) -> ChildThread | None:
    """A child thread that goes on; None where there is none of that id, or it has ended."""
    return next(
        (one for one in state.threads if one.id == thread_id and not one.archived and one.status != "terminated"), None
    )


def is_blocked(state: LiveState, thread_id: str | None) -> bool:
    """Whether a client has to act before the thread gets on."""
    return any(call.blocks and call.thread_id == thread_id for call in state.pending)


def runs(state: LiveState, thread_id: str | None) -> bool:
    """Whether a thread runs."""
    if thread_id is None:
        return state.primary_running
    return any(child.id == thread_id for child in state.running_children)


def wake(transition: Transition, thread_id: str | None) -> None:
    """Have a thread go on, and its session with it; one that runs, waits for a client or has ended stays as it is.

    Where as many run as may, it waits in the queue.
    """
    state = transition.state
    if runs(state, thread_id) or is_blocked(state, thread_id):
        return
    child = None if thread_id is None else find_child(state, thread_id)
    if thread_id is not None and child is None:
        return
    if child is not None and not may_run(state, child):
        enqueue(transition, child)
        return
    if not state.goes_on:
        run(transition, primary=False)
    if child is None:
        run_primary(transition)
        return
    run_child(transition, child)


def wake_answered(transition: Transition, answered: Iterable[str | None]) -> None:
    """Have the children go on whose calls have been answered, and the session's own thread for what waits for it."""
    threads = dict.fromkeys(answered)
    for thread_id in threads:
        if thread_id is not None:
            wake(transition, thread_id)
    state = transition.state
    if state.goes_on and (None in threads or any(waiting.thread_id is None for waiting in state.waiting)):
        wake(transition, None)


def wake_checked(transition: Transition) -> None:
    """Have the session's own thread go on where all have come to rest that a cross-check of its waits for."""
    if finished_checks(transition.state):
        wake(transition, None)


def begin_queued(transition: Transition) -> None:
    """Have those begin that queue and for whom there is room now, the oldest first."""
    for child in queue_of(transition.state):
        if may_run(transition.state, child):
            wake(transition, child.id)


def post(transition: Transition, sender: str | None, receiver: str | None, text: str, note: str = "") -> None:
    """Send a message from one thread to another; None is the session's own thread.

    Args:
        note: what the server says of the text, in a block of its own after it.
    """
    state = transition.state
    content = _content(text, note)
    _send(transition, sender, receiver, content)
    received = {f"from_{name}": value for name, value in _peer(state, sender).items()} | {"content": content}
    if not runs(state, receiver) and not is_blocked(state, receiver):
        transition.add(RECEIVED, received, thread_id=receiver)
        wake(transition, receiver)
        return
    transition.inputs.append(WaitingInput(state.input_count, RECEIVED, received, receiver))
    transition.change(input_count=state.input_count + 1, waiting=(*state.waiting, transition.inputs[-1]))


def _content(text: str, note: str = "") -> list[dict[str, Any]]:
    return [{"type": "text", "text": part} for part in (text, note) if part or part is text]


def _send(
    transition: Transition, sender: str | None, receiver: str | None, content: Sequence[Mapping[str, Any]]
) -> None:
    sent = {f"to_{name}": value for name, value in _peer(transition.state, receiver).items()}
    transition.add("agent.thread_message_sent", {**sent, "content": list(content)}, thread_id=sender)


def _report(transition: Transition, thread_id: str, text: str, note: str) -> None:
    """Tell the session's own thread what came of a task; what a cross-check asked for is read there, not received."""
    if check_of(transition.state, thread_id) is None:
        post(transition, thread_id, None, text, note)
    else:
        _send(transition, thread_id, None, _content(text))


def _peer(state: LiveState, thread_id: str | None) -> dict[str, str]:
    """A thread as messages name it; the primary agent has no name there."""
    if thread_id is None:
        return {"session_thread_id": state.primary_thread}
    name = next((child.agent_name for child in state.threads if child.id == thread_id), "")
    return {"session_thread_id": thread_id, "agent_name": name}


def rest(
    transition: Transition,
    thread_id: str | None,
    reason: Mapping[str, Any] = END_TURN,
    details: Any = None,
    *,
    report: str | None = None,
    note: str = "",
) -> bool:
    """Make a thread idle, and its session when no other thread runs.

    False, with nothing done, where its turn ends and a message waits that it has not read: it goes on instead. Where it
    rests for another reason, what waits is taken in, so that it does not begin the next turn.

    Args:
        reason: the event's ``stop_reason``; ``requires_action`` is put in its place while calls wait for a client.
        report: what a child says to the session's own thread when it rests; None where it only waits for a client.
        note: what the server says of the report.
    """
    state = transition.state
    blocked = is_blocked(state, thread_id)
    heeds_mail = reason["type"] == "end_turn"
    if not blocked and heeds_mail and has_mail(state, thread_id):
        return False
    if not heeds_mail:
        take_inputs(transition, lambda waiting: waiting.thread_id == thread_id)
    if thread_id is None:
        _rest_primary(transition, _stop(state, thread_id, reason, details))
        return True
    child = find_child(state, thread_id)
    assert child is not None
    payload = child_payload(child, "idle", reason, _stop(state, thread_id, reason, details))
    if report is not None and not blocked:
        _report(transition, thread_id, report, note)
        forget_reminders(transition, thread_id)
    transition.add("session.thread_status_idle", payload, thread_id=thread_id)
    set_thread(transition, thread_id, "idle")
    begin_queued(transition)
    wake_checked(transition)
    if not transition.state.primary_running and not any(transition.state.running_children):
        idle(transition)
        run_waiting(transition)
    return True


def remind(transition: Transition, thread_id: str, text: str, most: int) -> bool:
    """Tell a child that would rest what its report lacks, as the server; False where it was told as often as may be."""
    child = find_child(transition.state, thread_id)
    if child is None or child.part.reminders >= most:
        return False
    transition.add("system.message", {"content": [{"type": "text", "text": text}]}, thread_id=thread_id)
    count_reminder(transition, child)
    return True


def count_reminder(transition: Transition, child: ChildThread) -> None:
    """Note that a child was told once more what its report lacks."""
    _set_reminders(transition, child.id, child.part.reminders + 1)


def forget_reminders(transition: Transition, thread_id: str) -> None:
    """Begin to count anew: its next task is another one."""
    _set_reminders(transition, thread_id, 0)


def _set_reminders(transition: Transition, thread_id: str, count: int) -> None:
    threads = (
        msgspec.structs.replace(one, part=msgspec.structs.replace(one.part, reminders=count))
        if one.id == thread_id and one.part.reminders != count
        else one
        for one in transition.state.threads
    )
    transition.change(threads=tuple(threads))


def has_mail(state: LiveState, thread_id: str | None) -> bool:
    """Whether something waits that the thread takes in before it rests.

    While others run that is anything; a session that rests begins its next turn with what the user sent.
    """
    alone = thread_id is None and not any(state.running_children)
    return any(
        waiting.thread_id == thread_id and (waiting.type == RECEIVED or (not alone and waiting.type == "user.message"))
        for waiting in state.waiting
    )


def fail_child(transition: Transition, thread_id: str, error: Mapping[str, Any]) -> None:
    """End what a child does for an error that trying again did not heal; its parent is told, and the session goes on.

    Args:
        error: a ``session.error`` event.
    """

    def own(thread: str | None) -> bool:
        return thread == thread_id

    close_spans(transition, own, is_error=True)
    payload = {name: value for name, value in error.items() if name != "type"}
    transition.add("session.error", payload, thread_id=thread_id)
    fail_calls(transition, own, _UNFINISHED)
    report = f"I could not go on, and stopped without a result: {error['error'].get('message', '')}"
    rest(transition, thread_id, {"type": "retries_exhausted"}, report=report)


def rest_awaiting(transition: Transition) -> None:
    """Have the session's own thread rest while a cross-check goes on; what waits for it waits until the check's result.

    A call without a result may not stand before a request, so that no message wakes it for good.
    """
    _rest_primary(transition, _stop(transition.state, None, END_TURN, None))


def owes_report(state: LiveState, child: ChildThread) -> bool:
    """Whether the session's own thread still waits for what a child makes of its task.

    What a cross-check asked it is read from its log.
    """
    at_work = runs(state, child.id) or is_blocked(state, child.id) or child.part.queued is not None
    return at_work and not child.archived and check_of(state, child.id) is None


def tell_interrupted(transition: Transition, children: Iterable[ChildThread]) -> None:
    """Tell the session's own thread that the user ended what these children did for it."""
    for child in children:
        post(transition, child.id, None, _INTERRUPTED)
        forget_reminders(transition, child.id)


def archive_child(transition: Transition, child: ChildThread) -> None:
    """End a child that does not run; what it waited for is answered with an error, and whoever asked it is told."""
    owes = owes_report(transition.state, child)
    failed = fail_calls(transition, lambda thread_id: thread_id == child.id, _ARCHIVED)
    if owes:
        post(transition, child.id, None, _STOPPED)
    end_child(transition, child)
    begin_queued(transition)
    wake_checked(transition)
    if failed and not transition.state.goes_on:
        idle(transition)
        run_waiting(transition)


def _stop(state: LiveState, thread_id: str | None, reason: Mapping[str, Any], details: Any) -> dict[str, Any]:
    blockers = [call.event_id for call in state.pending if call.blocks and call.thread_id == thread_id]
    if blockers:
        return {"stop_reason": {"type": "requires_action", "event_ids": blockers}, "stop_details": None}
    return {"stop_reason": dict(reason), "stop_details": details}


def _rest_primary(transition: Transition, stop: Mapping[str, Any]) -> None:
    """The session's own thread rests; the session does when it is alone, or may spend no more."""
    if any(transition.state.running_children):
        idle_primary(transition, stop)
        return
    if transition.state.blockers:
        idle(transition)
    else:
        idle(transition, stop["stop_reason"], stop["stop_details"])
    run_waiting(transition)
