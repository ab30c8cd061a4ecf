"""What decides how a live session goes on, and the transition from one such state to the next."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

import msgspec

from reverie.ids import derived_id, event_id

Status = Literal["idle", "running", "rescheduling", "terminated"]


class PendingCall(msgspec.Struct, frozen=True):
    """A tool use that has no result yet."""

    event_id: str
    type: str
    confirmed: bool = True
    """False until the user has allowed it."""
    outside: bool = True
    """Whether its result comes from a client; else whoever runs the agent records it."""
    thread_id: str | None = None
    denied: str | None = None
    """What the user said when refusing it, perhaps nothing; None where it was not refused. It must not be run."""

    @property
    def blocks(self) -> bool:
        """Whether a client has to act before it gets on."""
        return self.outside or not self.confirmed


class WaitingInput(msgspec.Struct, frozen=True):
    """An input that the agent has not taken in yet."""

    number: int
    type: str
    payload: dict[str, Any]
    thread_id: str | None = None


class NewEvent(msgspec.Struct, frozen=True):
    """An event to be appended; its sequence number is its place in the transition after those that are there."""

    type: str
    payload: dict[str, Any]
    thread_id: str | None = None
    input_number: int | None = None
    """The input that it was, or the number that its preview promised."""


class ThreadPart(msgspec.Struct, frozen=True, omit_defaults=True):
    """What a child thread is there for, and whether it waits for its turn."""

    role: str = ""
    """The role that its agent fills; ``""`` for none."""
    of_role: int = 0
    """Threads of the role that run at once; 0: any number."""
    of_agent: int = 0
    """Threads of the agent that run at once; 0: any number."""
    queued: int | None = None
    """When it began to wait until it may run, as a place in the log; None where it does not."""
    reminders: int = 0
    """How often its agent was told what the report of this task lacks."""
    place: int = 0
    """Where in the log it begins: threads that begin in one step stand in this order."""


class ChildThread(msgspec.Struct, frozen=True):
    """A thread of an agent that was called in, as its session knows it."""

    id: str
    agent_name: str = ""
    status: Status = "idle"
    archived: bool = False
    begun: bool = False
    """Whether its status has been announced; a thread that was only created has not done anything yet."""
    part: ThreadPart = ThreadPart()


class LiveState(msgspec.Struct, frozen=True):
    """What decides how a session goes on."""

    session_id: str
    status: Status
    agent_name: str
    self_hosted: bool
    event_count: int
    input_count: int
    turn: int = 0
    """How many turns have begun: the fence that keeps the writer of an earlier turn out of a later one."""
    turn_inputs: int = 0
    """Inputs below this number had been sent when the latest turn began, so that it is theirs."""
    primary_running: bool = False
    """Whether the session's own thread runs; a session also runs while only a child thread does."""
    open_spans: Mapping[str, str] = {}
    """Ids of ``span.model_request_start`` events without an end, by thread id; the primary thread's is ``""``."""
    pending: tuple[PendingCall, ...] = ()
    waiting: tuple[WaitingInput, ...] = ()
    threads: tuple[ChildThread, ...] = ()
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

    @property
    def goes_on(self) -> bool:
        """Whether a turn goes on, be it between two tries of a request."""
        return self.status in ("running", "rescheduling")

    @property
    def blockers(self) -> list[str]:
        """Ids of the tool uses that wait for a client."""
        return [call.event_id for call in self.pending if call.blocks]

    @property
    def running_children(self) -> Iterator[ChildThread]:
        """Child threads that run."""
        return (thread for thread in self.threads if thread.status == "running" and not thread.archived)

    def active_until(self, now: datetime) -> float:
        """Seconds that turns have taken so far, the one that goes on included."""
        if self.running_since is None:
            return self.active_seconds
        return self.active_seconds + max(0.0, (now - self.running_since).total_seconds())


@dataclass(slots=True)
class Transition:
    """The next state and the events that lead to it; filled step by step, then stored as one."""

    state: LiveState
    now: datetime
    events: list[NewEvent] = field(default_factory=list)
    inputs: list[WaitingInput] = field(default_factory=list)
    answers: list[tuple[Literal["event", "input"], int]] = field(default_factory=list)
    """What the caller sent, as positions in ``events`` or ``inputs``, in order."""
    threads: list[tuple[str, str]] = field(default_factory=list)
    """Ids of threads that were begun, and their agents' names."""
    tools: dict[str, tuple[str, ...]] = field(default_factory=dict)
    """The tools that are left to the agents of threads that were begun, by thread; all where it is not named."""
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
        return stored_id(self.state.session_id, sequence, number)

    def answer(self, type: str, payload: dict[str, Any] | None = None, *, thread_id: str | None = None) -> str:
        """Append an event that the caller sent; its id."""
        id_ = self.add(type, payload, thread_id=thread_id)
        self.answer_last()
        return id_

    def answer_last(self) -> None:
        """Count the latest event as one that the caller sent."""
        self.answers.append(("event", len(self.events) - 1))

    def change(self, **fields: Any) -> None:
        """Replace parts of the state."""
        self.state = msgspec.structs.replace(self.state, **fields)


def stored_id(session_id: str, sequence: int, number: int | None) -> str:
    """The id of a stored event: the input's that it was, where it was one."""
    return event_id(session_id, sequence) if number is None else input_id(session_id, number)


def input_id(session_id: str, number: int) -> str:
    """The id of a session's input, also once it has become an event."""
    return event_id(derived_id("inputs", session_id), number)
