"""What whoever runs the agent says happened: from recorded events and the present state to events in canonical order.

Pure, as :mod:`reverie.runtime.inbox` is. Inputs are taken in where a request to the model begins, since only what
was there then can be answered; a writer that tells of no model requests takes in, with the first event of a turn, the
inputs that the turn is for.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from reverie.errors import ConflictError, InputError, StateError
from reverie.ids import derived_id
from reverie.runtime.inbox import refuse_ended
from reverie.runtime.live_state import ChildThread, LiveState, PendingCall, Status, ThreadPart, Transition, input_id
from reverie.runtime.outcome_loop import follow_outcome
from reverie.runtime.turn import (
    RESULT_LINKS,
    child_payload,
    close_spans,
    fail_calls,
    idle,
    idle_primary,
    reschedule,
    resume,
    run,
    run_primary,
    run_waiting,
    set_thread,
    take_inputs,
    terminate,
    waiting_reason,
    whole_session,
)
from reverie.runtime.usage import WEB_REQUESTS, add_usage, add_web_request

_TOOL_USES = ("agent.tool_use", "agent.custom_tool_use", "agent.mcp_tool_use")
_TAKES_ALL = ("span.model_request_start", "session.status_running")
_THREAD_STATUSES: Mapping[str, Status] = {
    "session.thread_status_running": "running",
    "session.thread_status_idle": "idle",
    "session.thread_status_rescheduled": "rescheduling",
    "session.thread_status_terminated": "terminated",
}
_LINKS = (*dict.fromkeys(RESULT_LINKS.values()), "model_request_start_id", "outcome_evaluation_start_id")
_UNFINISHED = "The turn ended before this call was answered."


def record(
    state: LiveState,
    recorded: Sequence[Mapping[str, Any]],
    now: datetime,
    *,
    thread_id: str | None = None,
    only_while_running: bool = False,
    expected_turn: int | None = None,
) -> Transition:
    """Take in what whoever runs the agent says happened.

    Events may carry an ``id`` of the writer's own, by which later events of the same call refer to them. Status
    events, usage and the taking in of inputs are added where they belong; a status that is known already adds nothing.

    Args:
        thread_id: the thread that it happened in; None or the primary thread's id is the session's own.
        only_while_running: refuse unless some turn goes on.
        expected_turn: refuse unless this very turn goes on; see :attr:`LiveState.turn`.

    Raises:
        StateError: the session is archived or ended.
        ConflictError: the turn that the writer speaks of does not go on.
        InputError: an event refers to something that is not there; the message names its place.
    """
    refuse_ended(state)
    _refuse_late(state, only_while_running or expected_turn is not None, expected_turn)
    transition = Transition(state, now)
    thread = _own_thread(state, recorded, thread_id)
    names: dict[str, str] = {}
    takes_at = next((i for i, event in enumerate(recorded) if event["type"] in _TAKES_ALL), 0)
    for place, event in enumerate(recorded):
        if transition.state.status == "terminated":
            raise InputError(f"events.{place}: comes after the end of the session")
        try:
            _prepare(transition, event["type"], thread, takes_turn=place >= takes_at)
            _record_one(transition, event, names, thread)
        except InputError as error:
            raise InputError(f"events.{place}: {error}") from error
    _settle(transition)
    return transition


def _settle(transition: Transition) -> None:
    """End the turn that no thread is left to go on with, and begin the next one when inputs wait for it."""
    state = transition.state
    if state.goes_on and not state.primary_running and not any(state.running_children):
        idle(transition)
    run_waiting(transition)


def _refuse_late(state: LiveState, insists: bool, expected_turn: int | None) -> None:
    if insists and not state.goes_on:
        raise ConflictError(
            f"session {state.session_id} is {state.status}: its turn {state.turn} was ended; wait for the next input"
        )
    if expected_turn is not None and expected_turn != state.turn:
        raise ConflictError(
            f"session {state.session_id} is in turn {state.turn}, not {expected_turn}; leave it to whoever runs that"
        )


def _own_thread(state: LiveState, recorded: Sequence[Mapping[str, Any]], thread_id: str | None) -> str | None:
    """The child thread that a call records, None for the primary one."""
    if thread_id is None or thread_id == state.primary_thread:
        return None
    known = [thread.id for thread in state.threads if not thread.archived]
    begun = [event.get("session_thread_id") for event in recorded if event["type"] == "session.thread_created"]
    if thread_id not in known and thread_id not in begun:
        raise InputError(f"session_thread_id: session {state.session_id} has no thread {thread_id!r} that goes on")
    return thread_id


def _prepare(transition: Transition, type_: str, thread: str | None, *, takes_turn: bool) -> None:
    """Begin a turn and take inputs in, where the next event calls for it."""
    if not type_.startswith("session."):
        if transition.state.status == "rescheduling":
            resume(transition)
        elif transition.state.status != "running":
            run(transition)
    if not transition.state.goes_on:
        return
    if type_ == "span.model_request_start":
        close_spans(transition, lambda other: other == thread, is_error=True)  # the writer has begun anew
        take_inputs(transition, lambda waiting: waiting.thread_id == thread)
    elif takes_turn:
        turn_inputs = transition.state.turn_inputs
        take_inputs(
            transition,
            lambda waiting: (
                waiting.thread_id == thread
                and (waiting.number < turn_inputs or waiting.type == "user.tool_confirmation")
            ),
        )


def _record_one(transition: Transition, event: Mapping[str, Any], names: dict[str, str], thread: str | None) -> None:
    type_ = event["type"]
    payload = {key: value for key, value in event.items() if key not in ("type", "id", "processed_at")}
    payload |= {link: names[payload[link]] for link in _LINKS if payload.get(link) in names}
    match type_:
        case "session.status_idle":
            _record_idle(transition, payload)
        case "session.status_terminated":
            terminate(transition)
            transition.answer_last()
        case "session.status_running":
            _record_running(transition)
        case "session.status_rescheduled":
            reschedule(transition)
        case "session.error":
            _record_error(transition, payload, thread)
        case "session.thread_created":
            _record_thread_created(transition, payload, names, thread)
        case _ if type_ in _THREAD_STATUSES:
            _record_thread_status(transition, type_, payload, names, thread)
        case _:
            _record_plain(transition, type_, payload, event.get("id"), names, thread)


def _record_plain(
    transition: Transition,
    type_: str,
    payload: dict[str, Any],
    name: str | None,
    names: dict[str, str],
    thread: str | None,
) -> None:
    call = _call_of(transition.state, type_, payload, thread) if type_ in _TOOL_USES else None
    if type_ in RESULT_LINKS:
        _answer_call(transition, payload, RESULT_LINKS[type_])
    elif type_ == "agent.tool_use" and payload.get("evaluated_permission") != "deny":
        transition.change(usage=add_web_request(transition.state.usage, str(payload.get("name"))))
    elif type_ == "span.model_request_end":
        payload = _end_span(transition, payload, thread)
    elif type_ == "span.outcome_evaluation_end":
        payload = {"outcome_evaluation_start_id": "", **payload}
    if call is not None and call.blocks and thread is not None:
        payload = {**payload, "session_thread_id": thread}
    id_ = transition.add(type_, payload, thread_id=thread, number=_previewed(transition, type_, name))
    transition.answer_last()
    if name is not None:
        names[name] = id_
    if call is not None:
        transition.change(
            pending=(*transition.state.pending, PendingCall(id_, type_, call.confirmed, call.outside, thread))
        )
    elif type_ == "span.model_request_start":
        transition.change(open_spans={**transition.state.open_spans, thread or "": id_})
    elif type_.startswith("span.outcome_evaluation_"):
        _record_verdict(transition, type_, payload)


def _call_of(state: LiveState, type_: str, payload: Mapping[str, Any], thread: str | None) -> PendingCall:
    """What a tool use waits for; its id is not known yet."""
    permission = payload.get("evaluated_permission")
    if type_ == "agent.custom_tool_use":
        return PendingCall("", type_, confirmed=permission != "ask", outside=True, thread_id=thread)
    worker = state.self_hosted and type_ == "agent.tool_use" and payload.get("name") not in WEB_REQUESTS
    return PendingCall(
        "", type_, confirmed=permission != "ask", outside=worker and permission != "deny", thread_id=thread
    )


def _answer_call(transition: Transition, payload: Mapping[str, Any], field: str) -> None:
    """Count a tool use as answered: each has one result."""
    answered = payload.get(field)
    left = tuple(call for call in transition.state.pending if call.event_id != answered)
    if len(left) == len(transition.state.pending):
        raise InputError(f"{field}: no tool use {answered!r} waits for a result; it may have been answered already")
    transition.change(pending=left)


def _end_span(transition: Transition, payload: Mapping[str, Any], thread: str | None) -> dict[str, Any]:
    """The end of a model request, which is the thread's open one unless it names another."""
    started = payload.get("model_request_start_id") or transition.state.open_spans.get(thread or "", "")
    transition.change(
        usage=add_usage(transition.state.usage, payload, payload.get("cost_usd")),
        open_spans={where: start for where, start in transition.state.open_spans.items() if start != started},
    )
    return {"is_error": False, **payload, "model_request_start_id": started}


def begin_preview(state: LiveState, type_: str, now: datetime) -> tuple[Transition, str]:
    """Promise an id to an event that is being written, and the id.

    Raises:
        StateError: no turn is going on.
    """
    if not state.goes_on:
        raise StateError(f"session {state.session_id} is {state.status}; text is shown while a turn goes on")
    transition = Transition(state, now)
    return transition, promise(transition, type_)


def promise(transition: Transition, type_: str) -> str:
    """Keep an id for an event of a type, so that it can be shown while it is being written; the id."""
    number = transition.state.input_count
    transition.change(input_count=number + 1, previews={**transition.state.previews, number: type_})
    return input_id(transition.state.session_id, number)


def _previewed(transition: Transition, type_: str, name: str | None) -> int | None:
    """The number that was promised to this event; it is open no more."""
    for number, promised in transition.state.previews.items():
        if promised == type_ and name == input_id(transition.state.session_id, number):
            transition.change(previews={n: t for n, t in transition.state.previews.items() if n != number})
            return number
    return None


def _record_thread_created(
    transition: Transition, payload: dict[str, Any], names: dict[str, str], thread: str | None
) -> None:
    """A thread that begins; without an id of the server's kind it gets one."""
    named = payload.get("session_thread_id")
    place = transition.state.event_count + len(transition.events)
    thread_id = (
        named if named and named.startswith("sthr_") else derived_id("sthr", transition.state.session_id, str(place))
    )
    if named:
        names[named] = thread_id
    if all(known.id != thread_id for known in transition.state.threads):
        begun = ChildThread(thread_id, payload.get("agent_name") or "", part=ThreadPart(place=place))
        transition.change(threads=(*transition.state.threads, begun))
        transition.threads.append((begun.id, begun.agent_name))
    transition.notices.append("session.thread_created")
    filled = {"agent_name": "", "workflow_run_id": None, **payload, "session_thread_id": thread_id}
    transition.answer("session.thread_created", filled, thread_id=thread)


def _record_thread_status(
    transition: Transition, type_: str, payload: dict[str, Any], names: dict[str, str], thread: str | None
) -> None:
    """How a thread stands: the one that is named, else the one that the call is about."""
    primary, status = transition.state.primary_thread, _THREAD_STATUSES[type_]
    named = payload.get("session_thread_id")
    about = names.get(named, named) if named else thread or primary
    if about == primary:
        stop = {"stop_reason": dict(waiting_reason(transition)), "stop_details": None}
        _record_primary_status(transition, type_, stop | payload if type_.endswith("idle") else payload)
        return
    known = next((child for child in transition.state.threads if child.id == about), None)
    if known is None:
        raise InputError(f"session_thread_id: session {transition.state.session_id} has no thread {about!r}")
    if known.begun and known.status == status:
        return
    if status == "running" and transition.state.status == "idle":
        run(transition, primary=False)
    transition.answer(type_, child_payload(known, status, waiting_reason(transition), payload), thread_id=known.id)
    set_thread(transition, known.id, status)


def _record_primary_status(transition: Transition, type_: str, payload: Mapping[str, Any]) -> None:
    """How the session's own thread stands; while no child runs, the session stands so with it."""
    state = transition.state
    count = len(transition.events)
    if type_ == "session.thread_status_running":
        run(transition) if state.status == "idle" else run_primary(transition)
    elif type_ == "session.thread_status_idle" and state.primary_running:
        idle_primary(transition, {name: payload[name] for name in ("stop_reason", "stop_details")})
    elif type_ == "session.thread_status_rescheduled":
        transition.add(type_, {"session_thread_id": state.primary_thread, "agent_name": state.agent_name})
    elif type_ == "session.thread_status_terminated":
        raise InputError(
            "session_thread_id: the primary thread ends with its session; record session.status_terminated"
        )
    if len(transition.events) > count:
        transition.answer_last()


def _record_running(transition: Transition) -> None:
    """A turn goes on; the writer has read what was sent to the session's own thread."""
    count = len(transition.events)
    if transition.state.status == "rescheduling":
        resume(transition)
    elif transition.state.status == "running":
        run_primary(transition)
    else:
        run(transition)
    if len(transition.events) > count:
        transition.answer_last()
    take_inputs(transition, lambda waiting: waiting.thread_id is None)


def _record_idle(transition: Transition, payload: Mapping[str, Any]) -> None:
    """The turn is over."""
    reason = payload.get("stop_reason")
    if transition.state.blockers:
        reason = None
    elif reason is not None and reason["type"] == "requires_action":
        raise InputError("stop_reason: nothing waits for an answer, so no action is required")
    if transition.state.status == "idle":
        return
    idle(transition, reason, payload.get("stop_details"))
    transition.answer_last()


def _record_error(transition: Transition, payload: dict[str, Any], thread: str | None) -> None:
    transition.answer("session.error", payload, thread_id=thread)
    retry = payload["error"].get("retry_status", {}).get("type")
    if retry == "exhausted" and transition.state.goes_on:
        # The wire's rule: what waits is flushed, so that the error is not met again at once.
        close_spans(transition, whole_session, is_error=True)
        take_inputs(transition, lambda _: True)
        fail_calls(transition, whole_session, _UNFINISHED)
        idle(transition, {"type": "retries_exhausted"})
    elif retry == "terminal":
        terminate(transition)


def _record_verdict(transition: Transition, type_: str, payload: Mapping[str, Any]) -> None:
    outcomes, score = follow_outcome(transition.state.outcomes, type_, payload, transition.now)
    transition.change(outcomes=outcomes)
    if score is not None:
        transition.scores.append(("outcome", score))
    if type_ == "span.outcome_evaluation_end":
        transition.notices.append("session.outcome_evaluation_ended")
