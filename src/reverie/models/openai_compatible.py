"""Models behind a chat completions endpoint: OpenAI, vLLM, Ollama, llama.cpp, LM Studio and most hosted ones.

Through the official SDK, which also does the retries.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import msgspec
import openai

from reverie.errors import ModelRefused, ModelReplyInvalid
from reverie.language_model import LanguageModel, ModelReply, ModelRequest, ModelUsage
from reverie.models.reply import decode_body, name_failure, read_reply, spent
from reverie.models.switch import check_allowed
from reverie.settings import ModelSettings

_ADDRESS = "https://api.openai.com/v1"


class _Text(msgspec.Struct):
    content: str | None = None
    refusal: str | None = None


class _Choice(msgspec.Struct):
    message: _Text
    finish_reason: str | None = None


class _Cached(msgspec.Struct):
    cached_tokens: int | None = None


class _Usage(msgspec.Struct):
    prompt_tokens: int = 0
    completion_tokens: int = 0
    prompt_tokens_details: _Cached | None = None


class _Completion(msgspec.Struct):
    """What is read of a reply. The SDK's own types are not enforced, so they would let anything through."""

    choices: list[_Choice]
    usage: _Usage | None = None


@asynccontextmanager
async def open_openai_compatible(settings: ModelSettings) -> AsyncIterator[LanguageModel]:
    """The model, with a connection pool that is closed at the end."""
    # A redirect would carry transcripts to an address nobody chose.
    async with openai.AsyncOpenAI(
        api_key=settings.api_key or "none",  # local servers need none, but the SDK does
        base_url=settings.base_url or _ADDRESS,
        timeout=settings.timeout_seconds,
        max_retries=settings.retries,
        http_client=openai.DefaultAsyncHttpxClient(follow_redirects=False),
    ) as client:
        # OpenAI's newer models refuse the older name of the limit, and some other servers ignore the newer one.
        yield OpenAICompatibleModel(
            client, settings.model, "max_tokens" if settings.base_url else "max_completion_tokens"
        )


class OpenAICompatibleModel:
    """A :class:`LanguageModel` that speaks chat completions; ``limit`` is what the endpoint calls the output limit."""

    def __init__(self, client: openai.AsyncOpenAI, model: str, limit: str) -> None:
        self._client = client
        self._model = model
        self._limit = limit

    @property
    def name(self) -> str:
        return f"openai:{self._model}"

    async def complete(self, request: ModelRequest) -> ModelReply:
        check_allowed(str(self._client.base_url))
        system = [{"role": "system", "content": request.system}] if request.system else []
        options: dict[str, Any] = {
            self._limit: request.max_output_tokens,
            "messages": [*system, *({"role": message.role, "content": message.text} for message in request.messages)],
        }
        if request.schema is not None:
            named = {"name": "reply", "schema": request.schema, "strict": True}
            options["response_format"] = {"type": "json_schema", "json_schema": named}
        try:
            response = await self._client.chat.completions.with_raw_response.create(model=self._model, **options)
        except openai.APIStatusError as error:
            raise name_failure(self.name, error.status_code, error.message) from error
        except openai.OpenAIError as error:
            raise name_failure(self.name, None, str(error)) from error
        return _reply(request, decode_body(response.http_response.content, _Completion))


def _reply(request: ModelRequest, completion: _Completion) -> ModelReply:
    usage = _usage(completion.usage or _Usage())
    if not completion.choices:
        raise spent(ModelReplyInvalid, "the endpoint answered with no choice", usage)
    choice = completion.choices[0]
    if choice.finish_reason == "content_filter" or choice.message.refusal:
        raise spent(ModelRefused, "the model declined to answer", usage)
    if choice.finish_reason == "length":
        raise spent(ModelReplyInvalid, f"the reply was cut short at {usage.output_tokens:,} tokens", usage)
    return read_reply(request, choice.message.content or "", usage)


def _usage(used: _Usage) -> ModelUsage:
    cached = (used.prompt_tokens_details and used.prompt_tokens_details.cached_tokens) or 0
    return ModelUsage(max(used.prompt_tokens - cached, 0), used.completion_tokens, cache_read_tokens=cached)
