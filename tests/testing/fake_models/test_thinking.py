"""Thoughts come back as they were sent, or the conversation is refused."""

from collections.abc import Callable
from typing import Any

import anthropic
import pytest

from reverie.testing.fake_models import Reply, call, redacted, say, think
from tests.testing.fake_models.conftest import TOOLS, Asking, assistant, text, tool_result, user

MODIFIED = (
    "messages.1.content.{}: `thinking` or `redacted_thinking` blocks in the latest assistant message cannot be "
    "modified. These blocks must remain as they were in the original response."
)
ENABLED = {"thinking": {"type": "enabled", "budget_tokens": 1_024}}
THOUGHT_TWICE = think("first") + redacted("secret") + think("second") + call("bash")


def blocks_of(asking: Asking, reply: Reply, **options: Any) -> list[dict[str, Any]]:
    asking.server.follow([reply, say("fine")])
    return [block.model_dump(exclude_none=True) for block in asking.message(tools=TOOLS, **options).content]


def answered(asking: Asking, blocks: list[dict[str, Any]], **options: Any) -> Any:
    results = [tool_result(block["id"]) for block in blocks if block["type"] == "tool_use"]
    messages = [user("hello"), assistant(blocks), user([*results, text("so?")])]
    return asking.message(messages=messages, tools=TOOLS, **options)


def told(asking: Asking, blocks: list[dict[str, Any]], **options: Any) -> str:
    with pytest.raises(anthropic.BadRequestError) as refused:
        answered(asking, blocks, **options)
    body: Any = refused.value.body
    return str(body["error"]["message"])


def test_thoughts_sent_back_unchanged_are_taken(asking: Asking) -> None:
    blocks = blocks_of(asking, THOUGHT_TWICE)
    assert answered(asking, blocks).content[0].text == "fine"


CHANGES: dict[str, tuple[Callable[[list[dict[str, Any]]], list[dict[str, Any]]], int]] = {
    "a word is other": (lambda blocks: [{**blocks[0], "thinking": "First"}, *blocks[1:]], 0),
    "the signature is other": (lambda blocks: [{**blocks[0], "signature": "x"}, *blocks[1:]], 0),
    "the sealed one is other": (lambda blocks: [blocks[0], {**blocks[1], "data": "x"}, *blocks[2:]], 1),
    "one is left out": (lambda blocks: blocks[1:], 0),
    "the last is left out": (lambda blocks: [*blocks[:2], blocks[3]], 2),
    "two changed places": (lambda blocks: [blocks[2], blocks[1], blocks[0], blocks[3]], 0),
    "one comes after the call": (lambda blocks: [*blocks[:2], blocks[3], blocks[2]], 2),
    "one comes twice": (lambda blocks: [blocks[0], *blocks], 1),
    "all are left out": (lambda blocks: blocks[3:], 0),
}


@pytest.mark.parametrize("case", CHANGES)
def test_a_changed_thought_of_the_latest_answer_is_refused(asking: Asking, case: str) -> None:
    change, place = CHANGES[case]
    assert told(asking, change(blocks_of(asking, THOUGHT_TWICE))) == MODIFIED.format(place)


def test_a_made_up_thought_is_refused(asking: Asking) -> None:
    made_up = {"type": "thinking", "thinking": "I think", "signature": "c2lnbmVk"}
    assert told(asking, [made_up, text("hi")]) == "messages.1.content.0: Invalid `signature` in `thinking` block"


def test_a_changed_thought_of_an_earlier_answer_is_refused(asking: Asking) -> None:
    thought, said = blocks_of(asking, think("I see") + say("yes"))
    earlier = assistant([{**thought, "thinking": "I saw"}, said])
    with pytest.raises(anthropic.BadRequestError, match=r"content\.0: Invalid `signature` in `thinking` block"):
        asking.message(user("hello"), earlier, user("and?"), assistant("no"), user("so?"))


def test_earlier_answers_need_no_thoughts(asking: Asking) -> None:
    said = blocks_of(asking, think("I see") + say("yes"))[1]
    answer = asking.message(user("hello"), assistant([said]), user("and?"), assistant("no"), user("so?"))
    assert answer.content[0].text == "fine"


def test_another_models_thoughts_are_refused_and_need_not_come(asking: Asking) -> None:
    blocks = blocks_of(asking, think("I see") + call("bash"))
    assert told(asking, blocks, model="other") == "messages.1.content.0: Invalid `signature` in `thinking` block"
    assert answered(asking, blocks[1:], model="other").content[0].text == "fine"


def test_without_thinking_thoughts_need_not_come(asking: Asking) -> None:
    blocks = blocks_of(asking, think("I see") + call("bash"))
    assert answered(asking, blocks[1:], thinking={"type": "disabled"}).content[0].text == "fine"


def test_enabled_thinking_wants_the_answer_to_begin_with_a_thought(asking: Asking) -> None:
    blocks = blocks_of(asking, think("I see") + call("bash"), **ENABLED)
    words = told(asking, blocks[1:], **ENABLED)
    assert words.startswith(
        "messages.1.content.0.type: Expected `thinking` or `redacted_thinking`, but found `tool_use`."
    )


def test_an_answer_that_never_had_a_thought_is_taken(asking: Asking) -> None:
    blocks = blocks_of(asking, call("bash"), **ENABLED)
    assert answered(asking, blocks, **ENABLED).content[0].text == "fine"


def test_a_model_that_may_not_think_does_not(asking: Asking) -> None:
    blocks = blocks_of(asking, THOUGHT_TWICE, thinking={"type": "disabled"})
    assert [block["type"] for block in blocks] == ["tool_use"]


def test_a_thought_that_is_not_shown_keeps_its_signature(asking: Asking) -> None:
    blocks = blocks_of(asking, think("I see") + call("bash"), thinking={"type": "adaptive", "display": "omitted"})
    assert blocks[0]["thinking"] == ""
    assert answered(asking, blocks).content[0].text == "fine"
    assert told(asking, [{**blocks[0], "thinking": "I see"}, blocks[1]]) == MODIFIED.format(0)
