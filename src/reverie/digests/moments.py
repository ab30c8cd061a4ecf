"""A session's events as moments: what behaviours are read from, each built from nothing but the events before it."""

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from reverie.digests.behaviour_name import BehaviourName, called
from reverie.digests.code import Code, read_code
from reverie.digests.error_class import error_class
from reverie.digests.memory_access import reads_memory
from reverie.digests.parameters import parameters_of
from reverie.digests.refusal import RULE, refusing_rule
from reverie.digests.sentiment import sentiment_of
from reverie.digests.tool_error import tool_failed
from reverie.digests.tool_name import escalates, inspects_schema, looks_up
from reverie.digests.wording import read_wording, writes_plan
from reverie.ids import event_sequence
from reverie.sessions.event import Event, text_of


class Call(msgspec.Struct, frozen=True, gc=False):
    """The agent called a tool."""

    sequence: int
    step: int
    thread: str | None
    tool: str
    action: str
    """The tool's name; for code, ``language:leading command``."""
    labels: tuple[BehaviourName, ...]
    """The behaviours this call is an instance of."""
    identity: bytes
    """The same for the same tool with the same input."""
    arguments: tuple[str, ...]
    """Names of the arguments given, the one that holds code left out."""
    parameters: tuple[tuple[str, str], ...]
    """Field and value of the arguments that look like parameters."""
    code: Code | None
    refused_by: str | None = None
    """The rule that refused it, so that it was not run."""

    def changes_from(self, earlier: "Call") -> tuple[tuple[str, str | None], ...]:
        """Arguments that differ from those of an earlier call of the tool, the one that holds code left out.

        With the new value where it looks like a parameter. Read again from the identity, as few calls are compared.
        """
        before, now = (msgspec.json.decode(call.identity)[1] for call in (earlier, self))
        if not isinstance(before, dict) or not isinstance(now, dict):
            return ()
        values = dict(self.parameters)
        hidden = self.code.argument if self.code else None
        fields = [field for field in (*now, *(each for each in before if each not in now)) if field != hidden]
        return tuple((field, values.get(field)) for field in fields if before.get(field) != now.get(field))


class Message(msgspec.Struct, frozen=True, gc=False):
    """The agent wrote to the user."""

    sequence: int
    step: int
    thread: str | None
    labels: tuple[BehaviourName, ...]
    """``ask``, ``confirm`` or ``answer``, then the signals in its wording."""
    speech: tuple[BehaviourName, ...]
    """``say:ACT`` for each speech act."""
    text: str
    plan: bool

    @property
    def length(self) -> int:
        """In characters."""
        return len(self.text)


class Thought(msgspec.Struct, frozen=True, gc=False):
    """The agent reasoned before its next action."""

    sequence: int
    step: int
    plan: bool


class Result(msgspec.Struct, frozen=True, gc=False):
    """A tool answered."""

    sequence: int
    step: int
    thread: str | None
    call: Call | None
    text: str
    error: str | None
    """The error's class, where it failed."""
    empty: bool
    """Whether it found nothing where something was looked for."""


class UserTurn(msgspec.Struct, frozen=True, gc=False):
    """The user spoke, so the agent's next move is a new one."""

    sequence: int
    step: int
    thread: str | None
    sentiment: float | None
    """Compound sentiment in [-1, 1]; None where the message has no text."""


class Brief(msgspec.Struct, frozen=True, gc=False):
    """An agent was given a task, or told more about it, by another one."""

    sequence: int
    step: int
    thread: str
    """Of whoever was asked."""
    sender: str | None
    """Thread of whoever asked; None is the session's own."""
    agent: str
    """The name of whoever was asked, as far as it has been said: :data:`UNNAMED` where nobody said one."""
    text: str
    call: int | None = None
    """Sequence number of the call that began the thread, where the log says it: its result is the answer."""


class Sent(msgspec.Struct, frozen=True, gc=False):
    """A thread sent a message to another one."""

    sequence: int
    step: int
    thread: str | None
    to: str | None
    """None is the session's own thread."""
    text: str


class Fault(msgspec.Struct, frozen=True, gc=False):
    """The run itself failed, outside any tool."""

    sequence: int
    step: int
    error: str


Action = Call | Message
Moment = Call | Message | Thought | Result | UserTurn | Brief | Sent | Fault
ACTIONS = (Call, Message)
"""For ``isinstance``, which is asked of every moment many times over: making a union costs more than the asking."""

UNNAMED = "another agent"
"""What an agent is called whose thread has no name that a person could read."""

_NOTHING = frozenset({"[]", "{}", "()", "null", "none", "no results", "no results found", "empty set"})
_LONGEST_NOTHING = 40
_LEAST_REPEATED = 20
"""Characters of a message that count as repeated when it comes again: "Done." may."""
_encoder = msgspec.json.Encoder(order="deterministic")


def read_moments(events: Sequence[Event]) -> tuple[Moment, ...]:
    """The moments of a session in order; events that say nothing about the agent's conduct are left out.

    A call has one result: what a log has of it again later is left out, too.
    """
    reader = MomentReader()
    moments = (reader.read(sequence, event) for sequence, event in enumerate(events))
    return tuple(moment for moment in moments if moment is not None)


def readable_name(thread: str) -> str:
    """A thread's name where a person can read it, else :data:`UNNAMED`."""
    opaque = thread == "sidechain" or any(character.isdigit() for character in thread)
    return UNNAMED if opaque else thread


class MomentReader:
    """Reads a session event by event, while it grows."""

    def __init__(self) -> None:
        self._calls: dict[int, Call] = {}
        self._answered: set[int] = set()
        self._written: set[tuple[str | None, str]] = set()
        self._agents: dict[str, str] = {}
        """Thread → agent, of the threads that were begun or given a task."""
        self._begun_by: dict[str, int | None] = {}
        """Thread → the call that began it."""
        self._step = 0

    def read(self, sequence: int, event: Event) -> Moment | None:
        """The moment that the session's next event is, if it is one."""
        match event.type:
            case "agent.tool_use":
                self._calls[sequence] = call = _call(event, sequence, self._step)
                self._step += 1
                return call
            case "agent.message":
                message = _message(event, sequence, self._step, self._written)
                self._step += 1
                return message
            case "agent.thinking":
                return Thought(sequence, self._step, writes_plan(text_of(event), thinking=True))
            case "agent.tool_result" | "user.tool_result":
                return self._read_result(sequence, event)
            case "user.message":
                return UserTurn(sequence, self._step, event.thread_id, sentiment_of(text_of(event)))
            case "session.error":
                return Fault(sequence, self._step, _fault(event))
            case "session.thread_created":
                self._name(event)
                return None
            case "agent.thread_message_received":
                return self._brief(sequence, event)
            case "agent.thread_message_sent":
                to = self._thread(event, "to_session_thread_id")
                return Sent(sequence, self._step, event.thread_id, to, text_of(event))
            case _:
                return None

    def _name(self, event: Event) -> None:
        thread, agent = event.payload.get("session_thread_id"), event.payload.get("agent_name")
        if isinstance(thread, str):
            self._agents[thread] = agent if isinstance(agent, str) and agent else readable_name(thread)
            call = _named(event, self._calls)
            self._begun_by[thread] = None if call is None else call.sequence

    def _brief(self, sequence: int, event: Event) -> Brief | None:
        """What the session's own thread receives is no task: there others report."""
        thread = event.thread_id
        if thread is None:
            return None
        agent = self._agents.setdefault(thread, readable_name(thread))
        sender = self._thread(event, "from_session_thread_id")
        return Brief(sequence, self._step, thread, sender, agent, text_of(event), self._begun_by.get(thread))

    def _thread(self, event: Event, name: str) -> str | None:
        """The thread that an event names; the session's own has an id that no event bears."""
        thread = event.payload.get(name)
        return thread if isinstance(thread, str) and thread in self._agents else None

    def _read_result(self, sequence: int, event: Event) -> Result | None:
        named = _named(event, self._calls)
        if named is not None and named.sequence in self._answered:
            return None
        if named is not None:
            self._answered.add(named.sequence)
        return _result(event, sequence, self._step, named or _latest(event, self._calls))


def _call(event: Event, sequence: int, step: int) -> Call:
    tool = event.payload["name"]
    given = event.payload.get("input")
    arguments: Mapping[str, Any] = given if isinstance(given, dict) else {}
    code = read_code(tool, arguments)
    names = code.commands.names if code else (tool,)
    labels = [called(name) for name in names]
    if inspects_schema(tool) or (code and code.commands.inspects_schema):
        labels.append(BehaviourName("inspects the schema"))
    if escalates(tool):
        labels.append(BehaviourName("escalation"))
    if reads_memory(tool, arguments, code):
        labels.append(BehaviourName("reads memory"))
    return Call(
        sequence=sequence,
        step=step,
        thread=event.thread_id,
        tool=tool,
        action=names[0],
        labels=tuple(labels),
        identity=_encoder.encode((tool, given)),
        arguments=tuple(name for name in arguments if code is None or name != code.argument),
        parameters=parameters_of(arguments, code.argument if code else None),
        code=code,
        refused_by=refusing_rule(event.payload),
    )


def _message(event: Event, sequence: int, step: int, written: set[tuple[str | None, str]]) -> Message:
    """``written``: the longer messages so far, with their threads; this one is added."""
    text = text_of(event)
    wording = read_wording(text)
    families: tuple[str, ...] = (wording.act, *wording.signals)
    if len(text) >= _LEAST_REPEATED:
        if (event.thread_id, text) in written and "fallback" not in families:
            families += ("fallback",)
        written.add((event.thread_id, text))
    return Message(
        sequence=sequence,
        step=step,
        thread=event.thread_id,
        labels=tuple(BehaviourName(family) for family in families),
        speech=tuple(BehaviourName("say", act) for act in wording.speech),
        text=text,
        plan=writes_plan(text, thinking=False),
    )


def _named(event: Event, calls: dict[int, Call]) -> Call | None:
    """The call that a result says it answers."""
    link = event.payload.get("tool_use_id")
    if not isinstance(link, str) or not link:
        return None
    try:
        return calls.get(event_sequence(link))
    except ValueError:
        return None


def _latest(event: Event, calls: dict[int, Call]) -> Call | None:
    """The latest call of the thread, which a result answers that names none."""
    return next((c for c in reversed(calls.values()) if c.thread == event.thread_id), None)


def _result(event: Event, sequence: int, step: int, call: Call | None) -> Result:
    text = text_of(event)
    failed = tool_failed(event)
    return Result(
        sequence=sequence,
        step=step,
        thread=event.thread_id,
        call=call,
        text=text,
        error=_error(text, call) if failed else None,
        empty=not failed and _found_nothing(text, call),
    )


def _error(text: str, call: Call | None) -> str:
    """The class of a failed result; a refusal's is its rule, whatever the rule's message says."""
    return error_class(text) if call is None or call.refused_by is None else f"{RULE}{call.refused_by}"


def _found_nothing(text: str, call: Call | None) -> bool:
    if len(text) > _LONGEST_NOTHING:
        return False
    said = text.strip().lower().rstrip(".")
    if said or call is None:
        return said in _NOTHING
    return not call.code.commands.silent if call.code else looks_up(call.tool)


def _fault(event: Event) -> str:
    error = event.payload.get("error")
    if isinstance(error, dict) and error.get("type"):
        return str(error["type"]).removesuffix("_error").replace("_", " ")
    return error_class(str(error or text_of(event)))
