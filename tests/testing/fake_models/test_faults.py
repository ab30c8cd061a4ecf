"""Everything that can go wrong, in both dialects, seen through the official clients."""

from typing import Any

import anthropic
import httpx2
import openai
import pytest

from reverie.errors import InputError
from reverie.testing.fake_models import FakeModels, FaultName, Reply, call, fault, say
from reverie.testing.patience import PATIENCE_SECONDS
from tests.testing.fake_models.conftest import FUNCTIONS, TOOLS, Asking, user

ERRORS: dict[FaultName, tuple[int, str, int, str | None]] = {
    "invalid_request": (400, "invalid_request_error", 400, None),
    "context_overflow": (400, "invalid_request_error", 400, "context_length_exceeded"),
    "authentication": (401, "authentication_error", 401, "invalid_api_key"),
    "permission": (403, "permission_error", 403, None),
    "not_found": (404, "not_found_error", 404, "model_not_found"),
    "request_too_large": (413, "request_too_large", 413, None),
    "rate_limit": (429, "rate_limit_error", 429, "rate_limit_exceeded"),
    "server_error": (500, "api_error", 500, None),
    "timeout": (504, "timeout_error", 504, None),
    "overloaded": (529, "overloaded_error", 503, None),
}


def stream(asking: Asking, reply: Reply, **options: Any) -> list[Any]:
    """Types of the raw events that arrive, and the last entry what ended them."""
    asking.server.follow([reply])
    seen: list[Any] = []
    body: dict[str, Any] = {"model": "m", "max_tokens": 99, "messages": [user("hi")], **options}
    try:
        seen.extend(event.type for event in asking.claude.messages.create(**body, stream=True))
    except (httpx2.TransportError, anthropic.APIError) as error:
        seen.append(type(error))
    return seen


@pytest.mark.parametrize("name", ERRORS)
def test_an_error_is_answered_as_the_messages_api_does(asking: Asking, name: FaultName) -> None:
    asking.server.follow([fault(name)])
    with pytest.raises(anthropic.APIStatusError) as failed:
        asking.message()
    body: Any = failed.value.body
    assert (failed.value.status_code, body["error"]["type"]) == ERRORS[name][:2]
    assert body["request_id"] == failed.value.response.headers["request-id"]


@pytest.mark.parametrize("name", ERRORS)
def test_an_error_is_answered_as_chat_completions_do(asking: Asking, name: FaultName) -> None:
    asking.server.follow([fault(name)])
    with pytest.raises(openai.APIStatusError) as failed:
        asking.completion()
    assert (failed.value.status_code, failed.value.code) == ERRORS[name][2:]


@pytest.mark.parametrize("name", ["rate_limit", "overloaded"])
def test_an_error_says_when_to_come_back(asking: Asking, name: FaultName) -> None:
    asking.server.follow([fault(name, retry_after=2.5, message="later")])
    with pytest.raises(anthropic.APIStatusError, match="later") as failed:
        asking.message()
    assert failed.value.response.headers["retry-after"] == "2.5"


def test_a_client_that_tries_again_gets_the_next_reply(asking: Asking) -> None:
    asking.server.follow(
        [fault("rate_limit", retry_after=0.001), fault("overloaded", retry_after=0.001), say("at last")]
    )
    client = asking.claude.with_options(max_retries=2)
    answer = client.messages.create(model="m", max_tokens=9, messages=[{"role": "user", "content": "hi"}])
    assert [request.status for request in asking.server.requests] == [429, 529, 200]
    assert answer.content[0].type == "text"


@pytest.mark.parametrize(
    ("name", "reason", "finish"),
    [
        ("refusal", "refusal", "content_filter"),
        ("max_tokens", "max_tokens", "length"),
        ("pause_turn", "pause_turn", "stop"),
        ("window_exceeded", "model_context_window_exceeded", "length"),
    ],
)
def test_a_reply_may_stop_for_another_reason(asking: Asking, name: FaultName, reason: str, finish: str) -> None:
    asking.server.follow([fault(name, "well")] * 2)
    assert asking.message().stop_reason == reason
    assert asking.completion().choices[0].finish_reason == finish


def test_a_refusal_says_why(asking: Asking) -> None:
    asking.server.follow([fault("refusal", "no", message="It is dangerous.")] * 2)
    assert asking.message().stop_details.explanation == "It is dangerous."
    assert asking.completion().choices[0].message.refusal == "no"


def test_a_cut_ends_the_stream_after_so_many_events(asking: Asking) -> None:
    seen = stream(asking, fault("cut", "a long answer", after=4))
    assert seen == ["message_start", "content_block_start", "content_block_delta", httpx2.RemoteProtocolError]


def test_a_cut_before_the_first_event_sends_nothing(asking: Asking) -> None:
    assert stream(asking, fault("cut", after=0)) == [anthropic.APIConnectionError]
    assert asking.server.requests[0].status is None


def test_a_cut_of_an_answer_that_is_not_streamed_sends_nothing(asking: Asking) -> None:
    asking.server.follow([fault("cut", "a long answer")] * 2)
    with pytest.raises(anthropic.APIConnectionError):
        asking.message()
    with pytest.raises(openai.APIConnectionError):
        asking.completion()


def test_a_cut_ends_chunks_too(asking: Asking) -> None:
    asking.server.follow([fault("cut", "a long answer", after=2)])
    chunks = asking.completion_stream()
    assert [next(chunks).choices[0].delta.content, next(chunks).choices[0].delta.content] == ["", "a long answer"]
    with pytest.raises((httpx2.RemoteProtocolError, openai.APIConnectionError)):
        next(chunks)


def test_silence_lasts_until_the_client_has_had_enough(asking: Asking) -> None:
    asking.server.follow([fault("silence", "a long answer", after=2)])
    body: dict[str, Any] = {"model": "m", "max_tokens": 99, "messages": [user("hi")], "stream": True}
    with asking.claude.messages.create(**body) as events:
        assert [next(events).type, next(events).type] == ["message_start", "content_block_start"]
    assert asking.server.wait_abandoned(PATIENCE_SECONDS) == [1]


def test_a_silent_server_can_be_stopped() -> None:
    with FakeModels([fault("silence", after=1)]) as server:
        asking = Asking(server)
        body: dict[str, Any] = {"model": "m", "max_tokens": 99, "messages": [user("hi")], "stream": True}
        events = asking.claude.messages.create(**body)
        assert next(events).type == "message_start"
    with pytest.raises(httpx2.RemoteProtocolError):
        next(events)
    asking.close()


def test_an_error_in_mid_stream_is_an_event(asking: Asking) -> None:
    seen = stream(asking, fault("stream_error", "a long answer", after=2))
    assert seen[:2] == ["message_start", "content_block_start"]
    assert issubclass(seen[2], anthropic.APIStatusError)
    asking.server.follow([fault("stream_error", after=1)])
    with pytest.raises(openai.APIError, match="overloaded"):
        list(asking.completion_stream())


def test_an_error_in_mid_stream_is_an_ordinary_one_where_nothing_is_streamed(asking: Asking) -> None:
    asking.server.follow([fault("stream_error")])
    with pytest.raises(anthropic.APIStatusError) as failed:
        asking.message()
    assert failed.value.status_code == 529


def test_a_slow_answer_arrives_whole(asking: Asking) -> None:
    assert stream(asking, fault("drip", "slow", delay=0.0001))[-1] == "message_stop"


@pytest.mark.parametrize("name", ["malformed_input", "max_tokens"])
def test_the_input_of_a_call_may_be_malformed(asking: Asking, name: FaultName) -> None:
    asking.server.follow([fault(name, call("bash", {"command": "ls -l"}))] * 3)
    body: dict[str, Any] = {"model": "m", "max_tokens": 99, "messages": [user("hi")], "tools": TOOLS}
    events = list(asking.claude.messages.create(**body, stream=True))
    written = "".join(event.delta.partial_json for event in events if event.type == "content_block_delta")
    assert written == '{"command":'[: len(written)]
    assert asking.message(tools=TOOLS).content[0].input == {}
    assert asking.completion(tools=FUNCTIONS).choices[0].message.tool_calls[0].function.arguments == written


def test_a_model_may_call_a_tool_that_there_is_not(asking: Asking) -> None:
    asking.server.follow([fault("undeclared_tool", call("rm")), say("sorry")])
    block = asking.message(tools=TOOLS).content[0]
    result = {"type": "tool_result", "tool_use_id": block.id, "content": "no such tool", "is_error": True}
    answer = asking.message(user("hello"), {"role": "assistant", "content": [block]}, user([result]), tools=TOOLS)
    assert answer.content[0].text == "sorry"


def test_a_policy_that_calls_such_a_tool_by_mistake_is_told(asking: Asking) -> None:
    asking.server.follow([call("rm")])
    with pytest.raises(
        anthropic.BadRequestError, match="the policy calls 'rm' at request 1, which declares bash, read"
    ):
        asking.message(tools=TOOLS)


@pytest.mark.parametrize(
    ("mistake", "words"),
    [
        ({"name": "earthquake"}, "there is no fault 'earthquake'"),
        ({"name": "cut", "after": -1}, "must be 0 or more"),
        ({"name": "quirks", "quirks": ("odd",)}, "there is no quirk 'odd'"),
    ],
)
def test_a_fault_that_makes_no_sense_is_refused(mistake: dict[str, Any], words: str) -> None:
    with pytest.raises(InputError, match=words):
        fault(**mistake)
