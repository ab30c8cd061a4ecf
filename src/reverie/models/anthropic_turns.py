"""Turns of agents by the Messages API, through the official SDK without its retries: the loop has its own."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from typing import Any

import anthropic
import httpx2
import msgspec

from reverie.errors import (
    ContextOverflow,
    ModelAccessError,
    ModelError,
    ModelOverloaded,
    ModelRateLimited,
    ModelRefused,
    ModelUnavailable,
    ThinkingRefused,
)
from reverie.language_model import ModelUsage
from reverie.models.route import ModelRoute
from reverie.models.switch import check_allowed
from reverie.turn_model import BlockBegun, SilentPiece, StopReason, TextPiece, TurnPiece, TurnReply, TurnRequest

_CACHED = {"cache_control": {"type": "ephemeral"}}
_STOPS: Mapping[str, StopReason] = {
    "end_turn": "end_turn",
    "tool_use": "tool_use",
    "max_tokens": "max_tokens",
    "stop_sequence": "stop_sequence",
    "pause_turn": "pause_turn",
    "refusal": "refusal",
}
_TOO_LONG = ("prompt is too long", "input is too long", "exceed context limit", "context window")
_LONGEST_MESSAGE = 500


class AnthropicTurnModel:
    """A :class:`TurnModel` that speaks the Messages API."""

    provider = "anthropic"

    def __init__(self, client: anthropic.AsyncAnthropic, model: str, route: ModelRoute) -> None:
        self._client = client
        self.model = model
        self._route = route

    async def stream(self, request: TurnRequest) -> AsyncIterator[TurnPiece]:
        """Pieces of the reply, and the reply."""
        check_allowed(str(self._client.base_url))
        gathered = _Gathered()
        try:
            events = await self._client.messages.create(
                **request_body(request, self.model, self._route), stream=True, timeout=self._timeout()
            )
            async with events:
                iterator = events.__aiter__()
                while (event := await self._next(iterator)) is not None:
                    for piece in gathered.take(event.to_dict()):
                        yield piece
        except anthropic.APIStatusError as error:
            raise name_failure(error, self.model) from error
        except (anthropic.AnthropicError, httpx2.HTTPError) as error:
            raise ModelUnavailable(f"{self.model}: the connection failed: {_reason(error)}") from error
        yield gathered.reply(self.provider, self.model)

    def _timeout(self) -> httpx2.Timeout:
        return httpx2.Timeout(self._route.stall_seconds, connect=min(30.0, self._route.stall_seconds))

    async def _next(self, iterator: Any) -> Any:
        """The next event; silence for longer than the route allows is a failure."""
        try:
            async with asyncio.timeout(self._route.stall_seconds):
                return await anext(iterator, None)
        except TimeoutError as error:
            raise ModelUnavailable(f"{self.model}: nothing came for {self._route.stall_seconds:g} s") from error


def request_body(request: TurnRequest, model: str, route: ModelRoute) -> dict[str, Any]:
    """The request as the Messages API takes it, with marks where a cache is worth having."""
    system: list[dict[str, Any]] = [{"type": "text", "text": part} for part in request.system]
    tools = [
        {"name": tool.name, "description": tool.description, "input_schema": dict(tool.input_schema)}
        for tool in request.tools
    ]
    messages: list[dict[str, Any]] = [
        {"role": message.role, "content": [dict(block) for block in message.content]} for message in request.messages
    ]
    if route.cache:
        if system or tools:
            (system or tools)[-1] |= _CACHED
        for place in request.cache_after:
            messages[place]["content"][-1] |= _CACHED
    body: dict[str, Any] = {"model": model, "max_tokens": request.max_output_tokens, "messages": messages}
    if system:
        body["system"] = system
    if tools:
        body["tools"] = tools
    if request.effort is not None and route.effort:
        body["output_config"] = {"effort": request.effort}
    if route.thinking:
        body["thinking"] = {"type": "adaptive"}
    return body


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
        """Add an event; what of it can be shown."""
        match event["type"]:
            case "message_start":
                self._usage |= _known(event["message"].get("usage"))
            case "content_block_start":
                block = {name: value for name, value in event["content_block"].items() if value is not None}
                self._blocks[event["index"]] = block
                return [BlockBegun(event["index"], block["type"])]
            case "content_block_delta":
                return [self._extend(event["index"], event["delta"])]
            case "message_delta":
                self._usage |= _known(event.get("usage"))
                self._stop = event["delta"].get("stop_reason")
                self._details = event["delta"].get("stop_details")
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
            raise ContextOverflow(f"{model}: the conversation fills the model's context")
        return TurnReply(blocks, _STOPS.get(self._stop, "end_turn"), usage, provider, model, self._details)

    def _with_arguments(self, index: int, block: dict[str, Any]) -> dict[str, Any]:
        if block["type"] != "tool_use":
            return block
        text = "".join(self._arguments.get(index, ()))
        if not text:
            return block
        try:
            value = msgspec.json.decode(text)
        except msgspec.DecodeError:
            value = None
        if isinstance(value, dict):
            return {**block, "input": value}
        return {**block, "input": None, "raw_input": text}


def _known(usage: Mapping[str, Any] | None) -> dict[str, int]:
    return {name: value for name, value in (usage or {}).items() if isinstance(value, int)}


def name_failure(error: anthropic.APIStatusError, model: str) -> ModelError:
    """What an error of the API comes to."""
    status, kind = error.status_code, _kind(error.body)
    text = f"{model}: {_message(error)} (HTTP {status})"
    if status == 429:
        return ModelRateLimited(text, retry_after_seconds=_retry_after(error.response.headers))
    if status == 529 or kind == "overloaded_error":
        return ModelOverloaded(text)
    if status in (401, 403, 402):
        return ModelAccessError(f"{text}; check the provider's key: ANTHROPIC_API_KEY, or the route's key_variable")
    if status == 404:
        return ModelAccessError(f"{text}; check the model's name in the agent or in REVERIE_MODEL_ROUTES")
    if status in (400, 413, 422):
        return _refused(text)
    return ModelUnavailable(text)


def _refused(text: str) -> ModelError:
    words = text.lower()
    if any(phrase in words for phrase in _TOO_LONG):
        return ContextOverflow(text)
    if "thinking" in words and ("cannot be modified" in words or "signature" in words or "expected" in words):
        return ThinkingRefused(text)
    return ModelRefused(text)


def _kind(body: object) -> str:
    error = body.get("error") if isinstance(body, Mapping) else None
    return str(error.get("type")) if isinstance(error, Mapping) else ""


def _message(error: anthropic.APIStatusError) -> str:
    body = error.body.get("error") if isinstance(error.body, Mapping) else None
    said = body.get("message") if isinstance(body, Mapping) else None
    return str(said or error.message)[:_LONGEST_MESSAGE]


def _retry_after(headers: Mapping[str, str]) -> float | None:
    try:
        return max(0.0, float(headers.get("retry-after", "")))
    except ValueError:
        return None


def _reason(error: BaseException) -> str:
    causes = [error, *([error.__cause__] if error.__cause__ else [])]
    return "; ".join(str(cause) or type(cause).__name__ for cause in causes)


def open_client(route: ModelRoute, key: str | None) -> anthropic.AsyncAnthropic:
    """The SDK's client for a route."""
    # A redirect would carry transcripts to an address nobody chose.
    return anthropic.AsyncAnthropic(
        api_key=key or "none",
        base_url=route.base_url or "https://api.anthropic.com",
        max_retries=0,
        http_client=anthropic.DefaultAsyncHttpxClient(follow_redirects=False),
    )
