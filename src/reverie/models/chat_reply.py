"""A reply that is put together from the chunks of a chat completion.

Servers that call themselves compatible number all calls 0, leave ids out, send arguments as objects, say ``stop`` after
calls, and send chunks with nothing in them. Calls are told apart by index, id and order; nothing else is repaired.
"""

from collections.abc import Mapping
from typing import Any

import msgspec

from reverie.errors import ModelReplyInvalid, ModelUnavailable
from reverie.language_model import ModelUsage
from reverie.models.chat_request import short_id
from reverie.models.estimate import CHARACTERS_PER_TOKEN, estimate_tokens
from reverie.turn_model import BlockBegun, SilentPiece, StopReason, TextPiece, TurnPiece, TurnReply, TurnRequest

_THOUGHTS = ("reasoning_content", "reasoning")
_STOPS: Mapping[str, StopReason] = {
    "stop": "end_turn",
    "length": "max_tokens",
    "content_filter": "refusal",
    "tool_calls": "tool_use",
}


class _Function(msgspec.Struct):
    name: str | None = None
    arguments: str | dict[str, Any] | None = None


class _CallPiece(msgspec.Struct):
    index: int | None = None
    id: str | None = None
    function: _Function | None = None


class _Delta(msgspec.Struct):
    content: str | None = None
    refusal: str | None = None
    reasoning_content: str | None = None
    reasoning: str | None = None
    tool_calls: list[_CallPiece] | None = None


class _Choice(msgspec.Struct):
    index: int | None = None
    delta: _Delta | None = None
    finish_reason: str | None = None


class _Cached(msgspec.Struct):
    cached_tokens: int | None = None
    cache_write_tokens: int | None = None


class _Usage(msgspec.Struct):
    prompt_tokens: int | None = None
    completion_tokens: int | None = None
    prompt_tokens_details: _Cached | None = None
    prompt_cache_hit_tokens: int | None = None
    """DeepSeek's name for what was read from the cache."""


class _Chunk(msgspec.Struct):
    """What is read of a chunk. The SDK's own types are not enforced, so they would let anything through."""

    choices: list[_Choice] | None = None
    usage: _Usage | None = None


class _Call(msgspec.Struct):
    """A call as far as it has come."""

    index: int | None
    id: str
    name: str
    place: int
    """Of its block in the reply."""
    written: str = ""
    given: dict[str, Any] | None = None

    @property
    def is_complete(self) -> bool:
        return self.given is not None or _object(self.written) is not None

    def add(self, arguments: str | dict[str, Any] | None) -> None:
        if isinstance(arguments, dict):
            self.given = arguments
        else:
            self.written += arguments or ""

    def block(self, call_id: str, names: Mapping[str, str]) -> dict[str, Any]:
        """The call as a block; arguments that are no object stay a text."""
        head = {"type": "tool_use", "id": call_id, "name": names.get(self.name, self.name)}
        if self.given is not None:
            return {**head, "input": self.given}
        if not self.written.strip():
            return {**head, "input": {}}
        value = _object(self.written)
        if value is None:
            return {**head, "input": None, "raw_input": self.written}
        return {**head, "input": value, "arguments": self.written}


class ChatReply:
    """Takes chunks until the stream ends."""

    def __init__(self, request: TurnRequest, names: Mapping[str, str]) -> None:
        self._request = request
        self._names = names
        self._blocks: list[dict[str, Any]] = []
        self._calls: list[_Call] = []
        self._refusal = ""
        self._finish: str | None = None
        self._usage: _Usage | None = None

    def take(self, chunk: Mapping[str, Any]) -> list[TurnPiece]:
        """Add a chunk; what of it can be shown.

        Raises:
            ModelReplyInvalid: it is none.
        """
        try:
            read = msgspec.convert(chunk, _Chunk)
        except msgspec.ValidationError as error:
            raise ModelReplyInvalid(f"a chunk of the reply cannot be read: {error}") from error
        self._usage = read.usage or self._usage
        pieces: list[TurnPiece] = []
        for choice in read.choices or ():
            if choice.index in (None, 0):  # one was asked for
                self._finish = choice.finish_reason or self._finish
                pieces += self._extend(choice.delta or _Delta())
        return pieces or [SilentPiece()]

    def _extend(self, delta: _Delta) -> list[TurnPiece]:
        pieces: list[TurnPiece] = []
        for field in _THOUGHTS:
            thought = getattr(delta, field)
            if thought:  # some servers send the same thought under both names
                pieces += self._add("thinking", "thinking", thought, field)
                break
        if delta.content:
            pieces += self._add("text", "text", delta.content)
        self._refusal += delta.refusal or ""
        for piece in delta.tool_calls or ():
            pieces += self._add_call(piece)
        return pieces

    def _add(self, kind: str, name: str, text: str, field: str | None = None) -> list[TurnPiece]:
        """More of the last block, if it is of that kind, or a new one."""
        begun: list[TurnPiece] = []
        if not self._blocks or self._blocks[-1]["type"] != kind:
            self._blocks.append({"type": kind, name: ""} | ({"field": field} if field else {}))
            begun = [BlockBegun(len(self._blocks) - 1, kind)]
        self._blocks[-1][name] += text
        place = len(self._blocks) - 1
        return [*begun, TextPiece(place, text) if kind == "text" else SilentPiece()]

    def _add_call(self, piece: _CallPiece) -> list[TurnPiece]:
        function = piece.function or _Function()
        call = self._find(piece, function)
        if call is not None:
            call.add(function.arguments)
            return [SilentPiece()]
        self._blocks.append({"type": "tool_use"})
        call = _Call(piece.index, piece.id or "", function.name or "", len(self._blocks) - 1)
        call.add(function.arguments)
        self._calls.append(call)
        return [BlockBegun(call.place, "tool_use")]

    def _find(self, piece: _CallPiece, function: _Function) -> _Call | None:
        """The call that a piece goes on with; None where it begins another."""
        if piece.index is None and piece.id and not function.name:
            return next((call for call in reversed(self._calls) if call.id == piece.id), None)
        last = next((call for call in reversed(self._calls) if piece.index in (None, call.index)), None)
        # Some servers give each piece an id of its own, so an id without a name says nothing.
        if last is None or not function.name:
            return last
        if piece.id and last.id:
            return last if piece.id == last.id else None
        return last if function.name == last.name and not last.is_complete else None

    def reply(self, provider: str, model: str) -> tuple[TurnReply, bool]:
        """The whole reply, and whether its usage had to be estimated.

        Raises:
            ModelUnavailable: the stream ended before the reply did.
        """
        if self._finish is None:
            raise ModelUnavailable(f"{model}: the reply broke off")
        ids = self._ids()
        for call, call_id in zip(self._calls, ids, strict=True):
            self._blocks[call.place] = call.block(call_id, self._names)
        told = self._usage is not None and self._usage.prompt_tokens is not None
        usage = _counted(self._usage) if self._usage is not None and told else self._estimated()
        reply = TurnReply(tuple(self._blocks), self._stop(), usage, provider, model, self._details())
        return reply, not told

    def _stop(self) -> StopReason:
        stop = _STOPS.get(self._finish or "", "end_turn")
        if self._calls:
            return "max_tokens" if stop == "max_tokens" else "tool_use"
        if self._refusal:
            return "refusal"
        return "end_turn" if stop == "tool_use" else stop

    def _details(self) -> Mapping[str, Any] | None:
        if self._stop() != "refusal":
            return None
        return {"type": "refusal", "category": None, "explanation": self._refusal or None}

    def _ids(self) -> list[str]:
        """An id for each call that no other call of the conversation has: the server's, where it is one."""
        blocks = [block for message in self._request.messages for block in message.content]
        used = {short_id(block["id"]) for block in blocks if block["type"] == "tool_use"}
        ids = []
        for number, call in enumerate(self._calls):
            wanted, turn = call.id, len(self._request.messages)
            while not wanted or short_id(wanted) in used:
                wanted, turn = f"call_{turn}_{number}", turn + 1
            used.add(short_id(wanted))
            ids.append(wanted)
        return ids

    def _estimated(self) -> ModelUsage:
        return ModelUsage(
            estimate_tokens(self._request), max(1, len(msgspec.json.encode(self._blocks)) // CHARACTERS_PER_TOKEN)
        )


def _counted(told: _Usage) -> ModelUsage:
    details = told.prompt_tokens_details or _Cached()
    read = details.cached_tokens or told.prompt_cache_hit_tokens or 0
    written = details.cache_write_tokens or 0
    return ModelUsage(
        input_tokens=max((told.prompt_tokens or 0) - read - written, 0),
        output_tokens=told.completion_tokens or 0,
        cache_read_tokens=read,
        cache_write_tokens=written,
    )


def _object(text: str) -> dict[str, Any] | None:
    try:
        value = msgspec.json.decode(text)
    except (msgspec.DecodeError, RecursionError):
        return None
    return value if isinstance(value, dict) else None
