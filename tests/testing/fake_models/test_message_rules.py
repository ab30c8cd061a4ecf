"""What the Messages API refuses, seen through the official client."""

from typing import Any, get_args, get_type_hints

import anthropic
import httpx2
import pytest
from anthropic.types import ContentBlockParam, message_create_params
from anthropic.types.beta import BetaContentBlockParam
from anthropic.types.beta import message_create_params as beta_message_create_params
from typing_extensions import is_typeddict

from reverie.testing.fake_models import FakeModels
from reverie.testing.fake_models.message_rules import FIELDS, KINDS
from reverie.testing.patience import PATIENCE_SECONDS
from tests.testing.fake_models.conftest import TOOLS, Asking, assistant, text, tool_result, tool_use, user

NO_RESULT = (
    "messages.1: `tool_use` ids were found without `tool_result` blocks immediately after: {}. Each `tool_use` block "
    "must have a corresponding `tool_result` block in the next message."
)
NO_CALL = (
    "{}: unexpected `tool_use_id` found in `tool_result` blocks: {}. Each `tool_result` block must have a "
    "corresponding `tool_use` block in the previous message."
)
TWICE = "messages.2.content.1: each tool_use must have a single result. Found multiple `tool_result` blocks with id: t1"
CACHED = {"cache_control": {"type": "ephemeral"}}
CACHED_LONG = {"cache_control": {"type": "ephemeral", "ttl": "1h"}}
ONE_CALL = [user("hi"), assistant([tool_use("t1")])]

CONVERSATIONS: dict[str, tuple[list[dict[str, Any]], str]] = {
    "a call without a result": ([*ONE_CALL, user("well?")], NO_RESULT.format("t1")),
    "a call at the end": (ONE_CALL, NO_RESULT.format("t1")),
    "one of two results": (
        [user("hi"), assistant([tool_use("t1"), tool_use("t2")]), user([tool_result("t2")])],
        NO_RESULT.format("t1"),
    ),
    "text before the result": ([*ONE_CALL, user([text("here"), tool_result("t1")])], NO_RESULT.format("t1")),
    "a result too late": (
        [*ONE_CALL, user("wait"), assistant("yes"), user([tool_result("t1")])],
        NO_RESULT.format("t1"),
    ),
    "a result without a call": ([user([tool_result("t9")])], NO_CALL.format("messages.0.content.0", "t9")),
    "a result more than calls": (
        [*ONE_CALL, user([tool_result("t1"), tool_result("t9")])],
        NO_CALL.format("messages.2.content.1", "t9"),
    ),
    "a result twice": (
        [*ONE_CALL, user([tool_result("t1"), tool_result("t1")])],
        TWICE,
    ),
    "an id twice in a message": (
        [user("hi"), assistant([tool_use("t1"), tool_use("t1")]), user([tool_result("t1")])],
        "messages.1.content.1: `tool_use` ids must be unique",
    ),
    "an id twice in a conversation": (
        [*ONE_CALL, user([tool_result("t1")]), assistant([tool_use("t1")]), user([tool_result("t1")])],
        "messages.3.content.0: `tool_use` ids must be unique",
    ),
    "an id of other letters": (
        [user("hi"), assistant([tool_use("t 1")]), user([tool_result("t 1")])],
        "messages.1.content.0.tool_use.id: String should match pattern '^[a-zA-Z0-9_-]+$'",
    ),
    "a tool that is not declared": (
        [user("hi"), assistant([tool_use("t1", "rm")]), user([tool_result("t1")])],
        "messages.1.content.0.tool_use.name: tool 'rm' is not among the declared tools: bash, read",
    ),
    "an error without words": (
        [*ONE_CALL, user([tool_result("t1", "", is_error=True)])],
        "messages.2.content.0.tool_result: content cannot be empty if `is_error` is true",
    ),
    "a call by the user": (
        [user([tool_use("t1")])],
        "messages.0.content.0: `tool_use` blocks can only be in `assistant` messages",
    ),
    "a result by the assistant": (
        [user("hi"), assistant([tool_result("t1")]), user("so")],
        "messages.1.content.0: `tool_result` blocks can only be in `user` messages",
    ),
    "the assistant first": ([assistant("hi"), user("hi")], 'messages: first message must use the "user" role'),
    "no message": ([], "messages: at least one message is required"),
    "an empty message": (
        [user("hi"), assistant(""), user("so")],
        "messages.1: all messages must have non-empty content except for the optional final assistant message",
    ),
    "no blocks": (
        [user([])],
        "messages.0: all messages must have non-empty content except for the optional final assistant message",
    ),
    "an empty text": ([user([text("")])], "messages: text content blocks must be non-empty"),
    "a blank text": ([user(" \n")], "messages: text content blocks must contain non-whitespace text"),
    "an empty text in a result": (
        [*ONE_CALL, user([tool_result("t1", [text("")])])],
        "messages: text content blocks must be non-empty",
    ),
    "a space at the end": (
        [user("hi"), assistant("The answer is ")],
        "messages: final assistant content cannot end with trailing whitespace",
    ),
    "another role": (
        [{"role": "tool", "content": "x"}],
        "messages.0.role: Input should be 'user', 'assistant' or 'system'",
    ),
    "no role": ([{"content": "x"}], "messages.0.role: Field required"),
    "a block without its field": ([user([{"type": "text"}])], "messages.0.content.0.text.text: Field required"),
    "a call whose input is a text": (
        [user("hi"), assistant([{**tool_use("t1"), "input": "{}"}]), user([tool_result("t1")])],
        "messages.1.content.0.tool_use.input: Input should be a valid dictionary",
    ),
    "five breakpoints": (
        [user([text(str(number), **CACHED) for number in range(5)])],
        "A maximum of 4 blocks with cache_control may be provided. Found 5.",
    ),
    "a long breakpoint after a short one": (
        [user([text("a", **CACHED), text("b", **CACHED_LONG)])],
        "a ttl='1h' cache_control block must not come after a ttl='5m' cache_control block.",
    ),
}

SETTINGS: dict[str, tuple[dict[str, Any], str]] = {
    "no room": ({"max_tokens": 0}, "max_tokens: Input should be greater than or equal to 1"),
    "room in words": ({"max_tokens": "many"}, "max_tokens: Input should be a valid integer"),
    "an unknown field": ({"extra_body": {"colour": 1}}, "colour: Extra inputs are not permitted"),
    "an empty system prompt": ({"system": [text("")]}, "system: text content blocks must be non-empty"),
    "breakpoints everywhere": (
        {"system": [text(str(number), **CACHED) for number in range(4)], "extra_body": CACHED},
        "A maximum of 4 blocks with cache_control may be provided. Found 5.",
    ),
    "a tool twice": ({"tools": [*TOOLS, TOOLS[0]]}, "tools: Tool names must be unique."),
    "a tool with a space": (
        {"tools": [{"name": "a b", "input_schema": {"type": "object"}}]},
        "tools.0.custom.name: String should match pattern '^[a-zA-Z0-9_-]{1,128}$'",
    ),
    "a tool without a schema": ({"tools": [{"name": "a"}]}, "tools.0.custom.input_schema: Field required"),
    "a choice without tools": (
        {"tools": [], "tool_choice": {"type": "any"}},
        "tool_choice may only be specified while providing tools.",
    ),
    "a choice of an unknown tool": (
        {"tool_choice": {"type": "tool", "name": "rm"}},
        "tool_choice: Tool 'rm' not found in provided tools",
    ),
    "little thinking": (
        {"thinking": {"type": "enabled", "budget_tokens": 1_000}},
        "thinking.enabled.budget_tokens: Input should be greater than or equal to 1024",
    ),
    "more thinking than room": (
        {"thinking": {"type": "enabled", "budget_tokens": 4_096}},
        "`max_tokens` must be greater than `thinking.budget_tokens`.",
    ),
    "thinking and a forced tool": (
        {"thinking": {"type": "adaptive"}, "tool_choice": {"type": "any"}},
        "Thinking may not be enabled when tool_choice forces tool use.",
    ),
}


def told(error: anthropic.APIStatusError) -> str:
    body: Any = error.body
    assert body["error"]["type"] == "invalid_request_error"
    return str(body["error"]["message"])


@pytest.mark.parametrize("case", CONVERSATIONS)
def test_a_conversation_is_refused_in_the_real_words(asking: Asking, case: str) -> None:
    messages, words = CONVERSATIONS[case]
    with pytest.raises(anthropic.BadRequestError) as refused:
        asking.message(messages=messages, tools=TOOLS)
    assert told(refused.value) == words


@pytest.mark.parametrize("case", SETTINGS)
def test_a_setting_is_refused_in_the_real_words(asking: Asking, case: str) -> None:
    options, words = SETTINGS[case]
    with pytest.raises(anthropic.BadRequestError) as refused:
        asking.message(**{"tools": TOOLS, **options})
    assert told(refused.value) == words


def test_calls_need_declared_tools(asking: Asking) -> None:
    with pytest.raises(anthropic.BadRequestError, match="must define tools"):
        asking.message(*ONE_CALL, user([tool_result("t1")]))


@pytest.mark.parametrize(
    ("missing", "status", "words"),
    [
        ("x-api-key", 401, "x-api-key header is required"),
        ("anthropic-version", 400, "anthropic-version: header is required"),
    ],
)
def test_a_missing_header_is_refused(asking: Asking, missing: str, status: int, words: str) -> None:
    headers = {"x-api-key": "any", "anthropic-version": "2023-06-01"}
    del headers[missing]
    body = {"model": "m", "max_tokens": 1, "messages": [user("hi")]}
    answer = httpx2.post(f"{asking.server.url}/v1/messages", json=body, headers=headers, timeout=PATIENCE_SECONDS)
    assert (answer.status_code, answer.json()["error"]["message"]) == (status, words)


@pytest.mark.parametrize("body", [b"{", b"[]", b"\xff"])
def test_a_body_that_is_no_object_is_refused(asking: Asking, body: bytes) -> None:
    headers = {"x-api-key": "any", "anthropic-version": "2023-06-01"}
    answer = httpx2.post(f"{asking.server.url}/v1/messages", content=body, headers=headers, timeout=PATIENCE_SECONDS)
    assert answer.status_code == 400
    assert answer.json()["error"]["message"].startswith("The request body is not valid JSON")


def test_consecutive_messages_of_one_role_are_one(asking: Asking) -> None:
    answer = asking.message(
        user("hi"),
        assistant([tool_use("t1")]),
        assistant([tool_use("t2")]),
        user([tool_result("t2")]),
        user([tool_result("t1"), text("go on")]),
        tools=TOOLS,
    )
    assert answer.content[0].text == "go on"


def test_what_is_refused_is_not_asked_of_the_policy(asking: Asking) -> None:
    asking.server.follow(["first"])
    with pytest.raises(anthropic.BadRequestError):
        asking.message(messages=[])
    assert asking.message().content[0].text == "first"
    assert [(request.status, request.number) for request in asking.server.requests] == [(400, None), (200, 1)]


def test_a_conversation_may_end_with_the_assistant(asking: Asking) -> None:
    assert asking.message(user("hi"), assistant("The answer is")).content[0].text == "The answer is"


def test_a_server_of_the_newest_kind_wants_it_to_end_with_the_user() -> None:
    with FakeModels(["never"], prefill=False) as server:
        asking = Asking(server)
        with pytest.raises(anthropic.BadRequestError, match="does not support assistant message prefill"):
            asking.message(user("hi"), assistant("The answer is"))
        asking.close()


def test_fields_and_types_of_blocks_are_those_of_the_official_client() -> None:
    bases = (message_create_params.MessageCreateParamsBase, beta_message_create_params.MessageCreateParamsBase)
    fields = {name for base in bases for name in base.__annotations__} - {"betas"}
    blocks = [
        block for block in (*get_args(ContentBlockParam), *get_args(BetaContentBlockParam)) if is_typeddict(block)
    ]
    assert set(FIELDS) == fields | {"stream"}
    assert set(KINDS) == {kind for block in blocks for kind in get_args(get_type_hints(block)["type"])}
