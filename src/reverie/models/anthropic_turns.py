"""Turns of agents by the Messages API, through the official SDK without its retries: the loop has its own."""

import json
from collections.abc import AsyncIterator, Mapping
from typing import Any

import anthropic
import httpx2
import msgspec

from reverie.errors import ContextOverflow, ModelAccessError, ModelReplyInvalid, ModelUnavailable, SettingsError
from reverie.language_model import ModelUsage
from reverie.models.attachment import IMAGES, document_text, is_shown_pdf, name_attachment, source_of, titled
from reverie.models.reply import spent
from reverie.models.route import ModelRoute
from reverie.models.switch import check_allowed
from reverie.models.turn_failure import Failure, name_lost_connection, name_turn_failure, timeout_of
from reverie.turn_model import BlockBegun, SilentPiece, StopReason, TextPiece, TurnPiece, TurnReply, TurnRequest

_CACHED = {"cache_control": {"type": "ephemeral"}}
_THOUGHTS = frozenset({"thinking", "redacted_thinking"})
_ON_THE_WEB = frozenset({"url"})
_STOPS: Mapping[str, StopReason] = {
    "end_turn": "end_turn",
    "tool_use": "tool_use",
    "max_tokens": "max_tokens",
    "stop_sequence": "stop_sequence",
    "pause_turn": "pause_turn",
    "refusal": "refusal",
}


class _Started(msgspec.Struct):
    usage: dict[str, Any] | None = None


class _Event(msgspec.Struct):
    """What is read of an event. The SDK's own types are not enforced, so they would let anything through."""

    type: str
    index: int = 0
    message: _Started | None = None
    content_block: dict[str, Any] = {}
    delta: dict[str, Any] = {}
    usage: dict[str, Any] | None = None


class AnthropicTurnModel:
    """A :class:`TurnModel` that speaks the Messages API."""

    provider = "anthropic"

    def __init__(self, client: anthropic.AsyncAnthropic, model: str, route: ModelRoute) -> None:
        self._client = client
        self.model = model
        self._route = route

    async def stream(self, request: TurnRequest) -> AsyncIterator[TurnPiece]:
        """Pieces of the reply, and the reply."""
        gathered = _Gathered()
        try:
            check_allowed(str(self._client.base_url))
            events = await self._client.messages.create(
                **request_body(request, self.model, self._route), stream=True, timeout=timeout_of(self._route)
            )
            async with events:
                async for event in events:
                    for piece in gathered.take(event.to_dict(warnings=False)):
                        yield piece
        except SettingsError as error:
            raise ModelAccessError(str(error)) from error
        except anthropic.APIStatusError as error:
            failure = Failure(error.status_code, error.body, error.message, error.response.headers)
            raise name_turn_failure(self.model, self._route, failure) from error
        except (anthropic.AnthropicError, httpx2.HTTPError) as error:
            raise name_lost_connection(self.model, self._route, error) from error
        except (json.JSONDecodeError, UnicodeDecodeError, msgspec.ValidationError, LookupError) as error:
            raise ModelReplyInvalid(f"{self.model}: the reply cannot be read: {error}") from error
        yield gathered.reply(self.provider, self.model)


def request_body(request: TurnRequest, model: str, route: ModelRoute) -> dict[str, Any]:
    """The request as the Messages API takes it, with marks where a cache is worth having."""
    system: list[dict[str, Any]] = [{"type": "text", "text": part} for part in request.system]
    tools = [
        {"name": tool.name, "description": tool.description, "input_schema": dict(tool.input_schema)}
        for tool in request.tools
    ]
    messages: list[dict[str, Any]] = [
        {"role": message.role, "content": [_shown(block) for block in message.content]} for message in request.messages
    ]
    if route.cache:
        for blocks in (system or tools, *(messages[place]["content"] for place in request.cache_after)):
            _mark(blocks)
    body: dict[str, Any] = {"model": model, "max_tokens": request.max_output_tokens, "messages": messages}
    if system:
        body["system"] = system
    if tools:
        body["tools"] = tools
    if request.effort is not None and route.effort:
        body["output_config"] = {"effort": request.effort}
    if route.thinking:
        body["thinking"] = {"type": "adaptive" if request.thinking else "disabled"}
    return body


def _mark(blocks: list[dict[str, Any]]) -> None:
    """Have the provider cache up to the last block that may carry a mark, which thoughts may not."""
    for block in reversed(blocks):
        if block.get("type") not in _THOUGHTS:
            block |= _CACHED
            return


def _shown(block: Mapping[str, Any]) -> dict[str, Any]:
    """A block as the provider takes it; what it takes in no form is told of."""
    match block["type"]:
        case "tool_result" if not isinstance(block.get("content") or "", str):
            return {**block, "content": [_shown(inner) for inner in block["content"]]}
        case "image":
            source = source_of(block)
            is_known = source.get("type") == "base64" and source.get("media_type") in IMAGES
            shown = is_known or source.get("type") in _ON_THE_WEB
            return dict(block) if shown else _text(name_attachment(block))
        case "document":
            return _document(block)
    return dict(block)


def _document(block: Mapping[str, Any]) -> dict[str, Any]:
    kind = source_of(block).get("type")
    if kind in _ON_THE_WEB or kind == "content" or is_shown_pdf(block):
        return dict(block)
    text = document_text(block)
    if text is None:
        return _text(name_attachment(block))
    if not text.strip():
        return _text(titled(block, "(empty)"))
    return {**block, "source": {"type": "text", "media_type": "text/plain", "data": text}}


def _text(text: str) -> dict[str, Any]:
    return {"type": "text", "text": text}


class _Gathered:
    """A reply that is put together from events, block by block, as it was given."""

    def __init__(self) -> None:
        self._blocks: dict[int, dict[str, Any]] = {}
        self._arguments: dict[int, list[str]] = {}
        self._usage: dict[str, Any] = {}
        self._stop: str | None = None
        self._details: Mapping[str, Any] | None = None
        self._ended = False

    def take(self, event: Mapping[str, Any]) -> list[TurnPiece]:
        """Add an event; what of it can be shown.

        Raises:
            msgspec.ValidationError, LookupError: it is none, or speaks of a block that was not begun.
        """
        read = msgspec.convert(event, _Event)
        match read.type:
            case "message_start":
                self._usage |= _known(read.message.usage if read.message else None)
            case "content_block_start":
                block = {name: value for name, value in read.content_block.items() if value is not None}
                self._blocks[read.index] = block
                return [BlockBegun(read.index, block["type"])]
            case "content_block_delta":
                return [self._extend(read.index, read.delta)]
            case "message_delta":
                self._usage |= _known(read.usage)
                self._stop = read.delta.get("stop_reason")
                self._details = read.delta.get("stop_details")
            case "message_stop":
                self._ended = True
        return [SilentPiece()]

    def _extend(self, index: int, delta: Mapping[str, Any]) -> TurnPiece:
        block = self._blocks[index]
        match delta["type"]:
            case "text_delta":
                block["text"] = block.get("text", "") + delta["text"]
                return TextPiece(index, delta["text"])
            case "input_json_delta":
                self._arguments.setdefault(index, []).append(delta["partial_json"])
            case "thinking_delta":
                block["thinking"] = block.get("thinking", "") + delta["thinking"]
            case "signature_delta":
                block["signature"] = delta["signature"]
            case "citations_delta":
                block.setdefault("citations", []).append(delta["citation"])
        return SilentPiece()

    def reply(self, provider: str, model: str) -> TurnReply:
        """The whole reply.

        Raises:
            ModelUnavailable: it ended before its end.
        """
        if not self._ended or self._stop is None:
            raise ModelUnavailable(f"{model}: the reply broke off")
        blocks = tuple(self._with_arguments(index, self._blocks[index]) for index in sorted(self._blocks))
        usage = ModelUsage(
            input_tokens=self._usage.get("input_tokens", 0),
            output_tokens=self._usage.get("output_tokens", 0),
            cache_read_tokens=self._usage.get("cache_read_input_tokens", 0),
            cache_write_tokens=self._usage.get("cache_creation_input_tokens", 0),
        )
        if self._stop == "model_context_window_exceeded":
            raise spent(ContextOverflow, f"{model}: the conversation fills the model's context", usage)
        return TurnReply(blocks, _STOPS.get(self._stop, "end_turn"), usage, provider, model, self._details)

    def _with_arguments(self, index: int, block: dict[str, Any]) -> dict[str, Any]:
        text = "".join(self._arguments.get(index, ()))
        if not text:
            return block
        try:
            value = msgspec.json.decode(text)
        except (msgspec.DecodeError, RecursionError):
            value = None
        if isinstance(value, dict):
            return {**block, "input": value}
        return {**block, "input": None, "raw_input": text}


def _known(usage: Mapping[str, Any] | None) -> dict[str, int]:
    return {name: value for name, value in (usage or {}).items() if isinstance(value, int)}


def open_client(route: ModelRoute, key: str | None) -> anthropic.AsyncAnthropic:
    """The SDK's client for a route."""
    # A redirect would carry transcripts to an address nobody chose.
    return anthropic.AsyncAnthropic(
        api_key=key or "none",  # never None: the SDK would look for keys in files
        base_url=route.base_url or "https://api.anthropic.com",
        max_retries=0,
        http_client=anthropic.DefaultAsyncHttpxClient(follow_redirects=False),
    )
