"""Traces of Langfuse: what its API gives, its interface's downloads, its batch and blob storage exports.

Rows are traces, observations and scores, in camel case (API, interface) or snake case (blob storage), each alone, in
lists, in ``{"data": …}``, or in a trace with all of its own. Source: github.com/langfuse/langfuse,
``fern/apis/server/definition/commons.yml`` and ``worker/src/features``.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from reverie.sessions.importers.draft import as_number, as_text
from reverie.sessions.importers.importer import Keys
from reverie.sessions.importers.otlp.operation import Evaluation, Kind, Operation, ToolRun, structured
from reverie.sessions.importers.otlp.span import Odd, Span
from reverie.sessions.importers.times import nanoseconds
from reverie.sessions.importers.tool_arguments import tool_arguments
from reverie.sessions.importers.tracing.answer_key import without_answers
from reverie.sessions.importers.tracing.source import TraceSource, importers_of, rows_held, table_rows, table_with
from reverie.sessions.importers.tracing.value import messages_of, result_of

_KINDS: Mapping[str, Kind] = {
    "GENERATION": "model",
    "AGENT": "agent",
    "TOOL": "tool",
    "SPAN": "chain",
    "CHAIN": "chain",
    "EVALUATOR": "judge",
    "GUARDRAIL": "judge",
}
_TRACE = "trace"
"""The span id of a trace itself, under which its outermost observations lie."""
_ROW = "langfuse.row"
_SNAKE = re.compile(r"_([a-z])")
_OBSERVATION = {"traceId", "startTime", "type"}
_OF_OBSERVATIONS = {"parentObservationId", "usageDetails", "completionStartTime", "modelParameters", "statusMessage"}
_OF_TRACES = {"bookmarked", "htmlPath", "release", "public", "environment", "projectId", "tags", "userId"}
_SCORE = {"traceId", "dataType", "name"}
_COLUMNS = frozenset(
    {"id", "timestamp", "name", "userId", "sessionId", "release", "version", "environment", "tags", "bookmarked"}
    | {"public", "input", "output", "metadata", "comments", "observations", "scores", "latency", "totalCost"}
    | {"htmlPath", "projectId", "createdAt", "updatedAt", "externalId", "levelCounts", "usage", "toolCallNames"}
)
"""A trace's fields; what else an export of traces has in lists are its scores, by name."""


def spans_in(value: Mapping[str, Any]) -> Iterator[Span | Odd]:
    """The traces, observations and scores in one row, as spans."""
    row = {_SNAKE.sub(lambda match: match[1].upper(), name): held for name, held in value.items()}
    inner = [structured(row.get(name)) for name in ("trace", "observations", "scores", "traces", "data")]
    rows = rows_held(inner)
    own = _span(row, value)
    if own is not None:
        yield own
    for item in rows:
        yield from spans_in(item)
    if own is None and not rows and not any(isinstance(held, list) for held in inner):
        yield Odd("a row is neither a trace nor an observation nor a score of Langfuse")


def _span(row: dict[str, Any], given: Mapping[str, Any]) -> Span | None:
    identity, trace = as_text(row.get("id")), as_text(row.get("traceId"))
    if row.keys() >= {"name", "dataType"} and ("value" in row or "stringValue" in row):
        conversation = as_text(row.get("sessionId"))
        at = nanoseconds(row.get("timestamp"))
        place = trace or (f"session {conversation}" if conversation else "")
        return Span(place, f"score {identity or as_text(row['name'])}", start=at, end=at, attributes=_as(row, "score"))
    if "startTime" in row and "type" in row and trace and identity:
        start = nanoseconds(row["startTime"])
        return Span(
            trace_id=trace,
            span_id=identity,
            parent_id=as_text(row.get("parentObservationId")) or _TRACE,
            name=as_text(row.get("name")),
            start=start,
            end=nanoseconds(row.get("endTime")) or start,
            attributes=_as(row, "observation"),
            error=as_text(row.get("statusMessage")) if row.get("level") == "ERROR" else None,
        )
    if (
        identity
        and "timestamp" in row
        and not trace
        and ("sessionId" in row or "input" in row or "observations" in row)
    ):
        start = nanoseconds(row["timestamp"])
        held = {name: item for name, item in row.items() if name not in ("observations", "scores")}
        columns = {name: item for name, item in given.items() if name not in _COLUMNS and isinstance(item, list)}
        attributes = _as({**held, "scoreColumns": columns}, "trace")
        return Span(identity, _TRACE, name=as_text(row.get("name")), start=start, end=start, attributes=attributes)
    return None


def _as(row: dict[str, Any], kind: str) -> dict[str, Any]:
    return {**row, _ROW: kind}


def operation_of(span: Span) -> Operation:
    """What a trace, an observation or a score says."""
    row = span.attributes
    kind = row.get(_ROW)
    if kind == "score":
        return Operation(evaluations=tuple(_scores(row, span.start)))
    judged = as_text(row.get("environment")).startswith("langfuse")  # Langfuse's own evaluators trace themselves
    if kind == "trace":
        return Operation(
            kind="judge" if judged else "chain",
            heard=tuple(messages_of(row.get("input"), "user")),
            said=tuple(messages_of(row.get("output"), "agent")),
            agent=span.name,
            agent_version=as_text(row.get("version") or row.get("release")),
            user_id=as_text(row.get("userId")),
            metadata=_metadata(row),
            evaluations=tuple(_columns(row.get("scoreColumns"), span.start)),
        )
    return _observed(span, "judge" if judged else _KINDS.get(as_text(row.get("type")).upper(), "other"))


def _observed(span: Span, kind: Kind) -> Operation:
    row = span.attributes
    speaks = kind in ("model", "agent", "chain")
    return Operation(
        kind=kind,
        heard=tuple(messages_of(row.get("input"), "user")) if speaks else (),
        said=tuple(messages_of(row.get("output"), "agent")) if speaks else (),
        tool=_tool(span) if kind == "tool" else None,
        agent=span.name if kind == "agent" else "",
        model=as_text(row.get("model") or row.get("providedModelName")) if kind == "model" else "",
        usage=_usage(row) if kind == "model" else {},
        user_id=as_text(row.get("userId")),
    )


def _tool(span: Span) -> ToolRun:
    row = span.attributes
    output = row.get("output")
    texts, call_id, failed = result_of(output)
    given = structured(row.get("input"))
    return ToolRun(span.name or "tool", tool_arguments(given), call_id, None if output is None else texts, failed)


def _usage(row: Mapping[str, Any]) -> dict[str, Any]:
    """Token counts: Langfuse counts kinds of input apart, but some SDKs count the cached among the input."""
    given = structured(row.get("usageDetails")) or structured(row.get("usage")) or {}
    counts = {name: int(number) for name, held in _items(given) if (number := as_number(held)) is not None}
    cached = sum(
        count for name, count in counts.items() if "cach" in name and "creat" not in name and "write" not in name
    )
    written = sum(count for name, count in counts.items() if "cach" in name and ("creat" in name or "write" in name))
    fresh = next((counts[name] for name in _INPUTS if name in counts), 0)
    reply = next((counts[name] for name in _OUTPUTS if name in counts), 0)
    total = counts.get("total", 0)
    if total and fresh + reply + cached + written > total:
        fresh = max(0, fresh - cached - written)
    usage: dict[str, Any] = {
        "input_tokens": fresh,
        "output_tokens": reply,
        "cache_read_input_tokens": cached,
        "cache_creation_input_tokens": written,
    }
    costs = dict(_items(structured(row.get("costDetails"))))
    cost = next((c for c in (costs.get("total"), row.get("totalCost"), row.get("calculatedTotalCost")) if c), None)
    if cost is not None:
        usage["cost_usd"] = cost
    return usage if any(usage.values()) else {}


_INPUTS = ("input", "input_tokens", "promptTokens", "prompt_tokens")
_OUTPUTS = ("output", "output_tokens", "completionTokens", "completion_tokens")


def _items(given: Any) -> Iterator[tuple[str, Any]]:
    yield from given.items() if isinstance(given, Mapping) else ()


def _metadata(row: Mapping[str, Any]) -> dict[str, Any]:
    tags = structured(row.get("tags"))
    found = without_answers(structured(row.get("metadata")))
    if isinstance(tags, list) and tags:
        found["tags"] = ", ".join(as_text(tag) for tag in tags)
    environment = as_text(row.get("environment"))
    return found | ({"environment": environment} if environment not in ("", "default") else {})


def _scores(row: Mapping[str, Any], at: int) -> Iterator[Evaluation]:
    """A score, but for comments and corrections, which say what the answer should have been."""
    kind, name = as_text(row.get("dataType")).upper(), as_text(row.get("name"))
    if kind in ("TEXT", "CORRECTION") or not name:
        return
    value = row.get("stringValue") if kind == "CATEGORICAL" else row.get("value")
    if value is None:
        value = row.get("stringValue")
    if value is not None:
        yield Evaluation(name, value, at)


def _columns(columns: Any, at: int) -> Iterator[Evaluation]:
    for name, held in _items(columns):
        numbers = [number for item in held if (number := as_number(item)) is not None]
        if numbers and len(numbers) == len(held):
            yield Evaluation(name, sum(numbers) / len(numbers), at)
        elif len(held) == 1 and isinstance(held[0], str):
            yield Evaluation(name, held[0], at)


def _is_langfuse(keys: Keys) -> bool:
    if _is_row(keys.top):
        return True
    top, deeper = _camel(keys.top), _camel(keys.deeper)
    if {"observations", "scores"} <= top or {"trace", "observations"} <= top:
        return bool(deeper & _OF_OBSERVATIONS) or "htmlPath" in top
    return ({"data", "meta"} <= top or {"traces", "projectId"} <= top) and _is_row(keys.deeper)


def _camel(names: Iterable[str]) -> set[str]:
    return {_SNAKE.sub(lambda match: match[1].upper(), name) for name in names}


def _is_row(given: set[str]) -> bool:
    names = _camel(given)
    if names >= _OBSERVATION and names & _OF_OBSERVATIONS:
        return True
    if names >= _SCORE and ("value" in names or "stringValue" in names):
        return True
    return {"id", "timestamp", "sessionId"} <= names and len(names & _OF_TRACES) >= 2


SOURCE = TraceSource("langfuse", _is_langfuse, table_with(_is_row), table_rows, spans_in, operation_of, ("sessionId",))
IMPORTERS = importers_of(SOURCE)
