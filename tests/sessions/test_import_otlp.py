"""Spans of OpenTelemetry in both vocabularies, old and new forms, as sessions."""

import base64
import gzip
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from reverie.errors import ImportFormatError
from reverie.sessions.event import text_of
from reverie.sessions.importers import ImportProblem, RawRecord, SkippedFile, parse_record, read_records
from reverie.sessions.session import Score, Transcript
from tests.sessions.otlp_spans import BEGIN, TRACE, answers, asks, attributes, chat, desk, request, span, text


def parse(*spans: dict[str, Any], warnings: list[ImportProblem] | None = None) -> Transcript:
    record = RawRecord("f", 1, "otlp", json.dumps(request(spans)).encode())
    return parse_record(record, {}, warnings)


def told(transcript: Transcript) -> list[tuple[str, str]]:
    """Each event's type, and what it says, after the tool's name."""
    return [(event.type, event.payload.get("name", "") + text_of(event)) for event in transcript.events]


def test_a_conversation_is_told_once_with_its_tools_and_its_agents(tmp_path: Path) -> None:
    (tmp_path / "traces.json.gz").write_bytes(gzip.compress(json.dumps(request(desk())).encode()))
    (record,) = (item for item in read_records([tmp_path], format=None) if isinstance(item, RawRecord))
    transcript = parse_record(record, {})
    session = transcript.session
    assert (session.id, session.source, session.agent, session.model) == ("conv-1", "otlp", "desk", "m-1")
    assert [(event.thread_id, *line) for event, line in zip(transcript.events, told(transcript), strict=True)
            if event.type != "span.model_request_end"] == [
        (None, "user.message", "Where is order 17?"),
        (None, "agent.tool_use", "find_order"),
        (None, "agent.tool_result", "find_ordershipped"),
        (None, "agent.tool_use", "ask_courier"),
        (None, "session.thread_created", ""),
        ("courier", "agent.thread_message_received", "When does 17 come?"),
        ("courier", "agent.message", "tomorrow"),
        (None, "agent.tool_result", "ask_couriertomorrow"),
        (None, "agent.message", "It has been shipped."),
        (None, "user.message", "Thanks"),
        (None, "agent.message", "Bye"),
    ]  # fmt: skip
    created = next(event for event in transcript.events if event.type == "session.thread_created")
    called = {event.payload.get("tool_use_id") for event in transcript.events if "ask_courier" in str(event.payload)}
    assert created.payload["tool_use_id"] in called
    assert [str(event.at)[17:23] for event in transcript.events[:2]] == ["05.100", "06+00:"]


def test_messages_as_span_events_are_read() -> None:
    call = json.dumps([{"id": "c1", "type": "function", "function": {"name": "look", "arguments": '{"at": 1}'}}])
    events: list[tuple[str, float, dict[str, Any]]] = [
        ("gen_ai.system.message", 1, {"content": "Be kind."}),
        ("gen_ai.user.message", 1, {"content": "hello"}),
        ("gen_ai.assistant.message", 1, {"tool_calls": call}),
        ("gen_ai.tool.message", 1, {"id": "c1", "content": "nothing"}),
        ("gen_ai.choice", 2, {"index": 0, "message": '{"role": "assistant", "content": "hi"}'}),
    ]
    transcript = parse(span(1, 1, 2, {"gen_ai.operation.name": "chat"}, events=events))
    assert told(transcript) == [
        ("system.message", "Be kind."),
        ("user.message", "hello"),
        ("agent.tool_use", "look"),
        ("agent.tool_result", "looknothing"),
        ("agent.message", "hi"),
    ]
    assert transcript.events[2].payload["input"] == {"at": 1}


def test_log_records_that_name_a_span_are_its_events(tmp_path: Path) -> None:
    def record(name: str, body: dict[str, Any]) -> dict[str, Any]:
        held = {"kvlistValue": {"values": attributes(body)}}
        return {"traceId": TRACE, "spanId": f"{1:016x}", "eventName": name, "timeUnixNano": str(BEGIN), "body": held}

    spoken = [
        record("gen_ai.choice", {"message": {"content": "hi"}}),
        record("gen_ai.user.message", {"content": "hello"}),
    ]
    logs = {"resourceLogs": [{"scopeLogs": [{"logRecords": spoken}]}]}
    (tmp_path / "a.json").write_text(json.dumps(logs))
    (tmp_path / "b.json").write_text(json.dumps(request([span(1, 0, 1, {"gen_ai.operation.name": "chat"})])))
    (read,) = read_records([tmp_path], format=None)
    assert isinstance(read, RawRecord)
    assert told(parse_record(read, {})) == [("user.message", "hello"), ("agent.message", "hi")]


OPENINFERENCE: dict[str, Any] = {
    "openinference.span.kind": "LLM",
    "session.id": "s-1",
    "user.id": "u-1",
    "metadata": '{"task_id": "t-1", "region": "eu"}',
    "llm.model_name": "m-2",
    "llm.token_count.prompt": 12,
    "llm.token_count.prompt_details.cache_read": 8,
    "llm.token_count.completion": 3,
    "llm.input_messages.0.message.role": "system",
    "llm.input_messages.0.message.content": "Be kind.",
    "llm.input_messages.1.message.role": "user",
    "llm.input_messages.1.message.contents.0.message_content.type": "text",
    "llm.input_messages.1.message.contents.0.message_content.text": "hello",
    "llm.output_messages.0.message.role": "assistant",
    "llm.output_messages.0.message.tool_calls.0.tool_call.id": "c1",
    "llm.output_messages.0.message.tool_calls.0.tool_call.function.name": "look",
    "llm.output_messages.0.message.tool_calls.0.tool_call.function.arguments": '{"at": 1}',
}


def test_openinference_is_read() -> None:
    agent = {"openinference.span.kind": "AGENT", "agent.name": "guide", "input.value": "hello", "output.value": "hi"}
    tool = {"openinference.span.kind": "TOOL", "tool.name": "look", "input.value": '{"at": 1}', "output.value": "sea"}
    transcript = parse(span(1, 0, 9, agent), span(2, 1, 2, OPENINFERENCE, parent=1), span(3, 3, 4, tool, parent=1))
    session = transcript.session
    assert (session.id, session.user_id, session.task_id, session.agent) == ("s-1", "u-1", "t-1", "guide")
    assert (session.model, session.metadata["region"], session.metadata["service"]) == ("m-2", "eu", "shop")
    assert told(transcript) == [
        ("system.message", "Be kind."),
        ("user.message", "hello"),
        ("agent.tool_use", "look"),
        ("span.model_request_end", ""),
        ("agent.tool_result", "looksea"),
    ]
    usage = transcript.events[3].payload["model_usage"]
    assert (usage["input_tokens"], usage["cache_read_input_tokens"], usage["output_tokens"]) == (4, 8, 3)


def test_where_no_model_call_holds_messages_the_outermost_agent_speaks() -> None:
    agent = {"openinference.span.kind": "AGENT", "input.value": "hello", "output.value": "hi"}
    inner = {"openinference.span.kind": "CHAIN", "input.value": "hello!", "output.value": "hi!"}
    assert told(parse(span(1, 0, 9, agent), span(2, 1, 8, inner, parent=1))) == [
        ("user.message", "hello"),
        ("agent.message", "hi"),
    ]


def test_a_tool_message_as_langchain_dumps_it_is_the_result_and_names_its_call() -> None:
    message = {"content": "no such sea", "type": "tool", "tool_call_id": "c1", "status": "error"}
    tool = {"openinference.span.kind": "TOOL", "tool.name": "look", "output.value": json.dumps({"data": message})}
    transcript = parse(span(2, 1, 2, OPENINFERENCE), span(3, 3, 4, tool))
    result = transcript.events[-1]
    assert (result.type, text_of(result), result.payload["is_error"]) == ("agent.tool_result", "no such sea", True)
    assert transcript.events[2].payload["name"] == "look"


def test_metadata_of_a_step_is_not_the_sessions() -> None:
    first, second = (OPENINFERENCE | {"metadata": json.dumps({"step": n, "region": "eu"})} for n in (1, 2))
    metadata = parse(span(1, 1, 2, first), span(2, 3, 4, second)).session.metadata
    assert (metadata.get("step"), metadata["region"]) == (None, "eu")


def test_prompts_that_are_numbered_attributes_are_read() -> None:
    given = {
        "gen_ai.request.model": "m",
        "gen_ai.prompt.0.role": "user",
        "gen_ai.prompt.0.content": "hello",
        "gen_ai.completion.0.role": "assistant",
        "gen_ai.completion.0.tool_calls.0.id": "c1",
        "gen_ai.completion.0.tool_calls.0.name": "look",
        "gen_ai.completion.0.tool_calls.0.arguments": '{"at": 1}',
    }
    assert told(parse(span(1, 0, 1, given))) == [("user.message", "hello"), ("agent.tool_use", "look")]


def test_evaluations_become_scores_and_their_explanations_do_not() -> None:
    def evaluated(name: str, told: dict[str, Any]) -> tuple[str, float, dict[str, Any]]:
        explained = {"gen_ai.evaluation.name": name, "gen_ai.evaluation.explanation": "gold is 7"}
        return "gen_ai.evaluation.result", 3, explained | told

    events = [
        evaluated("relevance", {"gen_ai.evaluation.score.value": 0.5, "gen_ai.evaluation.score.label": "so-so"}),
        evaluated("verdict", {"gen_ai.evaluation.score.label": "pass"}),
    ]
    transcript = parse(chat(1, 1, 2, [text("user", "hello")], [text("assistant", "hi")], events=events))
    assert transcript.scores == (Score("relevance", 0.5),)
    assert transcript.session.metadata["verdict"] == "pass"
    assert "gold" not in str(transcript)


def test_what_evaluators_and_guardrails_say_is_left_out() -> None:
    warnings: list[ImportProblem] = []
    judge = span(2, 3, 9, {"openinference.span.kind": "EVALUATOR"})
    judged = chat(3, 4, 5, [text("user", "Is 7 right?")], [text("assistant", "yes")], parent=2)
    transcript = parse(chat(1, 1, 2, [text("user", "hello")], []), judge, judged, warnings=warnings)
    assert told(transcript) == [("user.message", "hello")]
    assert [problem.reason for problem in warnings] == ["2 spans of evaluators and guardrails are left out"]


def test_errors_are_marked_on_the_result_of_a_tool_and_as_errors_of_the_model() -> None:
    tool = {"gen_ai.operation.name": "execute_tool", "gen_ai.tool.name": "look", "gen_ai.tool.call.id": "c1"}
    raised = [("exception", 3.5, {"exception.type": "OSError", "exception.message": "gone"})]
    agent = {"gen_ai.operation.name": "invoke_agent", "gen_ai.agent.name": "desk"}
    transcript = parse(
        span(9, 0, 9, agent, error="overloaded"),
        chat(1, 1, 2, [text("user", "hello")], [asks("c1", "look", {})], parent=9),
        span(2, 3, 4, tool, parent=9, events=raised),
        chat(
            3, 5, 6, [text("user", "hello"), asks("c1", "look", {}), answers("c1", "gone")], [], parent=9, error="busy"
        ),
    )
    assert told(transcript)[2:] == [("agent.tool_result", "lookOSError: gone"), ("session.error", "")]
    assert transcript.events[2].payload["is_error"] is True
    error = transcript.events[3].payload["error"]
    assert (error["message"], error["retry_status"]) == ("busy", {"type": "exhausted"})


def test_names_of_the_proto_files_ids_in_base64_and_plain_numbers_are_read() -> None:
    given = chat(1, 1, 2, [text("user", "hello")], [])
    renamed = {
        "trace_id": base64.b64encode(bytes.fromhex(TRACE)).decode(),
        "span_id": base64.b64encode(bytes.fromhex(given["spanId"])).decode(),
        "start_time_unix_nano": int(given["startTimeUnixNano"]),
        "attributes": [
            {"key": pair["key"], "value": {"string_value": pair["value"]["stringValue"]}}
            for pair in given["attributes"]
        ],
    }
    data = json.dumps({"resource_spans": [{"scope_spans": [{"spans": [renamed]}]}]}).encode()
    transcript = parse_record(RawRecord("f", 1, "otlp", data), {})
    assert (transcript.session.id, told(transcript)) == (TRACE, [("user.message", "hello")])


@pytest.mark.parametrize(
    ("spans", "reason"),
    [
        ([span(1, 1, 2, {"gen_ai.operation.name": "chat"})], "no span holds a message"),
        ([span(1, 1, 2, {"gen_ai.operation.name": "chat", "gen_ai.usage.input_tokens": 9})], "was content recorded"),
        ([span(1, 1, 2, {"http.route": "/"})], "holds 0 sessions"),
        ([{"name": "no ids"}], "holds 0 sessions"),
    ],
)
def test_a_trace_in_which_nothing_is_said_is_told_of(spans: Sequence[dict[str, Any]], reason: str) -> None:
    with pytest.raises(ImportFormatError, match=reason):
        parse(*spans)


def test_what_cannot_be_read_costs_itself_alone(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    good = request([chat(1, 1, 2, [text("user", "hello")], []), {"name": "no ids"}])
    other = request([span(7, 1, 2, {"http.route": "/"}, trace="2" * 32)])
    path.write_text("\n".join((json.dumps(good), '{"resourceSpans": 7}', json.dumps(other))))
    odd, problem, record, rest = read_records([path], format=None)
    assert str(problem) == f"{path}:2: there is neither resourceSpans nor resourceLogs with a list in it"
    assert isinstance(record, RawRecord)
    assert str(odd) == f"{path}: a span has no traceId or no spanId; 1 such in request 1 are left out"
    assert rest == SkippedFile(str(path), "1 traces, of this and the files after it, are no agent's work")
