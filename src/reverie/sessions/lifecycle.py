"""The life of a session that is run through the server: from an act and the present state to events in canonical order.

Pure: the caller holds the session's lock, passes the state in, and stores the draft that comes out. An input that
waits for the agent (a message, an interrupt …) becomes an event when the agent takes it in, keeping its id.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

import msgspec

from reverie.errors import ConflictError, InputError, StateError
from reverie.ids import derived_id, event_id
from reverie.sessions.outcome_loop import close_outcome, follow_outcome, has_open_outcome, open_outcome
from reverie.sessions.usage import add_usage, usage_snapshot

Status = Literal["idle", "running", "rescheduling", "terminated"]

QUEUED_TYPES = frozenset({"user.message", "user.interrupt", "user.tool_confirmation", "system.message"})
"""Inputs that wait until the agent takes them in; the others are processed when they arrive."""
_WAITING_CALLS = ("agent.tool_use", "agent.custom_tool_use", "agent.mcp_tool_use")
_RESULT_OF = {
    "agent.tool_result": "tool_use_id",
    "user.tool_result": "tool_use_id",
    "agent.mcp_tool_result": "mcp_tool_use_id",
    "user.custom_tool_result": "custom_tool_use_id",
}
_THREAD_STATUSES: Mapping[str, Status] = {
    "session.thread_status_running": "running",
    "session.thread_status_idle": "idle",
    "session.thread_status_rescheduled": "rescheduling",
    "session.thread_status_terminated": "terminated",
}
_DEFAULTS: Mapping[str, Mapping[str, Any]] = {
    "span.model_request_end": {"model_request_start_id": "", "is_error": False},
    "span.outcome_evaluation_end": {"outcome_evaluation_start_id": ""},
}
"""What the wire API insists on and a writer may leave out."""
_INTERRUPTED = [{"type": "text", "text": "The user interrupted before this call was answered."}]


class PendingCall(msgspec.Struct, frozen=True):
    """A tool use that waits for somebody outside: a confirmation, or a result."""

    event_id: str
    type: str
    confirmed: bool = True
    """False until the user has allowed it."""
    outside: bool = True
    """Whether its result comes from outside too."""
    thread_id: str | None = None


class WaitingInput(msgspec.Struct, frozen=True):
    """An input that the agent has not taken in yet."""

    number: int
    type: str
    payload: dict[str, Any]
    thread_id: str | None = None


class NewEvent(msgspec.Struct, frozen=True):
    """An event to be appended; its sequence number is its place in the draft after those that are there."""

    type: str
    payload: dict[str, Any]
    thread_id: str | None = None
    input_number: int | None = None
    """The input that it was, or the number that its preview promised."""


class LiveState(msgspec.Struct, frozen=True):
    """What decides how a session goes on."""

    session_id: str
    status: Status
    agent_name: str
    self_hosted: bool
    event_count: int
    input_count: int
    pending: tuple[PendingCall, ...] = ()
    waiting: tuple[WaitingInput, ...] = ()
    previews: Mapping[int, str] = {}
    """Types of events that are shown while they are being written, by the input number that makes their id."""
    usage: Mapping[str, Any] = {}
    active_seconds: float = 0.0
    running_since: datetime | None = None
    outcomes: tuple[Mapping[str, Any], ...] = ()
    budget: Mapping[str, Any] | None = None
    archived: bool = False

    @property
    def primary_thread(self) -> str:
        """The id of the session's own thread."""
        return derived_id("sthr", self.session_id)

    def active_until(self, now: datetime) -> float:
        """Seconds that turns have taken so far, the one that goes on included."""
        if self.running_since is None:
            return self.active_seconds
        return self.active_seconds + max(0.0, (now - self.running_since).total_seconds())


@dataclass(slots=True)
class Draft:
    """What an act comes to; filled by the functions here, then stored as one."""

    state: LiveState
    now: datetime
    events: list[NewEvent] = field(default_factory=list)
    inputs: list[WaitingInput] = field(default_factory=list)
    taken: list[int] = field(default_factory=list)
    """Numbers of inputs that waited and became events."""
    answers: list[tuple[Literal["event", "input"], int]] = field(default_factory=list)
    """What the caller sent, as positions in ``events`` or ``inputs``, in order."""
    threads: list[tuple[str, str]] = field(default_factory=list)
    """Ids of threads that were begun, and their agents' names."""
    thread_statuses: list[tuple[str, Status]] = field(default_factory=list)
    scores: list[tuple[str, float]] = field(default_factory=list)
    """Metric and value of verdicts that fell."""
    notices: list[str] = field(default_factory=list)
    """Types of webhook notices about the session."""

    def add(
        self,
        type: str,
        payload: dict[str, Any] | None = None,
        *,
        thread_id: str | None = None,
        number: int | None = None,
    ) -> str:
        """Append an event; its id."""
        self.events.append(NewEvent(type, payload or {}, thread_id, number))
        sequence = self.state.event_count + len(self.events) - 1
        return event_id(self.state.session_id, sequence) if number is None else input_id(self.state.session_id, number)

    def change(self, **fields: Any) -> None:
        """Replace parts of the state."""
        self.state = msgspec.structs.replace(self.state, **fields)


def input_id(session_id: str, number: int) -> str:
    """The id of a session's input, also once it has become an event."""
    return event_id(derived_id("inputs", session_id), number)


def receive(state: LiveState, inbound: Sequence[Mapping[str, Any]], now: datetime) -> Draft:
    """Take in what a client sends; all of it or nothing.

    Raises:
        StateError: the session is archived or ended.
        InputError: an event does not fit the state; the message names its place.
    """
    if state.archived or state.status == "terminated":
        raise StateError(f"session {state.session_id} has ended; make a new session to go on")
    draft = Draft(state, now)
    effects = set()
    for place, event in enumerate(inbound):
        try:
            before = inbound[place - 1] if place else None
            effects.add(_receive_one(draft, event, before, last=place == len(inbound) - 1))
        except InputError as error:
            raise InputError(f"events.{place}: {error}") from error
    if draft.state.status == "idle":
        if "answers" in effects and draft.state.pending:
            idle(draft, {"type": "requires_action", "event_ids": _blockers(draft.state)})
        elif effects & {"starts", "answers"}:
            run(draft)
    return draft


def _receive_one(
    draft: Draft, event: Mapping[str, Any], before: Mapping[str, Any] | None, *, last: bool
) -> Literal["starts", "answers", "neither"]:
    """Take in one event; whether it gives an idle agent something to do, or answers what it waits for."""
    type_, payload = event["type"], {key: value for key, value in event.items() if key != "type"}
    match type_:
        case "user.message":
            _refuse_while_blocked(draft.state)
            _queue(draft, type_, payload)
            return "starts"
        case "system.message":
            if before is None or before["type"] not in ("user.message", "user.tool_result", "user.custom_tool_result"):
                raise InputError("a system.message follows a user.message or a tool result of the same request")
            if not last:
                raise InputError("a system.message is the last event of its request")
            _queue(draft, type_, payload)
            return "neither"
        case "user.interrupt":
            _interrupt(draft, payload)
            return "neither"
        case "user.tool_confirmation":
            _confirm(draft, payload)
            return "answers"
        case "user.define_outcome":
            _define_outcome(draft, payload)
            return "starts"
        case _:
            _take_result(draft, type_, payload)
            return "answers"


def _queue(draft: Draft, type_: str, payload: dict[str, Any], thread_id: str | None = None) -> None:
    number = draft.state.input_count
    draft.inputs.append(WaitingInput(number, type_, payload, thread_id))
    draft.answers.append(("input", len(draft.inputs) - 1))
    draft.change(input_count=number + 1, waiting=(*draft.state.waiting, draft.inputs[-1]))


def _direct(draft: Draft, type_: str, payload: dict[str, Any], thread_id: str | None = None) -> None:
    draft.add(type_, payload, thread_id=thread_id)
    draft.answers.append(("event", len(draft.events) - 1))


def _refuse_while_blocked(state: LiveState) -> None:
    if state.pending and state.status == "idle":
        raise InputError(f"the session waits for answers to {', '.join(_blockers(state))}; answer or interrupt first")


def _blockers(state: LiveState) -> list[str]:
    return [call.event_id for call in state.pending]


def _find_pending(state: LiveState, call_id: str, field: str, types: Iterable[str]) -> PendingCall:
    for call in state.pending:
        if call.event_id == call_id and call.type in types:
            return call
    raise InputError(f"{field}: no tool use {call_id!r} waits for this answer; it may have been answered already")


def _confirm(draft: Draft, payload: dict[str, Any]) -> None:
    call = _find_pending(draft.state, payload["tool_use_id"], "tool_use_id", ("agent.tool_use", "agent.mcp_tool_use"))
    if call.confirmed:
        raise InputError(f"tool_use_id: {call.event_id} needs no confirmation, or has it already")
    allowed = payload["result"] == "allow"
    if allowed and payload.get("deny_message") is not None:
        raise InputError("deny_message: goes with result 'deny' alone")
    if call.thread_id is not None:
        payload = {**payload, "session_thread_id": call.thread_id}
    _queue(draft, "user.tool_confirmation", payload, call.thread_id)
    rest = [other for other in draft.state.pending if other.event_id != call.event_id]
    still_open = [msgspec.structs.replace(call, confirmed=True)] if allowed and call.outside else []
    draft.change(pending=(*rest, *still_open))


def _take_result(draft: Draft, type_: str, payload: dict[str, Any]) -> None:
    field = _RESULT_OF[type_]
    if type_ == "user.tool_result" and not draft.state.self_hosted:
        raise InputError("user.tool_result: only sessions in a self_hosted environment take results of built-in tools")
    kinds = ("agent.custom_tool_use",) if type_ == "user.custom_tool_result" else ("agent.tool_use",)
    call = _find_pending(draft.state, payload[field], field, kinds)
    if call.thread_id is not None:
        payload = {**payload, "session_thread_id": call.thread_id}
    _direct(draft, type_, payload, call.thread_id)
    draft.change(pending=tuple(other for other in draft.state.pending if other.event_id != call.event_id))


def _define_outcome(draft: Draft, payload: dict[str, Any]) -> None:
    if has_open_outcome(draft.state.outcomes):
        raise InputError("an outcome is being worked on; define the next one when it has a verdict")
    _refuse_while_blocked(draft.state)
    outcome_id = derived_id("outc", draft.state.session_id, str(len(draft.state.outcomes)))
    filled = {"max_iterations": 3} | {key: value for key, value in payload.items() if value is not None}
    _direct(draft, "user.define_outcome", {**filled, "outcome_id": outcome_id})
    draft.change(outcomes=(*draft.state.outcomes, open_outcome(outcome_id, payload["description"])))


def _interrupt(draft: Draft, payload: dict[str, Any]) -> None:
    """End the turn: what waits is taken in, calls that wait get an error, and the session is idle.

    An idle session without such calls stays as it is; the interrupt is kept all the same.
    """
    _queue(draft, "user.interrupt", payload)
    blocked = [call for call in draft.state.pending if payload.get("session_thread_id") in (None, call.thread_id)]
    take_inputs(draft)
    if draft.state.status == "idle" and not blocked:
        return
    for call in blocked:
        custom = call.type == "agent.custom_tool_use"
        type_ = "user.custom_tool_result" if custom else "agent.tool_result"
        link = {_RESULT_OF[type_]: call.event_id, "content": _INTERRUPTED, "is_error": True}
        draft.add(type_, link, thread_id=call.thread_id)
    draft.change(pending=tuple(call for call in draft.state.pending if call not in blocked))
    closed, explanation = close_outcome(draft.state.outcomes, "interrupted", draft.now)
    if explanation is not None:
        draft.add("span.outcome_evaluation_end", explanation)
    draft.change(outcomes=closed)
    idle(draft, {"type": "end_turn"})


def run(draft: Draft) -> None:
    """Begin a turn."""
    draft.change(status="running", running_since=draft.now)
    draft.add("session.status_running")
    draft.add(
        "session.thread_status_running",
        {"session_thread_id": draft.state.primary_thread, "agent_name": draft.state.agent_name},
    )
    draft.notices.append("session.status_run_started")


def take_inputs(draft: Draft) -> None:
    """Make events of all inputs that wait."""
    for waiting in draft.state.waiting:
        draft.add(waiting.type, waiting.payload, thread_id=waiting.thread_id, number=waiting.number)
        draft.taken.append(waiting.number)
    draft.change(waiting=())


def idle(draft: Draft, stop_reason: Mapping[str, Any]) -> None:
    """End the turn; usage comes right before the session's own idle."""
    state = draft.state
    active = state.active_until(draft.now)
    draft.change(status="idle", running_since=None, active_seconds=active, previews={})
    stop = {"stop_reason": dict(stop_reason), "stop_details": None}
    thread = {"session_thread_id": state.primary_thread, "agent_name": state.agent_name}
    draft.add("session.thread_status_idle", thread | stop)
    usage = usage_snapshot(draft.state.usage, draft.state.active_seconds)
    draft.add("session.usage", {"usage": usage, "budget": state.budget})
    draft.add("session.status_idle", stop)
    draft.notices.append("session.status_idled")


def terminate(draft: Draft) -> None:
    """End the session for good."""
    state = draft.state
    active = state.active_until(draft.now)
    take_inputs(draft)
    draft.change(status="terminated", running_since=None, active_seconds=active, pending=())
    thread = {"session_thread_id": state.primary_thread, "agent_name": state.agent_name}
    draft.add("session.thread_status_terminated", thread)
    draft.add("session.status_terminated")
    draft.notices.append("session.status_terminated")


def record(
    state: LiveState,
    recorded: Sequence[Mapping[str, Any]],
    now: datetime,
    *,
    thread_id: str | None = None,
    only_while_running: bool = False,
) -> Draft:
    """Take in what whoever runs the agent says happened.

    Events may carry an ``id`` of the writer's own, by which later events of the same call refer to them. Status
    events, usage and the taking in of inputs are added where they belong.

    Raises:
        StateError: the session is archived or ended.
        ConflictError: the session is not running, and the writer insists.
        InputError: an event refers to a tool use that is not there; the message names its place.
    """
    if state.archived or state.status == "terminated":
        raise StateError(f"session {state.session_id} has ended; make a new session to go on")
    if only_while_running and state.status != "running":
        raise ConflictError(
            f"session {state.session_id} is {state.status}: its turn was ended; wait for the next input"
        )
    draft = Draft(state, now)
    names: dict[str, str] = {}
    takes_at = next((i for i, event in enumerate(recorded) if event["type"] == "span.model_request_start"), 0)
    for place, event in enumerate(recorded):
        if draft.state.status == "terminated":
            raise InputError(f"events.{place}: comes after the end of the session")
        if draft.state.status != "running" and not event["type"].startswith("session."):
            run(draft)
        if place >= takes_at and draft.state.status == "running":
            take_inputs(draft)
        try:
            _record_one(draft, event, names, thread_id)
        except InputError as error:
            raise InputError(f"events.{place}: {error}") from error
    return draft


def _record_one(draft: Draft, event: Mapping[str, Any], names: dict[str, str], thread_id: str | None) -> None:
    type_ = event["type"]
    payload = {key: value for key, value in event.items() if key not in ("type", "id", "processed_at")}
    for link in (
        "tool_use_id",
        "mcp_tool_use_id",
        "custom_tool_use_id",
        "model_request_start_id",
        "outcome_evaluation_start_id",
    ):
        if payload.get(link) in names:
            payload[link] = names[payload[link]]
    match type_:
        case "session.status_idle":
            _record_idle(draft, payload)
        case "session.status_terminated":
            terminate(draft)
            draft.answers.append(("event", len(draft.events) - 1))
        case "session.status_running":
            if draft.state.status != "running":
                run(draft)
            take_inputs(draft)
            draft.answers.append(("event", len(draft.events) - 1))
        case "session.error":
            _record_error(draft, payload, thread_id)
        case _:
            _record_plain(draft, type_, payload, event.get("id"), names, thread_id)


def _record_plain(
    draft: Draft, type_: str, payload: dict[str, Any], name: str | None, names: dict[str, str], thread_id: str | None
) -> None:
    if type_.startswith("session.thread_"):
        payload = _note_thread(draft, type_, payload, names)
    payload = {**_DEFAULTS.get(type_, {}), **payload}
    waits = _waits(draft.state, type_, payload)
    if waits is not None and thread_id is not None:
        payload = {**payload, "session_thread_id": thread_id}
    number = _previewed(draft, type_, name)
    id_ = draft.add(type_, payload, thread_id=thread_id, number=number)
    draft.answers.append(("event", len(draft.events) - 1))
    if name is not None:
        names[name] = id_
    if waits is not None:
        confirmed, outside = waits
        call = PendingCall(id_, type_, confirmed, outside, thread_id)
        draft.change(pending=(*draft.state.pending, call))
    elif type_ in _RESULT_OF:
        answered = payload.get(_RESULT_OF[type_])
        draft.change(pending=tuple(call for call in draft.state.pending if call.event_id != answered))
    elif type_ == "span.model_request_end":
        draft.change(usage=add_usage(draft.state.usage, payload))
    elif type_.startswith("span.outcome_evaluation_"):
        _record_verdict(draft, type_, payload)


def begin_preview(state: LiveState, type_: str, now: datetime) -> tuple[Draft, str]:
    """Promise an id to an event that is being written, and the id.

    Raises:
        StateError: no turn is going on.
    """
    if state.status != "running":
        raise StateError(f"session {state.session_id} is {state.status}; text is shown while a turn goes on")
    draft, number = Draft(state, now), state.input_count
    draft.change(input_count=number + 1, previews={**state.previews, number: type_})
    return draft, input_id(state.session_id, number)


def _previewed(draft: Draft, type_: str, name: str | None) -> int | None:
    """The number that was promised to this event; it is open no more."""
    for number, promised in draft.state.previews.items():
        if promised == type_ and name == input_id(draft.state.session_id, number):
            draft.change(previews={n: t for n, t in draft.state.previews.items() if n != number})
            return number
    return None


def _note_thread(draft: Draft, type_: str, payload: dict[str, Any], names: dict[str, str]) -> dict[str, Any]:
    """What a thread event says of its thread; a thread that begins without an id gets one."""
    number = str(draft.state.event_count + len(draft.events))
    named = payload.get("session_thread_id")
    if type_ == "session.thread_created":
        thread_id = named if named and named.startswith("sthr_") else derived_id("sthr", draft.state.session_id, number)
        if named:
            names[named] = thread_id
        draft.threads.append((thread_id, payload.get("agent_name") or ""))
        draft.notices.append("session.thread_created")
        return {"agent_name": "", "workflow_run_id": None, **payload, "session_thread_id": thread_id}
    thread_id = names.get(named or "", named or draft.state.primary_thread)
    status = _THREAD_STATUSES.get(type_)
    if status is not None:
        draft.thread_statuses.append((thread_id, status))
    stop = {"stop_details": None} if type_ == "session.thread_status_idle" else {}
    return {**stop, **payload, "session_thread_id": thread_id, "agent_name": _agent_of(draft, thread_id, payload)}


def _agent_of(draft: Draft, thread_id: str, payload: Mapping[str, Any]) -> str:
    """The name of a thread's agent: as the writer gives it, or as it is known."""
    known = {draft.state.primary_thread: draft.state.agent_name, **dict(draft.threads)}
    name = payload.get("agent_name") or known.get(thread_id)
    if name is None:
        raise InputError(f"agent_name: name the agent of thread {thread_id}")
    return str(name)


def _waits(state: LiveState, type_: str, payload: Mapping[str, Any]) -> tuple[bool, bool] | None:
    """Whether a tool use is confirmed, and whether its result comes from outside; None when nobody is waited for."""
    if type_ == "agent.custom_tool_use":
        return True, True
    if type_ not in _WAITING_CALLS or payload.get("evaluated_permission") == "deny":
        return None
    asked = payload.get("evaluated_permission") == "ask"
    outside = state.self_hosted and type_ == "agent.tool_use" and payload.get("name") not in ("web_search", "web_fetch")
    return (not asked, outside) if asked or outside else None


def _record_idle(draft: Draft, payload: Mapping[str, Any]) -> None:
    take_inputs_later = draft.state.waiting
    if draft.state.pending:
        reason: Mapping[str, Any] = {"type": "requires_action", "event_ids": _blockers(draft.state)}
    else:
        reason = payload.get("stop_reason") or {"type": "end_turn"}
        if reason["type"] == "requires_action":
            raise InputError("stop_reason: nothing waits for an answer, so no action is required")
    idle(draft, reason)
    draft.answers.append(("event", len(draft.events) - 1))
    # What came meanwhile is the next turn's.
    if take_inputs_later and not draft.state.pending:
        run(draft)


def _record_error(draft: Draft, payload: dict[str, Any], thread_id: str | None) -> None:
    draft.add("session.error", payload, thread_id=thread_id)
    draft.answers.append(("event", len(draft.events) - 1))
    retry = payload["error"].get("retry_status", {}).get("type")
    if retry == "exhausted":
        take_inputs(draft)
        draft.change(pending=())
        idle(draft, {"type": "retries_exhausted"})
    elif retry == "terminal":
        terminate(draft)


def _record_verdict(draft: Draft, type_: str, payload: Mapping[str, Any]) -> None:
    outcomes, score = follow_outcome(draft.state.outcomes, type_, payload, draft.now)
    draft.change(outcomes=outcomes)
    if score is not None:
        draft.scores.append(("outcome", score))
    if type_ == "span.outcome_evaluation_end":
        draft.notices.append("session.outcome_evaluation_ended")
