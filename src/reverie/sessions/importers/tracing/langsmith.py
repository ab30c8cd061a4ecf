"""Runs of LangSmith, as its SDK, its API and its interface export them, with their feedback.

Source: github.com/langchain-ai/langsmith-sdk, ``python/langsmith/schemas.py`` (``Run``, ``Feedback``).
"""

from collections.abc import Iterator, Mapping
from typing import Any

from reverie.sessions.importers.draft import as_number, as_text
from reverie.sessions.importers.importer import Keys
from reverie.sessions.importers.otlp.genai import without_cached
from reverie.sessions.importers.otlp.operation import Evaluation, Kind, Operation, ToolRun, structured
from reverie.sessions.importers.otlp.span import Odd, Span
from reverie.sessions.importers.times import nanoseconds
from reverie.sessions.importers.tool_arguments import tool_arguments
from reverie.sessions.importers.tracing.answer_key import without_answers
from reverie.sessions.importers.tracing.source import TraceSource, importers_of, rows_held, table_rows, table_with
from reverie.sessions.importers.tracing.value import messages_of, result_of, unwrapped

_KINDS: Mapping[str, Kind] = {"llm": "model", "tool": "tool", "chain": "chain", "agent": "agent"}
_HELD = ("runs", "child_runs", "post", "patch", "data", "feedback", "feedbacks", "run", "trace")
"""Where rows may be within others."""
_CONVERSATION = "langsmith.conversation"
_THREADS = ("session_id", "thread_id", "conversation_id")
"""Fields of a run's metadata that name its conversation; a run's own ``session_id`` is its project."""
_EVALUATORS = "evaluators"
"""The project in which LangSmith's own evaluators trace themselves."""
_TRACEBACK = "Traceback (most recent call last)"
_OF_THE_TRACER = ("LANGSMITH_", "LANGCHAIN_", "langgraph_", "ls_", "lc_", "checkpoint", "revision_id", "__")
"""How the metadata begins that tells of the tracer and the framework."""


def spans_in(value: Mapping[str, Any]) -> Iterator[Span | Odd]:
    """The runs and the feedback in one row, as spans."""
    inner = [structured(value.get(name)) for name in _HELD]
    rows = rows_held(inner)
    own = _span(value)
    if own is not None:
        yield own
    for item in rows:
        yield from spans_in(item)
    if own is None and not any(isinstance(held, list | dict) for held in inner):
        yield Odd("a row is neither a run nor feedback of LangSmith")


def _span(row: Mapping[str, Any]) -> Span | None:
    identity = as_text(row.get("id") or row.get("run_id"))
    trace = as_text(row.get("trace_id")) or as_text(row.get("run_id")) or identity
    if "key" in row and ("score" in row or "value" in row):
        at = nanoseconds(row.get("modified_at") or row.get("created_at"))
        return Span(trace, f"feedback {identity} {as_text(row['key'])}", start=at, end=at, attributes=dict(row))
    if not identity or "run_type" not in row:
        return None
    start = nanoseconds(row.get("start_time"))
    metadata = _metadata(row)
    threads = (as_text(metadata[name]) for name in _THREADS if metadata.get(name))
    kept = {name: held for name, held in row.items() if name not in ("child_runs", "serialized", "events")}
    error = as_text(row.get("error"))
    return Span(
        trace_id=_root(row) or trace,
        span_id=identity,
        parent_id=as_text(row.get("parent_run_id")),
        name=as_text(row.get("name")),
        start=start,
        end=nanoseconds(row.get("end_time")) or start,
        attributes={**kept, _CONVERSATION: next(threads, "")},
        error=_reason(error) if error or row.get("status") == "error" else None,
    )


def _root(row: Mapping[str, Any]) -> str:
    """The trace of a run that does not name it: the root in its dotted order, ``20230914T223155647Z1b64098b-….…``."""
    if row.get("trace_id"):
        return ""
    first = as_text(row.get("dotted_order")).partition(".")[0]
    return first.partition("Z")[2]


def _reason(error: str) -> str:
    """What went wrong; the lines of a traceback show what the program knew."""
    told = error.partition(_TRACEBACK)[0].strip()
    lines = error.strip().splitlines()
    return told or (lines[-1].strip() if lines else "")


def _metadata(row: Mapping[str, Any]) -> Mapping[str, Any]:
    extra = structured(row.get("extra"))
    found = structured(extra.get("metadata")) if isinstance(extra, Mapping) else None
    found = found if isinstance(found, Mapping) else structured(row.get("metadata"))
    return found if isinstance(found, Mapping) else {}


def operation_of(span: Span) -> Operation:
    """What a run or feedback says."""
    row = span.attributes
    if "run_type" not in row:
        return Operation(evaluations=tuple(_feedback(row, span.start)))
    metadata = _metadata(row)
    kind = _KINDS.get(as_text(row.get("run_type")).lower(), "other")
    if kind == "chain" and metadata.get("lc_agent_name") == span.name != "":
        kind = "agent"
    judged = row.get("session_name") == _EVALUATORS
    outermost = not span.parent_id
    speaks = kind in ("model", "agent", "chain")
    outputs = structured(row.get("outputs"))
    return Operation(
        kind="judge" if judged else "chain" if outermost and kind == "other" else kind,
        heard=tuple(messages_of(row.get("inputs"), "user")) if speaks else (),
        said=tuple(messages_of(outputs, "agent")) if speaks else (),
        tool=_tool(span, outputs) if kind == "tool" else None,
        agent=span.name if kind == "agent" or outermost else "",
        model=_model(row, metadata, outputs) if kind == "model" else "",
        usage=_usage(row, outputs) if kind == "model" else {},
        user_id=as_text(metadata.get("user_id")),
        metadata=_tags(row, metadata) if outermost else {},
        evaluations=tuple(_statistics(structured(row.get("feedback_stats")), span.end)),
    )


def _tool(span: Span, outputs: Any) -> ToolRun:
    given = structured(span.attributes.get("inputs"))
    if isinstance(given, Mapping) and given.keys() == {"input"} and isinstance(given["input"], str):
        given = given["input"]
    texts, call_id, failed = result_of(outputs)
    result = None if outputs in (None, {}, "") else texts
    return ToolRun(span.name or "tool", tool_arguments(given), call_id, result, failed)


def _generation(outputs: Any) -> Mapping[str, Any]:
    """The one generation in what a model of LangChain's put out; else the output itself."""
    held = outputs.get("generations") if isinstance(outputs, Mapping) else None
    while isinstance(held, list) and held:
        held = held[0]
    message = unwrapped(held.get("message")) if isinstance(held, Mapping) else None
    found = message if isinstance(message, Mapping) else outputs
    return found if isinstance(found, Mapping) else {}


def _model(row: Mapping[str, Any], metadata: Mapping[str, Any], outputs: Any) -> str:
    extra = structured(row.get("extra"))
    params = extra.get("invocation_params") if isinstance(extra, Mapping) else None
    answer = _generation(outputs)
    places = (answer.get("response_metadata"), metadata, params, answer, row)
    names = ("ls_model_name", "model_name", "model")
    found = (place.get(name) for place in places if isinstance(place, Mapping) for name in names)
    return next((name for name in found if isinstance(name, str) and name), "")


def _usage(row: Mapping[str, Any], outputs: Any) -> dict[str, Any]:
    answer = _generation(outputs)
    places = (row, answer.get("usage_metadata"), answer.get("usage"))
    usage: dict[str, Any] = {}
    for place in places:
        held = place if isinstance(place, Mapping) else {}
        for field, names in _COUNTS.items():
            number = next((n for name in names if (n := as_number(held.get(name))) is not None), None)
            if number:
                usage.setdefault(field, int(number))
        details: Mapping[str, Any] = next((held[name] for name in _DETAILS if isinstance(held.get(name), Mapping)), {})
        for field, name in _CACHED.items():
            if number := as_number(details.get(name)):
                usage.setdefault(field, int(number))
    cost = as_number(row.get("total_cost"))
    return without_cached(usage) | ({"cost_usd": cost} if cost else {})


_COUNTS = {
    "input_tokens": ("prompt_tokens", "input_tokens"),
    "output_tokens": ("completion_tokens", "output_tokens"),
}
_DETAILS = ("prompt_token_details", "input_token_details", "prompt_tokens_details", "input_tokens_details")
_CACHED = {"cache_read_input_tokens": "cache_read", "cache_creation_input_tokens": "cache_creation"}


def _tags(row: Mapping[str, Any], metadata: Mapping[str, Any]) -> dict[str, Any]:
    plain = without_answers(metadata)
    found = {name: value for name, value in plain.items() if not name.startswith(_OF_THE_TRACER)}
    found = {name: value for name, value in found.items() if name not in (*_THREADS, "user_id")}
    tags = structured(row.get("tags"))
    if isinstance(tags, list) and tags:
        found["tags"] = ", ".join(as_text(tag) for tag in tags)
    example = as_text(row.get("reference_example_id"))
    return found if not example else {"task_id": example, **found}


def _feedback(row: Mapping[str, Any], at: int) -> Iterator[Evaluation]:
    """A number, else a word; comments and corrections say what the answer should have been."""
    value = row.get("score") if row.get("score") is not None else row.get("value")
    if isinstance(value, str | int | float) and as_text(row.get("key")):
        yield Evaluation(as_text(row["key"]), value, at)


def _statistics(given: Any, at: int) -> Iterator[Evaluation]:
    for name, held in given.items() if isinstance(given, Mapping) else ():
        if not isinstance(held, Mapping):
            continue
        words = held.get("values")
        if as_number(held.get("avg")) is not None:
            yield Evaluation(name, held["avg"], at)
        elif isinstance(words, Mapping) and len(words) == 1:
            yield Evaluation(name, next(iter(words)), at)


def _is_langsmith(keys: Keys) -> bool:
    top, deeper = keys.top, keys.deeper
    if _is_row(top):
        return True
    return not top.isdisjoint({"runs", "post", "patch"}) and "run_type" in deeper and "start_time" in deeper


def _is_row(names: set[str]) -> bool:
    if "run_type" in names and len(names & {"inputs", "start_time", "trace_id", "dotted_order", "outputs"}) >= 2:
        return True
    return {"run_id", "key", "score"} <= names and not names.isdisjoint({"feedback_source", "correction", "trace_id"})


SOURCE = TraceSource(
    "langsmith", _is_langsmith, table_with(_is_row), table_rows, spans_in, operation_of, (_CONVERSATION,)
)
IMPORTERS = importers_of(SOURCE)
