"""Sessions of Gemini CLI: recorded ones, old and new, with their side agents, and saved ones."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reverie.errors import ImportFormatError
from reverie.sessions.event import text_of
from reverie.sessions.importers import ImportProblem, RawRecord, SkippedFile, parse_record, read_records
from reverie.sessions.session import Transcript

ABOUT = {"sessionId": "s-1", "projectHash": "p1", "startTime": "2026-01-02T03:04:00Z", "lastUpdated": "x"}


def at(second: int) -> str:
    return f"2026-01-02T03:04:{second:02}.000Z"


def user(name: str, second: int, text: str) -> dict[str, Any]:
    return {"id": name, "timestamp": at(second), "type": "user", "content": [{"text": text}]}


def model(name: str, second: int, text: str, **fields: Any) -> dict[str, Any]:
    return {"id": name, "timestamp": at(second), "type": "gemini", "content": text, "model": "gemini-9", **fields}


def call(name: str, response: dict[str, Any], status: str = "success", **fields: Any) -> dict[str, Any]:
    result = [{"functionResponse": {"id": f"c-{name}", "name": name, "response": response}}]
    return {"id": f"c-{name}", "name": name, "args": {"x": 1}, "result": result, "status": status, "timestamp": at(5),
            **fields}  # fmt: skip


TOKENS = {"input": 10, "output": 3, "cached": 4, "thoughts": 2, "tool": 0, "total": 15}
THOUGHTS = [{"subject": "Plan", "description": "look first", "timestamp": at(2)}]
LINES: list[dict[str, Any]] = [
    ABOUT,
    user("u0", 0, "<session_context>\nToday is Friday."),
    user("u1", 1, "What is here?"),
    {"$set": {"lastUpdated": at(1)}},
    model("g1", 3, "I look.", thoughts=THOUGHTS, tokens=TOKENS),
    model("g1", 3, "I look.", thoughts=THOUGHTS, tokens=TOKENS, toolCalls=[call("ls", {"output": "a.txt"}),
                                                                          call("cat", {"error": "no such"}, "error")]),
    model("g2", 6, "A file."),
]  # fmt: skip


def jsonl(lines: list[dict[str, Any]]) -> bytes:
    return b"".join(json.dumps(line).encode() + b"\n" for line in lines)


def parse(data: bytes, warnings: list[ImportProblem] | None = None) -> Transcript:
    return parse_record(RawRecord("f", 1, "gemini-cli", data), {}, warnings)


def told(transcript: Transcript) -> list[tuple[str | None, str, str]]:
    """Each event's thread and type, and what it says, after the tool's name."""
    return [
        (event.thread_id, event.type, event.payload.get("name", "") + text_of(event)) for event in transcript.events
    ]


EXPECTED = [
    (None, "system.message", "<session_context>\nToday is Friday."),
    (None, "user.message", "What is here?"),
    (None, "agent.thinking", "Plan\nlook first"),
    (None, "agent.message", "I look."),
    (None, "span.model_request_end", ""),
    (None, "agent.tool_use", "ls"),
    (None, "agent.tool_result", "lsa.txt"),
    (None, "agent.tool_use", "cat"),
    (None, "agent.tool_result", "catno such"),
    (None, "agent.message", "A file."),
]


def legacy() -> dict[str, Any]:
    messages = {line["id"]: line for line in LINES if "id" in line}
    return ABOUT | {"messages": list(messages.values())}


@pytest.mark.parametrize(
    "data",
    [jsonl(LINES), json.dumps(legacy(), indent=2).encode(), json.dumps(legacy()).encode()],
    ids=["lines", "one value", "one line"],
)
def test_a_session_is_told_once_with_calls_results_and_tokens(data: bytes) -> None:
    transcript = parse(data)
    assert told(transcript) == EXPECTED
    session = transcript.session
    assert (session.id, session.model, session.metadata) == ("s-1", "gemini-9", {"project": "p1"})
    assert [transcript.events[n].payload["is_error"] for n in (6, 8)] == [False, True]
    assert transcript.events[4].payload["model_usage"] == {
        "input_tokens": 6, "output_tokens": 5, "cache_creation_input_tokens": 0, "cache_read_input_tokens": 4
    }  # fmt: skip


@given(st.integers(0, len(jsonl(LINES))))
def test_a_file_cut_anywhere_tells_the_beginning_of_its_session(cut: int) -> None:
    try:
        beginning = told(parse(jsonl(LINES)[:cut]))
    except ImportFormatError:
        return
    assert EXPECTED[: len(beginning)] == beginning


def test_a_recording_in_one_value_that_breaks_off_keeps_its_whole_messages() -> None:
    data = json.dumps(legacy(), indent=2).encode()
    warnings: list[ImportProblem] = []
    transcript = parse(data[: data.index(b'"g2"')], warnings)
    assert (told(transcript), transcript.session.id) == (EXPECTED[:-1], "s-1")
    assert ["what came before is kept" in str(warning) for warning in warnings] == [True]


def test_what_the_user_went_back_from_is_a_thread_of_its_own() -> None:
    lines = [*LINES[:4], model("g1", 3, "Wrong."), {"$rewindTo": "g1"}, model("g2", 6, "Right.")]
    assert told(parse(jsonl(lines)))[2:] == [
        ("rewound-1", "agent.message", "Wrong."), (None, "agent.message", "Right.")
    ]  # fmt: skip


def test_a_broken_line_and_unknown_ones_cost_themselves() -> None:
    warnings: list[ImportProblem] = []
    data = jsonl(LINES[:3]) + b'{"id": "g\n' + jsonl([{"novel": 1}, {"id": "n", "type": "novel"}, *LINES[3:]])
    assert told(parse(data, warnings)) == EXPECTED
    assert [warning.line for warning in warnings] == [4, 1, 1]


def test_errors_and_stops_are_told_and_other_notes_are_not() -> None:
    notes = [("error", "quota"), ("info", "Request cancelled."), ("info", "Updated."), ("warning", "Slow.")]
    lines = [{"id": str(n), "type": kind, "timestamp": at(9), "content": text} for n, (kind, text) in enumerate(notes)]
    events = parse(jsonl([*LINES, *lines])).events[len(EXPECTED) :]
    assert [event.type for event in events] == ["session.error", "user.interrupt"]
    assert events[0].payload["error"]["message"] == "quota"


def test_a_side_agent_is_a_thread_of_its_session_after_the_call(tmp_path: Path) -> None:
    asked = call("investigator", {"output": "found"}, agentId="side-1")
    (tmp_path / "session-1.jsonl").write_bytes(jsonl([*LINES[:3], model("g1", 3, "", toolCalls=[asked])]))
    (tmp_path / "s-1").mkdir()
    side = [ABOUT | {"sessionId": "side-1", "kind": "subagent"}, user("a", 4, "investigate"), model("b", 4, "done")]
    (tmp_path / "s-1" / "side-1.jsonl").write_bytes(jsonl(side))
    (record,) = read_records([tmp_path], format=None)
    assert isinstance(record, RawRecord)
    assert told(parse_record(record, {}))[2:] == [
        (None, "agent.tool_use", "investigator"),
        (None, "session.thread_created", ""),
        ("investigator", "agent.thread_message_received", "investigate"),
        ("investigator", "agent.message", "done"),
        (None, "agent.tool_result", "investigatorfound"),
    ]
    (alone,) = read_records([tmp_path / "s-1"], format=None)
    assert isinstance(alone, RawRecord)
    assert parse_record(alone, {}).session.metadata["part_of"] == "s-1"


HISTORY = [
    {"role": "user", "parts": [{"text": "What is here?"}]},
    {"role": "model", "parts": [{"functionCall": {"name": "ls", "args": {}}}]},
    {"role": "user", "parts": [{"functionResponse": {"name": "ls", "response": {"output": "a.txt"}}}]},
    {"role": "model", "parts": [{"text": "A file."}]},
]


@pytest.mark.parametrize("saved", [HISTORY, {"history": HISTORY, "authType": "oauth"}], ids=["list", "object"])
def test_a_saved_chat_is_a_session(saved: Any, tmp_path: Path) -> None:
    (tmp_path / "checkpoint-x.json").write_text(json.dumps(saved, indent=2))
    (record,) = read_records([tmp_path], format=None)
    assert isinstance(record, RawRecord)
    assert [line[1:] for line in told(parse_record(record, {}))] == [
        ("user.message", "What is here?"), ("agent.tool_use", "ls"), ("agent.tool_result", 'ls{"output":"a.txt"}'),
        ("agent.message", "A file."),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("held", "reason"),
    [
        ([{"sessionId": "s", "messageId": 0, "type": "user", "message": "hi", "timestamp": at(1)}], "what users typed"),
        ({"history": [], "clientHistory": HISTORY, "toolCall": {"name": "edit"}}, "a state to restore"),
        (ABOUT | {"messages": []}, "nothing is said"),
    ],
)
def test_files_that_are_no_session_are_passed_over(held: Any, reason: str, tmp_path: Path) -> None:
    (tmp_path / "logs.json").write_text(json.dumps(held, indent=2))
    (notice,) = read_records([tmp_path], format=None)
    assert isinstance(notice, SkippedFile)
    assert reason in notice.reason
