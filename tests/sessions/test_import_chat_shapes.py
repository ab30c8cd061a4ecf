"""Chat messages in the shapes that others than OpenAI give them, with odd values in them."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from reverie.ids import event_id
from reverie.sessions.event import text_of
from reverie.sessions.importers import RawRecord, parse_record
from reverie.sessions.session import Score, Transcript

NOON = datetime(2026, 1, 2, 12, 0, tzinfo=UTC)


def read(row: dict[str, Any], words: dict[str, dict[str, float]] | None = None) -> tuple[Transcript, list[str]]:
    """The transcript and the warnings' reasons."""
    warnings: list[Any] = []
    data = json.dumps({"id": "s", **row}).encode()
    transcript = parse_record(RawRecord("f", 1, "chat", data), {}, warnings, words or {})
    return transcript, [warning.reason for warning in warnings]


def events(*messages: Any) -> list[tuple[str, str]]:
    """Types and texts of the events that messages become, without a warning."""
    transcript, warnings = read({"messages": list(messages)})
    assert warnings == []
    return [(event.type, text_of(event)) for event in transcript.events]


USER = {"role": "user", "content": "where is it"}


def test_anthropics_blocks_become_calls_results_and_thinking() -> None:
    calls = [
        {"type": "thinking", "thinking": "look it up", "signature": "x"},
        {"type": "text", "text": "looking"},
        {"type": "tool_use", "id": "t1", "name": "find", "input": {"id": 7}},
        {"type": "text", "text": "and"},
        {"type": "server_tool_use", "id": "t2", "name": "web_search", "input": {"query": "x"}},
        {"type": "web_search_tool_result", "tool_use_id": "t2", "content": [
            {"type": "web_search_result", "title": "A page", "url": "https://a.example", "encrypted_content": "zz"}]},
    ]  # fmt: skip
    results = [
        {"type": "tool_result", "tool_use_id": "t1", "content": [{"type": "text", "text": "gone"}], "is_error": True},
        {"type": "text", "text": "go on"},
    ]
    transcript, warnings = read(
        {"messages": [USER, {"role": "assistant", "content": calls}, {"role": "user", "content": results}]}
    )
    assert warnings == []
    assert [(event.type, text_of(event)) for event in transcript.events] == [
        ("user.message", "where is it"),
        ("agent.thinking", "look it up"),
        ("agent.message", "looking"),
        ("agent.tool_use", ""),
        ("agent.message", "and"),
        ("agent.tool_use", ""),
        ("agent.tool_result", "A page https://a.example"),
        ("agent.tool_result", "gone"),
        ("user.message", "go on"),
    ]
    assert transcript.events[3].payload == {"name": "find", "input": {"id": 7}, "tool_call_id": "t1"}
    links = [transcript.events[n].payload["tool_use_id"] for n in (6, 7)]
    assert links == [event_id("s", 5), event_id("s", 3)]
    assert [transcript.events[n].payload.get("is_error") for n in (6, 7)] == [None, True]


def test_a_failed_search_is_an_error() -> None:
    failed = {
        "type": "web_search_tool_result",
        "tool_use_id": "t",
        "content": {"type": "web_search_tool_result_error", "error_code": "unavailable"},
    }
    call = {"type": "server_tool_use", "id": "t", "name": "web_search", "input": {}}
    transcript, _ = read({"messages": [{"role": "assistant", "content": [call, failed]}]})
    assert transcript.events[1].payload["is_error"] is True
    assert "unavailable" in text_of(transcript.events[1])


def test_mcp_results_answer_their_calls() -> None:
    blocks = [
        {"type": "mcp_tool_use", "id": "m", "name": "lookup", "server_name": "desk", "input": {"a": 1}},
        {"type": "mcp_tool_result", "tool_use_id": "m", "is_error": False, "content": [{"type": "text", "text": "ok"}]},
    ]
    assert events({"role": "assistant", "content": blocks}) == [("agent.tool_use", ""), ("agent.tool_result", "ok")]


def test_openais_response_items_are_read_with_and_without_roles() -> None:
    items = [
        {"role": "user", "content": [{"type": "input_text", "text": "hi"}]},
        {"type": "reasoning", "summary": [{"type": "summary_text", "text": "think"}]},
        {"type": "function_call", "call_id": "c", "name": "find", "arguments": '{"q": 1}'},
        {"type": "function_call_output", "call_id": "c", "output": "found"},
        {"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": "ok"}]},
    ]
    assert events(*items) == [
        ("user.message", "hi"),
        ("agent.thinking", "think"),
        ("agent.tool_use", ""),
        ("agent.tool_result", "found"),
        ("agent.message", "ok"),
    ]


def test_googles_parts_are_read() -> None:
    messages = [
        {"role": "user", "parts": [{"text": "hi"}]},
        {
            "role": "model",
            "parts": [{"text": "hm", "thought": True}, {"functionCall": {"name": "find", "args": {"q": 1}}}],
        },
        {"role": "function", "parts": [{"functionResponse": {"name": "find", "response": {"rows": 1}}}]},
    ]
    transcript, warnings = read({"messages": messages})
    assert warnings == []
    assert [event.type for event in transcript.events] == [
        "user.message", "agent.thinking", "agent.tool_use", "agent.tool_result",
    ]  # fmt: skip
    assert transcript.events[2].payload == {"name": "find", "input": {"q": 1}}
    assert text_of(transcript.events[3]) == '{"rows":1}'


def test_what_an_event_cannot_hold_is_named_and_warned_of_once_per_kind() -> None:
    pictures = [{"type": "image", "source": {"type": "base64", "data": "zz"}}] * 2
    transcript, warnings = read({"messages": [{"role": "user", "content": pictures}, {"role": "assistant", "content": [
        {"type": "redacted_thinking", "data": "zz"}]}]})  # fmt: skip
    assert text_of(transcript.events[0]) == "[image]\n[image]"
    assert warnings == [
        "messages: 2 × part of type image: not kept, or by name only",
        "messages: 1 × reasoning that its maker encrypted: not kept, or by name only",
    ]


def test_a_document_of_text_is_text() -> None:
    document = {
        "type": "document",
        "title": "T",
        "source": {"type": "text", "media_type": "text/plain", "data": "body"},
    }
    assert events({"role": "user", "content": [document]}) == [("user.message", "body")]


def test_a_function_call_of_old_is_a_tool_call() -> None:
    messages = [
        {"role": "assistant", "content": None, "function_call": {"name": "find", "arguments": '{"q":1}'}},
        {"role": "function", "name": "find", "content": "found"},
    ]
    transcript, _ = read({"messages": messages})
    assert transcript.events[0].payload == {"name": "find", "input": {"q": 1}}
    assert transcript.events[1].payload["tool_use_id"] == event_id("s", 0)


@pytest.mark.parametrize(
    ("word", "type_"),
    [
        *((word, "user.message") for word in ("human", "Human", "USER", "customer", "HumanMessage", " user ")),
        *((word, "agent.message") for word in ("gpt", "model", "bot", "ai", "ASSISTANT", "chatbot")),
        *((word, "agent.message") for word in ("AIMessageChunk", "assistant (final)", "agent_2")),
        *((word, "system.message") for word in ("developer", "SYSTEM", "SystemMessage")),
        *((word, "agent.tool_result") for word in ("tool", "function", "ipython", "observation", "environment")),
        *((word, "agent.tool_result") for word in ("ToolMessage", "tool_response")),
    ],
)
def test_roles_have_many_names(word: str, type_: str) -> None:
    assert events({"role": word, "content": "x"}) == [(type_, "x")]


def test_sharegpts_conversations_are_chat() -> None:
    transcript, warnings = read({"conversations": [
        {"from": "system", "value": "be kind"}, {"from": "human", "value": "hi"},
        {"from": "function_call", "value": '{"name": "find", "arguments": {"q": 1}}'},
        {"from": "observation", "value": "found"}, {"from": "gpt", "value": "ok"}]})  # fmt: skip
    assert warnings == []
    assert [(event.type, text_of(event)) for event in transcript.events] == [
        ("system.message", "be kind"), ("user.message", "hi"), ("agent.tool_use", ""),
        ("agent.tool_result", "found"), ("agent.message", "ok"),
    ]  # fmt: skip


def test_an_unknown_role_is_an_agent_of_that_name() -> None:
    transcript, warnings = read({"messages": [USER, {"role": "critic", "content": "no"}, {"content": "who?"}]})
    assert [(event.type, event.thread_id) for event in transcript.events[1:]] == [
        ("agent.message", "critic"),
        ("agent.message", "unknown"),
    ]
    assert warnings == [
        "messages[1].role 'critic' is unknown; kept as a message of an agent of that name",
        "messages[2] has no role; kept as a message of an agent of that name",
    ]


@pytest.mark.parametrize("field", ["timestamp", "created_at", "time", "ts", "date", "create_time"])
@pytest.mark.parametrize(
    "value",
    [
        "2026-01-02T12:00:00Z",
        "2026-01-02t12:00:00z",
        "2026-01-02 14:00:00+02:00",
        "2026-01-02 12:00:00 UTC",
        "2026/01/02 12:00",
        "20260102120000",
        "Fri, 02 Jan 2026 12:00:00 GMT",
        NOON.timestamp(),
        str(int(NOON.timestamp())),
        NOON.timestamp() * 1e3,
        str(int(NOON.timestamp() * 1e3)),
        int(NOON.timestamp()) * 10**6,
        int(NOON.timestamp()) * 10**9,
        {"$date": "2026-01-02T12:00:00Z"},
    ],
)
def test_a_messages_time_is_its_events(field: str, value: Any) -> None:
    transcript, warnings = read({"messages": [{**USER, field: value}]})
    assert (transcript.events[0].at, warnings) == (NOON, [])
    assert (transcript.session.started_at, transcript.session.ended_at) == (NOON, NOON)


@pytest.mark.parametrize(
    "value",
    ["noon", 0, -1, True, 1e30, 10**400, "0001-01-01", "9999-12-31T23:59:59Z", 1.5, [], {"a": 1}, "１２", "nan"],
)
def test_a_time_that_is_none_is_left_out_with_a_warning(value: Any) -> None:
    transcript, (warning,) = read({"messages": [{**USER, "timestamp": value}], "metadata": {"task_id": "t"}})
    assert (transcript.events[0].at, transcript.session.task_id) == (None, "t")
    assert warning.startswith("messages[0].timestamp ")
    assert warning.endswith("it is left out")


def test_the_sessions_times_are_its_own_before_its_messages() -> None:
    given = {"started_at": int(NOON.timestamp()), "ended_at": "soon"}
    transcript, (warning,) = read({"messages": [{**USER, "ts": "2026-01-02T13:00:00Z"}], "metadata": given})
    assert transcript.session.started_at == NOON
    assert transcript.session.ended_at == datetime(2026, 1, 2, 13, tzinfo=UTC)
    assert warning.startswith("metadata.ended_at 'soon' is not an ISO 8601 time")


@pytest.mark.parametrize(
    ("value", "number"),
    [("1.0", 1.0), (" 0.5 ", 0.5), ("85%", 0.85), ("1e-1", 0.1), (True, 1.0), ("false", 0.0), (1, 1.0)],
)
def test_a_number_in_text_is_a_number(value: Any, number: float) -> None:
    transcript, warnings = read({"messages": [USER], "reward": value})
    assert (transcript.scores, warnings) == ((Score("reward", number),), [])


@pytest.mark.parametrize(
    "value", [float("nan"), float("inf"), "-Infinity", "1e999", 10**400, [1], {"value": 1}, 1.5, -1, "150%", "x" * 201]
)
def test_a_reward_that_cannot_be_used_costs_the_reward_alone(value: Any) -> None:
    transcript, (warning,) = read({"messages": [USER], "reward": value, "scores": {"csat": 4}})
    assert transcript.scores == (Score("csat", 4.0),)
    assert "the score is left out" in warning
    assert transcript.session.metadata == {}


@pytest.mark.parametrize("value", [None, ""])
def test_no_score_is_no_score(value: Any) -> None:
    assert read({"messages": [USER], "reward": value, "scores": {"csat": value}})[0].scores == ()


def test_scores_that_are_words_are_kept_as_metadata() -> None:
    transcript, warnings = read({"messages": [USER], "scores": {"verdict": "good", "csat": 4, "agent": "fine"}})
    assert transcript.scores == (Score("csat", 4.0),)
    assert transcript.session.metadata == {"verdict": "good", "score.agent": "fine"}
    assert warnings[0] == (
        "the score verdict is the word 'good'; it is kept as metadata; to make it a number: --score 'verdict=good:1'"
    )


def test_words_become_the_numbers_that_the_user_gives_them() -> None:
    words = {"verdict": {"good": 1.0, "bad": 0.0}}
    transcript, warnings = read({"messages": [USER], "scores": {"verdict": "Good"}}, words)
    assert (transcript.scores, transcript.session.metadata, warnings) == ((Score("verdict", 1.0),), {}, [])


@pytest.mark.parametrize("scores", [[1], "high", 3])
def test_odd_scores_and_metadata_cost_themselves_alone(scores: Any) -> None:
    transcript, warnings = read({"messages": [USER], "scores": scores, "metadata": "x"})
    assert [text_of(event) for event in transcript.events] == ["where is it"]
    assert warnings == [
        "metadata is not an object; it is left out",
        "scores is not an object of numbers by name; they are left out",
    ]


def call(name: str, call_id: str) -> dict[str, Any]:
    return {"id": call_id, "type": "function", "function": {"name": name, "arguments": "{}"}}


def links(*messages: dict[str, Any]) -> list[str | None]:
    transcript, _ = read({"messages": list(messages)})
    return [event.payload["tool_use_id"] for event in transcript.events if event.type == "agent.tool_result"]


def test_two_calls_of_one_id_are_answered_by_name_then_in_order() -> None:
    asked = {"role": "assistant", "tool_calls": [call("a", "k"), call("b", "k")]}
    named = [{"role": "tool", "tool_call_id": "k", "name": name, "content": name} for name in "ba"]
    assert links(asked, *named) == [event_id("s", 1), event_id("s", 0)]
    plain = [{"role": "tool", "tool_call_id": "k", "content": name} for name in "ab"]
    assert links(asked, *plain) == [event_id("s", 0), event_id("s", 1)]


def test_an_id_that_comes_again_in_a_later_turn_is_that_turns() -> None:
    turn: list[dict[str, Any]] = [
        {"role": "assistant", "tool_calls": [call("a", "k")]},
        {"role": "tool", "tool_call_id": "k", "content": "x"},
    ]
    assert links(*turn, *turn) == [event_id("s", 0), event_id("s", 2)]


def test_a_result_with_an_id_answers_a_call_without_one() -> None:
    asked = {"role": "assistant", "tool_calls": [call("a", "")]}
    assert links(asked, {"role": "tool", "tool_call_id": "k", "content": "x"}) == [event_id("s", 0)]


def test_a_second_result_of_a_call_is_kept_with_a_warning() -> None:
    answers = [{"role": "tool", "tool_call_id": "k", "content": text} for text in ("x", "y")]
    transcript, warnings = read({"messages": [{"role": "assistant", "tool_calls": [call("a", "k")]}, *answers]})
    assert [text_of(event) for event in transcript.events[1:]] == ["x", "y"]
    assert warnings == ["the call 'k' has a second result; it is kept and not counted"]


@pytest.mark.parametrize(
    ("message", "warning"),
    [
        ("hello", "messages[1] is not an object; it is left out"),
        (None, "messages[1] is not an object; it is left out"),
        ({"role": "assistant", "tool_calls": 3}, "messages[1].tool_calls is not a list; it is left out"),
        (
            {"role": "assistant", "tool_calls": [{}]},
            "messages: 1 × tool call without a name: not kept, or by name only",
        ),
        ({"role": "assistant", "tool_calls": [7]}, "messages: 1 × tool call without a name: not kept, or by name only"),
    ],
)
def test_an_odd_message_costs_itself_alone(message: Any, warning: str) -> None:
    transcript, warnings = read({"messages": [USER, message, {"role": "assistant", "content": "ok"}]})
    assert warnings == [warning]
    assert text_of(transcript.events[0]) == "where is it"
    assert text_of(transcript.events[-1]) == "ok"
