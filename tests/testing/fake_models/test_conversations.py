"""Laws: what is well formed is taken, and what lacks a result is not, whatever the conversation."""

from typing import Any

import anthropic
import openai
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from reverie.testing.fake_models import Reply, call, redacted, say, think
from tests.testing.fake_models.conftest import FUNCTIONS, TOOLS, Asking, tool_result, user

WORDS = st.text(st.characters(codec="utf-8", exclude_categories=["Cs"]), min_size=1, max_size=40).filter(str.strip)
INPUTS = st.dictionaries(st.text(max_size=5), st.integers() | WORDS, max_size=3)
CALLS = st.builds(call, st.sampled_from(["bash", "read"]), INPUTS)
BLOCKS = st.one_of(WORDS.map(think), WORDS.map(redacted), WORDS.map(say), CALLS)


@st.composite
def replies(draw: st.DrawFn) -> Reply:
    """Blocks in any order, at least one of them a text or a call, as both dialects need."""
    reply = draw(WORDS.map(say) | CALLS)
    for block in draw(st.lists(BLOCKS, max_size=4)):
        reply = block + reply if draw(st.booleans()) else reply + block
    return reply


SCRIPTS = st.lists(st.tuples(replies(), st.randoms(use_true_random=False), WORDS | st.none()), min_size=1, max_size=5)
QUICK = settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])


def after(content: list[Any], random: Any, words: str | None) -> list[dict[str, Any]]:
    """The user's answer: results in any order, then perhaps something else."""
    results = [tool_result(block.id) for block in content if block.type == "tool_use"]
    random.shuffle(results)
    said = [{"type": "text", "text": words or "go on"}] if words or not results else []
    return [*results, *said]


@QUICK
@given(SCRIPTS)
def test_what_answers_a_reply_in_full_is_taken_by_the_messages_api(asking: Asking, script: Any) -> None:
    asking.server.follow([*(reply for reply, _, _ in script), say("done")])
    messages = [user("hello")]
    for _, random, words in script:
        content = asking.message(messages=messages, tools=TOOLS).content
        messages += [{"role": "assistant", "content": content}, user(after(content, random, words))]
    assert asking.message(messages=messages, tools=TOOLS).content[0].text == "done"


@QUICK
@given(SCRIPTS)
def test_what_answers_a_reply_in_full_is_taken_by_chat_completions(asking: Asking, script: Any) -> None:
    asking.server.follow([*(reply for reply, _, _ in script), say("done")])
    messages: list[Any] = [user("hello")]
    for _, random, words in script:
        message = asking.completion(messages=messages, tools=FUNCTIONS).choices[0].message
        calls = list(message.tool_calls or ())
        random.shuffle(calls)
        results = [{"role": "tool", "tool_call_id": made.id, "content": "fine"} for made in calls]
        messages += [message.to_dict(), *results, *([user(words)] if words else [])]
    assert asking.completion(messages=messages, tools=FUNCTIONS).choices[0].message.content == "done"


@QUICK
@given(st.lists(CALLS, min_size=1, max_size=4), st.data())
def test_a_missing_result_is_never_taken(asking: Asking, calls: list[Reply], data: st.DataObject) -> None:
    reply = say("I look.")
    for made in calls:
        reply = reply + made
    asking.server.follow([reply, reply, say("never"), say("never")])
    missing = data.draw(st.integers(1, len(calls)))

    content = asking.message(tools=TOOLS).content
    results = [tool_result(block.id) for block in content[1:] if block is not content[missing]]
    spoken = {"role": "assistant", "content": content}
    with pytest.raises(anthropic.BadRequestError, match=content[missing].id):
        asking.message(user("hello"), spoken, user([*results, {"type": "text", "text": "so?"}]), tools=TOOLS)

    message = asking.completion(tools=FUNCTIONS).choices[0].message
    left_out = message.tool_calls[missing - 1].id
    answers = [
        {"role": "tool", "tool_call_id": made.id, "content": "fine"}
        for made in message.tool_calls
        if made.id != left_out
    ]
    with pytest.raises(openai.BadRequestError, match=left_out):
        asking.completion(user("hello"), message.to_dict(), *answers, user("so?"), tools=FUNCTIONS)
