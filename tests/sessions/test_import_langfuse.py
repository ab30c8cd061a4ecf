"""Traces of Langfuse, in the forms in which its API, its interface and its exports give them."""

import csv
import io
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reverie.sessions.event import text_of
from reverie.sessions.importers import ImportProblem, RawRecord, encode_line, parse_record, read_records
from reverie.sessions.session import Score, Transcript

SECRET = "SENTINEL"
ASKED = [{"role": "system", "content": "Be kind."}, {"role": "user", "content": "where is 17?"}]
CALL = {"id": "c1", "type": "function", "function": {"name": "find_order", "arguments": '{"id": 17}'}}
CALLED = {"role": "assistant", "content": None, "tool_calls": [CALL]}
ANSWERED = {"role": "tool", "tool_call_id": "c1", "content": "no such order"}


def observed(id: str, kind: str, second: int, **fields: Any) -> dict[str, Any]:
    times = {"startTime": f"2026-03-01T10:00:{second:02}.000Z", "endTime": f"2026-03-01T10:00:{second:02}.500Z"}
    return {"id": id, "traceId": "t1", "type": kind, "parentObservationId": None, "level": "DEFAULT", **times, **fields}


TRACE = {
    "id": "t1", "timestamp": "2026-03-01T10:00:00.000Z", "name": "desk", "sessionId": "conv", "userId": "u1",
    "release": None, "version": "3", "environment": "default", "tags": ["prod"], "public": False, "bookmarked": False,
    "metadata": {"task_id": "where", "expected_output": SECRET, "region": "eu"},
    "input": "where is 17?", "output": "none",
}  # fmt: skip
OBSERVATIONS = [
    observed("a", "AGENT", 1, name="desk-agent"),
    observed("g1", "GENERATION", 2, name="llm", parentObservationId="a", model="gpt-4o", input=ASKED, output=CALLED,
             usageDetails={"input": 4, "input_cached_tokens": 6, "output": 2, "total": 12}, costDetails={"total": 0.5}),
    observed("x", "TOOL", 3, name="find_order", parentObservationId="a", input={"id": 17}, output="no such order",
             level="ERROR", statusMessage="boom"),
    observed("j", "EVALUATOR", 4, name="judge", input=SECRET, output=SECRET),
    observed("g2", "GENERATION", 5, name="llm", parentObservationId="a", model="gpt-4o",
             input={"messages": [*ASKED, CALLED, ANSWERED]}, output={"role": "assistant", "content": "There is none."}),
]  # fmt: skip
SCORES = [
    {"id": name, "traceId": "t1", "name": name, "source": "EVAL", "dataType": kind, **value}
    for name, kind, value in (
        ("helpful", "NUMERIC", {"value": 0.5}),
        ("solved", "BOOLEAN", {"value": 0, "stringValue": "False"}),
        ("tone", "CATEGORICAL", {"stringValue": "calm"}),
        ("output", "CORRECTION", {"stringValue": SECRET}),
    )
]
EVENTS = [
    ("system.message", "Be kind."),
    ("user.message", "where is 17?"),
    ("agent.tool_use", ""),
    ("span.model_request_end", ""),
    ("agent.tool_result", "no such order"),
    ("agent.message", "There is none."),
]


def snake(row: dict[str, Any]) -> dict[str, Any]:
    names = {"".join(f"_{c.lower()}" if c.isupper() else c for c in name): value for name, value in row.items()}
    return {name: json.dumps(value) if isinstance(value, dict | list) else value for name, value in names.items()}


def table(rows: list[dict[str, Any]]) -> bytes:
    columns = list(dict.fromkeys(name for row in rows for name in row))
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, columns)
    writer.writeheader()
    writer.writerows(
        {name: json.dumps(v) if isinstance(v, dict | list) else v for name, v in row.items()} for row in rows
    )
    return text.getvalue().encode()


def encoded(*values: Any, indent: int | None = None) -> bytes:
    return b"\n".join(json.dumps(value, indent=indent).encode() for value in values)


WITH_COLUMNS = {**TRACE, "helpful": [0.5], "solved": [0], "tone": ["calm"]}
FORMS = {
    "one trace by the API": [encoded({**TRACE, "htmlPath": "/t1", "observations": OBSERVATIONS, "scores": SCORES})],
    "the same, indented": [
        encoded({**TRACE, "htmlPath": "/", "observations": OBSERVATIONS, "scores": SCORES}, indent=1)
    ],
    "lists by the API": [encoded({"data": rows, "meta": {"page": 1}}) for rows in ([TRACE], OBSERVATIONS, SCORES)],
    "a download of the interface": [encoded({"trace": {**TRACE, "scores": SCORES}, "observations": OBSERVATIONS})],
    "batch exports as lists": [encoded([WITH_COLUMNS]), encoded(OBSERVATIONS)],
    "batch exports as lines": [encoded(WITH_COLUMNS), encoded(*OBSERVATIONS)],
    "batch exports as tables": [table([WITH_COLUMNS]), table(OBSERVATIONS)],
    "exports to blob storage": [encoded(*map(snake, rows)) for rows in ([TRACE], OBSERVATIONS, SCORES)],
}


def imported(folder: Path, files: list[bytes]) -> tuple[list[Transcript], list[ImportProblem]]:
    for number, data in enumerate(files):
        (folder / f"{number}.export").write_bytes(data)
    items = list(read_records([folder], format=None))
    records = [item for item in items if isinstance(item, RawRecord)]
    assert {record.format for record in records} == {"langfuse"}
    return [parse_record(record, {}) for record in records], [i for i in items if isinstance(i, ImportProblem)]


@pytest.mark.parametrize("form", FORMS)
def test_every_form_gives_the_same_session(form: str, tmp_path: Path) -> None:
    ((transcript,), problems) = imported(tmp_path, FORMS[form])
    session = transcript.session
    assert problems == []
    assert (session.id, session.source, session.agent, session.agent_version) == ("conv", "langfuse", "desk-agent", "3")
    assert (session.model, session.task_id, session.user_id) == ("gpt-4o", "where", "u1")
    assert session.metadata == {"region": "eu", "tags": "prod", "trace_id": "t1", "tone": "calm"}
    assert [(event.type, text_of(event)) for event in transcript.events] == EVENTS
    assert set(transcript.scores) == {Score("helpful", 0.5), Score("solved", 0.0)}
    assert SECRET not in encode_line(transcript).decode()


def test_a_failed_tool_is_an_error_and_cached_tokens_are_counted_apart(tmp_path: Path) -> None:
    ((transcript,), _) = imported(tmp_path, FORMS["one trace by the API"])
    assert transcript.events[4].payload["is_error"] is True
    assert transcript.events[3].payload == {
        "model_usage": {
            "input_tokens": 4,
            "output_tokens": 2,
            "cache_creation_input_tokens": 0,
            "cache_read_input_tokens": 6,
        },
        "cost_usd": 0.5,
    }


def test_a_trace_without_generations_is_what_went_in_and_came_out(tmp_path: Path) -> None:
    rows = [
        {
            **TRACE,
            "sessionId": None,
            "observations": [observed("s", "SPAN", 1, name="step", input={"k": 1})],
            "scores": [],
        }
    ]
    ((transcript,), _) = imported(tmp_path, [encoded(*rows)])
    assert transcript.session.id == "t1"
    assert [(event.type, text_of(event)) for event in transcript.events] == [
        ("user.message", "where is 17?"),
        ("agent.message", "none"),
    ]


def test_traces_of_langfuses_own_evaluators_are_passed_over(tmp_path: Path) -> None:
    judged = {**TRACE, "environment": "langfuse-llm-as-a-judge", "observations": [], "scores": [], "htmlPath": "/"}
    (tmp_path / "a.json").write_bytes(encoded(judged))
    (notice,) = read_records([tmp_path], format=None)
    assert "no agent's work" in str(notice)


def test_a_row_that_is_none_of_langfuses_costs_itself(tmp_path: Path) -> None:
    transcripts, problems = imported(tmp_path, [encoded(TRACE, {"odd": 1}, *OBSERVATIONS)])
    assert [problem.line for problem in problems] == [2]
    assert [(event.type, text_of(event)) for event in transcripts[0].events] == EVENTS


@given(st.permutations([TRACE, *OBSERVATIONS, *SCORES]), st.integers(0, 9))
def test_order_and_repetition_of_rows_make_no_difference(rows: list[dict[str, Any]], again: int) -> None:
    lines = [{"data": [TRACE, *OBSERVATIONS, *SCORES], "meta": {}}, {"data": [*rows, rows[again]], "meta": {}}]
    told = [parse_record(RawRecord("f", 1, "langfuse", encoded(line)), {}) for line in lines]
    assert told[0] == told[1]
