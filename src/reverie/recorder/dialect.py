"""Requests to models and their answers, as both SDKs send and read them, as messages."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

import msgspec

from reverie.sessions.importers.draft import as_text, usage_payload
from reverie.sessions.importers.otlp.operation import Message
from reverie.sessions.importers.parts import (
    Answered,
    Part,
    Thought,
    call_of,
    explicit_error,
    read_part,
    read_parts,
    result_texts,
)
from reverie.sessions.importers.roles import Role, role_named, role_of


class Dialect(msgspec.Struct, frozen=True):
    """One way to speak with models."""

    path: str
    """What addresses end with."""
    heard: Callable[[Mapping[str, Any]], Iterator[Message]]
    """The messages of a request's body."""
    said: Callable[[Mapping[str, Any]], Iterator[Message]]
    """The messages of an answer."""
    joined: Callable[[Iterable[Mapping[str, Any]]], dict[str, Any]]
    """The answer that a stream's events make up, as far as they came."""


def dialect_of(address: str) -> Dialect | None:
    """The dialect that is spoken at an address; None where no model answers there."""
    path = address.partition("?")[0].rstrip("/")
    return next((one for one in _DIALECTS if path.endswith(one.path)), None)


def keeps_history(body: Mapping[str, Any]) -> bool:
    """Whether the model's maker keeps what was said before, so that the request does not repeat it."""
    return bool(body.get("previous_response_id") or body.get("conversation"))


def usage_of(answer: Mapping[str, Any]) -> dict[str, Any]:
    """Token counts of an answer as a ``span.model_request_end`` has them; empty where it has none."""
    usage = answer.get("usage")
    if not isinstance(usage, dict) or not usage:
        return {}
    if "input_tokens_details" in usage:  # as in OpenAI's Responses: cached tokens are among the input's
        usage = {
            "prompt_tokens": usage.get("input_tokens"),
            "completion_tokens": usage.get("output_tokens"),
            "prompt_tokens_details": usage["input_tokens_details"],
        }
    return usage_payload(usage)


def _message(given: Any) -> Message | None:
    """One message in the shape of either maker."""
    if isinstance(given, str):
        return Message("user", (*read_parts(given),))
    if not isinstance(given, dict):
        return None
    if "role" not in given and as_text(given.get("type")) not in ("", "message"):
        return Message("agent", (*read_part(given),))  # an item of the Responses
    role: Role = role_of(role_named(given)) or "user"
    content = given.get("content")
    if role == "tool":
        call_id, name = as_text(given.get("tool_call_id")), as_text(given.get("name"))
        return Message(role, (Answered(call_id, name, (*result_texts(content),), explicit_error(given)),))
    thought = given.get("reasoning_content") or given.get("reasoning")
    parts: list[Part] = [Thought(thought)] if isinstance(thought, str) and thought else []
    parts += read_parts(content or given.get("refusal"))
    for call in given.get("tool_calls") or ():
        parts += call_of(call)
    return Message(role, tuple(parts))


def _messages(given: Any) -> Iterator[Message]:
    for one in given if isinstance(given, Sequence) and not isinstance(given, str) else [given]:
        message = _message(one)
        if message is not None and message.parts:
            yield message


def _heard_anthropic(body: Mapping[str, Any]) -> Iterator[Message]:
    if body.get("system"):
        yield Message("system", (*read_parts(body["system"]),))
    yield from _messages(body.get("messages") or ())


def _said_anthropic(answer: Mapping[str, Any]) -> Iterator[Message]:
    yield from _messages([{"role": "assistant", "content": answer.get("content")}])


def _joined_anthropic(events: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    answer: dict[str, Any] = {}
    blocks: dict[int, dict[str, Any]] = {}
    for event in events:
        kind, index = event.get("type"), event.get("index", 0)
        if kind == "message_start":
            answer = dict(event.get("message") or {})
        elif kind == "content_block_start":
            blocks[index] = dict(event.get("content_block") or {})
        elif kind == "content_block_delta" and index in blocks:
            _grow(blocks[index], event.get("delta") or {})
        elif kind == "message_delta":
            usage = {name: count for name, count in (event.get("usage") or {}).items() if count is not None}
            answer["usage"] = {**(answer.get("usage") or {}), **usage}
    content = []
    for _, block in sorted(blocks.items()):
        written = block.pop("partial_json", "")
        content.append({**block, "input": written} if written else block)
    return {**answer, "content": content}


def _grow(block: dict[str, Any], delta: Mapping[str, Any]) -> None:
    for name in ("text", "thinking", "partial_json"):
        if isinstance(delta.get(name), str):
            block[name] = block.get(name, "") + delta[name]


def _heard_chat(body: Mapping[str, Any]) -> Iterator[Message]:
    yield from _messages(body.get("messages") or ())


def _said_chat(answer: Mapping[str, Any]) -> Iterator[Message]:
    for choice in answer.get("choices") or ():
        if isinstance(choice.get("message"), dict):
            yield from _messages([{**choice["message"], "role": "assistant"}])


def _joined_chat(chunks: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    answer: dict[str, Any] = {}
    messages: dict[int, dict[str, Any]] = {}
    for chunk in chunks:
        answer |= {name: chunk[name] for name in ("model", "usage") if chunk.get(name)}
        for choice in chunk.get("choices") or ():
            message = messages.setdefault(choice.get("index", 0), {"tool_calls": {}})
            delta = choice.get("delta") or {}
            for name in ("content", "refusal", "reasoning_content", "reasoning"):
                if isinstance(delta.get(name), str):
                    message[name] = message.get(name, "") + delta[name]
            for call in delta.get("tool_calls") or ():
                _grow_call(message["tool_calls"].setdefault(call.get("index", 0), {}), call)
    choices = [
        {"message": {**message, "tool_calls": [*message["tool_calls"].values()]}}
        for _, message in sorted(messages.items())
    ]
    return {**answer, "choices": choices}


def _grow_call(call: dict[str, Any], delta: Mapping[str, Any]) -> None:
    kind = "custom" if "custom" in delta else "function"
    inner, more = call.setdefault(kind, {}), delta.get(kind) or {}
    call["id"] = delta.get("id") or call.get("id")
    inner["name"] = more.get("name") or inner.get("name")
    for name in ("arguments", "input"):
        if isinstance(more.get(name), str):
            inner[name] = inner.get(name, "") + more[name]


def _heard_responses(body: Mapping[str, Any]) -> Iterator[Message]:
    if body.get("instructions"):
        yield Message("system", (*read_parts(body["instructions"]),))
    yield from _messages(body.get("input") or ())


def _said_responses(answer: Mapping[str, Any]) -> Iterator[Message]:
    yield from _messages(answer.get("output") or ())


def _joined_responses(events: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    items = []
    for event in events:
        if event.get("type") in ("response.completed", "response.incomplete", "response.failed"):
            return dict(event.get("response") or {})
        if event.get("type") == "response.output_item.done":
            items.append(event.get("item"))
    return {"output": items}


_DIALECTS = (
    Dialect("/chat/completions", _heard_chat, _said_chat, _joined_chat),
    Dialect("/responses", _heard_responses, _said_responses, _joined_responses),
    Dialect("/messages", _heard_anthropic, _said_anthropic, _joined_anthropic),
)
