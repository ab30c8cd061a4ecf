"""Traces of MLflow: what ``Trace.to_json`` gives, lists and lines of it, and tables of ``search_traces``.

Source: github.com/mlflow/mlflow, ``mlflow/entities`` (``trace.py``, ``trace_info.py``, ``trace_info_v2.py``,
``span.py``, ``assessment.py``) and ``mlflow/tracing/constant.py``.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from reverie.errors import ImportFormatError
from reverie.sessions.importers.draft import as_number, as_text
from reverie.sessions.importers.importer import Keys
from reverie.sessions.importers.json_text import decode_json
from reverie.sessions.importers.otlp.genai import without_cached
from reverie.sessions.importers.otlp.operation import Evaluation, Kind, Operation, ToolRun, joined, structured
from reverie.sessions.importers.otlp.span import Odd, Span
from reverie.sessions.importers.otlp.tree import operation_of as otlp_operation
from reverie.sessions.importers.times import nanoseconds
from reverie.sessions.importers.tool_arguments import tool_arguments
from reverie.sessions.importers.tracing.answer_key import without_answers
from reverie.sessions.importers.tracing.source import TraceSource, importers_of, table_rows, table_with
from reverie.sessions.importers.tracing.value import messages_of, result_of

_KINDS: Mapping[str, Kind] = {
    **dict.fromkeys(("CHAT_MODEL", "LLM"), "model"),
    **dict.fromkeys(("CHAIN", "WORKFLOW", "TASK", "UNKNOWN", ""), "chain"),
    **dict.fromkeys(("EVALUATOR", "GUARDRAIL"), "judge"),
    "TOOL": "tool",
    "AGENT": "agent",
}
_TRACE = "trace"
"""The span id of a trace itself."""
_SESSION = "mlflow.trace.session"
_OF = "mlflow.traceRequestId"
_OWN = "mlflow."
"""How the names of what MLflow keeps itself begin."""
_FAILED = frozenset({"STATUS_CODE_ERROR", "ERROR"})


def spans_in(value: Mapping[str, Any]) -> Iterator[Span | Odd]:
    """The traces and spans in one row."""
    if _is_columns(value):
        for each in _rows(value):
            yield from spans_in(each)
        return
    info, spans = _trace(value)
    trace_id = as_text(info.get("trace_id") or info.get("request_id")) or _named_by(spans)
    if not trace_id:
        yield Odd("a row is no trace of MLflow: it has neither trace_id nor request_id")
        return
    yield _of_trace(trace_id, info)
    for row in spans:
        yield _span(trace_id, row) if isinstance(row, Mapping) else Odd("a span is not a JSON object")


def _is_columns(value: Mapping[str, Any]) -> bool:
    """Whether it is a table that was written column by column: ``{"trace": {"0": …, "1": …}, …}``."""
    columns = [inner for inner in value.values() if isinstance(inner, Mapping)]
    return len(columns) == len(value) > 0 and all(column and all(map(str.isdigit, column)) for column in columns)


def _rows(value: Mapping[str, Any]) -> list[dict[str, Any]]:
    numbers = dict.fromkeys(key for column in value.values() for key in column)
    return [{name: column.get(number) for name, column in value.items()} for number in numbers]


def _trace(value: Mapping[str, Any]) -> tuple[Mapping[str, Any], list[Any]]:
    """What a trace says of itself, and its spans; a row of a table may hold the trace whole."""
    whole = structured(value.get("trace"))
    if isinstance(whole, Mapping):
        info, spans = _trace(whole)
        told = structured(value.get("assessments"))
        return ({**info, "assessments": told} if isinstance(told, list) and told else info), spans
    data = structured(value.get("data"))
    spans = structured(data.get("spans") if isinstance(data, Mapping) else value.get("spans"))
    info = structured(value.get("info"))
    return (info if isinstance(info, Mapping) else value), spans if isinstance(spans, list) else []


def _named_by(spans: list[Any]) -> str:
    """The trace that spans say they are of, where a file holds its spans alone."""
    attributes = (_named(row.get("attributes")) for row in spans if isinstance(row, Mapping))
    return next((as_text(_plain(held[_OF])) for held in attributes if held.get(_OF)), "")


def _of_trace(trace_id: str, info: Mapping[str, Any]) -> Span:
    metadata = _named(info.get("trace_metadata") or info.get("request_metadata"))
    start = nanoseconds(info.get("request_time") or info.get("timestamp_ms"))
    return Span(
        trace_id=trace_id,
        span_id=_TRACE,
        start=start,
        end=start,
        attributes={
            "tags": _named(info.get("tags")),
            "metadata": metadata,
            "assessments": structured(info.get("assessments")),
            _SESSION: metadata.get(_SESSION),
        },
    )


def _named(given: Any) -> Mapping[str, Any]:
    """Tags by name: an object, or a list of keys and values."""
    given = structured(given)
    if isinstance(given, list):
        return {as_text(one.get("key")): one.get("value") for one in given if isinstance(one, Mapping)}
    return given if isinstance(given, Mapping) else {}


def _span(trace_id: str, row: Mapping[str, Any]) -> Span:
    context = row.get("context")
    held = {**row, **context} if isinstance(context, Mapping) else row
    status = held.get("status")
    code = status.get("code") if isinstance(status, Mapping) else held.get("status_code", status)
    message = status.get("message") if isinstance(status, Mapping) else held.get("status_message")
    start = _at(held, "start_time")
    return Span(
        trace_id=trace_id,
        span_id=as_text(held.get("span_id")),
        parent_id=as_text(held.get("parent_span_id") or held.get("parent_id")) or _TRACE,
        name=as_text(held.get("name")),
        start=start,
        end=_at(held, "end_time") or start,
        attributes={name: _plain(value) for name, value in _named(held.get("attributes")).items()},
        error=(as_text(message) or _raised(held.get("events"))) if as_text(code) in _FAILED else None,
    )


def _at(row: Mapping[str, Any], name: str) -> int:
    """A span's time: nanoseconds, whichever way they are named, or a time that can be read."""
    given = row.get(f"{name}_unix_nano", row.get(f"{name}_ns", row.get(name)))
    return given if type(given) is int and 1e17 < given < 2**63 else nanoseconds(given)


def _plain(value: Any) -> Any:
    """An attribute, each of which MLflow writes as JSON text."""
    if not isinstance(value, str):
        return value
    try:
        return decode_json(value)
    except ImportFormatError:
        return value


def _raised(events: Any) -> str:
    for event in reversed(events) if isinstance(events, list) else ():
        attributes = event.get("attributes") if isinstance(event, Mapping) else None
        if isinstance(attributes, Mapping) and event.get("name") == "exception":
            words = (as_text(attributes.get(f"exception.{part}")) for part in ("type", "message"))
            return ": ".join(word for word in words if word)
    return ""


def operation_of(span: Span) -> Operation:
    """What a trace or a span says, also in the vocabularies of OpenTelemetry, as MLflow may have received it."""
    if span.span_id == _TRACE:
        return _operation_of_trace(span)
    data = span.attributes
    received = otlp_operation(span)
    kind = _KINDS.get(as_text(data.get("mlflow.spanType")).upper(), "other")
    if received.kind != "other" and kind == "chain":
        kind = received.kind
    speaks = kind in ("model", "agent", "chain")
    inputs, outputs = data.get("mlflow.spanInputs"), data.get("mlflow.spanOutputs")
    own = Operation(
        kind=kind,
        heard=tuple(messages_of(inputs, "user")) if speaks else (),
        said=tuple(messages_of(outputs, "agent")) if speaks else (),
        tool=_tool(span, inputs, outputs) if kind == "tool" else None,
        agent=span.name if kind == "agent" else "",
        model=_model(data, inputs, outputs) if kind == "model" else "",
        usage=_usage(data, outputs) if kind == "model" else {},
    )
    return joined(received, own)


def _operation_of_trace(span: Span) -> Operation:
    data = span.attributes
    told = {**data["metadata"], **data["tags"]}
    metadata = {name: value for name, value in told.items() if not name.startswith(_OWN)}
    return Operation(
        kind="chain",
        user_id=as_text(told.get("mlflow.trace.user")),
        metadata=without_answers(metadata),
        evaluations=tuple(_feedback(data.get("assessments"), span.start)),
    )


def _feedback(assessments: Any, at: int) -> Iterator[Evaluation]:
    """Feedback as scores; expectations, which are assessments too, hold the right answer."""
    for one in assessments if isinstance(assessments, list) else ():
        feedback = one.get("feedback") if isinstance(one, Mapping) else None
        name = as_text(one.get("assessment_name") or one.get("name")) if isinstance(one, Mapping) else ""
        if isinstance(feedback, Mapping) and name and one.get("valid") is not False:
            value = feedback.get("value")
            if isinstance(value, str | int | float):
                when = one.get("last_update_time") or one.get("last_update_time_ms") or one.get("create_time")
                yield Evaluation(name, value, nanoseconds(when) or at)


def _tool(span: Span, inputs: Any, outputs: Any) -> ToolRun:
    texts, call_id, failed = result_of(outputs) if not isinstance(outputs, str) else ((outputs,), "", None)
    function = as_text(span.attributes.get("mlflow.spanFunctionName"))
    name = function if function and span.name.startswith(function) else span.name  # ``add_1`` is the second ``add``
    return ToolRun(name or "tool", tool_arguments(inputs), call_id, None if outputs is None else texts, failed)


def _model(data: Mapping[str, Any], inputs: Any, outputs: Any) -> str:
    places = (outputs.get("model") if isinstance(outputs, Mapping) else None,)
    asked = inputs.get("model") if isinstance(inputs, Mapping) else None
    return next((as_text(one) for one in (data.get("mlflow.llm.model"), asked, data.get("model"), *places) if one), "")


def _usage(data: Mapping[str, Any], outputs: Any) -> dict[str, Any]:
    """Token counts; MLflow counts cached tokens among the input's."""
    used = data.get("mlflow.chat.tokenUsage")
    held = used if isinstance(used, Mapping) else outputs.get("usage") if isinstance(outputs, Mapping) else None
    if not isinstance(held, Mapping):
        return {}
    cost = data.get("mlflow.llm.cost")
    found = {
        "input_tokens": held.get("input_tokens", held.get("prompt_tokens")),
        "output_tokens": held.get("output_tokens", held.get("completion_tokens")),
        "cache_read_input_tokens": held.get("cache_read_input_tokens"),
        "cache_creation_input_tokens": held.get("cache_creation_input_tokens"),
    }
    counts = without_cached({name: int(n) for name, value in found.items() if (n := as_number(value))})
    total = as_number(cost.get("total_cost")) if isinstance(cost, Mapping) else None
    return counts if total is None else counts | {"cost_usd": total}


def _is_mlflow(keys: Keys) -> bool:
    top, deeper = keys.top, keys.deeper
    if {"info", "data"} <= top and "spans" in deeper:
        return not deeper.isdisjoint({"trace_id", "request_id"})
    if "spans" in top and _OF in deeper:
        return True
    return _is_row(top)


def _is_row(names: set[str]) -> bool:
    spans = not names.isdisjoint({"spans", "trace"})
    return spans and not names.isdisjoint({"trace_metadata", "request_metadata", "execution_time_ms"})


SOURCE = TraceSource("mlflow", _is_mlflow, table_with(_is_row), table_rows, spans_in, operation_of, (_SESSION,))
IMPORTERS = importers_of(SOURCE)
