"""Agents of Letta, as their files hold them."""

import json
from pathlib import Path
from typing import Any

import pytest

from reverie.errors import ImportFormatError
from reverie.sessions.event import text_of
from reverie.sessions.importers import RawRecord, parse_record, read_records
from reverie.sessions.session import Transcript


def message(number: int, role: str, content: Any, **fields: Any) -> dict[str, Any]:
    at = f"2026-01-02T03:04:{number:02}+00:00"
    parts = [{"type": "text", "text": content}] if isinstance(content, str) else content
    return {"id": f"message-{number}", "role": role, "content": parts, "created_at": at, **fields}


def call(call_id: str, name: str, **arguments: Any) -> dict[str, Any]:
    return {"id": call_id, "type": "function", "function": {"name": name, "arguments": json.dumps(arguments)}}


def wrapped(status: str, text: str) -> str:
    return json.dumps({"status": status, "message": text, "time": "2026-01-02 03:04:05 AM UTC+0000"})


MESSAGES = [
    message(0, "system", "You are Ida."),
    message(1, "user", json.dumps({"type": "login", "last_login": "never", "time": "now"})),
    message(2, "user", [{"type": "text", "text": "<system-reminder>x"}, {"type": "text", "text": "What is 1+2?"}]),
    message(3, "assistant", [{"type": "reasoning", "reasoning": "hm"}], tool_calls=[call("c1", "add", x=1)]),
    message(4, "tool", wrapped("Failed", "too large"), name="add", tool_call_id="c1",
            tool_returns=[{"tool_call_id": "c1", "status": "error", "func_response": "x"}]),
    message(5, "assistant", "I tell them", tool_calls=[call("c2", "send_message", message="It is 3.")]),
    message(6, "tool", wrapped("OK", "None"), tool_call_id="c2"),
    message(7, "user", json.dumps({"type": "user_message", "message": "Thanks", "time": "now"})),
]  # fmt: skip
EXPECTED = [
    ("system.message", "You are Ida."),
    ("system.message", '{"type": "login", "last_login": "never", "time": "now"}'),
    ("system.message", "<system-reminder>x"),
    ("user.message", "What is 1+2?"),
    ("agent.thinking", "hm"),
    ("agent.tool_use", "add"),
    ("agent.tool_result", "addtoo large"),
    ("agent.thinking", "I tell them"),
    ("agent.message", "It is 3."),
    ("user.message", "Thanks"),
]
AGENT = {"name": "ida", "agent_type": "letta_v1_agent", "llm_config": {"model": "m-1"}, "messages": MESSAGES}
ONE = AGENT | {"version": "0.6.50", "core_memory": [{"label": "human", "value": "secret"}]}
FILE = {"agents": [AGENT | {"id": "agent-0", "in_context_message_ids": ["message-0"]}], "blocks": [], "tools": []}


def told(transcript: Transcript) -> list[tuple[str, str]]:
    """Each event's type, and what it says, after the tool's name."""
    return [(event.type, event.payload.get("name", "") + text_of(event)) for event in transcript.events]


@pytest.mark.parametrize(
    "text",
    [json.dumps(FILE, indent=2), json.dumps(FILE), json.dumps(ONE, indent=2), json.dumps(json.dumps(FILE))],
    ids=["file", "one line", "older", "text that holds JSON"],
)
def test_an_agent_of_a_file_is_a_session(text: str, tmp_path: Path) -> None:
    (tmp_path / "ida.af").write_text(text)
    (record,) = read_records([tmp_path], format=None)
    assert isinstance(record, RawRecord)
    transcript = parse_record(record, {})
    assert told(transcript) == EXPECTED
    assert (transcript.session.agent, transcript.session.model) == ("ida", "m-1")
    assert transcript.events[6].payload["is_error"] is True
    assert "secret" not in repr(transcript)


def test_agents_of_one_file_are_sessions_each_and_one_without_a_conversation_is_a_problem(tmp_path: Path) -> None:
    silent = FILE["agents"][0] | {"name": "mute", "messages": MESSAGES[:1]}
    (tmp_path / "two.af").write_text(json.dumps(FILE | {"agents": [silent, *FILE["agents"]]}))
    mute, spoken = (item for item in read_records([tmp_path], format=None) if isinstance(item, RawRecord))
    assert told(parse_record(spoken, {})) == EXPECTED
    with pytest.raises(ImportFormatError, match="'mute' has no conversation"):
        parse_record(mute, {})


def test_what_an_agent_of_memgpt_writes_is_for_itself_and_calls_may_be_denied() -> None:
    messages = [
        message(0, "user", "go"),
        message(1, "approval", "I remove it", tool_calls=[call("c1", "remove")]),
        message(2, "approval", None, approve=False, denial_reason="not this one"),
        message(3, "tool", [], tool_returns=[{"tool_call_id": "c1", "status": "error", "func_response": "denied"},
                                             {"tool_call_id": "c9", "status": "success", "func_response": "ok"}]),
    ]  # fmt: skip
    agent = AGENT | {"agent_type": "memgpt_agent", "messages": messages}
    assert told(parse_record(RawRecord("f", 1, "letta", json.dumps(agent).encode()), {})) == [
        ("user.message", "go"), ("agent.thinking", "I remove it"), ("agent.tool_use", "remove"),
        ("user.message", "not this one"), ("agent.tool_result", "removedenied"), ("agent.tool_result", "ok"),
    ]  # fmt: skip
