"""Runs of AutoGen: results, states and streams, and chat histories of version 0.2."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reverie.sessions.event import text_of
from reverie.sessions.importers import ImportProblem, RawRecord, parse_record, read_records
from reverie.sessions.session import Transcript


def message(number: int, kind: str, source: str, content: Any, tokens: int = 0, **fields: Any) -> dict[str, Any]:
    usage = {"prompt_tokens": tokens, "completion_tokens": 1} if tokens else None
    at = f"2026-01-02T03:04:{number:02}.000000Z"
    return {"id": f"m{number}", "source": source, "models_usage": usage, "metadata": {}, "created_at": at,
            "content": content, "type": kind, **fields}  # fmt: skip


MESSAGES = [
    message(0, "TextMessage", "user", "What is 1+2?"),
    message(1, "ThoughtEvent", "worker", "I add"),
    message(2, "ToolCallRequestEvent", "worker", [{"id": "c1", "name": "add", "arguments": '{"x": 1}'}], 10),
    message(3, "ToolCallExecutionEvent", "worker",
            [{"call_id": "c1", "name": "add", "content": "too large", "is_error": True}]),
    message(4, "ModelClientStreamingChunkEvent", "worker", "It"),
    message(5, "TextMessage", "worker", "It is 3."),
    message(6, "HandoffMessage", "worker", "over to you", target="critic", context=[]),
    message(7, "NovelMessage", "critic", "APPROVE"),
]  # fmt: skip
EXPECTED = [
    (None, "user.message", "What is 1+2?"),
    (None, "agent.thinking", "I add"),
    (None, "agent.tool_use", "add"),
    (None, "span.model_request_end", ""),
    (None, "agent.tool_result", "addtoo large"),
    (None, "agent.message", "It is 3."),
    (None, "agent.message", "over to you"),
    ("critic", "agent.message", "APPROVE"),
]
RESULT = {"messages": MESSAGES, "stop_reason": "mentioned"}
STATE = {
    "type": "TeamState", "version": "1.0.0",
    "agent_states": {"worker": {"agent_state": {"llm_context": {"messages": []}}},
                     "manager": {"type": "RoundRobinManagerState", "message_thread": MESSAGES}},
}  # fmt: skip


def told(transcript: Transcript) -> list[tuple[str | None, str, str]]:
    """Each event's thread and type, and what it says, after the tool's name."""
    return [
        (event.thread_id, event.type, event.payload.get("name", "") + text_of(event)) for event in transcript.events
    ]


def lines(values: list[Any]) -> bytes:
    return b"".join(json.dumps(value).encode() + b"\n" for value in values)


def read(data: bytes, folder: Path) -> Transcript:
    (folder / "run").write_bytes(data)
    (record,) = read_records([folder / "run"], format=None)
    assert isinstance(record, RawRecord)
    return parse_record(record, {})


@pytest.mark.parametrize(
    "data",
    [json.dumps(RESULT, indent=2).encode(), json.dumps(STATE).encode(), lines(MESSAGES), lines([*MESSAGES, RESULT]),
     json.dumps(MESSAGES).encode(), lines([*MESSAGES[:3], *MESSAGES])],
    ids=["result", "state", "stream", "stream with result", "list", "repeated lines"],
)  # fmt: skip
def test_a_run_is_the_same_session_however_it_was_written(data: bytes, tmp_path: Path) -> None:
    transcript = read(data, tmp_path)
    assert told(transcript) == EXPECTED
    assert (transcript.session.id, transcript.session.agent, transcript.session.source) == (
        "autogen:m0", "worker", "autogen"
    )  # fmt: skip
    assert transcript.events[4].payload["is_error"] is True
    assert transcript.events[3].payload["model_usage"]["input_tokens"] == 10


@given(st.integers(1, len(MESSAGES)))
def test_a_stream_that_goes_on_extends_its_session(whole: int) -> None:
    record = RawRecord("f", 1, "autogen", lines(MESSAGES[:whole]))
    beginning = parse_record(record, {})
    assert (told(beginning), beginning.session.id) == (EXPECTED[: len(beginning.events)], "autogen:m0")


def test_lines_that_are_broken_or_of_unknown_types_are_told() -> None:
    warnings: list[ImportProblem] = []
    data = lines(MESSAGES[:2]) + b'{"id": "m\n[]\n' + lines(MESSAGES[2:])
    assert told(parse_record(RawRecord("f", 1, "autogen", data), {}, warnings)) == EXPECTED
    assert [(warning.line, "NovelMessage" in warning.reason) for warning in warnings] == [
        (3, False), (4, False), (1, True)
    ]  # fmt: skip


def test_a_state_without_a_thread_gives_the_longest_context(tmp_path: Path) -> None:
    context = [
        {"type": "SystemMessage", "content": "be good"},
        {"type": "UserMessage", "source": "user", "content": "What is 1+2?"},
        {"type": "AssistantMessage", "source": "worker", "thought": "I add",
         "content": [{"id": "c1", "name": "add", "arguments": "{}"}]},
        {"type": "FunctionExecutionResultMessage",
         "content": [{"call_id": "c1", "name": "add", "content": "3", "is_error": False}]},
    ]  # fmt: skip
    state = {"type": "AssistantAgentState", "version": "1.0.0", "llm_context": {"messages": context}}
    transcript = read(json.dumps(state).encode(), tmp_path)
    assert [line[1:] for line in told(transcript)] == [
        ("system.message", "be good"), ("user.message", "What is 1+2?"), ("agent.thinking", "I add"),
        ("agent.tool_use", "add"), ("agent.tool_result", "add3"),
    ]  # fmt: skip


NAMED = [
    {"role": "assistant", "name": "user_proxy", "content": "Print 3."},
    {"role": "user", "name": "coder", "content": "```python\nprint(3)\n```"},
    {"role": "assistant", "name": "user_proxy", "content": "exitcode: 1 (execution failed)\nCode output: no"},
    {"role": "user", "name": "coder", "content": "TERMINATE"},
]
OLD = [
    ("user.message", "Print 3."), ("agent.message", "```python\nprint(3)\n```"),
    ("agent.tool_result", "execute_codeexitcode: 1 (execution failed)\nCode output: no"),
    ("agent.message", "TERMINATE"),
]  # fmt: skip
COST = {"usage_excluding_cached_inference": {"total_cost": 0.5, "m": {"cost": 0.5, "prompt_tokens": 7}}}


@pytest.mark.parametrize(
    "data",
    [json.dumps({"chat_id": None, "chat_history": NAMED, "summary": "", "cost": {}, "human_input": []}).encode(),
     json.dumps([{**one, "role": "user"} for one in NAMED], indent=1).encode()],
    ids=["chat result", "group chat"],
)  # fmt: skip
def test_in_a_chat_of_version_0_2_names_tell_who_speaks(data: bytes, tmp_path: Path) -> None:
    transcript = read(data, tmp_path)
    assert [line[1:] for line in told(transcript)] == OLD
    assert (transcript.session.agent, transcript.events[2].payload["is_error"]) == ("coder", True)


def test_without_names_who_speaks_first_is_the_user_and_the_cost_is_one_sum(tmp_path: Path) -> None:
    history = [{"role": one["role"], "content": one["content"]} for one in NAMED]
    transcript = read(json.dumps({"chat_id": 1, "chat_history": history, "cost": COST}).encode(), tmp_path)
    assert [line[1:] for line in told(transcript)][:-1] == OLD
    assert transcript.events[-1].payload["cost_usd"] == 0.5
    assert transcript.events[-1].payload["model_usage"]["input_tokens"] == 7
