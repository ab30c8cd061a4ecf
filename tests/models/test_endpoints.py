"""Both kinds of endpoint, over real HTTP: what is sent, what comes back, and what every failure becomes."""

from typing import Literal

import pytest

from reverie.errors import ModelError, ModelRefused, ModelReplyInvalid, ModelUnavailable
from reverie.language_model import ModelMessage, ModelReply, ModelRequest, ModelUsage
from reverie.models.open import open_model
from reverie.settings import ModelSettings, Secret
from tests.models.endpoint import Answer, Endpoint, completion, message, serve

Provider = Literal["anthropic", "openai"]

SCHEMA = {"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"], "additionalProperties": False}
PLAIN = ModelRequest("test/1", (ModelMessage("user", "Hello"),), 50, system="Be brief.")
STRUCTURED = ModelRequest("test/1", (ModelMessage("user", "Hello"),), 50, schema=SCHEMA)
NO_REPLIES = (
    *(b"", b"<html>gateway</html>", b'{"id": "msg', b"[]", b"{}", b"null", b'{"content": "\xff"}'),
    *(b'{"choices": [{}]}', b'{"choices": ["x"]}', b'{"choices": "x"}', b'{"choices": [{"message": "x"}]}'),
    *(b'{"choices": []}', b'{"content": null}', b'{"content": [{}]}', b'{"content": ["x"]}'),
)
PROVIDERS: tuple[Provider, ...] = ("anthropic", "openai")
both = pytest.mark.parametrize("provider", PROVIDERS)


def said(provider: Provider, text: str) -> Answer:
    return message(text) if provider == "anthropic" else completion(text)


def cut(provider: Provider) -> Answer:
    if provider == "anthropic":
        return message('{"n": 4', stop_reason="max_tokens")
    return completion('{"n": 4', finish_reason="length")


def declined(provider: Provider) -> Answer:
    if provider == "anthropic":
        return message("", stop_reason="refusal")
    return completion(None, refusal="I cannot help with that.")


def settings_for(provider: Provider, endpoint: Endpoint, retries: int) -> ModelSettings:
    return ModelSettings(provider, "m", base_url=endpoint.url, api_key=Secret("made-up"), retries=retries)


async def complete(provider: Provider, endpoint: Endpoint, request: ModelRequest, retries: int = 2) -> ModelReply:
    async with open_model(settings_for(provider, endpoint, retries)) as model:
        return await model.complete(request)


@both
async def test_a_reply_comes_with_its_text_and_the_tokens_it_took(provider: Provider) -> None:
    with serve(said(provider, "Hi.")) as endpoint:
        reply = await complete(provider, endpoint, PLAIN)
    assert reply.text == "Hi." and reply.parsed is None
    written = 3 if provider == "anthropic" else 0
    assert reply.usage == ModelUsage(11, 7, cache_read_tokens=5, cache_write_tokens=written)


async def test_the_messages_api_is_asked_in_its_own_words() -> None:
    with serve(message('{"n": 4}')) as endpoint:
        await complete("anthropic", endpoint, PLAIN)
        await complete("anthropic", endpoint, STRUCTURED)
    plain, structured = endpoint.requests
    assert endpoint.paths == ["/v1/messages"] * 2 and endpoint.headers[0]["authorization"] == "Bearer made-up"
    assert plain["system"] == "Be brief." and plain["max_tokens"] == 50 and "output_config" not in plain
    assert plain["messages"] == [{"role": "user", "content": "Hello"}]
    assert structured["output_config"]["format"] == {"type": "json_schema", "schema": SCHEMA}
    assert "system" not in structured


async def test_chat_completions_are_asked_in_their_own_words() -> None:
    with serve(completion('{"n": 4}')) as endpoint:
        await complete("openai", endpoint, PLAIN)
        await complete("openai", endpoint, STRUCTURED)
    plain, structured = endpoint.requests
    assert endpoint.paths == ["/chat/completions"] * 2
    assert endpoint.headers[0]["authorization"] == "Bearer made-up"
    assert [turn["role"] for turn in plain["messages"]] == ["system", "user"] and plain["max_tokens"] == 50
    assert structured["response_format"]["json_schema"]["schema"] == SCHEMA


@both
@pytest.mark.parametrize("status", [429, 500, 529])
async def test_a_busy_or_failing_provider_is_asked_again(provider: Provider, status: int) -> None:
    with serve(Answer({"error": {"message": "busy"}}, status), said(provider, "Hi.")) as endpoint:
        assert (await complete(provider, endpoint, PLAIN)).text == "Hi."
    assert len(endpoint.requests) == 2


@both
async def test_a_provider_that_goes_on_failing_is_unavailable(provider: Provider) -> None:
    answer = Answer({"error": {"message": "overloaded"}}, 529)
    with serve(answer) as endpoint, pytest.raises(ModelUnavailable, match="529"):
        await complete(provider, endpoint, PLAIN, retries=2)
    assert len(endpoint.requests) == 3


@both
@pytest.mark.parametrize(("status", "kind"), [(400, ModelRefused), (401, ModelUnavailable), (404, ModelUnavailable)])
async def test_a_request_that_cannot_succeed_is_made_once(
    provider: Provider, status: int, kind: type[ModelError]
) -> None:
    with serve(Answer({"error": {"message": "no"}}, status)) as endpoint, pytest.raises(kind, match=str(status)):
        await complete(provider, endpoint, PLAIN)
    assert len(endpoint.requests) == 1


@both
async def test_a_refusal_and_a_reply_cut_short_are_errors_that_carry_what_they_cost(provider: Provider) -> None:
    for answer, kind in ((declined(provider), ModelRefused), (cut(provider), ModelReplyInvalid)):
        with serve(answer) as endpoint, pytest.raises(kind) as raised:
            await complete(provider, endpoint, STRUCTURED)
        assert raised.value.output_tokens == 7 and raised.value.input_tokens >= 16


@both
async def test_a_body_that_is_no_reply_at_all_is_a_typed_error(provider: Provider) -> None:
    with serve(*map(Answer, NO_REPLIES)) as endpoint:
        async with open_model(settings_for(provider, endpoint, retries=0)) as model:
            for _ in NO_REPLIES:
                with pytest.raises(ModelReplyInvalid):
                    await model.complete(STRUCTURED)


@both
async def test_nobody_listening_is_unavailable(provider: Provider) -> None:
    with serve(said(provider, "Hi.")) as endpoint:
        pass
    with pytest.raises(ModelUnavailable):
        await complete(provider, endpoint, PLAIN, retries=0)


@both
async def test_a_redirect_is_not_followed(provider: Provider) -> None:
    with serve(said(provider, "Hi.")) as elsewhere:
        moved = Answer({}, 307, {"Location": elsewhere.url})
        with serve(moved) as endpoint, pytest.raises(ModelError):
            await complete(provider, endpoint, PLAIN, retries=0)
    assert elsewhere.requests == []
