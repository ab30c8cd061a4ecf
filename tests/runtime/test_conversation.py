"""Requests made of logs: whatever the log holds, a provider takes the request."""

import itertools
from collections.abc import Sequence
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from reverie.runtime.conversation import (
    NO_RESULT,
    KeptReply,
    Prompt,
    ThreadContext,
    ThreadEvent,
    build_request,
)
from reverie.turn_model import TurnRequest

PROMPT = Prompt(("Be kind.",), ())


def text(words: str) -> list[dict[str, Any]]:
    return [{"type": "text", "text": words}]


def log(*events: tuple[str, dict[str, Any]]) -> list[ThreadEvent]:
    """A log of these types and payloads; ids are ``e0``, ``e1`` and so on."""
    return [ThreadEvent(f"e{place}", place, type_, payload) for place, (type_, payload) in enumerate(events)]


def request_of(events: Sequence[ThreadEvent], replies: Sequence[KeptReply] = (), **options: Any) -> TurnRequest:
    return build_request(PROMPT, events, replies, provider="p", model="m", **options)


def check(request: TurnRequest) -> None:
    """What every provider insists on."""
    roles = [message.role for message in request.messages]
    assert roles[0] == roles[-1] == "user"
    assert all(first != second for first, second in itertools.pairwise(roles))
    asked: list[str] = []
    for message in request.messages:
        assert message.content
        assert all(block["text"].strip() for block in message.content if block["type"] == "text")
        if message.role == "assistant":
            asked = [block["id"] for block in message.content if block["type"] == "tool_use"]
        else:
            kinds = [block["type"] for block in message.content]
            answered = [block["tool_use_id"] for block in message.content if block["type"] == "tool_result"]
            assert answered == asked and kinds[: len(asked)] == ["tool_result"] * len(asked)
            asked = []
    names = {tool.name for tool in request.tools}
    used = {block["name"] for message in request.messages for block in message.content if block["type"] == "tool_use"}
    assert used <= names


EVENTS = st.one_of(
    st.builds(lambda words: ("user.message", {"content": text(words)}), st.sampled_from(["hi", "", " ", "more"])),
    st.builds(lambda words: ("agent.message", {"content": text(words)}), st.sampled_from(["so", "", "then "])),
    st.builds(lambda name: ("agent.tool_use", {"name": name, "input": {"a": 1}}), st.sampled_from(["bash", "read"])),
    st.just(("agent.custom_tool_use", {"name": "find", "input": {}})),
    st.just(("agent.mcp_tool_use", {"name": "look.up", "mcp_server_name": "a b", "input": None})),
    st.builds(
        lambda type_, call: (
            type_,
            {"tool_use_id": call, "mcp_tool_use_id": call, "custom_tool_use_id": call, "content": text("found")},
        ),
        st.sampled_from(["agent.tool_result", "user.tool_result", "agent.mcp_tool_result", "user.custom_tool_result"]),
        st.builds("e{}".format, st.integers(0, 12)),
    ),
    st.sampled_from(
        [
            ("span.model_request_start", {}),
            ("span.model_request_end", {"is_error": False}),
            ("span.model_request_end", {"is_error": True}),
            ("user.interrupt", {}),
            ("session.status_running", {}),
            ("agent.thinking", {}),
            ("system.message", {"content": text("note")}),
        ]
    ),
)
LOGS = st.lists(EVENTS, max_size=14).map(lambda events: log(*events))


@given(LOGS)
def test_any_log_makes_a_request_that_a_provider_takes(events: list[ThreadEvent]) -> None:
    check(request_of(events))


@given(LOGS, st.integers(0, 14))
def test_every_prefix_of_a_log_does_too_and_equal_logs_give_equal_requests(
    events: list[ThreadEvent], length: int
) -> None:
    assert request_of(events[:length]) == request_of(list(events[:length]))
    check(request_of(events[:length]))


@given(LOGS, st.integers(0, 14))
def test_what_stands_for_the_beginning_of_a_log_does_too(events: list[ThreadEvent], first: int) -> None:
    check(request_of(events, context=ThreadContext(first, "We met.")))


def test_results_come_in_the_order_of_the_calls_whatever_order_they_came_in() -> None:
    events = log(
        ("user.message", {"content": text("go")}),
        ("span.model_request_start", {}),
        ("agent.tool_use", {"name": "bash", "input": {}}),
        ("agent.tool_use", {"name": "read", "input": {}}),
        ("span.model_request_end", {}),
        ("agent.tool_result", {"tool_use_id": "e3", "content": text("second")}),
        ("agent.tool_result", {"tool_use_id": "e2", "content": text("first")}),
        ("span.model_request_start", {}),
    )
    (*_, last) = request_of(events).messages
    assert [block["content"][0]["text"] for block in last.content] == ["first", "second"]


def test_a_call_without_a_result_is_said_to_have_none() -> None:
    events = log(("agent.tool_use", {"name": "bash", "input": {}}), ("user.message", {"content": text("well?")}))
    result, message = request_of(events).messages[-1].content
    assert result["content"] == text(NO_RESULT) and result["is_error"] and message == text("well?")[0]


THINKING = {"type": "thinking", "thinking": "hm", "signature": "s"}
USE = {"type": "tool_use", "id": "toolu_9", "name": "bash", "input": {"command": "ls"}}
ONE_CALL = log(
    ("user.message", {"content": text("go")}),
    ("span.model_request_start", {}),
    ("agent.thinking", {}),
    ("agent.tool_use", {"name": "bash", "input": {"command": "ls"}}),
    ("span.model_request_end", {}),
    ("agent.tool_result", {"tool_use_id": "e3", "content": text("a.txt")}),
    ("span.model_request_start", {}),
)


def test_a_reply_is_given_back_verbatim_to_whoever_gave_it() -> None:
    kept = KeptReply(4, "p", "m", (THINKING, USE), {"toolu_9": "e3"})
    _, said, told = request_of(ONE_CALL, [kept]).messages
    assert said.content == (THINKING, USE)
    assert told.content[0]["tool_use_id"] == "toolu_9"


def test_another_model_is_given_it_without_thinking() -> None:
    kept = KeptReply(4, "p", "other", (THINKING, USE), {"toolu_9": "e3"})
    _, said, told = request_of(ONE_CALL, [kept]).messages
    assert [block["type"] for block in said.content] == ["tool_use"]
    assert said.content[0]["id"] == told.content[0]["tool_use_id"] == "e3"


def test_thinking_that_is_refused_is_left_out() -> None:
    kept = KeptReply(4, "p", "m", (THINKING, USE), {"toolu_9": "e3"})
    _, said, _ = request_of(ONE_CALL, [kept], keep_thinking=False).messages
    assert said.content == (USE,)


def test_a_request_begins_as_the_one_before_it_did() -> None:
    kept = KeptReply(4, "p", "m", (THINKING, USE), {"toolu_9": "e3"})
    first = request_of(ONE_CALL[:2]).messages
    assert request_of(ONE_CALL, [kept]).messages[: len(first)] == first
