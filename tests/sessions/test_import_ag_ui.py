"""Event streams of AG-UI."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reverie.errors import ImportFormatError
from reverie.sessions.event import text_of
from reverie.sessions.importers import ImportProblem, RawRecord, parse_record, read_records
from reverie.sessions.session import Transcript

BEGIN = 1_767_323_045_000
"""2026-01-02T03:04:05Z in milliseconds."""


def event(second: int, kind: str, **fields: Any) -> dict[str, Any]:
    return {"type": kind, "timestamp": BEGIN + 1000 * second, **fields}


ASKED = {"id": "u1", "role": "user", "content": "What is 1+2?"}
EVENTS = [
    event(0, "RUN_STARTED", threadId="t-1", runId="r-1", input={"messages": [ASKED]}),
    event(0, "STATE_SNAPSHOT", snapshot={"secret": 1}),
    event(1, "REASONING_MESSAGE_START", messageId="h1", role="reasoning"),
    event(1, "REASONING_MESSAGE_CONTENT", messageId="h1", delta="h"),
    event(1, "REASONING_MESSAGE_CONTENT", messageId="h1", delta="m"),
    event(1, "REASONING_MESSAGE_END", messageId="h1"),
    event(2, "TOOL_CALL_START", toolCallId="c1", toolCallName="add", parentMessageId="a1"),
    event(2, "TOOL_CALL_ARGS", toolCallId="c1", delta='{"x": '),
    event(2, "TOOL_CALL_ARGS", toolCallId="c1", delta="1}"),
    event(2, "TOOL_CALL_END", toolCallId="c1"),
    event(3, "TOOL_CALL_RESULT", messageId="a2", toolCallId="c1", content="3", role="tool"),
    event(4, "TEXT_MESSAGE_START", messageId="a3", role="assistant"),
    event(4, "TEXT_MESSAGE_CONTENT", messageId="a3", delta="It is "),
    event(4, "TEXT_MESSAGE_CONTENT", messageId="a3", delta="3."),
    event(5, "TEXT_MESSAGE_END", messageId="a3"),
    event(6, "RUN_FINISHED", threadId="t-1", runId="r-1",
          usage=[{"model": "m-1", "inputTokens": 9, "outputTokens": 2, "cachedInputTokens": 4}]),
]  # fmt: skip
EXPECTED = [
    ("user.message", "What is 1+2?"),
    ("agent.thinking", "hm"),
    ("agent.tool_use", "add"),
    ("agent.tool_result", "add3"),
    ("agent.message", "It is 3."),
    ("span.model_request_end", ""),
]


def lines(events: list[Any], before: str = "") -> bytes:
    return "".join(f"{before}{json.dumps(one)}\n" + ("\n" if before else "") for one in events).encode()


def told(transcript: Transcript) -> list[tuple[str, str]]:
    """Each event's type, and what it says, after the tool's name."""
    return [(event.type, event.payload.get("name", "") + text_of(event)) for event in transcript.events]


def read(*paths: Path) -> list[Transcript]:
    records = [item for item in read_records(paths, format=None) if isinstance(item, RawRecord)]
    return [parse_record(record, {}) for record in records]


def snake(event: dict[str, Any]) -> dict[str, Any]:
    return {"".join(f"_{c.lower()}" if c.isupper() else c for c in key): value for key, value in event.items()}


@pytest.mark.parametrize(
    "data",
    [lines(EVENTS), lines(EVENTS, "data: "), json.dumps(EVENTS).encode(), lines([snake(one) for one in EVENTS])],
    ids=["lines", "server-sent events", "list", "underscores"],
)
def test_a_thread_is_a_session_with_its_pieces_joined(data: bytes, tmp_path: Path) -> None:
    (tmp_path / "stream").write_bytes(data)
    (transcript,) = read(tmp_path)
    assert told(transcript) == EXPECTED
    session = transcript.session
    assert (session.id, session.source, session.model, session.metadata) == ("t-1", "ag-ui", "m-1", {"run_id": "r-1"})
    assert transcript.events[2].payload["input"] == {"x": 1}
    assert transcript.events[5].payload["model_usage"]["input_tokens"] == 5
    assert str(transcript.events[4].at) == "2026-01-02 03:04:09+00:00"


@given(st.integers(0, len(EVENTS)))
def test_a_stream_cut_after_any_event_tells_the_beginning(whole: int) -> None:
    try:
        beginning = told(parse_record(RawRecord("f", 1, "ag-ui", lines(EVENTS[:whole])), {}))
    except ImportFormatError:
        return
    *done, last = beginning
    assert done == EXPECTED[: len(done)]
    assert (EXPECTED[len(done)][0], EXPECTED[len(done)][1].startswith(last[1])) == (last[0], True)


def test_chunks_begin_and_end_by_themselves() -> None:
    events = [
        event(0, "TEXT_MESSAGE_CHUNK", messageId="a", role="assistant", delta="It "),
        event(0, "TEXT_MESSAGE_CHUNK", delta="is"),
        event(1, "TOOL_CALL_CHUNK", toolCallId="c", toolCallName="add", delta='{"x"'),
        event(1, "TOOL_CALL_CHUNK", delta=": 1}"),
        event(2, "TOOL_CALL_RESULT", toolCallId="c", content="3"),
        event(3, "RUN_ERROR", message="quota"),
    ]
    transcript = parse_record(RawRecord("f", 1, "ag-ui", lines(events)), {})
    assert told(transcript) == [
        ("agent.message", "It is"), ("agent.tool_use", "add"), ("agent.tool_result", "add3"), ("session.error", "")
    ]  # fmt: skip
    assert transcript.events[1].payload["input"] == {"x": 1}


def test_messages_of_a_snapshot_take_their_places_among_those_that_were_streamed() -> None:
    call = {"id": "c1", "type": "function", "function": {"name": "add", "arguments": "{}"}}
    messages = [
        {"id": "s", "role": "system", "content": "Be good."}, ASKED,
        {"id": "a1", "role": "assistant", "toolCalls": [call]},
        {"id": "a2", "role": "tool", "toolCallId": "c1", "content": "", "error": "too large"},
        {"id": "a3", "role": "assistant", "content": "It is 3."},
    ]  # fmt: skip
    events = [*EVENTS[2:6], *EVENTS[11:15], event(9, "MESSAGES_SNAPSHOT", messages=messages), EVENTS[15]]
    transcript = parse_record(RawRecord("f", 1, "ag-ui", lines(events)), {})
    assert sorted(told(transcript)) == sorted(
        [("system.message", "Be good."), *EXPECTED[:3], ("agent.tool_result", "addtoo large"), *EXPECTED[4:]]
    )
    asked, answered = told(transcript).index(EXPECTED[0]), told(transcript).index(EXPECTED[4])
    assert asked < told(transcript).index(EXPECTED[2]) < answered


def test_runs_of_a_thread_in_files_and_threads_in_a_file_are_told_apart(tmp_path: Path) -> None:
    later = [
        event(60, "RUN_STARTED", threadId="t-1", runId="r-2"),
        event(61, "TEXT_MESSAGE_CHUNK", messageId="b", delta="Again."),
    ]
    other = [
        event(3, "RUN_STARTED", threadId="t-2", runId="r-3"),
        event(4, "TEXT_MESSAGE_CHUNK", messageId="c", delta="Hi"),
    ]
    (tmp_path / "a.jsonl").write_bytes(lines(later))
    (tmp_path / "b.jsonl").write_bytes(lines([*other, *EVENTS]))
    first, second = sorted(read(tmp_path), key=lambda transcript: transcript.session.id)
    assert told(first) == [*EXPECTED, ("agent.message", "Again.")]
    assert (second.session.id, told(second)) == ("t-2", [("agent.message", "Hi")])


def test_broken_and_unknown_lines_cost_themselves() -> None:
    warnings: list[ImportProblem] = []
    data = lines(EVENTS[:1]) + b'{"type": "TEXT\n' + lines([event(1, "NOVEL", x=1), *EVENTS[1:]])
    assert told(parse_record(RawRecord("f", 1, "ag-ui", data), {}, warnings)) == EXPECTED
    assert [warning.line for warning in warnings] == [2, 3]
