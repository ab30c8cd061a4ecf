"""Spans of Phoenix: what its API and its interface's downloads give, and its table of spans as JSON.

A row is a span with its attributes in OpenInference's vocabulary: in one object (flat or nested), or in columns named
``attributes.…``, beside which ``eval.NAME.score`` holds evaluations. Source: github.com/Arize-ai/phoenix,
``server/api/routers/v1/spans.py``, ``trace/span_json_encoder.py`` and ``trace/trace_dataset.py``.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Any

import msgspec

from reverie.sessions.importers.draft import as_text
from reverie.sessions.importers.importer import Keys
from reverie.sessions.importers.otlp.operation import Operation, structured
from reverie.sessions.importers.otlp.span import Odd, Span
from reverie.sessions.importers.otlp.tree import operation_of as otlp_operation
from reverie.sessions.importers.times import nanoseconds
from reverie.sessions.importers.tracing.answer_key import without_answers
from reverie.sessions.importers.tracing.source import TraceSource, importers_of, table_rows

_KIND = "openinference.span.kind"
_SESSION = "session.id"
_OBJECTS = frozenset({"metadata", "tool.parameters", "llm.invocation_parameters", "llm.prompt_template.variables"})
"""Attributes that are objects themselves; others are names within names."""
_EVALUATION = re.compile(r"eval\.(.+)\.(score|label)")
_COLUMN = "attributes."


def spans_in(value: Mapping[str, Any]) -> Iterator[Span | Odd]:
    """The spans in one row."""
    if isinstance(value.get("data"), list):
        for item in value["data"]:
            yield from spans_in(item) if isinstance(item, Mapping) else [Odd("the row is not a JSON object")]
    elif isinstance(value.get("context.trace_id"), Mapping):  # a table that was written column by column
        numbers = dict.fromkeys(key for column in value.values() if isinstance(column, Mapping) for key in column)
        for number in numbers:
            row = {name: column.get(number) for name, column in value.items() if isinstance(column, Mapping)}
            yield _span({"context.span_id": number, **row})
    else:
        yield _span(value)


def _span(row: Mapping[str, Any]) -> Span | Odd:
    context = row.get("context")
    context = context if isinstance(context, Mapping) else {}
    trace_id = as_text(context.get("trace_id") or row.get("context.trace_id"))
    span_id = as_text(context.get("span_id") or row.get("context.span_id"))
    if not trace_id or not span_id:
        return Odd("a row has no context with trace_id and span_id")
    attributes = dict(_attributes(row))
    attributes.setdefault(_KIND, as_text(row.get("span_kind")))
    if evaluations := _evaluations(row):
        attributes.setdefault("evaluations", evaluations)
    start = nanoseconds(row.get("start_time"))
    return Span(
        trace_id=trace_id,
        span_id=span_id,
        parent_id=as_text(row.get("parent_id")),
        name=as_text(row.get("name")),
        start=start,
        end=nanoseconds(row.get("end_time")) or start,
        attributes=attributes,
        error=_error(row),
    )


def _attributes(row: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    given = structured(row.get("attributes"))
    yield from _flat(given, "") if isinstance(given, Mapping) else ()
    for name, value in row.items():
        if name.startswith(_COLUMN) and value is not None:
            yield from _flat(value, name.removeprefix(_COLUMN))


def _flat(value: Any, name: str) -> Iterator[tuple[str, Any]]:
    if isinstance(value, Mapping) and name not in _OBJECTS:
        for key, inner in value.items():
            yield from _flat(inner, f"{name}.{key}" if name else key)
    elif value is not None:
        yield name, value


def _evaluations(row: Mapping[str, Any]) -> list[dict[str, Any]]:
    found: dict[str, dict[str, Any]] = {}
    for column, value in row.items():
        name = _EVALUATION.fullmatch(column)
        if name and value is not None:
            found.setdefault(name[1], {"evaluation.name": name[1]})[f"evaluation.{name[2]}"] = value
    return list(found.values())


def _error(row: Mapping[str, Any]) -> str | None:
    if as_text(row.get("status_code")).upper() != "ERROR":
        return None
    if message := as_text(row.get("status_message")):
        return message
    events = structured(row.get("events"))
    for event in reversed(events) if isinstance(events, list) else ():
        raised = dict(_flat(event.get("attributes"), "")) if isinstance(event, Mapping) else {}
        words = [as_text(raised.get(f"exception.{part}")) for part in ("type", "message")]
        if any(words):
            return ": ".join(word for word in words if word)
    return ""


def operation_of(span: Span) -> Operation:
    """What a span says, without what only a grader may know."""
    operation = otlp_operation(span)
    return msgspec.structs.replace(operation, metadata=without_answers(operation.metadata))


def _is_phoenix(keys: Keys) -> bool:
    top, deeper = keys.top, keys.deeper
    if "context.trace_id" in top:
        return not top.isdisjoint({"span_kind", "parent_id", "context.span_id"})
    if {"context", "span_kind", "attributes"} <= top:
        return {"trace_id", "span_id"} <= deeper
    return "data" in top and {"context", "span_kind", "status_code", "attributes"} <= deeper


def _never(_: bytes) -> bool:
    return False


SOURCE = TraceSource("phoenix", _is_phoenix, _never, table_rows, spans_in, operation_of, (_SESSION,))
IMPORTERS = importers_of(SOURCE)
