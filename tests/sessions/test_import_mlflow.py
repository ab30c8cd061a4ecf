"""Traces of MLflow, as its versions write them, and as tables."""

import csv
import json
from pathlib import Path
from typing import Any

import pytest

from reverie.sessions.event import text_of
from reverie.sessions.importers import RawRecord, parse_record, read_records
from reverie.sessions.session import Score, Transcript

BEGIN = 1_767_323_045_000_000_000
"""2026-01-02T03:04:05Z in nanoseconds."""
KEY = "the-gold-answer"
CALL = {"id": "c1", "type": "function", "function": {"name": "add", "arguments": '{"x": 1}'}}
ASKED = [{"role": "system", "content": "Be good."}, {"role": "user", "content": "What is 1+2?"}]
HISTORY = [*ASKED, {"role": "assistant", "tool_calls": [CALL]},
           {"role": "tool", "tool_call_id": "c1", "content": "no"}]  # fmt: skip
USED = {"input_tokens": 10, "output_tokens": 5, "cache_read_input_tokens": 4}


def choice(**message: Any) -> dict[str, Any]:
    return {"choices": [{"message": {"role": "assistant", **message}}], "model": "m-1"}


def span(number: int, kind: str, name: str, inputs: Any, outputs: Any, error: str = "",
         more: dict[str, Any] | None = None) -> dict[str, Any]:  # fmt: skip
    given = {"mlflow.spanType": kind, "mlflow.spanInputs": inputs, "mlflow.spanOutputs": outputs, **(more or {})}
    return {
        "trace_id": "in-base64", "span_id": f"s{number}", "parent_span_id": "s1" if number > 1 else None,
        "name": name, "start_time_unix_nano": BEGIN + number * 10**9, "end_time_unix_nano": BEGIN + number * 10**9 + 5,
        "status": {"code": "STATUS_CODE_ERROR" if error else "STATUS_CODE_OK", "message": error},
        "attributes": {key: json.dumps(value) for key, value in given.items()}, "events": [],
    }  # fmt: skip


SPANS = [
    span(1, "AGENT", "desk", {"q": "x"}, "It is 3."),
    span(2, "CHAT_MODEL", "Completions", {"messages": ASKED}, choice(tool_calls=[CALL]),
         more={"mlflow.chat.tokenUsage": USED, "mlflow.llm.model": "m-1"}),
    span(3, "TOOL", "add_1", {"x": 1}, None, "ValueError: too large", {"mlflow.spanFunctionName": "add"}),
    span(4, "CHAT_MODEL", "Completions", {"messages": HISTORY}, choice(content="It is 3.")),
    span(5, "EVALUATOR", "judge", {"messages": [{"role": "user", "content": KEY}]}, KEY),
]  # fmt: skip
ASSESSMENTS = [
    {"assessment_name": "quality", "feedback": {"value": 0.75}, "rationale": KEY, "valid": True},
    {"assessment_name": "quality", "feedback": {"value": 0.1}, "valid": False},
    {"assessment_name": "right", "feedback": {"value": True}},
    {"assessment_name": "expected_response", "expectation": {"value": KEY}},
]
METADATA = {"mlflow.trace.session": "chat-7", "mlflow.trace.user": "u9", "mlflow.source.name": "run.py"}
TAGS = {"team": "desk", "mlflow.x": "y", "expected_answer": KEY}
INFO: dict[str, Any] = {
    "trace_id": "tr-1", "request_time": "2026-01-02T03:04:05Z", "state": "OK", "trace_metadata": METADATA,
    "tags": TAGS, "assessments": ASSESSMENTS,
}  # fmt: skip
TRACE = {"info": INFO, "data": {"spans": SPANS}}
EXPECTED = [
    ("system.message", "Be good."),
    ("user.message", "What is 1+2?"),
    ("agent.tool_use", "add"),
    ("span.model_request_end", ""),
    ("agent.tool_result", "addValueError: too large"),
    ("agent.message", "It is 3."),
]


def older() -> dict[str, Any]:
    """The trace as version 2 has it."""
    spans = [
        {"name": one["name"], "context": {"trace_id": "0x1", "span_id": one["span_id"]}, "events": [],
         "parent_id": one["parent_span_id"], "start_time": one["start_time_unix_nano"],
         "end_time": one["end_time_unix_nano"], "attributes": one["attributes"],
         "status_code": one["status"]["code"].removeprefix("STATUS_CODE_"), "status_message": one["status"]["message"]}
        for one in SPANS
    ]  # fmt: skip
    info = {
        "request_id": "tr-1",
        "timestamp_ms": BEGIN // 10**6,
        "status": "OK",
        "request_metadata": METADATA,
        "tags": [{"key": key, "value": value} for key, value in INFO["tags"].items()],
        "assessments": ASSESSMENTS,
    }
    return {"info": info, "data": {"spans": spans}}


ROW = {"trace_id": "tr-1", "trace": json.dumps(TRACE), "state": "OK", "request": {}, "trace_metadata": METADATA,
       "tags": INFO["tags"], "spans": SPANS, "assessments": ASSESSMENTS}  # fmt: skip
COLUMNS = {name: {"0": value} for name, value in ROW.items()}


def told(transcript: Transcript) -> list[tuple[str, str]]:
    """Each event's type, and what it says, after the tool's name."""
    return [(event.type, event.payload.get("name", "") + text_of(event)) for event in transcript.events]


def read(path: Path) -> list[Transcript]:
    records = [item for item in read_records([path], format=None) if isinstance(item, RawRecord)]
    return [parse_record(record, {}) for record in records]


def table(path: Path) -> None:
    with path.open("w", newline="") as stream:
        writer = csv.DictWriter(stream, ROW)
        writer.writeheader()
        writer.writerow({name: value if isinstance(value, str) else json.dumps(value) for name, value in ROW.items()})


FORMS = {
    "one trace": json.dumps(TRACE, indent=2), "lines": json.dumps(TRACE), "list": json.dumps([TRACE]),
    "version 2": json.dumps(older()), "table's records": json.dumps([ROW]), "table's columns": json.dumps(COLUMNS),
    "rows without the whole trace": json.dumps({k: v for k, v in ROW.items() if k != "trace"}), "table in CSV": "",
}  # fmt: skip


@pytest.mark.parametrize("form", FORMS)
def test_a_trace_is_the_same_session_however_it_was_written(form: str, tmp_path: Path) -> None:
    path = tmp_path / "traces"
    path.write_text(FORMS[form]) if FORMS[form] else table(path)
    (transcript,) = read(path)
    assert told(transcript) == EXPECTED
    session = transcript.session
    assert (session.id, session.source, session.agent, session.model) == ("chat-7", "mlflow", "desk", "m-1")
    assert (session.user_id, session.metadata) == ("u9", {"team": "desk", "trace_id": "tr-1"})
    assert transcript.scores == (Score("quality", 0.75), Score("right", 1.0))
    assert transcript.events[3].payload["model_usage"]["input_tokens"] == 6
    assert transcript.events[4].payload["is_error"] is True
    assert KEY not in repr(transcript)


def test_spans_that_are_stored_alone_are_of_the_trace_that_they_name(tmp_path: Path) -> None:
    spans = [one | {"attributes": one["attributes"] | {"mlflow.traceRequestId": '"tr-1"'}} for one in SPANS]
    (tmp_path / "traces.json").write_text(json.dumps({"spans": spans}))
    (transcript,) = read(tmp_path)
    assert (transcript.session.id, told(transcript)) == ("tr-1", EXPECTED)


def test_traces_of_one_session_are_joined_and_odd_rows_are_problems(tmp_path: Path) -> None:
    alone = TRACE | {"info": INFO | {"trace_id": "tr-2", "trace_metadata": {}}}
    later = TRACE | {"info": INFO | {"trace_id": "tr-3"}}
    traces: list[Any] = [later, alone, {"info": {}, "data": {}}]
    (tmp_path / "a.jsonl").write_text("\n".join(json.dumps(one) for one in traces))
    (tmp_path / "b.jsonl").write_text(json.dumps(TRACE) + "\n" + json.dumps(TRACE))
    items = list(read_records([tmp_path], format=None))
    assert sorted(parse_record(item, {}).session.id for item in items if isinstance(item, RawRecord)) == [
        "chat-7", "tr-2"
    ]  # fmt: skip
    (problem,) = (item for item in items if not isinstance(item, RawRecord))
    assert "a.jsonl:3: a row is no trace of MLflow" in str(problem)
