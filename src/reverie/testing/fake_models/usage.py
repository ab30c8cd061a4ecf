"""Tokens, and what of a prompt was cached: about four characters a token, prefixes compared as the real servers do."""

import hashlib
import json
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any

import msgspec

from reverie.testing.fake_models.reply import Block, RedactedThinking, Text, Thinking
from reverie.testing.fake_models.request import as_blocks

_CHARACTERS_PER_TOKEN = 4
_ATTACHMENT_TOKENS = 1_600
"""For an image or a document, whose characters say nothing of its size."""
_LOOKBACK = 20
"""Blocks before a breakpoint at which an earlier breakpoint is still found."""
_CHAT_STEP = 128
"""Tokens by which cached prefixes of chat completions grow."""
_LIFETIMES = {"5m": timedelta(minutes=5), "1h": timedelta(hours=1)}


class PromptUsage(msgspec.Struct, frozen=True):
    """Tokens of a prompt: new ones, ones read from the cache, ones written to it by how long they live."""

    input_tokens: int
    read: int = 0
    written_5m: int = 0
    written_1h: int = 0

    @property
    def written(self) -> int:
        return self.written_5m + self.written_1h

    @property
    def total(self) -> int:
        return self.input_tokens + self.read + self.written


class _Segment(msgspec.Struct, frozen=True):
    """A piece of a prompt that a prefix may end at."""

    text: str
    tokens: int
    lifetime: str | None = None
    """``5m`` or ``1h`` at a breakpoint."""


class PromptCache:
    """Prefixes of earlier prompts.

    Args:
        minimum: tokens below which a prefix is not cached.
    """

    def __init__(self, minimum: int) -> None:
        self._minimum = minimum
        self._until: dict[str, datetime] = {}

    def count_messages(self, body: dict[str, Any], now: datetime) -> PromptUsage:
        """Tokens of a request to the Messages API; its breakpoints are cached."""
        segments = _messages_segments(body)
        prefixes = _prefixes(body["model"], segments)
        points = [index for index, segment in enumerate(segments) if segment.lifetime]
        hit = self._longest(points, prefixes, now)
        read = prefixes[hit][1] if hit is not None else 0
        written = {"5m": 0, "1h": 0}
        reached = read
        for point in points:
            key, tokens = prefixes[point]
            if tokens < self._minimum:
                continue
            lifetime = segments[point].lifetime or "5m"
            self._until[key] = now + _LIFETIMES[lifetime]
            written[lifetime] += max(tokens - reached, 0)
            reached = max(reached, tokens)
        total = prefixes[-1][1]
        return PromptUsage(total - reached, read, written["5m"], written["1h"])

    def count_chat(self, body: dict[str, Any], now: datetime) -> PromptUsage:
        """Tokens of a request for a chat completion; every prefix is cached, and read in steps."""
        segments = _chat_segments(body)
        prefixes = _prefixes(body["model"], segments)
        known = [tokens for key, tokens in prefixes if self._until.get(key, now) > now]
        read = max(known, default=0) // _CHAT_STEP * _CHAT_STEP
        for key, tokens in prefixes:
            if tokens >= self._minimum:
                self._until[key] = now + _LIFETIMES["5m"]
        return PromptUsage(prefixes[-1][1] - read, read)

    def _longest(self, points: list[int], prefixes: list[tuple[str, int]], now: datetime) -> int | None:
        """The last cached place at or shortly before a breakpoint; it lives on from now."""
        near = {index for point in points for index in range(max(point - _LOOKBACK, 0), point + 1)}
        for index in sorted(near, reverse=True):
            key = prefixes[index][0]
            if self._until.get(key, now) > now:
                self._until[key] = max(self._until[key], now + _LIFETIMES["5m"])
                return index
        return None


def count_tokens(body: dict[str, Any]) -> int:
    """Tokens of a request to the Messages API."""
    return sum(segment.tokens for segment in _messages_segments(body))


def count_chat_tokens(body: dict[str, Any]) -> int:
    """Tokens of a request for a chat completion."""
    return sum(segment.tokens for segment in _chat_segments(body))


def count_output(blocks: Iterable[Block]) -> tuple[int, int]:
    """Tokens of a reply, and how many of them are thoughts."""
    thoughts = said = 0
    for block in blocks:
        if isinstance(block, Thinking):
            thoughts += _tokens(len(block.thinking))
        elif isinstance(block, RedactedThinking):
            thoughts += _tokens(len(block.data))
        elif isinstance(block, Text):
            said += _tokens(len(block.text))
        else:
            said += _tokens(len(block.name) + len(_text(block.input)))
    return max(thoughts + said, 1), thoughts


def _messages_segments(body: dict[str, Any]) -> list[_Segment]:
    segments = [_segment("tool", tool) for tool in body.get("tools") or ()]
    segments += [_segment("system", block) for block in as_blocks(body.get("system"))]
    # A change of these leaves tools and system cached, and nothing after them.
    switches = _text([body.get("tool_choice"), body.get("thinking")])
    for message in body["messages"]:
        segments += [_segment(message["role"] + switches, block) for block in as_blocks(message["content"])]
    if body.get("cache_control") and segments:
        segments[-1] = msgspec.structs.replace(segments[-1], lifetime=body["cache_control"].get("ttl") or "5m")
    return segments


def _chat_segments(body: dict[str, Any]) -> list[_Segment]:
    return [_segment("tool", tool) for tool in body.get("tools") or ()] + [
        _segment("message", message) for message in body["messages"]
    ]


def _segment(kind: str, value: dict[str, Any]) -> _Segment:
    control = value.get("cache_control")
    bare = {name: held for name, held in value.items() if name != "cache_control"}
    text = _text(bare)
    lifetime = (control.get("ttl") or "5m") if control else None
    return _Segment(kind + text, _size(bare), lifetime)


def _size(value: dict[str, Any]) -> int:
    attachments: list[Any] = []

    def without_data(part: dict[str, Any]) -> dict[str, Any]:
        if part.get("type") == "base64":
            attachments.append(part)
            return {}
        return part

    light = json.loads(_text(value), object_hook=without_data)
    return _tokens(len(_text(light))) + _ATTACHMENT_TOKENS * len(attachments)


def _prefixes(model: str, segments: list[_Segment]) -> list[tuple[str, int]]:
    """For each segment the hash of all up to it, and how many tokens these are."""
    digest = hashlib.sha256(model.encode())
    tokens = 0
    prefixes = []
    for segment in segments:
        digest.update(segment.text.encode() + b"\0")
        tokens += segment.tokens
        prefixes.append((digest.hexdigest(), tokens))
    return prefixes


def _text(value: Any) -> str:
    # Order of fields counts, as it does for the real cache.
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def _tokens(characters: int) -> int:
    return -(-characters // _CHARACTERS_PER_TOKEN)
