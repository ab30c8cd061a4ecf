"""Tokens, and what of a prompt is read from the cache."""

from datetime import UTC, datetime, timedelta
from typing import Any

import anthropic
import openai
import pytest

from reverie.clock import ManualClock
from reverie.testing.fake_models import FakeModels, Reply, Text, Usage, call, say, think
from reverie.testing.fake_models.usage import PromptCache, PromptUsage
from tests.testing.fake_models.conftest import TOOLS, Asking, assistant, text, user

START = datetime(2026, 1, 1, tzinfo=UTC)
LONG = "word " * 4_000
"""5,000 tokens and a few."""
MARK: dict[str, Any] = {"cache_control": {"type": "ephemeral"}}
MARK_LONG: dict[str, Any] = {"cache_control": {"type": "ephemeral", "ttl": "1h"}}


def body(*messages: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"model": "m", "system": [text(LONG, **MARK)], "messages": list(messages) or [user("hi")], **more}


@pytest.fixture
def cache() -> PromptCache:
    return PromptCache(1_024)


def kinds(usage: PromptUsage) -> tuple[int, int]:
    """What was read and what was written, in thousands of tokens."""
    return usage.read // 1_000, usage.written // 1_000


def test_the_first_request_writes_what_the_next_one_reads(cache: PromptCache) -> None:
    first, second = cache.count_messages(body(), START), cache.count_messages(body(), START)
    assert (first.read, second.written) == (0, 0)
    assert first.written == second.read > 5_000
    assert first.total == second.total


def test_a_growing_conversation_reads_all_that_was_written(cache: PromptCache) -> None:
    messages = [user([text(LONG, **MARK)])]
    before = cache.count_messages(body(*messages), START)
    messages = [user([text(LONG)]), assistant("yes"), user([text("and?", **MARK)])]
    after = cache.count_messages(body(*messages), START)
    assert after.read == before.written
    assert 0 < after.written < 50


CHANGES: dict[str, tuple[dict[str, Any], tuple[int, int]]] = {
    "nothing": ({}, (10, 0)),
    "the model": ({"model": "other"}, (0, 10)),
    "a tool": ({"tools": TOOLS}, (0, 10)),
    "the system prompt": ({"system": [text("new " + LONG, **MARK)]}, (0, 10)),
    "the thinking": ({"thinking": {"type": "adaptive"}}, (5, 5)),
    "the choice of tools": ({"tool_choice": {"type": "none"}}, (5, 5)),
    "the message": ({"messages": [user([text("new " + LONG, **MARK)])]}, (5, 5)),
    "what comes after": ({"messages": [user([text(LONG, **MARK), text("more")])]}, (10, 0)),
}


@pytest.mark.parametrize("change", CHANGES)
def test_a_change_costs_all_that_comes_after_it(cache: PromptCache, change: str) -> None:
    cache.count_messages(body(user([text(LONG, **MARK)])), START)
    options, expected = CHANGES[change]
    assert kinds(cache.count_messages(body(user([text(LONG, **MARK)])) | options, START)) == expected


def test_an_earlier_breakpoint_is_found_twenty_blocks_back_and_no_further(cache: PromptCache) -> None:
    def asked(blocks: int) -> dict[str, Any]:
        return {"model": "m", "messages": [user([text(LONG), *[text(".")] * (blocks - 1), text("!", **MARK)])]}

    cache.count_messages({"model": "m", "messages": [user([text(LONG, **MARK)])]}, START)
    assert cache.count_messages(asked(21), START).read == 0
    assert cache.count_messages(asked(20), START).read > 5_000


def test_what_is_not_read_for_five_minutes_is_forgotten(cache: PromptCache) -> None:
    cache.count_messages(body(), START)
    assert cache.count_messages(body(), START + timedelta(minutes=4)).read > 0
    assert cache.count_messages(body(), START + timedelta(minutes=8)).read > 0
    assert cache.count_messages(body(), START + timedelta(minutes=14)).read == 0


def test_what_is_kept_for_an_hour_is_read_after_half_of_it(cache: PromptCache) -> None:
    kept = body(system=[text(LONG, **MARK_LONG)])
    assert cache.count_messages(kept, START).written_1h > 5_000
    assert cache.count_messages(kept, START + timedelta(minutes=30)).read > 5_000


def test_a_short_prompt_is_not_cached(cache: PromptCache) -> None:
    short = body(system=[text("short", **MARK)])
    assert [cache.count_messages(short, START).written, cache.count_messages(short, START).read] == [0, 0]


def test_chat_completions_cache_without_being_told(cache: PromptCache) -> None:
    messages = [{"role": "system", "content": LONG}, user("hi")]
    first = cache.count_chat({"model": "m", "messages": messages}, START)
    second = cache.count_chat({"model": "m", "messages": [*messages, assistant("yes"), user("and?")]}, START)
    assert first.read == 0
    assert second.read == first.total // 128 * 128


def test_the_clients_see_what_was_cached() -> None:
    with FakeModels(["a", "b"], clock=ManualClock(START)) as server:
        asking = Asking(server)
        first, second = (asking.message(system=[text(LONG, **MARK)]).usage for _ in range(2))
        assert first.cache_creation_input_tokens == second.cache_read_input_tokens > 5_000
        assert first.cache_creation.ephemeral_5m_input_tokens == first.cache_creation_input_tokens
        asking.close()


def test_output_is_about_four_characters_a_token(asking: Asking) -> None:
    asking.server.follow([think("1234") + say("12345678")] * 2)
    usage = asking.message().usage
    assert (usage.output_tokens, usage.output_tokens_details.thinking_tokens) == (3, 1)
    assert asking.completion().usage.completion_tokens == 3


def test_a_policy_may_say_what_it_cost(asking: Asking) -> None:
    reply = Reply((Text("hi"),), usage=Usage(input_tokens=7, output_tokens=9))
    asking.server.follow([reply] * 2)
    usage = asking.message().usage
    assert (usage.input_tokens, usage.output_tokens, usage.cache_read_input_tokens) == (7, 9, 0)
    assert asking.completion().usage.total_tokens == 16


def test_tokens_can_be_counted_beforehand(asking: Asking) -> None:
    counted = asking.claude.messages.count_tokens(model="m", messages=[{"role": "user", "content": "hello"}])
    assert counted.input_tokens == asking.message(model="m").usage.input_tokens
    assert [request.number for request in asking.server.requests] == [None, 1]


def test_an_image_costs_the_same_whatever_its_size(asking: Asking) -> None:
    def cost(data: str) -> int:
        source = {"type": "base64", "media_type": "image/png", "data": data}
        tokens: int = asking.message(user([{"type": "image", "source": source}, text("?")])).usage.input_tokens
        return tokens

    assert cost("A" * 4) == cost("A" * 40_000)


def test_a_prompt_may_be_too_long() -> None:
    with FakeModels([call("bash")], context_tokens=100) as server:
        asking = Asking(server)
        with pytest.raises(anthropic.BadRequestError, match=r"prompt is too long: \d+ tokens > 100 maximum"):
            asking.message(user(LONG))
        with pytest.raises(openai.BadRequestError, match="maximum context length is 100 tokens") as refused:
            asking.completion(user(LONG))
        assert refused.value.code == "context_length_exceeded"
        asking.close()
