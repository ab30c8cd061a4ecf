"""A session while it is recorded: what a program tells of it.

No method raises on account of Reverie, nor waits for it: what cannot be recorded is logged, once a kind.
"""

import asyncio
import threading
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from typing import Any, TypeVar

import msgspec

from reverie.ids import new_id
from reverie.lazy_modules import load_module
from reverie.recorder import plain
from reverie.recorder.courier import Courier, LateScores
from reverie.recorder.destination import AwayError, BriefingAsked, Guidance
from reverie.recorder.line import SOURCE, Begun, Ended, Happened, Line, Scored, Tagged, encode
from reverie.recorder.spool import spool_name
from reverie.sessions.event import Event, EventType
from reverie.sessions.importers.draft import as_number
from reverie.sessions.importers.otlp.history import Fresh, History, Piece
from reverie.sessions.importers.otlp.operation import Message
from reverie.sessions.importers.parts import Answered, Called, Said, Thought, Unread
from reverie.sessions.session import Session, score_problem

_LONGEST_TASK = 2_000
Client = TypeVar("Client")


@dataclass(frozen=True)
class ToolCall:
    """A call that was recorded; its result is told with it."""

    number: int
    name: str
    call_id: str


class About(msgspec.Struct, frozen=True):
    """What is known of a session when it begins."""

    agent: str | None = None
    agent_version: str | None = None
    model: str | None = None
    task: str = ""
    """What is to be done, in words."""
    task_id: str | None = None
    task_category: str | None = None
    user_id: str | None = None
    id: str | None = None
    metadata: dict[str, str] = {}


class SessionLog:
    """The lines of one session, its threads included, in the order in which they are told."""

    def __init__(self, about: About, courier: Courier) -> None:
        now = courier.clock.now()
        self.courier = courier
        self.about = about
        self.id = about.id or new_id("sesn", now)
        self.lock = threading.RLock()
        self.name = spool_name(now)
        self.threads: set[str] = set()
        self.is_over = False
        self._open = 1
        self._calls = 0
        self._model = about.model
        metadata = about.metadata | ({"task": about.task[:_LONGEST_TASK]} if about.task else {})
        named = (about.agent, about.agent_version, about.model, about.task_id, about.task_category, about.user_id)
        self.put(Begun(Session(self.id, SOURCE, *named, started_at=now, metadata=metadata)))

    def put(self, line: Line) -> None:
        """Hand over a line."""
        with self.unharmed(), self.lock:
            if self.is_over:
                self.courier.tell_once("late", "something was recorded of session %s after its end", self.id)
                return
            self.courier.put(self.name, encode(line), is_last=isinstance(line, Ended))
            self.is_over = isinstance(line, Ended)

    @contextmanager
    def unharmed(self) -> Iterator[None]:
        """Whatever goes wrong in recording stays in here."""
        try:
            yield
        except Exception as error:  # noqa: BLE001 - the program that is recorded must not notice
            self.courier.tell_once(
                f"recording {type(error).__name__}", "something of session %s is not recorded: %s", self.id, error
            )

    def event(
        self,
        kind: EventType,
        payload: dict[str, Any],
        thread: str | None,
        call: int | None = None,
        *,
        to: int | None = None,
    ) -> None:
        """Something happened now; ``to`` is the number of the call that it answers."""
        with self.lock:
            self.put(Happened(Event(kind, payload, self.courier.clock.now(), thread), call, to))

    def next_call(self) -> int:
        """A number for a call."""
        with self.lock:
            self._calls += 1
            return self._calls

    def used(self, model: str | None) -> None:
        """The first model that answers is the session's."""
        with self.lock:
            if model and self._model is None:
                self._model = model
                self.put(Tagged({"model": model}))

    def score(self, metric: str, value: float) -> None:
        """A score, also after the session's end."""
        with self.lock:
            if not self.is_over:
                self.put(Scored(metric, value))
                return
        late = msgspec.json.encode(LateScores(self.id, {metric: value}))
        self.courier.put(spool_name(self.courier.clock.now()), late, is_scores=True)

    def join(self) -> None:
        """One thread more, which is to end before the session does."""
        with self.lock:
            self._open += 1

    def leave(self) -> None:
        """A thread ends, the last one ends the session."""
        with self.lock:
            self._open -= 1
            if self._open == 0:
                self.put(Ended(self.courier.clock.now()))


@dataclass
class _Told:
    """What is known of one thread's messages, so that each is recorded once."""

    history: History = field(default_factory=History)
    calls: dict[str, ToolCall] = field(default_factory=dict)
    """By the id that the model gave them."""
    answered: set[int] = field(default_factory=set)
    last: tuple[str, str, str] | None = None
    """The last thing that a wrapped client told."""


class RecordedSession:
    """One session, or a thread of it: what ``reverie.record()`` gives."""

    def __init__(self, log: SessionLog, thread_id: str | None = None, agent: str | None = None) -> None:
        self._log = log
        self._told = _Told()
        self._is_over = False
        self._agent = agent or log.about.agent
        self.thread_id = thread_id
        """None is the session's own."""

    @property
    def id(self) -> str:
        """The session's id, by which its scores and its briefing are known."""
        return self._log.id

    def user(self, content: Any) -> None:
        """The user says something; in a thread, whoever began it."""
        self._say("user", content)

    def assistant(self, content: Any) -> None:
        """The agent says something."""
        self._say("agent", content)

    def system(self, content: Any) -> None:
        """Instructions, or what the program tells the agent."""
        self._say("system", content)

    def thinking(self, content: Any) -> None:
        """The agent's reasoning."""
        with self.unharmed():
            self._write([Piece("agent", Thought(plain.text(content)), 0)])

    def tool_call(self, name: str, input: Any = None, *, id: str | None = None) -> ToolCall:
        """The agent calls a tool; give what comes back to :meth:`tool_result`."""
        call = self._told.calls.get(id or "")
        if call is not None:  # a wrapped client has told it
            return call
        call = ToolCall(self._log.next_call(), str(name), id or "")
        with self.unharmed():
            piece = Piece("agent", Called(call.name, plain.arguments(input), call.call_id), 0)
            if not self._is_repeated(piece):
                self._outside(piece)
                self._call(piece.part, call)  # type: ignore[arg-type]
        return call

    def tool_result(self, call: ToolCall | str, output: Any = None, *, is_error: bool | None = None) -> None:
        """A tool's result, or what it failed with; ``call`` is what :meth:`tool_call` gave, or the call's id."""
        with self.unharmed():
            found = self._told.calls.get(call) if isinstance(call, str) else call
            call_id = call if isinstance(call, str) else call.call_id
            failed = True if isinstance(output, BaseException) and is_error is None else is_error
            text = f"{type(output).__name__}: {output}" if isinstance(output, BaseException) else plain.text(output)
            part = Answered(call_id, found.name if found else "", (text,), failed)
            self._outside(Piece("tool", part, 0))
            self._answer(part, found)

    def error(self, error: BaseException | str) -> None:
        """Something went wrong that the session has to do with."""
        with self.unharmed():
            kind = "error" if isinstance(error, str) else type(error).__name__
            message = plain.well_formed(str(error))
            self._log.event("session.error", {"error": {"type": kind, "message": message}}, self.thread_id)

    def usage(self, model: str | None = None, *, cost_usd: float | None = None, **tokens: int) -> None:
        """What one request to a model used: ``input_tokens``, ``output_tokens``, ``cache_read_input_tokens``,
        ``cache_creation_input_tokens``."""
        with self.unharmed():
            self._log.used(model)
            payload = {"model_usage": tokens} | ({} if cost_usd is None else {"cost_usd": cost_usd})
            self._log.event("span.model_request_end", payload, self.thread_id)

    def score(self, metric: str, value: float) -> None:
        """How it went, by a metric; may be told after the session's end too. The last word counts."""
        with self.unharmed():
            number = as_number(value)
            problem = f"{value!r} is not a finite number" if number is None else score_problem(metric, number)
            if number is None or problem is not None:
                raise ValueError(f"score {metric}: {problem}")
            self._log.score(metric, number)

    def tag(self, **tags: Any) -> None:
        """Fields of the session (``task_id``, ``user_id``, …) or metadata, which replace older ones."""
        with self.unharmed():
            self._log.put(Tagged({name: plain.text(value) for name, value in tags.items()}))

    def wrap(self, client: Client) -> Client:
        """A copy of a client of ``anthropic`` or ``openai`` that records its calls of models.

        Each call is recorded in the thread that is current when it is made, what its history repeats left out.
        """
        with self.unharmed():
            wrapped: Client = load_module("reverie.recorder.wrapping").wrap(client, self)
            return wrapped
        return client

    def briefing(self, *stores: str, query: str | None = None, seconds: float = 5.0) -> Guidance:
        """What earlier sessions have shown, by the draw of this session; empty where it cannot be had in ``seconds``.

        ``stores`` are names or ids; none is the only store there is. ``query`` is by default the session's task. Ask
        once, when the session begins; asked again, it is the same.
        """
        about = self._log.about
        asked = BriefingAsked(
            stores, self.id, self._agent, about.task_category, about.user_id, about.task if query is None else query
        )
        guidance = Guidance(failure="it could not be asked for; the log says why")
        with self.unharmed():
            try:
                guidance = self._log.courier.brief(asked, seconds)
                self._log.put(Tagged({"reverie_briefing": guidance.briefing_id or ""}))
            except AwayError as error:
                self._log.courier.tell_once("briefing", "there is no briefing for session %s: %s", self.id, error)
                guidance = Guidance(failure=str(error))
        return guidance

    async def briefing_async(self, *stores: str, query: str | None = None, seconds: float = 5.0) -> Guidance:
        """See :meth:`briefing`; the event loop goes on meanwhile."""
        return await asyncio.to_thread(self.briefing, *stores, query=query, seconds=seconds)

    def begin_thread(self, agent: str | None) -> "RecordedSession":
        """A thread for an agent that works for this one."""
        log = self._log
        with log.lock:
            name = plain.well_formed(agent or "agent")[:100]
            thread = next(
                one
                for one in (name, *(f"{name}-{n}" for n in range(2, len(log.threads) + 3)))
                if one not in log.threads
            )
            log.threads.add(thread)
            log.join()
            payload = {"session_thread_id": thread, "agent_name": name}
            log.event("session.thread_created", payload, self.thread_id)
        return RecordedSession(log, thread, agent)

    def end(self, error: BaseException | None = None) -> None:
        """It is over, by an error perhaps. Told twice, it is over once."""
        with self.unharmed():
            if error is not None and not self._is_over:
                self.error(error)
            with self._log.lock:
                if not self._is_over:
                    self._is_over = True
                    self._log.leave()

    @property
    def is_over(self) -> bool:
        """Whether it has ended."""
        return self._is_over

    def heard(self, messages: Sequence[Message], *, is_whole: bool = True) -> Fresh:
        """Record what is new in the messages of a call to a model; ``is_whole`` is false where the model's maker keeps
        the history."""
        with self._log.lock:
            given = [
                piece for n, one in enumerate(messages) for part in one.parts for piece in [Piece(one.role, part, n)]
            ]
            fresh = self._told.history.heard(given)
            words = [piece.part.text for piece in fresh.rewritten if isinstance(piece.part, Said)]
            if words and is_whole:
                self._event("system.message", plain.blocks("\n".join(words)))
            self._write(fresh.new if is_whole else [one for one in given if one.role != "system" or one in fresh.new])
            return fresh

    def said(self, fresh: Fresh, messages: Sequence[Message]) -> None:
        """Record a model's answer."""
        with self._log.lock:
            given = [Piece(one.role, part, n) for n, one in enumerate(messages) for part in one.parts]
            self._told.history.said(fresh, given)
            self._write(given)
            self._told.last = given[-1].key if given else None

    def requested(self, model: str | None, payload: dict[str, Any]) -> None:
        """A request to a model has ended."""
        self._log.used(model)
        self._log.event("span.model_request_end", payload, self.thread_id)

    def unharmed(self) -> AbstractContextManager[None]:
        """Whatever goes wrong in recording stays in here."""
        return self._log.unharmed()

    def shares_log(self, other: "RecordedSession") -> bool:
        """Whether both are of one session."""
        return self._log is other._log

    def shares_courier(self, courier: Courier) -> bool:
        """Whether it goes the way of ``courier``."""
        return self._log.courier is courier

    def _say(self, role: Any, content: Any) -> None:
        with self.unharmed():
            piece = Piece(role, Said(plain.text(content)), 0)
            if not self._is_repeated(piece):
                self._outside(piece)
                self._write([piece])

    def _is_repeated(self, piece: Piece) -> bool:
        """Whether the program tells what a wrapped client has just told."""
        with self._log.lock:
            last, self._told.last = self._told.last, None
            return last is not None and last == piece.key

    def _outside(self, piece: Piece) -> None:
        """So that it is known when a wrapped client's history repeats it."""
        with self._log.lock:
            self._told.history.told(piece)

    def _event(self, kind: EventType, content: list[dict[str, str]]) -> None:
        self._log.event(kind, {"content": content}, self.thread_id)

    def _write(self, given: Sequence[Piece]) -> None:
        with self._log.lock:
            for group in _together(given):
                part = group[0].part
                if isinstance(part, Called):
                    self._call(part, ToolCall(self._log.next_call(), part.name, part.call_id))
                elif isinstance(part, Answered):
                    self._answer(part, self._told.calls.get(part.call_id))
                elif isinstance(part, Thought):
                    self._event("agent.thinking", plain.blocks(part.text))
                else:
                    texts = [one.part.text for one in group if isinstance(one.part, Said | Unread) and one.part.text]
                    self._event(self._kind(group[0].role), [{"type": "text", "text": text} for text in texts])

    def _kind(self, role: str) -> EventType:
        if role == "system":
            return "system.message"
        if role in ("agent", "tool"):
            return "agent.message"
        return "user.message" if self.thread_id is None else "agent.thread_message_received"

    def _call(self, part: Called, call: ToolCall) -> None:
        payload: dict[str, Any] = {"name": part.name, "input": part.arguments}
        payload |= {"tool_call_id": part.call_id} if part.call_id else {}
        with self._log.lock:
            if part.call_id:
                self._told.calls[part.call_id] = call
            self._log.event("agent.tool_use", payload, self.thread_id, call.number)

    def _answer(self, part: Answered, call: ToolCall | None) -> None:
        with self._log.lock:
            if call is not None and call.number in self._told.answered:
                return  # told by the program, and repeated by the history
            content = [{"type": "text", "text": text} for text in part.text]
            payload: dict[str, Any] = {"content": content, "name": part.name or (call.name if call else "")}
            payload |= {} if part.is_error is None else {"is_error": part.is_error}
            if call is not None:
                self._told.answered.add(call.number)
            self._log.event("agent.tool_result", payload, self.thread_id, to=None if call is None else call.number)


def _together(given: Sequence[Piece]) -> Iterator[list[Piece]]:
    """Neighbouring texts of one message, and each other part for itself."""
    group: list[Piece] = []
    for piece in given:
        is_text = isinstance(piece.part, Said | Unread)
        if group and not (is_text and group[-1].message == piece.message and isinstance(group[-1].part, Said | Unread)):
            yield group
            group = []
        group.append(piece)
    if group:
        yield group
