"""Models behind the Anthropic Messages API, through the official SDK, which also does the retries."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import anthropic
import msgspec

from reverie.errors import ModelRefused, ModelReplyInvalid
from reverie.language_model import LanguageModel, ModelReply, ModelRequest, ModelUsage
from reverie.models.reply import decode_body, name_failure, read_reply, spent
from reverie.models.switch import check_allowed
from reverie.settings import ModelSettings

_ADDRESS = "https://api.anthropic.com"
_CUT = frozenset({"max_tokens", "model_context_window_exceeded"})


class _Block(msgspec.Struct):
    type: str
    text: str = ""


class _Usage(msgspec.Struct):
    input_tokens: int = 0
    output_tokens: int = 0
    cache_read_input_tokens: int | None = None
    cache_creation_input_tokens: int | None = None


class _Message(msgspec.Struct):
    """What is read of a reply. The SDK's own types are not enforced, so they would let anything through."""

    content: list[_Block]
    stop_reason: str | None = None
    usage: _Usage | None = None


@asynccontextmanager
async def open_anthropic(settings: ModelSettings) -> AsyncIterator[LanguageModel]:
    """The model, with a connection pool that is closed at the end."""
    # A redirect would carry transcripts to an address nobody chose.
    async with anthropic.AsyncAnthropic(
        api_key=settings.api_key or "none",  # never None: the SDK would look for keys in files
        base_url=settings.base_url or _ADDRESS,
        timeout=settings.timeout_seconds,
        max_retries=settings.retries,
        http_client=anthropic.DefaultAsyncHttpxClient(follow_redirects=False),
    ) as client:
        yield AnthropicModel(client, settings.model)


class AnthropicModel:
    """A :class:`LanguageModel` that speaks the Messages API."""

    def __init__(self, client: anthropic.AsyncAnthropic, model: str) -> None:
        self._client = client
        self._model = model

    @property
    def name(self) -> str:
        return f"anthropic:{self._model}"

    async def complete(self, request: ModelRequest) -> ModelReply:
        check_allowed(str(self._client.base_url))
        options: dict[str, Any] = {
            "max_tokens": request.max_output_tokens,
            "messages": [{"role": message.role, "content": message.text} for message in request.messages],
        }
        if request.system:
            options["system"] = request.system
        if request.schema is not None:
            options["output_config"] = {"format": {"type": "json_schema", "schema": request.schema}}
        try:
            response = await self._client.messages.with_raw_response.create(model=self._model, **options)
        except anthropic.APIStatusError as error:
            raise name_failure(self.name, error.status_code, error.message) from error
        except anthropic.AnthropicError as error:
            raise name_failure(self.name, None, str(error)) from error
        return _reply(request, decode_body(response.http_response.content, _Message))


def _reply(request: ModelRequest, message: _Message) -> ModelReply:
    used = message.usage or _Usage()
    usage = ModelUsage(
        input_tokens=used.input_tokens,
        output_tokens=used.output_tokens,
        cache_read_tokens=used.cache_read_input_tokens or 0,
        cache_write_tokens=used.cache_creation_input_tokens or 0,
    )
    if message.stop_reason == "refusal":
        raise spent(ModelRefused, "the model declined to answer", usage)
    if message.stop_reason in _CUT:
        raise spent(ModelReplyInvalid, f"the reply was cut short at {usage.output_tokens:,} tokens", usage)
    return read_reply(request, "".join(block.text for block in message.content if block.type == "text"), usage)
