"""Traces of the OpenAI Agents SDK, as its exporters send them, processors write them and the console shows them."""

import json
from pathlib import Path
from typing import Any

import pytest

from reverie.ids import event_id
from reverie.sessions.event import text_of
from reverie.sessions.importers import RawRecord, parse_record, read_records
from reverie.sessions.session import Transcript


def span(id: str, second: int, parent: str | None, error: Any = None, **data: Any) -> dict[str, Any]:
    times = {"started_at": f"2026-03-01T10:00:{second:02}+00:00", "ended_at": f"2026-03-01T10:00:{second:02}.9+00:00"}
    known = {"object": "trace.span", "id": id, "trace_id": "trace_1", "parent_id": parent}
    return {**known, **times, "span_data": data, "error": error}


TRACE = {
    "object": "trace",
    "id": "trace_1",
    "workflow_name": "desk flow",
    "group_id": "g1",
    "metadata": {"task_id": "t"},
}
ASKED = [{"role": "system", "content": "Be kind."}, {"role": "user", "content": "where is 17?"}]
CALL = {"id": "c1", "type": "function", "function": {"name": "ask_clerk", "arguments": '{"input": "17?"}'}}
CALLED = {"role": "assistant", "content": None, "tool_calls": [CALL]}
ANSWERED = {"role": "tool", "tool_call_id": "c1", "content": "none"}
FAILED = {"message": "Error running tool", "data": {"tool_name": "find", "error": "no such order"}}
SPANS = [
    span("a", 1, None, type="agent", name="Desk", tools=["ask_clerk"]),
    span("g", 2, "a", type="guardrail", name="polite", triggered=False),
    span("m1", 3, "a", type="generation", input=ASKED, output=[CALLED], model="gpt-4o",
         usage={"input_tokens": 10, "output_tokens": 2}),
    span("f1", 4, "a", type="function", name="ask_clerk", input='{"input": "17?"}', output="none"),
    span("b", 5, "f1", type="agent", name="Clerk"),
    span("m2", 6, "b", type="generation", input=[{"role": "user", "content": "17?"}],
         output=[{"role": "assistant", "content": "none"}], model="gpt-4o"),
    span("f2", 7, "b", FAILED, type="function", name="find", input="{}", output=None),
    span("m3", 8, "a", type="generation", input=[*ASKED, CALLED, ANSWERED],
         output=[{"role": "assistant", "content": "There is none."}], model="gpt-4o"),
    span("t", 1, None, type="custom", name="task", data={"usage": {"input_tokens": 10}}),
]  # fmt: skip
SHOWN = [
    f"[Exporter] Export trace_id={TRACE['id']}, name=desk flow",
    *(f"[Exporter] Export span: {one}" for one in SPANS),
]
FORMS = {
    "lines, spans as they end": "\n".join(json.dumps(row) for row in (*reversed(SPANS), TRACE)),
    "what is sent": json.dumps({"data": [TRACE, *SPANS]}),
    "a list": json.dumps([TRACE, *SPANS], indent=1),
    "a trace with its spans": json.dumps({**TRACE, "spans": SPANS}),
}


def imported(folder: Path, text: str) -> Transcript:
    (folder / "a.log").write_text(text)
    (record,) = read_records([folder], format=None)
    assert isinstance(record, RawRecord)
    assert record.format == "openai-agents"
    return parse_record(record, {})


@pytest.mark.parametrize("form", FORMS)
def test_every_form_gives_the_same_session(form: str, tmp_path: Path) -> None:
    transcript = imported(tmp_path, FORMS[form])
    session = transcript.session
    assert (session.id, session.agent, session.model, session.task_id) == ("g1", "Desk", "gpt-4o", "t")
    assert [(event.type, event.thread_id, text_of(event)) for event in transcript.events] == [
        ("system.message", None, "Be kind."),
        ("user.message", None, "where is 17?"),
        ("agent.tool_use", None, ""),
        ("span.model_request_end", None, ""),
        ("agent.tool_result", None, "none"),
        ("session.thread_created", None, ""),
        ("agent.thread_message_received", "Clerk", "17?"),
        ("agent.message", "Clerk", "none"),
        ("agent.tool_use", "Clerk", ""),
        ("agent.tool_result", "Clerk", "Error running tool: no such order"),
        ("agent.message", None, "There is none."),
    ]


def test_what_the_console_showed_is_read_as_far_as_it_tells(tmp_path: Path) -> None:
    session = imported(tmp_path, "\n".join(["INFO starting", *SHOWN, "bye"])).session
    assert (session.id, session.agent, session.model) == ("trace_1", "Desk", "gpt-4o")


def test_a_thread_names_the_call_that_began_it_and_a_failed_tool_is_an_error(tmp_path: Path) -> None:
    events = imported(tmp_path, FORMS["a list"]).events
    assert events[5].payload["tool_use_id"] == event_id("g1", 2)
    assert events[9].payload["is_error"] is True


def test_what_a_processor_writes_beside_a_response_is_read(tmp_path: Path) -> None:
    item = {"type": "function_call", "call_id": "c", "name": "find", "arguments": '{"id": 17}'}
    answer = {"instructions": "Be kind.", "model": "gpt-5.1", "output": [item]}
    usage = {"input_tokens": 10, "output_tokens": 2, "input_tokens_details": {"cached_tokens": 4}}
    rows = [span("r", 1, None, type="response", input="where is 17?", response=answer, usage=usage)]
    transcript = imported(tmp_path, "\n".join(json.dumps(row) for row in rows))
    assert [event.type for event in transcript.events] == [
        "system.message", "user.message", "agent.tool_use", "span.model_request_end"
    ]  # fmt: skip
    assert transcript.events[3].payload["model_usage"]["input_tokens"] == 6


def test_a_response_of_which_nothing_was_exported_tells_its_tokens_alone(tmp_path: Path) -> None:
    rows = [
        span("r", 1, None, type="response", response_id="resp_1", usage={"input_tokens": 10, "output_tokens": 2}),
        span("f", 2, None, type="function", name="find", input="{}", output="none"),
    ]
    events = imported(tmp_path, "\n".join(json.dumps(row) for row in rows)).events
    assert [event.type for event in events] == ["span.model_request_end", "agent.tool_use", "agent.tool_result"]


@pytest.mark.parametrize("identity", ["another", None])
def test_a_trace_whose_spans_are_not_there_is_nobody_s_session(identity: str | None, tmp_path: Path) -> None:
    rows = [{**TRACE, "id": identity}, *SPANS]
    (tmp_path / "a.jsonl").write_text("\n".join(json.dumps(row) for row in rows))
    records = [item for item in read_records([tmp_path], format=None) if isinstance(item, RawRecord)]
    assert [len(parse_record(one, {}).events) > 0 for one in records] == [True]
