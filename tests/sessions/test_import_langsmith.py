"""Runs of LangSmith with their feedback, as its SDK, its API and its interface export them."""

import csv
import io
import json
from pathlib import Path
from typing import Any

import pytest

from reverie.sessions.event import text_of
from reverie.sessions.importers import ImportProblem, RawRecord, encode_line, parse_record, read_records
from reverie.sessions.session import Score, Transcript

SECRET = "SENTINEL"


def dumped(kind: str, **fields: Any) -> dict[str, Any]:
    """A message as LangChain dumps it."""
    return {"lc": 1, "type": "constructor", "id": ["langchain", "schema", "messages", kind], "kwargs": fields}


def run(id: str, kind: str, second: int, **fields: Any) -> dict[str, Any]:
    times = {"start_time": f"2026-03-01T10:00:{second:02}", "end_time": f"2026-03-01T10:00:{second:02}.500000"}
    known = {"id": id, "trace_id": "r", "parent_run_id": "r", "name": id, "run_type": kind, "error": None, **times}
    return {**known, "inputs": {}, "outputs": {}, "extra": {"metadata": {"thread_id": "th"}}, **fields}


def generated(message: dict[str, Any]) -> dict[str, Any]:
    return {"generations": [[{"text": "", "type": "ChatGeneration", "message": message}]], "llm_output": None}


CALLS = [{"name": "find_order", "args": {"id": 17}, "id": "c1", "type": "tool_call"}]
USAGE = {"input_tokens": 10, "output_tokens": 2, "total_tokens": 12, "input_token_details": {"cache_read": 4}}
ASKED = [dumped("SystemMessage", content="Be kind."), dumped("HumanMessage", content="where is 17?")]
CALLED = dumped("AIMessage", content="", tool_calls=CALLS, usage_metadata=USAGE)
ANSWERED = dumped("ToolMessage", content="Error: none", tool_call_id="c1", status="error")
TOOL_OUTPUT = {"output": {"content": "Error: none", "type": "tool", "tool_call_id": "c1", "status": "error"}}
MODEL = {"metadata": {"thread_id": "th", "ls_model_name": "gpt-4o"}}
METADATA = {"thread_id": "th", "user_id": "u1", "region": "eu", "ls_integration": "x", "expected_output": SECRET}
RUNS = [
    run("r", "chain", 1, parent_run_id=None, name="desk", inputs={"messages": [["user", "where is 17?"]]},
        reference_example_id="ex-1", extra={"metadata": METADATA}, tags=["nightly"],
        feedback_stats={"helpful": {"n": 2, "avg": 0.5}, "tone": {"n": 1, "avg": None, "values": {"calm": 1}}}),
    run("l1", "llm", 2, inputs={"messages": [ASKED]}, outputs=generated(CALLED), extra=MODEL, total_cost=0.25),
    run("find_order", "tool", 3, inputs={"input": "{'id': 17}"}, outputs=TOOL_OUTPUT),
    run("p", "parser", 4, inputs={"input": SECRET}),
    run("l2", "llm", 5, inputs={"messages": [[*ASKED, CALLED, ANSWERED]]},
        outputs=generated(dumped("AIMessage", content="There is none.")), extra=MODEL),
]  # fmt: skip
FEEDBACK: list[dict[str, Any]] = [
    {"id": "f1", "run_id": "r", "trace_id": "r", "key": "solved", "score": 1, "value": None, "correction": None},
    {"id": "f2", "run_id": "r", "trace_id": "r", "key": "note", "score": None, "value": None, "comment": SECRET},
    {"id": "f3", "run_id": "r", "trace_id": "r", "key": "fix", "score": None, "value": None, "correction": SECRET},
]  # fmt: skip
EVENTS = [
    ("system.message", "Be kind."),
    ("user.message", "where is 17?"),
    ("agent.tool_use", ""),
    ("span.model_request_end", ""),
    ("agent.tool_result", "Error: none"),
    ("agent.message", "There is none."),
]


def encoded(*values: Any) -> bytes:
    return b"\n".join(json.dumps(value).encode() for value in values)


def table(rows: list[dict[str, Any]]) -> bytes:
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, list(dict.fromkeys(name for row in rows for name in row)))
    writer.writeheader()
    held = [{name: json.dumps(v) if isinstance(v, dict | list) else v for name, v in row.items()} for row in rows]
    writer.writerows(held)
    return text.getvalue().encode()


NESTED = {**RUNS[0], "child_runs": RUNS[1:]}
FORMS = {
    "lines": [encoded(*RUNS), encoded(*FEEDBACK)],
    "lists": [encoded(RUNS), encoded(FEEDBACK)],
    "a run with the runs below it": [encoded(NESTED), encoded(*FEEDBACK)],
    "an answer of the API": [encoded({"runs": RUNS, "cursors": {}}), encoded(*FEEDBACK)],
    "a table": [table(RUNS), table(FEEDBACK)],
}


def imported(folder: Path, files: list[bytes]) -> tuple[list[Transcript], list[ImportProblem]]:
    for number, data in enumerate(files):
        (folder / f"{number}.export").write_bytes(data)
    items = list(read_records([folder], format=None))
    records = [item for item in items if isinstance(item, RawRecord)]
    assert {record.format for record in records} == {"langsmith"}
    return [parse_record(record, {}) for record in records], [i for i in items if isinstance(i, ImportProblem)]


@pytest.mark.parametrize("form", FORMS)
def test_every_form_gives_the_same_session(form: str, tmp_path: Path) -> None:
    ((transcript,), problems) = imported(tmp_path, FORMS[form])
    session = transcript.session
    assert problems == []
    assert (session.id, session.source, session.agent, session.model) == ("th", "langsmith", "desk", "gpt-4o")
    assert (session.task_id, session.user_id) == ("ex-1", "u1")
    assert session.metadata == {"region": "eu", "tags": "nightly", "trace_id": "r", "tone": "calm"}
    assert [(event.type, text_of(event)) for event in transcript.events] == EVENTS
    assert set(transcript.scores) == {Score("helpful", 0.5), Score("solved", 1.0)}
    assert SECRET not in encode_line(transcript).decode()


def test_a_tools_own_word_on_its_failure_and_the_tokens_are_kept(tmp_path: Path) -> None:
    ((transcript,), _) = imported(tmp_path, FORMS["lines"])
    call, usage, result = (transcript.events[place].payload for place in (2, 3, 4))
    assert (call["name"], call["input"], call["tool_call_id"]) == ("find_order", {"id": 17}, "c1")
    assert usage["model_usage"]["input_tokens"] == 6
    assert usage["model_usage"]["cache_read_input_tokens"] == 4
    assert usage["cost_usd"] == 0.25
    assert result["is_error"] is True


def test_a_run_that_raised_tells_what_and_not_its_traceback(tmp_path: Path) -> None:
    error = f"ValueError('no such order')Traceback (most recent call last):\n  x = '{SECRET}'\nValueError: no"
    failed = run("find_order", "tool", 3, error=error, outputs=None, inputs={"id": 17})
    ((transcript,), _) = imported(tmp_path, [encoded(*RUNS[:2], failed)])
    result = transcript.events[-1]
    assert (text_of(result), result.payload["is_error"]) == ("ValueError('no such order')", True)


def test_plain_functions_that_were_traced_are_read(tmp_path: Path) -> None:
    answer = {"choices": [{"message": {"role": "assistant", "content": "Hello."}}], "usage": {"prompt_tokens": 3}}
    runs = [
        run("r", "chain", 1, parent_run_id=None, inputs={"question": "hi"}, outputs={"output": "Hello."}, extra={}),
        run("call", "llm", 2, inputs={"messages": [{"role": "user", "content": "hi"}]}, outputs=answer, extra={}),
    ]
    ((transcript,), _) = imported(tmp_path, [encoded(*runs)])
    assert transcript.session.id == "r"
    assert [(event.type, text_of(event)) for event in transcript.events][:2] == [
        ("user.message", "hi"),
        ("agent.message", "Hello."),
    ]


def test_a_row_that_is_none_of_langsmiths_costs_itself(tmp_path: Path) -> None:
    transcripts, problems = imported(tmp_path, [encoded(RUNS[0], {"odd": 1}, *RUNS[1:])])
    assert [problem.line for problem in problems] == [2]
    assert [(event.type, text_of(event)) for event in transcripts[0].events] == EVENTS
