"""What a client sends to a live session: from inputs and the present state to events in canonical order.

Pure: the caller holds the session's lock, passes the state in, and stores the transition that comes out. A message, an
interrupt or a confirmation waits until the agent takes it in; then it becomes an event and keeps its id.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

import msgspec

from reverie.errors import InputError, StateError
from reverie.ids import derived_id
from reverie.runtime.live_state import LiveState, PendingCall, Transition, WaitingInput
from reverie.runtime.outcome_loop import close_outcome, has_open_outcome, open_outcome
from reverie.runtime.thread_queue import leave_queue, queue_of
from reverie.runtime.threads import RECEIVED, begin_queued, owes_report, tell_interrupted, wake_answered, wake_checked
from reverie.runtime.turn import (
    RESULT_LINKS,
    Scope,
    close_spans,
    fail_calls,
    idle,
    idle_child,
    idle_primary,
    run,
    take_inputs,
    waiting_reason,
    whole_session,
)

QUEUED_TYPES = frozenset({"user.message", "user.interrupt", "user.tool_confirmation", "system.message"})
"""Inputs that wait until the agent takes them in; the others are processed when they arrive."""
_CONFIRMED = ("agent.tool_use", "agent.mcp_tool_use", "agent.custom_tool_use")
"""Tool uses that may wait for a confirmation; that of a custom tool only where a rule asks for it."""
_INTERRUPTED = "The user interrupted before this call was answered."


def receive(state: LiveState, inbound: Sequence[Mapping[str, Any]], now: datetime) -> Transition:
    """Take in what a client sends; all of it or nothing.

    Raises:
        StateError: the session is archived or ended.
        InputError: an event does not fit the state; the message names its place.
    """
    refuse_ended(state)
    transition = Transition(state, now)
    starts, answered = False, list[str | None]()
    for place, event in enumerate(inbound):
        try:
            before = inbound[place - 1] if place else None
            pending = transition.state.pending
            _receive_one(transition, event, before, last=place == len(inbound) - 1)
        except InputError as error:
            raise InputError(f"events.{place}: {error}") from error
        starts = starts or event["type"] == "user.define_outcome"
        if event["type"] in RESULT_LINKS or event["type"] == "user.tool_confirmation":
            answered += [call.thread_id for call in pending if call not in transition.state.pending]
    _go_on(transition, answered, starts=starts)
    return transition


def _go_on(transition: Transition, answered: Sequence[str | None], *, starts: bool) -> None:
    """Have the threads run that have something to do now.

    Args:
        answered: the threads of the tool uses that were answered.
        starts: whether an outcome was defined.
    """
    wake_answered(transition, answered)
    state = transition.state
    if state.goes_on:
        return
    if state.blockers:
        if answered:
            idle(transition)
    elif starts or answered or state.waiting:
        run(transition)


def refuse_ended(state: LiveState) -> None:
    """Accept a session that can go on.

    Raises:
        StateError: it is archived or has ended.
    """
    if state.archived or state.status == "terminated":
        raise StateError(f"session {state.session_id} has ended; make a new session to go on")


def _receive_one(
    transition: Transition, event: Mapping[str, Any], before: Mapping[str, Any] | None, *, last: bool
) -> None:
    type_, payload = event["type"], {key: value for key, value in event.items() if key != "type"}
    match type_:
        case "user.message":
            _refuse_while_blocked(transition.state)
            _queue(transition, type_, payload)
        case "system.message":
            if before is None or before["type"] not in ("user.message", "user.tool_result", "user.custom_tool_result"):
                raise InputError("a system.message follows a user.message or a tool result of the same request")
            if not last:
                raise InputError("a system.message is the last event of its request")
            _queue(transition, type_, payload)
        case "user.interrupt":
            _interrupt(transition, payload)
        case "user.tool_confirmation":
            _confirm(transition, payload)
        case "user.define_outcome":
            _define_outcome(transition, payload)
        case _:
            _take_result(transition, type_, payload)


def _queue(transition: Transition, type_: str, payload: dict[str, Any], thread_id: str | None = None) -> int:
    number = transition.state.input_count
    transition.inputs.append(WaitingInput(number, type_, payload, thread_id))
    transition.answers.append(("input", len(transition.inputs) - 1))
    transition.change(input_count=number + 1, waiting=(*transition.state.waiting, transition.inputs[-1]))
    return number


def _refuse_while_blocked(state: LiveState) -> None:
    if state.blockers and state.status == "idle":
        waits = ", ".join(state.blockers)
        # The hosted service's words: clients look for them and send their message again later.
        raise InputError(f"waiting on responses to events [{waits}]; answer them, or send a user.interrupt")


def _find_pending(state: LiveState, payload: Mapping[str, Any], field: str, types: Iterable[str]) -> PendingCall:
    """The tool use that an input answers; it names the thread of that tool use, or none."""
    call_id = payload[field]
    for call in state.pending:
        if call.event_id == call_id and call.type in types and call.blocks:
            named = payload.get("session_thread_id")
            if named is not None and named != (call.thread_id or state.primary_thread):
                own = call.thread_id or state.primary_thread
                raise InputError(f"session_thread_id: tool use {call_id} is of thread {own}, not of {named}")
            return call
    raise InputError(f"{field}: no tool use {call_id!r} waits for this answer; it may have been answered already")


def _in_thread(payload: Mapping[str, Any], call: PendingCall) -> dict[str, Any]:
    """What an answer keeps: the thread of its tool use is said of children alone."""
    kept = {name: value for name, value in payload.items() if name != "session_thread_id"}
    return kept if call.thread_id is None else {**kept, "session_thread_id": call.thread_id}


def _confirm(transition: Transition, payload: dict[str, Any]) -> None:
    call = _find_pending(transition.state, payload, "tool_use_id", _CONFIRMED)
    if call.confirmed:
        raise InputError(f"tool_use_id: {call.event_id} needs no confirmation, or has it already")
    allowed = payload["result"] == "allow"
    if allowed and payload.get("deny_message") is not None:
        raise InputError("deny_message: goes with result 'deny' alone")
    _queue(transition, "user.tool_confirmation", _in_thread(payload, call), call.thread_id)
    # A denied tool does not run outside either: whoever runs the agent records the error.
    denied = None if allowed else payload.get("deny_message") or ""
    answered = msgspec.structs.replace(call, confirmed=True, outside=call.outside and allowed, denied=denied)
    transition.change(pending=tuple(answered if other is call else other for other in transition.state.pending))


def _take_result(transition: Transition, type_: str, payload: dict[str, Any]) -> None:
    if type_ == "user.tool_result" and not transition.state.self_hosted:
        raise InputError("user.tool_result: only sessions in a self_hosted environment take results of built-in tools")
    kinds = ("agent.custom_tool_use",) if type_ == "user.custom_tool_result" else ("agent.tool_use",)
    call = _find_pending(transition.state, payload, RESULT_LINKS[type_], kinds)
    if not call.confirmed and type_ == "user.custom_tool_result":
        raise InputError(
            f"custom_tool_use_id: {call.event_id} must not be run before it is allowed; send a user.tool_confirmation"
        )
    if not call.outside:  # It waits to be allowed; its result comes from whoever runs it then.
        raise InputError(f"{RESULT_LINKS[type_]}: {call.event_id} is run by the server; confirm it instead")
    transition.answer(type_, _in_thread(payload, call), thread_id=call.thread_id)
    transition.change(pending=tuple(other for other in transition.state.pending if other is not call))


def _define_outcome(transition: Transition, payload: dict[str, Any]) -> None:
    if has_open_outcome(transition.state.outcomes):
        raise InputError("an outcome is being worked on; define the next one when it has a verdict")
    _refuse_while_blocked(transition.state)
    outcome_id = derived_id("outc", transition.state.session_id, str(len(transition.state.outcomes)))
    filled = {"max_iterations": 3} | {key: value for key, value in payload.items() if value is not None}
    transition.answer("user.define_outcome", {**filled, "outcome_id": outcome_id})
    transition.change(outcomes=(*transition.state.outcomes, open_outcome(outcome_id, payload["description"])))


def _interrupt(transition: Transition, payload: dict[str, Any]) -> None:
    """End the turn of the threads that are named (all of them by default).

    Open model requests end, tool uses without a result get an error, and the inputs that the turn is for are taken
    in. What was sent later waits for the next turn. An idle thread without open tool uses stays as it is. Where a child
    alone is interrupted, whoever called it in is told and goes on.
    """
    scope, thread_id = _interrupted(transition.state, payload.get("session_thread_id"))
    state = transition.state
    close_spans(transition, scope, is_error=True)
    own = _queue(transition, "user.interrupt", payload, thread_id)
    take_inputs(
        transition,
        lambda waiting: waiting.number == own or (scope(waiting.thread_id) and _ends_with_turn(waiting, state)),
    )
    owing = [child for child in state.threads if scope(child.id) and owes_report(state, child)]
    failed = fail_calls(transition, scope, _INTERRUPTED)
    if scope(None) and (state.goes_on or failed):
        outcomes, verdict = close_outcome(transition.state.outcomes, "interrupted", transition.now)
        if verdict is not None:
            transition.add("span.outcome_evaluation_end", verdict)
        transition.change(outcomes=outcomes)
    if scope is not whole_session:
        tell_interrupted(transition, owing)
        for child in [child for child in transition.state.running_children if scope(child.id)]:
            idle_child(transition, child)
        leave_queue(transition, [child.id for child in queue_of(transition.state) if scope(child.id)])
        begin_queued(transition)
        wake_checked(transition)
    _settle(transition, scope, changed=any(call.blocks for call in failed))


def _interrupted(state: LiveState, named: str | None) -> tuple[Scope, str | None]:
    """The threads that an interrupt is about, and the thread that its event belongs to."""
    if named is None:
        return whole_session, None
    if named == state.primary_thread:
        return lambda thread_id: thread_id is None, None
    if not any(thread.id == named and not thread.archived for thread in state.threads):
        raise InputError(f"session_thread_id: session {state.session_id} has no thread {named!r} that goes on")
    return lambda thread_id: thread_id == named, named


def _ends_with_turn(waiting: WaitingInput, state: LiveState) -> bool:
    """Whether an input is the interrupted turn's: it began it, or it answers one of its tool uses."""
    return waiting.type in ("user.tool_confirmation", RECEIVED) or (
        state.goes_on and waiting.number < state.turn_inputs
    )


def _settle(transition: Transition, scope: Scope, *, changed: bool) -> None:
    """Make the session idle when no thread is left that runs, or say again why it is when that has ``changed``."""
    state = transition.state
    if state.status == "idle":
        if changed:
            idle(transition)
    elif scope is whole_session or not (any(state.running_children) or (state.primary_running and not scope(None))):
        idle(transition)
    elif scope(None) and state.primary_running:
        idle_primary(transition, {"stop_reason": dict(waiting_reason(transition)), "stop_details": None})
