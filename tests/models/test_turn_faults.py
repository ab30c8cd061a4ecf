"""What every fault of a provider becomes, in both dialects, over real HTTP."""

import pytest

from reverie.errors import (
    ContextOverflow,
    ModelAccessError,
    ModelError,
    ModelOverloaded,
    ModelRateLimited,
    ModelRefused,
    ModelReplyInvalid,
    ModelUnavailable,
)
from reverie.models.route import ModelRoute
from reverie.models.router import open_router
from reverie.testing.fake_models import FaultName, call, fault, say
from tests.models.endpoint import Answer, serve
from tests.models.turning import Provider, both, model_of, pieces_of, reply_of

STALL = 0.4
ERRORS: list[tuple[FaultName, type[ModelError]]] = [
    ("invalid_request", ModelRefused),
    ("context_overflow", ContextOverflow),
    ("request_too_large", ContextOverflow),
    ("authentication", ModelAccessError),
    ("permission", ModelAccessError),
    ("not_found", ModelAccessError),
    ("rate_limit", ModelRateLimited),
    ("server_error", ModelUnavailable),
    ("timeout", ModelUnavailable),
    ("overloaded", ModelOverloaded),
    ("stream_error", ModelOverloaded),
    ("cut", ModelUnavailable),
]


@both
@pytest.mark.parametrize(("name", "kind"), ERRORS, ids=[name for name, _ in ERRORS])
async def test_each_fault_is_one_error_after_one_request(
    provider: Provider, name: FaultName, kind: type[ModelError]
) -> None:
    async with model_of(provider, [fault(name), say("Too late.")]) as (model, models):
        with pytest.raises(ModelError, match=r"\Asome-model: ") as caught:
            await reply_of(model)
        assert type(caught.value) is kind
        assert len(models.requests) == 1


@both
async def test_a_busy_provider_says_when_to_come_back(provider: Provider) -> None:
    async with model_of(provider, [fault("rate_limit", retry_after=7)]) as (model, _):
        with pytest.raises(ModelRateLimited) as caught:
            await reply_of(model)
    assert caught.value.retry_after_seconds == 7.0


@both
@pytest.mark.parametrize("after", [0, 3])
async def test_a_provider_that_falls_silent_is_left_after_the_route_s_time(provider: Provider, after: int) -> None:
    async with model_of(provider, [fault("silence", after=after)], stall_seconds=STALL) as (model, _):
        with pytest.raises(ModelUnavailable, match=r"nothing came for 0\.4 s"):
            await reply_of(model)


@both
async def test_a_slow_reply_is_no_silent_one(provider: Provider) -> None:
    words = "one two three four five six seven eight nine ten " * 6
    slow = fault("drip", words.strip(), delay=0.15)  # of some twenty events
    async with model_of(provider, [slow], stall_seconds=2.0) as (model, _):
        reply = await reply_of(model)
    assert reply.blocks == ({"type": "text", "text": words.strip()},)


@both
@pytest.mark.parametrize("after", [0, 1, 2, 4, 5])
async def test_a_reply_that_is_cut_anywhere_is_none(provider: Provider, after: int) -> None:
    async with model_of(provider, [fault("cut", say("word " * 30), after=after)]) as (model, _):
        with pytest.raises(ModelUnavailable, match=r"connection failed|broke off"):
            await pieces_of(model)


@both
async def test_no_server_is_no_connection(provider: Provider) -> None:
    async with model_of(provider, [], base_url="http://127.0.0.1:9/v1") as (model, _):
        with pytest.raises(ModelUnavailable, match="connection failed"):
            await reply_of(model)


@both
@pytest.mark.parametrize("name", ["authentication", "permission"])
async def test_a_refused_key_is_looked_for_in_the_variable_that_the_route_names(
    provider: Provider, name: FaultName
) -> None:
    environment = {"SOME_KEY": "k"}
    async with model_of(provider, [fault(name)], environment=environment, key_variable="SOME_KEY") as (model, _):
        with pytest.raises(ModelAccessError, match="SOME_KEY"):
            await reply_of(model)


@both
async def test_an_unknown_model_names_what_to_look_at(provider: Provider) -> None:
    async with model_of(provider, [], settings={"models": ["another"]}) as (model, _):
        with pytest.raises(ModelAccessError, match="REVERIE_MODEL_ROUTES"):
            await reply_of(model)


@both
async def test_a_conversation_beyond_the_model_s_context_overflows(provider: Provider) -> None:
    async with model_of(provider, [], settings={"context_tokens": 20}) as (model, _):
        with pytest.raises(ContextOverflow):
            await reply_of(model)


@both
async def test_a_refusal_is_a_reply_with_its_reason(provider: Provider) -> None:
    declined = fault("refusal", say("I will not."), message="I will not.")
    async with model_of(provider, [declined]) as (model, _):
        reply = await reply_of(model)
    assert reply.stop_reason == "refusal"
    assert reply.stop_details is not None and reply.stop_details["explanation"] == "I will not."


@both
@pytest.mark.parametrize("name", ["max_tokens", "malformed_input"])
async def test_arguments_that_are_cut_short_stay_a_text(provider: Provider, name: FaultName) -> None:
    async with model_of(provider, [fault(name, call("lookup", {"key": "abcdef"}))]) as (model, _):
        reply = await reply_of(model)
    (block,) = reply.blocks
    assert block["input"] is None and block["raw_input"] == '{"key": '
    assert reply.stop_reason == ("max_tokens" if name == "max_tokens" else "tool_use")


@both
async def test_requests_stay_on_this_machine_when_they_have_to(
    provider: Provider, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REVERIE_MODEL_REQUESTS", "local")
    async with model_of(provider, [], base_url="http://models.example/v1") as (model, _):
        with pytest.raises(ModelAccessError, match="nothing was sent"):
            await reply_of(model)


@both
@pytest.mark.parametrize("body", [b"<html>gateway</html>", b"", b"[]", b"{}"])
async def test_an_answer_that_is_no_stream_is_no_reply(provider: Provider, body: bytes) -> None:
    with serve(Answer(body)) as endpoint:
        async with open_router([ModelRoute("*", provider, base_url=endpoint.url)], {}) as router:
            with pytest.raises(ModelUnavailable, match="broke off"):
                await reply_of(router.find("m").model)


@both
@pytest.mark.parametrize(
    "events",
    [
        b"event: message_start\ndata: {\n\n",
        b'event: content_block_delta\ndata: {"type": "content_block_delta", "index": 3, "delta": {}, "choices": 1}\n\n',
        b'event: content_block_start\ndata: {"type": 7, "choices": [{"delta": "x"}]}\n\n',
    ],
)
async def test_events_that_cannot_be_read_are_told_as_such(provider: Provider, events: bytes) -> None:
    answer = Answer(events, headers={"Content-Type": "text/event-stream"})
    with serve(answer) as endpoint:
        async with open_router([ModelRoute("*", provider, base_url=endpoint.url)], {}) as router:
            with pytest.raises(ModelReplyInvalid, match="cannot be read"):
                await reply_of(router.find("m").model)


@both
async def test_a_redirect_is_not_followed(provider: Provider) -> None:
    with serve(Answer({}, status=307, headers={"Location": "http://127.0.0.1:9/"})) as endpoint:
        async with open_router([ModelRoute("*", provider, base_url=endpoint.url)], {}) as router:
            with pytest.raises(ModelAccessError, match="check base_url"):
                await reply_of(router.find("m").model)
