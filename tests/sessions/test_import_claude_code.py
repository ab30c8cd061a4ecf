"""Session files of Claude Code."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from reverie.errors import ImportFormatError
from reverie.ids import event_id
from reverie.sessions.event import text_of
from reverie.sessions.importers import RawRecord, parse_record
from reverie.sessions.session import Transcript


def parse(*lines: Any, stem: str = "file") -> Transcript:
    data = b"\n".join(json.dumps(line).encode() for line in lines)
    return parse_record(RawRecord("f", 1, "claude-code", data, {"stem": stem}), {})


def line(role: str, content: Any, **fields: Any) -> dict[str, Any]:
    message = {"role": role, "content": content, **fields.pop("message", {})}
    return {"type": role, "sessionId": "s-1", "message": message, **fields}


def reply(block: dict[str, Any], tokens: int, **fields: Any) -> dict[str, Any]:
    usage = {"input_tokens": 5, "output_tokens": tokens, "cache_read_input_tokens": 2}
    return line("assistant", [block], message={"id": "msg_1", "model": "claude-x", "usage": usage}, **fields)


THOUGHT = {"type": "thinking", "thinking": "hmm", "signature": "xyz"}
TEXT = {"type": "text", "text": "done"}
USE = {"type": "tool_use", "id": "toolu_1", "name": "mcp__shop__find", "input": {"q": 1}}
RESULT = {
    "type": "tool_result",
    "tool_use_id": "toolu_1",
    "content": [{"type": "text", "text": "no"}],
    "is_error": True,
}


def kinds(transcript: Transcript) -> list[str]:
    return [event.type for event in transcript.events]


def test_blocks_become_events_and_a_replys_usage_counts_once() -> None:
    transcript = parse(
        line("user", "find it"),
        reply(THOUGHT, 1),
        reply(USE, 9),
        line("user", [RESULT], toolUseResult={"copy": "of the result"}),
        reply(TEXT, 4),
    )
    assert kinds(transcript) == [
        "user.message",
        "agent.thinking",
        "agent.tool_use",
        "agent.tool_result",
        "agent.message",
        "span.model_request_end",
    ]
    use, result, usage = (transcript.events[position].payload for position in (2, 3, 5))
    assert use == {"name": "mcp__shop__find", "input": {"q": 1}, "tool_call_id": "toolu_1"}
    assert result == {
        "tool_use_id": event_id("s-1", 2),
        "content": [{"type": "text", "text": "no"}],
        "is_error": True,
        "name": "mcp__shop__find",
    }
    assert usage["model_usage"]["output_tokens"] == 9


def test_the_session_takes_its_fields_from_the_lines() -> None:
    setting = {"type": "agent-setting", "agentSetting": "shop-agent", "sessionId": "s-1"}
    place = {"cwd": "/home/someone/shop", "gitBranch": "main", "version": "2.1.80"}
    first = line("user", "hi", timestamp="2026-03-20T10:54:00.189Z", **place)
    transcript = parse(setting, first, reply(TEXT, 1, timestamp="2026-03-20T10:55:00Z"))
    session = transcript.session
    assert (session.id, session.agent, session.agent_version) == ("s-1", "shop-agent", "2.1.80")
    assert (session.model, session.metadata) == ("claude-x", {"cwd": "shop", "git_branch": "main"})
    assert session.started_at == datetime(2026, 3, 20, 10, 54, 0, 189_000, UTC) == transcript.events[0].at
    assert session.ended_at == datetime(2026, 3, 20, 10, 55, 0, 0, UTC)
    assert parse(line("user", "hi", cwd="C:\\work\\shop\\")).session.metadata == {"cwd": "shop"}


def test_lines_that_keep_books_are_no_part_of_the_conversation() -> None:
    transcript = parse(
        {"type": "summary", "summary": "x"},
        {"type": "queue-operation", "sessionId": "s-1", "content": "hello"},
        {"type": "system", "subtype": "turn_duration", "content": "x", "sessionId": "s-1"},
        {"type": "attachment", "attachment": {"type": "task_reminder", "content": []}, "sessionId": "s-1"},
        line("assistant", "No response requested.", message={"model": "<synthetic>"}),
        line("user", "hello"),
        line("assistant", [{"type": "redacted_thinking", "data": "x"}, {"type": "thinking", "thinking": ""}]),
    )
    assert [text_of(event) for event in transcript.events] == ["hello"]


def test_side_agents_have_their_own_threads() -> None:
    transcript = parse(
        line("user", "hi"),
        line("user", "search", isSidechain=True, agentId="a7"),
        line("assistant", "found", isSidechain=True),
    )
    told = [event for event in transcript.events if event.type != "session.thread_created"]
    assert [event.thread_id for event in told] == [None, "a7", "sidechain"]


def test_a_side_agents_own_file_is_a_session_of_its_own_and_says_what_it_is_part_of() -> None:
    session = parse(line("user", "search", isSidechain=True, agentId="a7")).session
    assert (session.id, session.metadata) == ("s-1:a7", {"part_of": "s-1", "agent_id": "a7"})


def test_the_file_name_decides_between_several_session_ids() -> None:
    lines = [line("user", "hi"), {**line("user", "again"), "sessionId": "s-2"}]
    assert parse(*lines, stem="s-2").session.id == "s-2"
    assert parse(*lines, stem="copy").session.id == "s-1"


def test_a_repeated_line_counts_once() -> None:
    assert kinds(parse(line("user", "hi", uuid="u1"), line("user", "hi", uuid="u1"))) == ["user.message"]


def test_errors_of_the_model_and_interruptions_are_events() -> None:
    transcript = parse(
        {"type": "system", "subtype": "api_error", "error": {"status": 529}, "sessionId": "s-1"},
        line("assistant", [{"type": "text", "text": "API Error: 500"}], isApiErrorMessage=True),
        line("user", [{"type": "text", "text": "[Request interrupted by user for tool use]"}]),
    )
    assert kinds(transcript) == ["session.error", "session.error", "user.interrupt"]
    errors = [event.payload["error"] for event in transcript.events[:2]]
    assert [(error["message"], error["retry_status"]["type"]) for error in errors] == [
        ('{"status":529}', "retrying"),
        ("API Error: 500", "exhausted"),
    ]


def test_a_file_without_conversation_is_refused() -> None:
    with pytest.raises(ImportFormatError, match="no line holds a message"):
        parse({"type": "summary", "sessionId": "s-1"})
