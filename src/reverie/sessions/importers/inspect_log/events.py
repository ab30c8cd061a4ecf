"""The events of a sample as spans, so that what the models were told and said is told once, with its agents.

An event names the span that it is in (``span_id``); before version 0.3.100 of Inspect spans were steps that begin and
end in order, and what a tool or a subtask did were events within its own. Whatever a scorer did is left out: it holds
the target.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from reverie.sessions.importers.draft import as_number, as_text
from reverie.sessions.importers.inspect_log.attachments import Attachments
from reverie.sessions.importers.inspect_log.messages import error_of, message_of
from reverie.sessions.importers.otlp.operation import Message, Operation, ToolRun
from reverie.sessions.importers.otlp.span import Span
from reverie.sessions.importers.parts import result_texts
from reverie.sessions.importers.times import nanoseconds
from reverie.sessions.importers.tool_arguments import tool_arguments

_GRADERS = frozenset({"scorer", "scorers"})
_GRADER = "grader"
"""The role of a model that grades."""
_TRACE = "sample"
_OPERATION = "operation"


def operation_of(span: Span) -> Operation:
    """What a span that was made here says."""
    operation: Operation = span.attributes[_OPERATION]
    return operation


class _Enclosing:
    """The spans and steps of a sample: which is in which, and which are a scorer's."""

    def __init__(self) -> None:
        self.parents: dict[str, str] = {}
        self._graders: set[str] = set()
        self.steps: list[str] = []
        """Those that are open, of the older form."""

    def begun(self, name: str, parent: str, kind: str) -> None:
        self.parents[name] = parent
        if kind in _GRADERS or parent in self._graders:
            self._graders.add(name)

    def grades(self, name: str) -> bool:
        return name in self._graders


class SampleEvents:
    """Reads the events of one sample."""

    def __init__(self, row: Mapping[str, Any], attachments: Attachments) -> None:
        self._attachments = attachments
        self._enclosing = _Enclosing()
        self._spans: list[Span] = []
        self._begun: list[Span] = []
        """The spans that tools began, beside the events of their runs."""
        self._known: dict[str, tuple[Mapping[str, Any], Message]] = {}
        """Messages by their ids; every call of a model repeats those before it."""
        pool = row.get("events_data")
        messages = pool.get("messages") if isinstance(pool, dict) else None
        self._pool = [self._message(one) for one in messages] if isinstance(messages, list) else []
        events = row.get("events")
        self._take(events if isinstance(events, list) else (), "")

    def spans(self) -> list[Span]:
        """Calls of models, runs of tools, and agents, each within the nearest of them that encloses it."""
        runs = [span for span in self._spans if span.name == "tool"]
        inner = {begun.span_id: run.span_id for begun in self._begun if (run := self._run_of(begun, runs)) is not None}
        told = {span.span_id: span.span_id for span in self._spans} | inner
        return [msgspec.structs.replace(span, parent_id=self._nearest(span, told)) for span in self._spans]

    def _run_of(self, begun: Span, runs: Sequence[Span]) -> Span | None:
        """The run of a tool whose span begins: the last that began before it, of its name and around it."""
        around = {begun.parent_id, self._enclosing.parents.get(begun.parent_id, "")}
        mine = [
            run
            for run in runs
            if run.parent_id in around
            and run.start <= begun.start <= run.end
            and (tool := operation_of(run).tool)
            and tool.name == begun.name
        ]
        return max(mine, key=lambda run: run.start, default=None)

    def _nearest(self, span: Span, told: Mapping[str, str]) -> str:
        at, met = span.parent_id, {""}
        while at not in met:
            if at in told:
                return told[at]
            met.add(at)
            at = self._enclosing.parents.get(at, "")
        return ""

    def _take(self, events: Sequence[Any], within: str) -> None:
        for number, event in enumerate(events):
            if not isinstance(event, dict):
                continue
            parent = as_text(event.get("span_id")) or (self._enclosing.steps[-1] if self._enclosing.steps else within)
            name = as_text(event.get("uuid")) or f"{within}/{number}"
            kind = event.get("event")
            if kind == "span_begin":
                self._begin(event, as_text(event.get("id")), as_text(event.get("parent_id")) or within)
            elif kind == "step":
                self._step(event, name, parent)
            elif self._enclosing.grades(parent):
                continue
            elif kind == "model" and event.get("role") != _GRADER:
                self._spans.append(self._model(event, name, parent))
            elif kind == "tool":
                self._spans.append(self._tool(event, name, parent))
                self._within(event, name, parent)
            elif kind == "subtask":
                self._within(event, name, parent)

    def _within(self, event: Mapping[str, Any], name: str, parent: str) -> None:
        """The events within an event."""
        self._enclosing.begun(name, parent, "")
        events, steps = event.get("events"), self._enclosing.steps
        self._enclosing.steps = []
        self._take(events if isinstance(events, list) else (), name)
        self._enclosing.steps = steps

    def _step(self, event: Mapping[str, Any], name: str, parent: str) -> None:
        if event.get("action") == "begin":
            self._begin(event, name, parent)
            self._enclosing.steps.append(name)
        elif self._enclosing.steps:
            self._enclosing.steps.pop()

    def _begin(self, event: Mapping[str, Any], name: str, parent: str) -> None:
        kind = as_text(event.get("type"))
        self._enclosing.begun(name, parent, kind)
        at = nanoseconds(event.get("timestamp"))
        called = as_text(event.get("name"))
        if kind == "agent" and not self._enclosing.grades(name):
            told = {_OPERATION: Operation(kind="agent", agent=called)}
            self._spans.append(Span(_TRACE, name, parent, "agent", at, at, told))
        elif kind == "tool":
            self._begun.append(Span(_TRACE, name, parent, called, at, at))

    def _model(self, event: Mapping[str, Any], name: str, parent: str) -> Span:
        given = event.get("output")
        output = given if isinstance(given, dict) else {}
        answer = _answer(output)
        error = as_text(event.get("error")) or as_text(output.get("error"))
        operation = Operation(
            kind="model",
            heard=self._heard(event),
            said=(self._message(answer),) if answer and not (error and _silent(answer)) else (),
            model=as_text(event.get("model")),
            usage=_usage(output.get("usage")),
        )
        ends = _ends(event, output.get("time"))
        return Span(_TRACE, name, parent, "model", *ends, {_OPERATION: operation}, error=error or None)

    def _heard(self, event: Mapping[str, Any]) -> tuple[Message, ...]:
        found: list[Message] = []
        references = event.get("input_refs")
        for reference in references if isinstance(references, list) else ():
            if isinstance(reference, list) and len(reference) == 2 and all(type(end) is int for end in reference):
                found += self._pool[max(0, reference[0]) : max(0, reference[1])]
        given = event.get("input")
        return tuple(found or (self._message(one) for one in (given if isinstance(given, list) else ())))

    def _message(self, message: Any) -> Message:
        if not isinstance(message, dict):
            return Message("agent", ())
        name = as_text(message.get("id"))
        known = self._known.get(name)
        if known is not None and known[0] == message:
            return known[1]
        read = message_of(self._attachments.filled(message))
        if name:
            self._known[name] = message, read
        return read

    def _tool(self, event: Mapping[str, Any], name: str, parent: str) -> Span:
        error, result = error_of(event), self._attachments.filled(event.get("result"))
        run = ToolRun(
            as_text(event.get("function")) or "unknown",
            tool_arguments(self._attachments.filled(event.get("arguments"))),
            as_text(event.get("id")),
            tuple(result_texts(result)) if result or not error else None,
        )
        operation = Operation(kind="tool", tool=run)
        ends = _ends(event, event.get("working_time"))
        return Span(_TRACE, name, parent, "tool", *ends, {_OPERATION: operation}, error=error or None)


def _answer(output: Mapping[str, Any]) -> Mapping[str, Any] | None:
    choices = output.get("choices")
    first = choices[0] if isinstance(choices, list) and choices else None
    message = first.get("message") if isinstance(first, dict) else None
    return message if isinstance(message, dict) else None


def _silent(message: Mapping[str, Any]) -> bool:
    return not message.get("content") and not message.get("tool_calls")


def _usage(usage: Any) -> dict[str, Any]:
    """Token counts; Inspect counts cached tokens beside the input's, as the wire API does."""
    if not isinstance(usage, dict):
        return {}
    names = {
        "input_tokens": "input_tokens",
        "output_tokens": "output_tokens",
        "cache_read_input_tokens": "input_tokens_cache_read",
        "cache_creation_input_tokens": "input_tokens_cache_write",
        "cost_usd": "total_cost",
    }
    return {name: usage[field] for name, field in names.items() if usage.get(field) is not None}


def _ends(event: Mapping[str, Any], seconds: Any) -> tuple[int, int]:
    """When it began and ended; where its end is not told, after the seconds that it took."""
    begin, end = nanoseconds(event.get("timestamp")), nanoseconds(event.get("completed"))
    took = as_number(seconds) if isinstance(seconds, int | float) else None
    return begin, max(begin, end or begin + int((took or 0) * 1_000_000_000))
