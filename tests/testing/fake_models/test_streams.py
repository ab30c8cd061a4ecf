"""How replies arrive: events, chunks, ids, and what the official clients make of them."""

import json
from typing import Any

import anthropic
import openai
import pytest

from reverie.testing.fake_models import QUIRKS, FakeModels, Reply, call, fault, redacted, say, think
from reverie.testing.patience import PATIENCE_SECONDS
from tests.testing.fake_models.conftest import FUNCTIONS, TOOLS, Asking, user

EVERYTHING = (
    think("The user wants to see what there is.")
    + redacted("secret")
    + say("I will look at the files first.")
    + call("bash", {"command": "ls -l | sort", "timeout": 5})
    + call("read", {})
)
BODY: dict[str, Any] = {"model": "m", "max_tokens": 99, "messages": [user("hi")], "tools": TOOLS}


def raw_events(asking: Asking) -> list[tuple[str, dict[str, Any]]]:
    """Names and data of the events as they are on the wire."""
    with asking.claude.messages.with_streaming_response.create(**BODY, stream=True) as response:
        frames = "".join(response.iter_text()).split("\n\n")[:-1]
    lines = [frame.split("\n") for frame in frames]
    return [(name.removeprefix("event: "), json.loads(data.removeprefix("data: "))) for name, data in lines]


def test_the_events_come_in_the_real_order(asking: Asking) -> None:
    asking.server.follow([say("A text that needs more than one piece.") + call("read", {})])
    events = raw_events(asking)
    assert [name for name, _ in events] == [
        "message_start",
        "content_block_start",
        "ping",
        "content_block_delta",
        "content_block_delta",
        "content_block_stop",
        "content_block_start",
        "content_block_delta",
        "content_block_stop",
        "message_delta",
        "message_stop",
    ]
    assert all(name == data["type"] for name, data in events)


def test_a_thought_is_streamed_before_its_signature(asking: Asking) -> None:
    asking.server.follow([think("I see.")])
    deltas = [data["delta"] for name, data in raw_events(asking) if name == "content_block_delta"]
    assert [delta["type"] for delta in deltas] == ["thinking_delta", "signature_delta"]


def test_a_stream_and_a_whole_answer_say_the_same(asking: Asking) -> None:
    asking.server.follow([EVERYTHING] * 2)
    whole = asking.message(tools=TOOLS)
    with asking.claude.messages.stream(**BODY) as stream:
        streamed = stream.get_final_message()
    assert [block.type for block in streamed.content] == [block.type for block in whole.content]
    assert streamed.content[0].type == "thinking"
    assert streamed.content[2].text == "I will look at the files first."  # type: ignore[union-attr]
    assert [block.input for block in streamed.content if block.type == "tool_use"] == [
        {"command": "ls -l | sort", "timeout": 5},
        {},
    ]
    assert streamed.stop_reason == whole.stop_reason == "tool_use"
    assert streamed.usage.output_tokens == whole.usage.output_tokens


async def test_the_asynchronous_client_streams_too() -> None:
    async with (
        FakeModels([say("one two three")]) as server,
        anthropic.AsyncAnthropic(base_url=server.url, api_key="any", timeout=PATIENCE_SECONDS) as client,
        client.messages.stream(model="m", max_tokens=99, messages=[{"role": "user", "content": "hi"}]) as stream,
    ):
        assert "".join([words async for words in stream.text_stream]) == "one two three"


async def test_the_other_asynchronous_client_streams_too() -> None:
    async with (
        FakeModels([say("one two three")]) as server,
        openai.AsyncOpenAI(base_url=f"{server.url}/v1", api_key="any", timeout=PATIENCE_SECONDS) as client,
    ):
        chunks = await client.chat.completions.create(
            model="m", messages=[{"role": "user", "content": "hi"}], stream=True
        )
        assert "".join([chunk.choices[0].delta.content or "" async for chunk in chunks]) == "one two three"


def test_chunks_add_up_to_the_completion(asking: Asking) -> None:
    asking.server.follow([EVERYTHING] * 2)
    whole = asking.completion(tools=FUNCTIONS).choices[0]
    with asking.gpt.chat.completions.stream(
        model="m",
        messages=[{"role": "user", "content": "hi"}],
        tools=FUNCTIONS,  # type: ignore[arg-type]
    ) as stream:
        streamed = stream.get_final_completion().choices[0]
    assert streamed.message.content == whole.message.content == "I will look at the files first."
    assert streamed.finish_reason == whole.finish_reason == "tool_calls"
    arguments = [made.function.arguments for made in streamed.message.tool_calls or ()]
    assert arguments == ['{"command": "ls -l | sort", "timeout": 5}', "{}"]
    assert whole.message.reasoning_content == "The user wants to see what there is."


def test_usage_comes_last_when_asked_for(asking: Asking) -> None:
    chunks = list(asking.completion_stream(stream_options={"include_usage": True}))
    assert [len(chunk.choices) for chunk in chunks[-2:]] == [1, 0]
    assert chunks[-1].usage.total_tokens == chunks[-1].usage.prompt_tokens + 2


def deltas(asking: Asking, reply: Reply) -> list[dict[str, Any]]:
    """The pieces of calls in a stream of two calls."""
    asking.server.follow([reply])
    body: dict[str, Any] = {"model": "m", "messages": [user("hi")], "tools": FUNCTIONS, "stream": True}
    with asking.gpt.chat.completions.with_streaming_response.create(**body) as response:
        lines = [line.removeprefix("data: ") for line in response.iter_lines() if line]
    assert lines.pop() == "[DONE]"
    chunks = [json.loads(line) for line in lines]
    choices = [choice for chunk in chunks for choice in chunk["choices"]]
    return [piece for choice in choices for piece in choice["delta"].get("tool_calls") or ()]


TWO_CALLS = call("bash", {"command": "ls"}) + call("read", {"path": "a"})


def test_calls_are_told_apart_by_their_index(asking: Asking) -> None:
    assert {piece["index"] for piece in deltas(asking, TWO_CALLS)} == {0, 1}


def test_some_servers_give_every_call_the_same_index(asking: Asking) -> None:
    assert {piece["index"] for piece in deltas(asking, fault("quirks", TWO_CALLS, quirks=("index_zero",)))} == {0}


def test_some_servers_send_arguments_as_an_object(asking: Asking) -> None:
    pieces = deltas(asking, fault("quirks", TWO_CALLS, quirks=("arguments_object",)))
    assert [piece["function"]["arguments"] for piece in pieces] == [{"command": "ls"}, {"path": "a"}]


def test_some_servers_give_no_ids(asking: Asking) -> None:
    assert [piece for piece in deltas(asking, TWO_CALLS) if "id" in piece] != []
    assert [
        piece for piece in deltas(asking, fault("quirks", TWO_CALLS, quirks=("ids_missing",))) if "id" in piece
    ] == []


def test_some_servers_stop_where_they_call_tools(asking: Asking) -> None:
    asking.server.follow([fault("quirks", TWO_CALLS, quirks=("finish_reason_stop",))] * 2)
    assert asking.completion(tools=FUNCTIONS).choices[0].finish_reason == "stop"
    assert list(asking.completion_stream(tools=FUNCTIONS))[-1].choices[0].finish_reason == "stop"


def test_some_servers_send_empty_chunks(asking: Asking) -> None:
    asking.server.follow([fault("quirks", "well", quirks=("empty_chunks",))])
    chunks = list(asking.completion_stream())
    assert chunks[0].choices == []
    assert [chunk.choices[0].delta.to_dict() for chunk in chunks[1:]].count({}) == 3
    assert "".join(chunk.choices[0].delta.content or "" for chunk in chunks[1:]) == "well"


def test_quirks_are_of_chat_completions_alone(asking: Asking) -> None:
    asking.server.follow([fault("quirks", TWO_CALLS, quirks=QUIRKS)])
    message = asking.message(tools=TOOLS)
    assert message.stop_reason == "tool_use"
    assert [block.input for block in message.content] == [{"command": "ls"}, {"path": "a"}]


def test_no_two_calls_have_the_same_id(asking: Asking) -> None:
    asking.server.follow([TWO_CALLS] * 3)
    names = [block.id for _ in range(3) for block in asking.message(tools=TOOLS).content]
    assert len(set(names)) == 6


@pytest.mark.parametrize(("seed", "same"), [(1, True), (2, False)])
def test_the_same_seed_gives_the_same_answers(seed: int, same: bool) -> None:
    answers = []
    for number in (1, seed):
        with FakeModels([EVERYTHING], seed=number) as server:
            asking = Asking(server)
            answers.append(asking.message(tools=TOOLS).to_dict())
            asking.close()
    assert (answers[0] == answers[1]) is same


def test_models_are_listed_in_both_dialects(asking: Asking) -> None:
    assert [model.id for model in asking.claude.models.list()] == ["fake-model"]
    assert [model.id for model in asking.gpt.models.list()] == ["fake-model"]
    assert asking.claude.models.retrieve("any").id == "any"


def test_models_may_be_known_by_name() -> None:
    with FakeModels(["hi"], models=["a"]) as server:
        asking = Asking(server)
        with pytest.raises(anthropic.NotFoundError, match="model: b"):
            asking.message(model="b")
        with pytest.raises(openai.NotFoundError, match="`b` does not exist"):
            asking.completion(model="b")
        assert asking.message(model="a").content[0].text == "hi"
        asking.close()


def test_other_paths_are_not_found(asking: Asking) -> None:
    with pytest.raises(anthropic.NotFoundError):
        asking.claude.get("/v1/nothing", cast_to=object)
    assert asking.server.requests[-1].path == "/v1/nothing"
