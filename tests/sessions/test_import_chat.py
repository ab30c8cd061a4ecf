"""Sessions as OpenAI chat messages."""

import json
from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from reverie.errors import ImportFormatError
from reverie.ids import event_id
from reverie.sessions.event import text_of
from reverie.sessions.importers import RawRecord, parse_record
from reverie.sessions.session import Score, Transcript


def parse(value: Any, overrides: dict[str, str] | None = None, stem: str = "file") -> Transcript:
    data = value if isinstance(value, bytes) else json.dumps(value).encode()
    return parse_record(
        RawRecord("file.jsonl", 1, "chat", data, {"stem": stem, "folder": "fix-dates"}), overrides or {}
    )


def call(name: str, arguments: Any, call_id: str | None = None) -> dict[str, Any]:
    return {"id": call_id, "type": "function", "function": {"name": name, "arguments": arguments}}


def user(text: str = "hello") -> dict[str, Any]:
    return {"role": "user", "content": text}


def results(*messages: dict[str, Any]) -> list[dict[str, Any]]:
    events = parse({"messages": list(messages)}).events
    return [event.payload for event in events if event.type == "agent.tool_result"]


def test_messages_become_events_in_order() -> None:
    reply = {
        "role": "assistant",
        "reasoning_content": "look it up",
        "content": [{"type": "text", "text": "One moment."}, {"type": "image_url", "image_url": {}}],
        "tool_calls": [call("find", '{"q": "x"}', "k1")],
        "usage": {
            "prompt_tokens": 10,
            "completion_tokens": 3,
            "prompt_tokens_details": {"cached_tokens": 4},
            "cost": 0.5,
        },
    }
    answer = {"role": "tool", "tool_call_id": "k1", "content": "found"}
    events = parse(
        {"id": "s-1", "messages": [{"role": "developer", "content": "Be kind."}, user(), reply, answer]}
    ).events
    assert [(event.type, text_of(event)) for event in events] == [
        ("system.message", "Be kind."),
        ("user.message", "hello"),
        ("agent.thinking", "look it up"),
        ("agent.message", "One moment.\n[image_url]"),
        ("agent.tool_use", ""),
        ("span.model_request_end", ""),
        ("agent.tool_result", "found"),
    ]
    assert events[4].payload == {"name": "find", "input": {"q": "x"}, "tool_call_id": "k1"}
    assert events[5].payload["cost_usd"] == 0.5
    assert events[5].payload["model_usage"] == {
        "input_tokens": 6,
        "output_tokens": 3,
        "cache_creation_input_tokens": 0,
        "cache_read_input_tokens": 4,
    }
    assert events[6].payload["tool_use_id"] == event_id("s-1", 4)
    assert events[6].payload["name"] == "find"


def test_metadata_fills_the_sessions_fields_and_keeps_the_rest() -> None:
    metadata = {"task_id": 5, "agent": "desk", "started_at": "2026-01-02T03:04:05+02:00", "region": "eu", "none": None}
    session = parse({"messages": [user()], "metadata": metadata}).session
    assert (session.task_id, session.agent, session.metadata) == ("5", "desk", {"region": "eu"})
    assert session.started_at == datetime(2026, 1, 2, 1, 4, 5, tzinfo=UTC)


def test_reward_and_scores_become_scores() -> None:
    transcript = parse({"messages": [user()], "reward": 0.5, "scores": {"csat": 4, "solved": True, "nps": None}})
    assert set(transcript.scores) == {Score("csat", 4.0), Score("solved", 1.0), Score("reward", 0.5)}


def test_the_user_may_set_fields_and_metadata_with_the_files_stem_and_folder() -> None:
    tags = {"task_id": "{folder}/{stem}", "batch": "b-{stem}"}
    session = parse({"messages": [user()]}, tags, stem="{folder}_7").session
    assert (session.task_id, session.metadata) == ("fix-dates/{folder}_7", {"batch": "b-{folder}_7"})


@pytest.mark.parametrize("given_id", ["order-17", "a.b:c_D", 5])
def test_a_plain_id_is_kept(given_id: Any) -> None:
    assert parse({"id": given_id, "messages": [user()]}).session.id == str(given_id)


def test_another_id_gives_a_derived_one_that_depends_on_nothing_else() -> None:
    first = parse({"id": "order 17/é", "messages": [user()]}).session.id
    assert first.startswith("sesn_")
    assert parse({"id": "order 17/é", "messages": [user("else")]}).session.id == first


def test_without_an_id_the_content_and_tags_decide() -> None:
    base = {"messages": [user()], "metadata": {"user_id": "u1"}}
    same = parse(base).session.id
    assert parse({"metadata": {"user_id": "u1"}, "messages": [user()], "reward": 1}).session.id == same
    others = [
        parse({"messages": [user("bye")], "metadata": {"user_id": "u1"}}),
        parse({"messages": [user()], "metadata": {"user_id": "u2"}}),
        parse(base, {"agent_version": "2"}),
    ]
    assert len({same, *(other.session.id for other in others)}) == 4
    assert parse(base, {"note": "again"}).session.id == same


def test_agents_with_names_become_threads() -> None:
    messages = [
        user(),
        {"role": "assistant", "name": "planner", "content": "go"},
        {"role": "assistant", "name": "worker", "tool_calls": [call("run", {}, "k")]},
        {"role": "tool", "tool_call_id": "k", "content": "done"},
    ]
    assert [event.thread_id for event in parse({"messages": messages}).events] == [None, "planner", "worker", "worker"]
    alone = [user(), {"role": "assistant", "name": "planner", "content": "go"}]
    assert [event.thread_id for event in parse({"messages": alone}).events] == [None, None]


@pytest.mark.parametrize(
    ("fields", "is_error"),
    [
        ({"is_error": True}, True),
        ({"is_error": False}, False),
        ({"isError": True}, True),
        ({"status": "error"}, True),
        ({"status": "success"}, None),
        ({"is_error": "yes"}, None),
        ({}, None),
    ],
)
def test_of_a_tools_result_only_the_sources_own_flag_is_kept(fields: dict[str, Any], is_error: bool | None) -> None:
    asked = {"role": "assistant", "tool_calls": [call("find", "")]}
    (payload,) = results(asked, {"role": "tool", "content": "Error: no such order", **fields})
    assert payload.get("is_error") is is_error
    assert ("is_error" in payload) is (is_error is not None)


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ('{"a": 1}', {"a": 1}),
        ("{'a': (1, 2), 3: None}", {"a": [1, 2], "3": None}),
        ({"a": 1}, {"a": 1}),
        ("", {}),
        (None, {}),
        ("ls -l", {"raw": "ls -l"}),
        ("[1]", {"raw": "[1]"}),
        ("{'a': 1j}", {"raw": "{'a': 1j}"}),
        ("{'a': '\\x00'}", {"a": "\ufffd"}),
    ],
)
def test_arguments_are_read_as_json_or_as_a_python_dict_or_kept_raw(arguments: Any, expected: dict[str, Any]) -> None:
    asked = {"role": "assistant", "tool_calls": [call("find", arguments)]}
    assert parse({"messages": [asked]}).events[0].payload["input"] == expected


def test_results_without_ids_answer_calls_by_name_then_by_order() -> None:
    asked = {"role": "assistant", "tool_calls": [call("a", ""), call("b", ""), call("a", "")]}
    answers = [
        {"role": "tool", "name": "b", "content": "1"},
        {"role": "tool", "content": "2"},
        {"role": "tool", "content": "3"},
    ]
    session = parse({"id": "s", "messages": [asked, *answers]})
    found = [event.payload["tool_use_id"] for event in session.events[3:]]
    assert found == [event_id("s", 1), event_id("s", 0), event_id("s", 2)]


def test_a_result_whose_call_is_lost_is_kept_without_one() -> None:
    (payload,) = results(user(), {"role": "tool", "name": "find", "tool_call_id": "k9", "content": "found"})
    assert (payload["tool_use_id"], payload["name"]) == (None, "find")


def test_an_empty_reply_is_still_a_reply() -> None:
    assert parse({"messages": [{"role": "assistant", "content": ""}]}).events[0].payload == {"content": []}


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ([], "the line is not a JSON object"),
        ({"messages": []}, "messages must be a list"),
        ({"id": "x"}, "messages must be a list"),
        ({"messages": ["hello"]}, r"no message that can be read: messages\[0\] is not an object"),
        ({"messages": [{"role": "critic"}]}, r"messages\[0\]\.role 'critic' is unknown, nor has it any content"),
        (b"[" * 100_000, "JSON nested too deeply"),
    ],
)
def test_a_session_of_which_nothing_can_be_read_is_refused(row: Any, reason: str) -> None:
    with pytest.raises(ImportFormatError, match=reason):
        parse(row)


def test_characters_that_cannot_be_stored_are_replaced_everywhere() -> None:
    row = {
        "messages": [
            user("a\0b\ud800c"),
            {"role": "assistant", "tool_calls": [call("f\0", '{"k\\u0000": "\\ud800"}')]},
        ],
        "metadata": {"note\0": "\0"},
    }
    transcript = parse(row, {"tag": "\udc80"})
    assert text_of(transcript.events[0]) == "a\ufffdb\ufffdc"
    assert transcript.events[1].payload == {"name": "f\ufffd", "input": {"k\ufffd": "\ufffd"}}
    assert transcript.session.metadata == {"note\ufffd": "\ufffd", "tag": "\ufffd"}


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters()),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)
messages = st.lists(
    st.fixed_dictionaries(
        {"role": st.sampled_from(["system", "user", "assistant", "tool"])},
        optional={
            "content": json_values,
            "name": json_values,
            "tool_call_id": json_values,
            "usage": json_values,
            "refusal": json_values,
            "tool_calls": st.lists(json_values.map(lambda arguments: call("f", arguments)), max_size=2),
        },
    ),
    min_size=1,
    max_size=5,
)


@given(messages, json_values)
def test_any_dirt_gives_storable_events(messages: list[Any], metadata: Any) -> None:
    transcript = parse({"messages": messages, "metadata": metadata})
    stored = msgspec.json.encode(transcript)
    assert b"\\u0000" not in stored.replace(b"\\\\", b"")
    assert msgspec.json.decode(stored, type=Transcript) == transcript
