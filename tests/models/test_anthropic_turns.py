"""Turns by the Messages API, against a server that refuses what the real one refuses."""

import base64
from typing import Any

import msgspec
import pytest

from reverie.errors import ContextOverflow, ModelAccessError, ModelError, ModelRefused, ThinkingRefused
from reverie.language_model import ModelUsage
from reverie.models.anthropic_turns import request_body
from reverie.models.route import ModelRoute
from reverie.models.turn_failure import Failure, name_turn_failure
from reverie.testing.fake_models import Usage, call, fault, redacted, say, think
from reverie.testing.fake_models.reply import Reply
from reverie.turn_model import Block, BlockBegun, TextPiece, TurnMessage, TurnReply, TurnRequest
from tests.models.turning import ASKED, HELLO, LOOKUP, going_on, model_of, pieces_of, reply_of, results_of

ROUTE = ModelRoute("*", "anthropic")
FIGURE = base64.b64encode(b"\x89PNG").decode()


def asked(*content: Block, cache_after: tuple[int, ...] = ()) -> dict[str, Any]:
    """The body of a request with one message."""
    return request_body(TurnRequest((TurnMessage("user", content),), cache_after=cache_after), "m", ROUTE)


def marks(body: dict[str, Any]) -> list[str]:
    """Types of the blocks that are marked, in the order of the prompt."""
    blocks = [*body.get("tools", ()), *body.get("system", ())]
    blocks += [block for message in body["messages"] for block in message["content"]]
    return [block.get("type", "tool") for block in blocks if "cache_control" in block]


async def test_text_is_told_as_it_comes_and_as_a_whole() -> None:
    words = "A reply of some words, longer than one piece."
    async with model_of("anthropic", [say(words)]) as (model, _):
        pieces = await pieces_of(model)
    assert "".join(piece.text for piece in pieces if isinstance(piece, TextPiece)) == words
    assert BlockBegun(0, "text") in pieces
    reply = pieces[-1]
    assert isinstance(reply, TurnReply) and reply.blocks == ({"type": "text", "text": words},)
    assert (reply.provider, reply.model, reply.stop_reason) == ("anthropic", "some-model", "end_turn")


async def test_thinking_and_calls_in_parallel_go_back_as_they_came_over_two_turns() -> None:
    first = think("Two of them.") + redacted("x") + say("Let me see.") + call("lookup", {"key": "a"}) + call("lookup")
    second = think("One more.") + call("lookup", {"key": "c"})
    async with model_of("anthropic", [first, second, say("Done.")], thinking=True) as (model, models):
        reply = await reply_of(model)
        request = going_on(ASKED, reply, results_of(reply, ["1", "2"]))
        again = await reply_of(model, request)
        last = await reply_of(model, going_on(request, again, results_of(again, ["3"])))
        sent = models.requests[2].body["messages"]
    assert [block["type"] for block in reply.blocks] == [
        *("thinking", "redacted_thinking", "text", "tool_use", "tool_use"),
    ]
    assert reply.stop_reason == "tool_use" and reply.blocks[4]["input"] == {}
    assert sent[1]["content"] == list(reply.blocks) and sent[3]["content"] == list(again.blocks)
    assert last.blocks == ({"type": "text", "text": "Done."},)


async def test_what_was_asked_before_is_read_from_the_cache() -> None:
    start = msgspec.structs.replace(ASKED, cache_after=(0,))
    async with model_of("anthropic", [call("lookup", {"key": "a"}), say("Done.")]) as (model, _):
        first = await reply_of(model, start)
        second = await reply_of(model, going_on(start, first, results_of(first, ["1"])))
    assert first.usage.cache_read_tokens == 0
    prompt = first.usage.input_tokens + first.usage.cache_write_tokens
    assert second.usage.cache_read_tokens == prompt


async def test_usage_is_what_the_provider_counts() -> None:
    told = Usage(input_tokens=11, output_tokens=7, cache_read_input_tokens=5, cache_creation_input_tokens=3)
    async with model_of("anthropic", [say("Hi.") + Reply(usage=told)]) as (model, _):
        reply = await reply_of(model)
    assert reply.usage == ModelUsage(11, 7, 5, 3)


async def test_thinking_that_was_changed_is_refused_as_such() -> None:
    async with model_of("anthropic", [think("Hm.") + call("lookup"), say("Done.")], thinking=True) as (model, _):
        reply = await reply_of(model)
        changed = msgspec.structs.replace(reply, blocks=({**reply.blocks[0], "thinking": "Ha."}, reply.blocks[1]))
        with pytest.raises(ThinkingRefused):
            await reply_of(model, going_on(ASKED, changed, results_of(reply, ["1"])))


@pytest.mark.parametrize(
    ("message", "kind"),
    [
        ("messages.1.content.0: `thinking` or `redacted_thinking` blocks cannot be modified", ThinkingRefused),
        ("messages.1.content.0: Invalid `signature` in `thinking` block", ThinkingRefused),
        ("messages.3.content.1: Invalid `data` in `redacted_thinking` block", ThinkingRefused),
        (
            "messages.1.content.0.type: Expected `thinking` or `redacted_thinking`, but found `tool_use`",
            ThinkingRefused,
        ),
        ("messages.1.content.0.thinking.signature: Field required", ThinkingRefused),
        ("thinking.enabled.budget_tokens: Input should be greater than or equal to 1024", ModelRefused),
        ("`max_tokens` must be greater than `thinking.budget_tokens`.", ModelRefused),
        ("Thinking may not be enabled when tool_choice forces tool use.", ModelRefused),
        ("adaptive thinking is not supported on this model", ModelRefused),
        ("prompt is too long: 208310 tokens > 200000 maximum", ContextOverflow),
        ("input length and `max_tokens` exceed context limit: 199000 + 16000 > 200000", ContextOverflow),
        ("max_tokens: 100000 > 64000, which is the maximum allowed number of output tokens", ModelRefused),
        ("Your credit balance is too low to access the Anthropic API.", ModelAccessError),
    ],
)
def test_refused_requests_are_told_apart_by_their_words(message: str, kind: type[ModelError]) -> None:
    body = {"type": "error", "error": {"type": "invalid_request_error", "message": message}}
    assert type(name_turn_failure("m", ROUTE, Failure(400, body, ""))) is kind


async def test_a_long_turn_may_pause() -> None:
    async with model_of("anthropic", [fault("pause_turn", "So far.")]) as (model, _):
        assert (await reply_of(model)).stop_reason == "pause_turn"


async def test_a_reply_that_fills_the_context_is_an_overflow_that_costs() -> None:
    async with model_of("anthropic", [fault("window_exceeded", "So far.")]) as (model, _):
        with pytest.raises(ContextOverflow) as caught:
            await reply_of(model)
    assert caught.value.input_tokens > 0 and caught.value.output_tokens > 0


async def test_effort_and_thinking_are_asked_for_where_the_route_says_so() -> None:
    request = msgspec.structs.replace(ASKED, effort="xhigh")
    async with model_of("anthropic", ["Hi.", "Hi."], thinking=True, effort=True) as (model, models):
        await reply_of(model, request)
        body = models.requests[0].body
    assert body["output_config"] == {"effort": "xhigh"} and body["thinking"] == {"type": "adaptive"}
    assert {"output_config", "thinking"} & request_body(request, "m", ROUTE).keys() == set()


def test_marks_stand_at_the_end_of_the_system_prompt_and_of_messages_but_on_no_thought() -> None:
    thought = {"type": "thinking", "thinking": "Hm.", "signature": "s"}
    said = TurnMessage("assistant", ({"type": "text", "text": "Yes."}, thought))
    request = TurnRequest((HELLO, said, HELLO), ("A", "B"), (LOOKUP,), cache_after=(0, 1, 2))
    body = request_body(request, "m", ROUTE)
    assert [block.get("cache_control") is not None for block in body["system"]] == [False, True]
    assert marks(body) == ["text", "text", "text", "text"]
    assert "cache_control" not in body["messages"][1]["content"][1]
    assert marks(request_body(request, "m", ModelRoute("*", "anthropic", cache=False))) == []


def test_without_a_system_prompt_the_tools_are_marked() -> None:
    assert marks(request_body(TurnRequest((HELLO,), (), (LOOKUP,)), "m", ROUTE)) == ["tool"]


def test_images_and_documents_go_in_the_forms_that_the_provider_takes() -> None:
    image = {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": FIGURE}}
    pdf = {"type": "document", "source": {"type": "base64", "media_type": "application/pdf", "data": FIGURE}}
    page = {"type": "document", "source": {"type": "url", "url": "https://example.com/a.pdf"}}
    text = base64.b64encode("Grüße".encode()).decode()
    notes = {"type": "document", "title": "N", "source": {"type": "base64", "media_type": "text/plain", "data": text}}
    content = asked(image, pdf, page, notes)["messages"][0]["content"]
    assert content[:3] == [image, pdf, page]
    assert content[3] == notes | {"source": {"type": "text", "media_type": "text/plain", "data": "Grüße"}}


@pytest.mark.parametrize(
    ("block", "name"),
    [
        ({"type": "image", "source": {"type": "file", "file_id": "file_1"}}, "file_1"),
        ({"type": "image", "source": {"type": "base64", "media_type": "image/tiff", "data": FIGURE}}, "image/tiff"),
        ({"type": "document", "title": "Tables", "source": {"type": "file", "file_id": "file_2"}}, "Tables, file_2"),
        ({"type": "document", "source": {"type": "base64", "media_type": "text/plain", "data": "?"}}, "text/plain"),
    ],
)
def test_what_the_provider_takes_in_no_form_is_told_of_also_in_results(block: Block, name: str) -> None:
    whole = {"type": "tool_result", "tool_use_id": "t", "content": [block]}
    direct, inner = asked(block, whole)["messages"][0]["content"]
    expected = {"type": "text", "text": f"[{block['type']}: {name}; it cannot be shown to this model]"}
    assert direct == expected and inner["content"] == [expected]


def test_the_request_of_the_contract_is_not_changed() -> None:
    block = {"type": "text", "text": "Hello"}
    asked(block, cache_after=(0,))
    assert block == {"type": "text", "text": "Hello"}
