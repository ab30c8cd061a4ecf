"""Spans of Phoenix: objects, pages, and its table as JSON."""

import json
from pathlib import Path
from typing import Any

import pytest

from reverie.sessions.event import text_of
from reverie.sessions.importers import ImportProblem, RawRecord, parse_record, read_records
from reverie.sessions.session import Score, Transcript

KEY = "the-gold-answer"
ASKED = [{"message.role": "user", "message.content": "What is 1+2?"}]
CALL = {"tool_call.id": "c1", "tool_call.function.name": "add", "tool_call.function.arguments": '{"x": 1}'}
CALLED = {"message.role": "assistant", "message.tool_calls": [CALL]}
ANSWER = {"message.role": "tool", "message.tool_call_id": "c1", "message.content": "too large"}


def span(number: int, kind: str, name: str, attributes: dict[str, Any], **fields: Any) -> dict[str, Any]:
    at = f"2026-01-02T03:04:{number:02}"
    return {
        "id": f"U3Bhbjox{number}", "name": name, "context": {"trace_id": "ab" * 16, "span_id": f"s{number}"},
        "span_kind": kind, "parent_id": "s1" if number > 1 else None, "start_time": f"{at}.000000+00:00",
        "end_time": f"{at}.500000+00:00", "status_code": "OK", "status_message": "", "attributes": attributes,
        "events": [], **fields,
    }  # fmt: skip


RAISED = {"name": "exception", "timestamp": "2026-01-02T03:04:05Z",
          "attributes": {"exception.type": "ValueError", "exception.message": "too large"}}  # fmt: skip
SPANS = [
    span(1, "AGENT", "desk", {"session.id": "chat-7", "user.id": "u9",
                              "metadata": {"team": "x", "expected_output": KEY}}),
    span(2, "LLM", "model", {"llm.input_messages": ASKED, "llm.output_messages": [CALLED], "llm.model_name": "m-1",
                             "llm.token_count.prompt": 10, "llm.token_count.prompt_details.cache_read": 4}),
    span(3, "TOOL", "add", {"input.value": '{"x": 1}', "tool.name": "add"}, status_code="ERROR", events=[RAISED]),
    span(4, "LLM", "model", {"llm.input_messages": [*ASKED, CALLED, ANSWER],
                             "llm.output_messages": [{"message.role": "assistant", "message.content": "It is 3."}],
                             "annotations.0.annotation.name": "quality", "annotations.0.annotation.score": 0.75}),
    span(5, "EVALUATOR", "judge", {"input.value": KEY, "output.value": KEY}),
]  # fmt: skip
EXPECTED = [
    ("user.message", "What is 1+2?"),
    ("agent.tool_use", "add"),
    ("span.model_request_end", ""),
    ("agent.tool_result", "addValueError: too large"),
    ("agent.message", "It is 3."),
]


def flat(one: dict[str, Any]) -> dict[str, Any]:
    """A span's attributes spread over names, as the API gives them."""
    found: dict[str, Any] = {}

    def spread(value: Any, name: str) -> None:
        if isinstance(value, list):
            for number, item in enumerate(value):
                for key, inner in item.items():
                    spread(inner, f"{name}.{number}.{key}")
        else:
            found[name] = json.dumps(value) if isinstance(value, dict) else value

    for name, value in one["attributes"].items():
        spread(value, name)
    return one | {"attributes": found}


def nested(one: dict[str, Any]) -> dict[str, Any]:
    """A span's attributes as objects within objects."""
    found: dict[str, Any] = {}
    for name, value in one["attributes"].items():
        *path, last = name.split(".") if not name.startswith("annotations") else [name]
        place = found
        for step in path:
            place = place.setdefault(step, {})
        place[last] = value
    return one | {"attributes": found}


def row(one: dict[str, Any]) -> dict[str, Any]:
    """A span as a row of the table."""
    plain = {name: value for name, value in one.items() if name not in ("id", "context", "attributes")}
    context = {f"context.{name}": value for name, value in one["context"].items()}
    return {**plain, **context, **{f"attributes.{name}": value for name, value in one["attributes"].items()}}


def columns() -> dict[str, Any]:
    rows = {one["context"]["span_id"]: row(one) for one in SPANS}
    names = dict.fromkeys(name for held in rows.values() for name in held if name != "context.span_id")
    return {name: {key: held.get(name) for key, held in rows.items()} for name in names}


def lines(values: list[Any]) -> str:
    return "\n".join(json.dumps(value) for value in values)


FORMS = {
    "lines": lines(SPANS), "flat": lines([flat(one) for one in SPANS]), "nested": lines([nested(one) for one in SPANS]),
    "list": json.dumps(SPANS, indent=1), "page": json.dumps({"data": SPANS, "next_cursor": None}),
    "table's records": json.dumps([row(one) for one in SPANS]), "table's columns": json.dumps(columns()),
    "backwards and twice": lines([*reversed(SPANS), *SPANS]),
}  # fmt: skip


def told(transcript: Transcript) -> list[tuple[str, str]]:
    """Each event's type, and what it says, after the tool's name."""
    return [(event.type, event.payload.get("name", "") + text_of(event)) for event in transcript.events]


@pytest.mark.parametrize("form", FORMS)
def test_spans_are_the_same_session_however_they_were_written(form: str, tmp_path: Path) -> None:
    (tmp_path / "spans").write_text(FORMS[form])
    (record,) = read_records([tmp_path], format=None)
    assert isinstance(record, RawRecord)
    transcript = parse_record(record, {})
    assert told(transcript) == EXPECTED
    session = transcript.session
    assert (session.id, session.source, session.agent, session.model) == ("chat-7", "phoenix", "desk", "m-1")
    assert (session.user_id, session.metadata) == ("u9", {"team": "x", "trace_id": "ab" * 16})
    assert transcript.scores == (Score("quality", 0.75),)
    assert transcript.events[2].payload["model_usage"]["input_tokens"] == 6
    assert KEY not in repr(transcript)


def test_evaluations_beside_a_row_are_scores_and_a_row_without_a_trace_is_a_problem(tmp_path: Path) -> None:
    judged = row(SPANS[1]) | {"eval.right.score": 1.0, "eval.right.label": "yes", "eval.tone.label": "kind"}
    odd = row(SPANS[2]) | {"context.trace_id": None}
    (tmp_path / "spans.jsonl").write_text(lines([judged, odd]))
    problem, record = sorted(read_records([tmp_path], format=None), key=lambda item: isinstance(item, RawRecord))
    assert isinstance(record, RawRecord)
    assert isinstance(problem, ImportProblem)
    transcript = parse_record(record, {})
    assert (transcript.scores, transcript.session.metadata["tone"]) == ((Score("right", 1.0),), "kind")
    assert problem.line == 2
