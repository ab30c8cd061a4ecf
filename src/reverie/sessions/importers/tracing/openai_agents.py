"""Traces of the OpenAI Agents SDK: what its exporters send, what processors write to files, and what the console shows.

Source: github.com/openai/openai-agents-python, ``src/agents/tracing`` (``Trace.export``, ``Span.export``). Spans of
the kind ``response`` are exported without their content, unless a processor writes it beside.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from reverie.sessions.importers.draft import as_number, as_text
from reverie.sessions.importers.importer import Keys
from reverie.sessions.importers.otlp.genai import without_cached
from reverie.sessions.importers.otlp.operation import Kind, Message, Operation, ToolRun, structured
from reverie.sessions.importers.otlp.span import Odd, Span
from reverie.sessions.importers.times import nanoseconds
from reverie.sessions.importers.tool_arguments import tool_arguments
from reverie.sessions.importers.tracing.answer_key import without_answers
from reverie.sessions.importers.tracing.source import TraceSource, importers_of, rows_held
from reverie.sessions.importers.tracing.value import messages_of, result_of

_KINDS: Mapping[str, Kind] = {
    "agent": "agent",
    "generation": "model",
    "response": "model",
    "function": "tool",
    "guardrail": "judge",
}
_HELD = ("data", "spans", "traces", "trace", "items")
"""Where rows may be within others."""
_TRACE = "trace"
"""The span id of a trace itself, under which its outermost spans lie."""
_PRINTED = re.compile(
    rb"^.{0,80}?\[Exporter\] Export (?:span: (\{.*\})|trace_id=([^,\s]+), name=(.*?))\s*$", re.MULTILINE
)


def spans_in(value: Mapping[str, Any]) -> Iterator[Span | Odd]:
    """The traces and spans in one row."""
    own = _span(value)
    if own is not None:
        yield own
    held = [] if own is not None and "span_data" in value else [value.get(name) for name in _HELD]
    rows = rows_held(held)
    for item in rows:
        yield from spans_in(item)
    if own is None and not rows:
        yield Odd("a row is neither a trace nor a span of the OpenAI Agents SDK")


def _span(row: Mapping[str, Any]) -> Span | None:
    data = row.get("span_data")
    identity = as_text(row.get("id") or row.get("span_id"))
    if isinstance(data, Mapping) and identity and row.get("trace_id"):
        start = nanoseconds(row.get("started_at"))
        return Span(
            trace_id=as_text(row["trace_id"]),
            span_id=identity,
            parent_id=as_text(row.get("parent_id")) or _TRACE,
            name=as_text(data.get("name")),
            start=start,
            end=nanoseconds(row.get("ended_at")) or start,
            attributes=dict(data),
            error=_error(row.get("error")),
        )
    trace = as_text(row.get("id") or row.get("trace_id"))
    if row.get("object") == "trace" or (trace and "workflow_name" in row):
        fields = {name: row[name] for name in ("workflow_name", "group_id", "metadata") if row.get(name) is not None}
        return Span(trace, _TRACE, name=as_text(row.get("workflow_name")), attributes={"type": _TRACE, **fields})
    return None


def _error(given: Any) -> str | None:
    """What went wrong: the message, with what the failure itself said."""
    if not given:
        return None
    if not isinstance(given, Mapping):
        return as_text(given)
    data = given.get("data")
    said = as_text(data.get("error")) if isinstance(data, Mapping) else ""
    return ": ".join(text for text in (as_text(given.get("message")), said) if text)


def operation_of(span: Span) -> Operation:
    """What a trace or a span says."""
    data = span.attributes
    name = as_text(data.get("type"))
    if name == _TRACE:
        return Operation(kind="chain", agent=span.name, metadata=without_answers(data.get("metadata")))
    kind = _KINDS.get(name, "other")
    given = data.get("response")
    answer: Mapping[str, Any] = given if isinstance(given, Mapping) else {}
    return Operation(
        kind=kind,
        heard=tuple(_heard(data, answer)) if kind == "model" else (),
        said=tuple(messages_of(data.get("output") or answer.get("output"), "agent")) if kind == "model" else (),
        tool=_tool(span) if kind == "tool" else None,
        agent=span.name if kind == "agent" else "",
        model=as_text(data.get("model") or answer.get("model")) if kind == "model" else "",
        usage=_usage(data.get("usage") or answer.get("usage")) if kind == "model" else {},
    )


def _heard(data: Mapping[str, Any], answer: Mapping[str, Any]) -> Iterator[Message]:
    if told := answer.get("instructions") or data.get("instructions"):
        yield from messages_of(told, "system")
    yield from messages_of(data.get("input"), "user")


def _tool(span: Span) -> ToolRun:
    data = span.attributes
    output = data.get("output")
    texts, call_id, failed = result_of(output) if not isinstance(output, str) else ((output,), "", None)
    given = structured(data.get("input"))
    return ToolRun(span.name or "tool", tool_arguments(given), call_id, None if output is None else texts, failed)


def _usage(given: Any) -> dict[str, Any]:
    """Token counts; the SDK counts cached tokens among the input's."""
    held = given if isinstance(given, Mapping) else {}
    details = held.get("input_tokens_details") or held.get("prompt_tokens_details")
    cached = details.get("cached_tokens") if isinstance(details, Mapping) else held.get("cached_input_tokens")
    found = {
        "input_tokens": held.get("input_tokens", held.get("prompt_tokens")),
        "output_tokens": held.get("output_tokens", held.get("completion_tokens")),
        "cache_read_input_tokens": cached,
    }
    return without_cached({name: int(n) for name, value in found.items() if (n := as_number(value))})


def _is_printed(head: bytes) -> bool:
    return _PRINTED.search(head) is not None


def _printed(data: bytes) -> list[dict[str, Any]]:
    """The traces and spans that the console showed, the latter as the text of Python objects."""
    rows: list[dict[str, Any]] = []
    for shown, trace, name in _PRINTED.findall(data):
        if shown:
            rows.append(tool_arguments(shown.decode(errors="replace")))
        else:
            known = {"id": trace.decode(errors="replace"), "workflow_name": name.decode(errors="replace")}
            rows.append({"object": "trace", **known})
    return rows


def _is_openai_agents(keys: Keys) -> bool:
    top, deeper = keys.top, keys.deeper
    if {"span_data", "trace_id"} <= top or {"object", "id", "workflow_name"} <= top:
        return True
    return not top.isdisjoint(_HELD) and "span_data" in deeper and "trace_id" in deeper


SOURCE = TraceSource("openai-agents", _is_openai_agents, _is_printed, _printed, spans_in, operation_of, ("group_id",))
IMPORTERS = importers_of(SOURCE)
