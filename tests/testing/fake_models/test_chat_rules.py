"""What chat completions refuse, seen through the official client."""

from typing import Any

import httpx2
import openai
import pytest

from reverie.testing.patience import PATIENCE_SECONDS
from tests.testing.fake_models.conftest import FUNCTIONS, Asking, assistant, user


def calls(*names: str, tool: str = "bash", **more: Any) -> dict[str, Any]:
    made = [{"id": name, "type": "function", "function": {"name": tool, "arguments": "{}", **more}} for name in names]
    return {"role": "assistant", "content": None, "tool_calls": made}


def result(name: str) -> dict[str, Any]:
    return {"role": "tool", "tool_call_id": name, "content": "fine"}


UNANSWERED = (
    "An assistant message with 'tool_calls' must be followed by tool messages responding to each 'tool_call_id'. "
    "The following tool_call_ids did not have response messages: {}"
)
NO_CALL = "Invalid parameter: messages with role 'tool' must be a response to a preceeding message with 'tool_calls'."

UNKNOWN_ROLE = (
    "Invalid value: 'robot'. Supported values are: 'system', 'assistant', 'user', 'function', 'tool', and 'developer'."
)
OBJECT = (
    "Invalid type for 'messages[1].tool_calls[0].function.arguments': expected a string, but got an object instead."
)
PATTERN = (
    "Invalid 'tools[0].function.name': string does not match pattern. Expected a string that matches the pattern "
    "'^[a-zA-Z0-9_-]+$'."
)

CONVERSATIONS: dict[str, tuple[list[dict[str, Any]], str]] = {
    "a call without a result": ([user("hi"), calls("c1"), user("so?")], UNANSWERED.format("c1")),
    "a call at the end": ([user("hi"), calls("c1")], UNANSWERED.format("c1")),
    "one of two results": ([user("hi"), calls("c1", "c2"), result("c1")], UNANSWERED.format("c2")),
    "a result after another message": ([user("hi"), calls("c1"), user("so"), result("c1")], UNANSWERED.format("c1")),
    "a result without calls": ([user("hi"), result("c1")], NO_CALL),
    "a result of another call": ([user("hi"), calls("c1"), result("c1"), result("c9")], NO_CALL),
    "a result twice": ([user("hi"), calls("c1"), result("c1"), result("c1")], NO_CALL),
    "an id twice": (
        [user("hi"), calls("c1", "c1"), result("c1")],
        "Invalid 'messages[1].tool_calls': ids of tool calls must be unique.",
    ),
    "an unknown role": (
        [{"role": "robot", "content": "x"}],
        UNKNOWN_ROLE,
    ),
    "nothing said": ([user("hi"), assistant(None)], "Invalid value for 'content': expected a string, got null."),
    "no message": (
        [],
        "Invalid 'messages': empty array. Expected an array with minimum length 1, but got an empty array instead.",
    ),
    "an undeclared function": (
        [user("hi"), calls("c1", tool="rm"), result("c1")],
        "Invalid 'messages[1].tool_calls[0].function.name': 'rm' is not among the declared functions: bash, read.",
    ),
    "arguments as an object": (
        [user("hi"), calls("c1", arguments={}), result("c1")],
        OBJECT,
    ),
    "a result without an id": (
        [user("hi"), calls("c1"), {"role": "tool", "content": "x"}],
        "Missing required parameter: 'messages[2].tool_call_id'.",
    ),
}

SETTINGS: dict[str, tuple[dict[str, Any], str]] = {
    "no room": (
        {"max_tokens": 0},
        "Invalid 'max_tokens': integer below minimum value. Expected a value >= 1, but got 0 instead.",
    ),
    "no room, by the newer name": (
        {"max_completion_tokens": 0},
        "Invalid 'max_completion_tokens': integer below minimum value. Expected a value >= 1, but got 0 instead.",
    ),
    "no tools": (
        {"tools": []},
        "Invalid 'tools': empty array. Expected an array with minimum length 1, but got an empty array instead.",
    ),
    "a choice without tools": ({"tool_choice": "auto"}, "'tool_choice' is only allowed when 'tools' are specified."),
    "usage of no stream": (
        {"stream_options": {"include_usage": True}},
        "The 'stream_options' parameter is only allowed when 'stream' is enabled.",
    ),
    "a function with a space": (
        {"tools": [{"type": "function", "function": {"name": "a b"}}]},
        PATTERN,
    ),
    "a choice of an unknown function": (
        {"tools": FUNCTIONS, "tool_choice": {"type": "function", "function": {"name": "rm"}}},
        "Tool choice 'rm' not found in 'tools' parameter.",
    ),
}


def told(error: openai.APIStatusError) -> str:
    body: Any = error.body
    assert body["type"] == "invalid_request_error"
    return str(body["message"])


@pytest.mark.parametrize("case", CONVERSATIONS)
def test_a_conversation_is_refused_in_the_real_words(asking: Asking, case: str) -> None:
    messages, words = CONVERSATIONS[case]
    with pytest.raises(openai.BadRequestError) as refused:
        asking.completion(messages=messages, tools=FUNCTIONS)
    assert told(refused.value) == words


@pytest.mark.parametrize("case", SETTINGS)
def test_a_setting_is_refused_in_the_real_words(asking: Asking, case: str) -> None:
    options, words = SETTINGS[case]
    with pytest.raises(openai.BadRequestError) as refused:
        asking.completion(**options)
    assert told(refused.value) == words


def test_a_missing_key_is_refused(asking: Asking) -> None:
    url = f"{asking.server.url}/v1/chat/completions"
    answer = httpx2.post(url, json={"model": "m", "messages": [user("hi")]}, timeout=PATIENCE_SECONDS)
    assert answer.status_code == 401
    assert answer.json()["error"]["code"] == "invalid_api_key"


def test_results_may_come_in_any_order(asking: Asking) -> None:
    answer = asking.completion(
        user("hi"), calls("c1", "c2"), result("c2"), result("c1"), user("go on"), tools=FUNCTIONS
    )
    assert answer.choices[0].message.content == "go on"
