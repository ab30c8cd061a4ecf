"""The real clients of both makers, wrapped: each call is recorded once, whatever it is made with."""

from contextlib import ExitStack
from typing import Any

import anthropic
import openai
import pytest
from anthropic.lib.streaming._messages import accumulate_event

from reverie.testing.fake_models import Request, call, fault, say, serve, think
from tests.recorder.conftest import Desk, told

BASH: Any = {"name": "bash", "input_schema": {"type": "object"}}
FUNCTION: Any = {"type": "function", "function": {"name": "bash", "parameters": {"type": "object"}}}
ASKED: Any = {"role": "user", "content": "What is here?"}
SCRIPT = [think("I should look.") + call("bash", {"command": "ls"}), say("Two files.")]
TOLD = [
    ("system.message", "Be brief."),
    ("user.message", "What is here?"),
    ("agent.thinking", "I should look."),
    ("agent.tool_use", "bash"),
    ("agent.tool_result", "a b"),
    ("agent.message", "Two files."),
]
WAYS = ("create", "create streamed", "stream", "raw", "raw streamed")


def ask(client: anthropic.Anthropic, way: str, messages: list[Any]) -> Any:
    given: Any = {"model": "any", "max_tokens": 99, "tools": [BASH], "system": "Be brief.", "messages": messages}
    if way == "stream":
        with client.messages.stream(**given) as stream:
            return stream.get_final_message()
    if way == "raw":
        return client.messages.with_raw_response.create(**given).parse()
    if way == "create":
        return client.messages.create(**given)
    raw = client.messages.with_raw_response
    events = (
        client.messages.create(**given, stream=True)
        if way != "raw streamed"
        else raw.create(**given, stream=True).parse()
    )
    snapshot: Any = None
    buffers: Any = {}
    for event in events:
        snapshot = accumulate_event(event=event, current_snapshot=snapshot, json_bufs=buffers)
    assert snapshot is not None
    return snapshot


@pytest.mark.parametrize("way", WAYS)
def test_a_conversation_by_the_messages_api_is_told_once(desk: Desk, way: str) -> None:
    with serve(SCRIPT) as server, anthropic.Anthropic(base_url=server.url, api_key="any") as own:  # noqa: SIM117
        with desk.record() as session:
            client = session.wrap(own)
            assert type(client) is anthropic.Anthropic and "request" not in vars(own)
            messages: list[Any] = [ASKED]
            first = ask(client, way, messages)
            block = next(one for one in first.content if one.type == "tool_use")
            result = {"type": "tool_result", "tool_use_id": block.id, "content": "a b"}
            messages += [{"role": "assistant", "content": first.content}, {"role": "user", "content": [result]}]
            assert ask(client.with_options(max_retries=0), way, messages).content[0].text == "Two files."
    (found,) = desk.arrived()
    assert told(found) == TOLD
    ends = [event.payload for event in found.events if event.type == "span.model_request_end"]
    usage = [request.usage for request in server.requests]
    assert [end["model_usage"]["output_tokens"] for end in ends] == [one["output_tokens"] for one in usage if one]
    assert all(end["duration_ms"] >= 0 for end in ends) and found.session.model == "any"


@pytest.mark.parametrize("is_streamed", [False, True])
async def test_a_conversation_by_asynchronous_chat_completions_is_told_once(desk: Desk, is_streamed: bool) -> None:
    with serve(SCRIPT) as server:
        async with openai.AsyncOpenAI(base_url=f"{server.url}/v1", api_key="any") as own, desk.record() as session:
            client = session.wrap(own)
            messages: list[Any] = [{"role": "system", "content": "Be brief."}, ASKED]
            for _ in range(2):
                answer: Any
                if is_streamed:
                    async with client.chat.completions.stream(
                        model="any", messages=messages, tools=[FUNCTION]
                    ) as stream:
                        answer = (await stream.get_final_completion()).choices[0].message
                else:
                    made = await client.chat.completions.create(model="any", messages=messages, tools=[FUNCTION])
                    answer = made.choices[0].message
                messages.append(answer.model_dump(exclude_none=True, exclude={"parsed"}))
                messages += [{"role": "tool", "tool_call_id": c.id, "content": "a b"} for c in answer.tool_calls or ()]
    (found,) = desk.arrived()
    assert [one for one in told(found) if one[0] != "agent.thinking"] == [*TOLD[:2], *TOLD[3:]]


def test_an_error_of_the_provider_is_recorded_once_however_often_it_was_tried(desk: Desk) -> None:
    script = [fault("rate_limit", retry_after=0), fault("rate_limit", retry_after=0), fault("invalid_request")]
    with serve([script[0], "At last.", *script]) as server, desk.record() as session, ExitStack() as stack:
        client = stack.enter_context(
            session.wrap(anthropic.Anthropic(base_url=server.url, api_key="any", max_retries=1))
        )
        client.messages.create(model="any", max_tokens=9, messages=[ASKED])
        with pytest.raises(anthropic.RateLimitError):
            client.messages.create(model="any", max_tokens=9, messages=[ASKED])
    (found,) = desk.arrived()
    kinds = [event.type for event in found.events]
    assert kinds == ["user.message", "agent.message", "span.model_request_end", "session.error"]
    assert found.events[-1].payload["error"]["type"] == "RateLimitError"


def test_a_stream_that_breaks_off_is_kept_as_far_as_it_came(desk: Desk) -> None:
    with (
        serve([fault("cut", say("One two three four five six."), after=4)]) as server,
        desk.record() as session,
        ExitStack() as stack,
    ):
        client = stack.enter_context(
            session.wrap(openai.OpenAI(base_url=f"{server.url}/v1", api_key="any", max_retries=0))
        )
        with pytest.raises(openai.APIError):
            list(client.chat.completions.create(model="any", messages=[ASKED], stream=True))
    (found,) = desk.arrived()
    assert found.events[0].type == "user.message"
    assert "session.error" in [event.type for event in found.events]


def test_a_stream_that_is_left_early_is_no_error(desk: Desk) -> None:
    with serve([say("One two three four five six.")]) as server, desk.record() as session, ExitStack() as stack:
        client = stack.enter_context(session.wrap(openai.OpenAI(base_url=f"{server.url}/v1", api_key="any")))
        chunk: Any
        for chunk in client.chat.completions.create(model="any", messages=[ASKED], stream=True):
            if chunk.choices[0].delta.content:
                break
    (found,) = desk.arrived()
    assert "session.error" not in [event.type for event in found.events]


def test_what_the_program_tells_itself_is_not_told_again_by_the_client(desk: Desk) -> None:
    def policy(request: Request) -> Any:
        return say("Two files.") if request.results else call("bash", {"command": "ls"})

    with serve(policy) as server, desk.record() as session, ExitStack() as stack:
        client = stack.enter_context(session.wrap(anthropic.Anthropic(base_url=server.url, api_key="any")))
        session.user("What is here?")
        messages: list[Any] = [ASKED]
        block = ask(client, "create", messages).content[0]
        assert block.type == "tool_use"
        told_call = session.tool_call("bash", block.input, id=block.id)
        session.tool_result(told_call, "a b")
        result = {"type": "tool_result", "tool_use_id": block.id, "content": "a b"}
        messages += [{"role": "assistant", "content": [block]}, {"role": "user", "content": [result]}]
        session.assistant(ask(client, "create", messages).content[0].text)
    (found,) = desk.arrived()
    kinds = [kind for kind, _ in told(found)]
    assert sorted(kinds) == sorted(kind for kind, _ in TOLD if kind != "agent.thinking")


def test_a_call_is_recorded_in_the_thread_that_makes_it(desk: Desk) -> None:
    with serve(["Outer.", "Inner."]) as server, desk.record() as session, ExitStack() as stack:
        client = stack.enter_context(session.wrap(anthropic.Anthropic(base_url=server.url, api_key="any")))
        ask(client, "create", [ASKED])
        with desk.record(agent="helper"):
            ask(client, "create", [ASKED])
    (found,) = desk.arrived()
    assert told(found)[-1] == ("agent.message", "Outer.")
    assert told(found, "helper")[1:] == [
        ("agent.thread_message_received", "What is here?"),
        ("agent.message", "Inner."),
    ]


def test_other_requests_of_a_client_pass_and_are_not_recorded(desk: Desk) -> None:
    with serve(["x"]) as server, desk.record() as session, ExitStack() as stack:
        client = stack.enter_context(
            session.wrap(anthropic.Anthropic(base_url=server.url, api_key="any", max_retries=0))
        )
        assert client.messages.count_tokens(model="any", messages=[ASKED]).input_tokens > 0
    (found,) = desk.arrived()
    assert found.events == ()
