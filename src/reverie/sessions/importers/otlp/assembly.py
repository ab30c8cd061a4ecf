"""A session from its spans, in whichever order and however often they came: see design/031."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

from reverie.errors import ImportFormatError
from reverie.sessions.event import text_content
from reverie.sessions.importers.draft import TAG_FIELDS, Draft, EventLog, as_text, usage_payload
from reverie.sessions.importers.otlp.calls import Calls
from reverie.sessions.importers.otlp.history import Fresh, History, Piece, pieces
from reverie.sessions.importers.otlp.operation import Operation
from reverie.sessions.importers.otlp.span import Span, merged, time_of
from reverie.sessions.importers.otlp.tree import Step, Tree, operation_of
from reverie.sessions.importers.parts import Answered, Called, Said, Thought, Unread
from reverie.sessions.session import Session

_RESOURCE = {"service.name": "service", "deployment.environment.name": "environment"}
_NAMELESS = "unknown_service"
"""How SDKs begin a service's name where none was given."""

_What = Literal["heard", "called", "said", "returned", "used", "failed"]
_ORDER: tuple[_What, ...] = ("heard", "called", "said", "returned", "used", "failed")


def assemble(
    session_id: str, spans: Iterable[Span], read: Callable[[Span], Operation] = operation_of, source: str = "otlp"
) -> Draft:
    """The session that ``spans`` tell of, each by what ``read`` makes of it.

    Raises:
        ImportFormatError: nothing in them is an agent's.
    """
    tree = Tree(merged(spans), read)
    recording = _Recording(EventLog(), tree)
    for what, step in _in_time(_moments(tree)):
        recording.record(what, step)
    log = recording.finished()
    if all(event.type == "span.model_request_end" for event in log.events):
        raise ImportFormatError("no span holds a message, a tool's run or an error; was content recorded?")
    draft = Draft(_session(session_id, tree, source), log)
    found = [one for step in tree.steps for one in step.operation.evaluations]
    for one in sorted(found, key=lambda one: one.at):
        draft.score(one.name, one.value, f"the evaluation {one.name[:60]}")
    return draft


def _moments(tree: Tree) -> Iterator[tuple[_What, Step]]:
    """What is to be recorded, in no order."""
    speakers = tree.speakers()
    for step in speakers:
        yield "heard", step
        yield "said", step
    for step in tree.tools():
        yield "called", step
        yield "returned", step
    yield from (("used", step) for step in tree.innermost(_counting(tree, speakers)))
    yield from (("failed", step) for step in tree.innermost(step for step in tree.steps if _run_failed(step)))


def _counting(tree: Tree, speakers: Sequence[Step]) -> list[Step]:
    spoke = {step.span.key for step in speakers}
    return [s for s in tree.steps if s.operation.usage and (s.operation.kind == "model" or s.span.key in spoke)]


def _run_failed(step: Step) -> bool:
    return step.span.error is not None and step.operation.kind in ("model", "agent", "chain")


def _in_time(moments: Iterable[tuple[_What, Step]]) -> list[tuple[_What, Step]]:
    """By time; where a clock is coarse, what ends comes before what begins, but not before its own beginning."""

    def place(moment: tuple[_What, Step]) -> tuple[int, int, tuple[str, str], int]:
        what, step = moment
        span, rank = step.span, _ORDER.index(what)
        begins = what in ("heard", "called")
        return span.start if begins else span.end, 1 if begins else 0 if span.end > span.start else 2, span.key, rank

    return sorted(moments, key=place)


@dataclass
class _Recording:
    """Writes what the steps tell; to be told of them in order of time."""

    log: EventLog
    tree: Tree
    calls: Calls = field(init=False)
    histories: dict[str | None, History] = field(default_factory=dict)
    heard: dict[tuple[str, str], Fresh] = field(default_factory=dict)
    positions: dict[tuple[str, str], int] = field(default_factory=dict)
    """Tool's span → its call."""
    threads: dict[tuple[str, str], str] = field(default_factory=dict)
    """Agent's span → the thread it began."""
    unread: Counter[str] = field(default_factory=Counter)

    def __post_init__(self) -> None:
        self.calls = Calls(self.log)

    def record(self, what: _What, step: Step) -> None:
        """Add what the step tells at one of its moments."""
        thread = self._thread(step)
        start, end = time_of(step.span.start), time_of(step.span.end)
        run, error = step.operation.tool, step.span.error
        if what == "heard":
            self._hear(step, start, thread)
        elif what == "said":
            self._say(step, end, thread)
        elif what == "called" and run is not None:
            self.positions[step.span.key] = self.calls.began(run, start, thread)
        elif what == "returned" and run is not None:
            self.calls.ended(self.positions[step.span.key], run, error, end)
        elif what == "used":
            self.log.add("span.model_request_end", usage_payload(step.operation.usage), end, thread)
        elif what == "failed":
            self._fail(step, end, thread)

    def finished(self) -> EventLog:
        """The log, with what could not be kept."""
        for kind, number in sorted(self.unread.items()):
            self.log.warn(f"{number} × {kind}: not kept, or by name only")
        if self.tree.judged:
            self.log.warn(f"{self.tree.judged} spans of evaluators and guardrails are left out")
        return self.log

    def _hear(self, step: Step, at: datetime | None, thread: str | None) -> None:
        fresh = self.histories.setdefault(thread, History()).heard(pieces(step.operation.heard))
        self.heard[step.span.key] = fresh
        words = "\n".join(piece.part.text for piece in fresh.rewritten if isinstance(piece.part, Said))
        if words:
            self.log.add("system.message", {"content": text_content(words)}, at, thread)
        self._write(fresh.new, at, thread, repeated=True)

    def _say(self, step: Step, at: datetime | None, thread: str | None) -> None:
        answer = pieces(step.operation.said)
        if self.histories[thread].said(self.heard[step.span.key], answer):
            self._write(answer, at, thread, repeated=False)

    def _write(self, given: Sequence[Piece], at: datetime | None, thread: str | None, *, repeated: bool) -> None:
        """The events of ``given``; neighbouring texts of one message are one."""
        for group in _together(given):
            part, role = group[0].part, group[0].role
            if isinstance(part, Called):
                self.calls.asked(part, at, thread, repeated=repeated)
            elif isinstance(part, Answered):
                self.calls.answered(part, at, thread)
            elif isinstance(part, Thought):
                self.log.add("agent.thinking", {"content": text_content(part.text)}, at, thread)
            else:
                self.unread.update(piece.part.kind for piece in group if isinstance(piece.part, Unread))
                texts = [
                    piece.part.text for piece in group if isinstance(piece.part, Said | Unread) and piece.part.text
                ]
                content = [{"type": "text", "text": text} for text in texts]
                asked: Literal["agent.thread_message_received", "user.message"]
                asked = "user.message" if thread is None else "agent.thread_message_received"
                if content and role in ("agent", "tool"):
                    self.log.add("agent.message", {"content": content}, at, thread)
                elif content:
                    self.log.add("system.message" if role == "system" else asked, {"content": content}, at, thread)

    def _thread(self, step: Step) -> str | None:
        """The step's thread, which begins when it is first met; None for the outermost agent's."""
        runs = self.tree.agent_runs(step)
        if len(runs) < 2:
            return None
        inner = runs[-1]
        if inner.span.key not in self.threads:
            name = inner.operation.agent or "agent"
            taken = set(self.threads.values())
            number = next(n for n in range(1, len(taken) + 2) if _numbered(name, n) not in taken)
            thread = self.threads[inner.span.key] = _numbered(name, number)
            payload = {"session_thread_id": thread, "agent_name": name}
            position = self.log.add("session.thread_created", payload, time_of(inner.span.start))
            calling = next((above for above in self.tree.above(inner) if above.span.key in self.positions), None)
            if calling is not None:
                self.log.answered[position] = self.positions[calling.span.key]
        return self.threads[inner.span.key]

    def _fail(self, step: Step, at: datetime | None, thread: str | None) -> None:
        again = step.operation.kind == "model" and any(
            other.operation.kind == "model"
            and other.span.error is None
            and other.span.start >= step.span.end
            and _same_agent(self.tree, step, other)
            for other in self.tree.steps
        )
        kind = "model_request_failed_error" if step.operation.kind == "model" else "unknown_error"
        retry = {"type": "retrying" if again else "exhausted"}
        message = step.span.error or f"{step.span.name} failed"
        self.log.add("session.error", {"error": {"type": kind, "message": message, "retry_status": retry}}, at, thread)


def _same_agent(tree: Tree, one: Step, other: Step) -> bool:
    first, second = ([run.span.key for run in tree.agent_runs(step)[1:]] for step in (one, other))
    return first == second


def _numbered(name: str, number: int) -> str:
    return name if number == 1 else f"{name}-{number}"


def _together(given: Sequence[Piece]) -> Iterator[list[Piece]]:
    group: list[Piece] = []
    for piece in given:
        plain = isinstance(piece.part, Said | Unread)
        if group and not (plain and group[0].message == piece.message and group[0].role == piece.role):
            yield group
            group = []
        group.append(piece)
        if not plain:
            yield group
            group = []
    if group:
        yield group


def _session(session_id: str, tree: Tree, source: str) -> Session:
    """What is known of the session: of each field, the first span that says it."""
    steps = [step for step in tree.steps if step.operation.kind != "other"]
    operations = [step.operation for step in steps]
    spans = [step.span for step in steps]
    metadata = _agreed(operation.metadata for operation in operations)
    for span in spans:
        for name, tag in _RESOURCE.items():
            value = as_text(span.resource.get(name))
            if value and not value.startswith(_NAMELESS):
                metadata.setdefault(tag, value)
    metadata.setdefault("trace_id", spans[0].trace_id)
    reasons = [operation.finish_reason for operation in operations if operation.finish_reason]
    if reasons:
        metadata.setdefault("finish_reason", reasons[-1])
    found = {
        "agent": _agent(tree, metadata),
        "agent_version": _first(operation.agent_version for operation in operations),
        "model": _first(operation.model for operation in operations),
        "user_id": _first(operation.user_id for operation in operations),
    }
    fields = {name: metadata.pop(name, "") or found.get(name, "") or None for name in TAG_FIELDS}
    return Session(
        id=session_id,
        source=source,
        started_at=time_of(min(span.start for span in spans)),
        ended_at=time_of(max(span.end for span in spans)),
        metadata=metadata,
        **fields,
    )


def _agreed(given: Iterable[Mapping[str, object]]) -> dict[str, str]:
    """The metadata of which no span says otherwise than another; what differs is a step's and not the session's."""
    found: dict[str, set[str]] = {}
    for metadata in given:
        for name, value in metadata.items():
            if value is not None:
                found.setdefault(name, set()).add(as_text(value))
    return {name: next(iter(values)) for name, values in found.items() if len(values) == 1}


def _agent(tree: Tree, metadata: Mapping[str, str]) -> str:
    """The outermost agent that does anything, else what the framework or the program is called."""
    runs = (tree.agent_runs(step) for step in tree.steps)
    at_work = next((found[0].operation.agent for found in runs if found), "")
    named = at_work or _first(step.operation.agent for step in tree.steps)
    return named or metadata.get("lc_agent_name", "") or metadata.get("service", "")


def _first(texts: Iterable[str]) -> str:
    return next((text for text in texts if text), "")
