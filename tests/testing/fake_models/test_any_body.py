"""Whatever is sent, it is refused in words or taken; nothing else happens."""

import copy
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from reverie.testing.fake_models.chat_rules import check_chat_request
from reverie.testing.fake_models.message_rules import check_messages_request
from reverie.testing.fake_models.problem import Problem
from reverie.testing.fake_models.request import read_chat_request, read_messages_request
from reverie.testing.fake_models.signature import IssuedReplies, Signer
from reverie.testing.fake_models.usage import PromptCache
from tests.testing.fake_models.conftest import FUNCTIONS, TOOLS, assistant, text, tool_result, tool_use, user

NOW = datetime(2026, 1, 1, tzinfo=UTC)
MARK: dict[str, Any] = {"cache_control": {"type": "ephemeral", "ttl": "5m"}}
IMAGE = {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "AAAA"}}
MESSAGES_BODY: dict[str, Any] = {
    "model": "m",
    "max_tokens": 2_000,
    "tools": [TOOLS[0] | MARK, TOOLS[1]],
    "tool_choice": {"type": "auto"},
    "thinking": {"type": "enabled", "budget_tokens": 1_024},
    "system": [text("Be kind.", **MARK)],
    "messages": [
        user([text("hi"), IMAGE]),
        assistant([text("I look."), tool_use("t1"), tool_use("t2", "read")]),
        user([tool_result("t1"), tool_result("t2", [text("no", **MARK)], is_error=True), text("so?")]),
        assistant("fine"),
        {"role": "system", "content": "Hurry."},
    ],
    "cache_control": MARK["cache_control"],
    "stream": True,
}
CHAT_BODY: dict[str, Any] = {
    "model": "m",
    "max_tokens": 2_000,
    "tools": FUNCTIONS,
    "tool_choice": {"type": "function", "function": {"name": "read"}},
    "messages": [
        {"role": "system", "content": "Be kind."},
        user([text("hi"), {"type": "image_url", "image_url": {"url": "https://example.com/a.png"}}]),
        {
            "role": "assistant",
            "content": None,
            "tool_calls": [{"id": "c1", "type": "function", "function": {"name": "bash", "arguments": "{}"}}],
        },
        {"role": "tool", "tool_call_id": "c1", "content": [text("fine")]},
    ],
    "stream": True,
    "stream_options": {"include_usage": True},
}
LEAVES = st.none() | st.booleans() | st.integers(-1, 9) | st.floats(0, 1) | st.sampled_from(["", " ", "user", "tool"])
ANYTHING = st.recursive(
    LEAVES, lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.sampled_from(["type", "name"]), inner)
)


def places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Ways to everything inside a value."""
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, held in inner:
        yield (*path, key)
        yield from places(held, (*path, key))


@st.composite
def spoilt(draw: st.DrawFn, body: dict[str, Any]) -> dict[str, Any]:
    """A body in which one thing is something else, or is not there."""
    *way, last = draw(st.sampled_from(list(places(body))))
    changed = copy.deepcopy(body)
    holder: Any = changed
    for key in way:
        holder = holder[key]
    if draw(st.booleans()):
        holder[last] = draw(ANYTHING)
    else:
        del holder[last]
    return changed


def is_taken(body: dict[str, Any]) -> bool:
    """Whether the Messages API takes it; else it was refused in words."""
    try:
        check_messages_request(body, IssuedReplies(Signer(b"key")), counting=False, prefill=True)
    except Problem as problem:
        assert problem.status == 400
        return False
    assert read_messages_request(body, 1).number == 1
    assert PromptCache(0).count_messages(body, NOW).total > 0
    return True


def is_taken_by_chat(body: dict[str, Any]) -> bool:
    """Whether chat completions take it; else it was refused in words."""
    try:
        check_chat_request(body, IssuedReplies(Signer(b"key")))
    except Problem as problem:
        assert problem.status == 400
        return False
    assert read_chat_request(body, 1).number == 1
    assert PromptCache(0).count_chat(body, NOW).total > 0
    return True


def test_the_bodies_that_are_spoilt_are_sound() -> None:
    assert is_taken(MESSAGES_BODY)
    assert is_taken_by_chat(CHAT_BODY)


@given(spoilt(MESSAGES_BODY))
def test_the_messages_api_refuses_in_words_or_takes(body: dict[str, Any]) -> None:
    is_taken(body)


@given(spoilt(CHAT_BODY))
def test_chat_completions_refuse_in_words_or_take(body: dict[str, Any]) -> None:
    is_taken_by_chat(body)
