"""A reply in the Messages API's words: one message, or the events of a stream."""

import json
from collections.abc import Iterator
from typing import Any

import msgspec

from reverie.testing.fake_models.reply import RedactedThinking, Reply, Text, Thinking, ToolUse, Usage
from reverie.testing.fake_models.signature import Signer
from reverie.testing.fake_models.usage import PromptUsage, count_output

_PIECE = 24
"""Characters in one event."""
_REFUSED = "This request was declined by the model."
Event = dict[str, Any]


class Issue(msgspec.Struct, frozen=True):
    """What makes this reply different from an equal one: everything that follows from the request."""

    model: str
    key: str
    """Letters and digits that no other reply has."""
    prompt: PromptUsage
    created: int
    """Seconds since 1970."""


def make_content(reply: Reply, issue: Issue, signer: Signer, display: str | None) -> list[dict[str, Any]]:
    """The blocks as they are sent, with ids and signatures. ``display`` is ``omitted`` when thoughts are not shown."""
    content: list[dict[str, Any]] = []
    for position, block in enumerate(reply.blocks):
        nonce = f"{issue.key}{position:02d}"
        if isinstance(block, Text):
            content.append({"type": "text", "text": block.text})
        elif isinstance(block, Thinking):
            shown = "" if display == "omitted" else block.thinking
            signature = signer.sign(issue.model, shown, nonce)
            content.append({"type": "thinking", "thinking": shown, "signature": signature})
        elif isinstance(block, RedactedThinking):
            content.append({"type": "redacted_thinking", "data": signer.seal(issue.model, f"{nonce}{block.data}")})
        else:
            name = block.id or f"toolu_{nonce}"
            content.append({"type": "tool_use", "id": name, "name": block.name, "input": block.input})
    return content


def make_message(reply: Reply, issue: Issue, content: list[dict[str, Any]]) -> dict[str, Any]:
    """The body of an answer that is not streamed."""
    return {
        "id": f"msg_{issue.key}",
        "type": "message",
        "role": "assistant",
        "model": issue.model,
        "content": [_whole(reply, content, block) for block in content],
        "stop_reason": reply.stopped_by,
        "stop_sequence": reply.stop_sequence,
        "stop_details": _stop_details(reply),
        "usage": make_usage(reply, issue.prompt),
    }


def make_events(reply: Reply, issue: Issue, content: list[dict[str, Any]]) -> Iterator[Event]:
    """The events of a stream, in the real server's order."""
    usage = make_usage(reply, issue.prompt)
    start = make_message(reply, issue, []) | {"stop_reason": None, "stop_sequence": None, "stop_details": None}
    yield {"type": "message_start", "message": start | {"usage": usage | {"output_tokens": 1}}}
    for index, block in enumerate(content):
        yield {"type": "content_block_start", "index": index, "content_block": _begun(block)}
        if index == 0:
            yield {"type": "ping"}
        for delta in _deltas(block, malformed=_is_malformed(reply, content, block)):
            yield {"type": "content_block_delta", "index": index, "delta": delta}
        yield {"type": "content_block_stop", "index": index}
    delta = {
        "stop_reason": reply.stopped_by,
        "stop_sequence": reply.stop_sequence,
        "stop_details": _stop_details(reply),
    }
    yield {"type": "message_delta", "delta": delta, "usage": usage}
    yield {"type": "message_stop"}


def encode_event(event: Event) -> bytes:
    """An event on the wire."""
    return f"event: {event['type']}\ndata: {json.dumps(event, ensure_ascii=False)}\n\n".encode()


def make_usage(reply: Reply, prompt: PromptUsage) -> dict[str, Any]:
    """What the reply cost: as counted, where the policy does not say otherwise."""
    output, thoughts = count_output(reply.blocks)
    told = reply.usage or Usage()
    counted = {
        "input_tokens": prompt.input_tokens,
        "cache_creation_input_tokens": prompt.written,
        "cache_read_input_tokens": prompt.read,
        "output_tokens": output,
    }
    override = {name: value for name, value in msgspec.structs.asdict(told).items() if value is not None}
    return {
        **counted,
        **override,
        "cache_creation": {
            "ephemeral_5m_input_tokens": prompt.written_5m,
            "ephemeral_1h_input_tokens": prompt.written_1h,
        },
        "output_tokens_details": {"thinking_tokens": min(thoughts, override.get("output_tokens", thoughts))},
        "server_tool_use": None,
        "service_tier": "standard",
    }


def malform(text: str) -> str:
    """JSON that was cut short: its second half is missing, and so is at least its end."""
    return text[: max(len(text) // 2, 1)]


def is_cut_short(reply: Reply) -> bool:
    """Whether the input of the last call arrives malformed: said so, or the reply was cut off while it was written."""
    if not reply.blocks or not isinstance(reply.blocks[-1], ToolUse):
        return reply.has_fault("malformed_input")
    return reply.has_fault("malformed_input", "max_tokens", "window_exceeded")


def _is_malformed(reply: Reply, content: list[dict[str, Any]], block: dict[str, Any]) -> bool:
    calls = [other for other in content if other["type"] == "tool_use"]
    return is_cut_short(reply) and bool(calls) and block is calls[-1]


def _whole(reply: Reply, content: list[dict[str, Any]], block: dict[str, Any]) -> dict[str, Any]:
    # Without a stream the real server has to send an object, whatever the model wrote.
    return block | {"input": {}} if _is_malformed(reply, content, block) else block


def _stop_details(reply: Reply) -> dict[str, Any] | None:
    if reply.stopped_by != "refusal":
        return None
    message = reply.fault.message if reply.fault is not None else None
    return {"type": "refusal", "category": None, "explanation": message or _REFUSED}


def _begun(block: dict[str, Any]) -> dict[str, Any]:
    empty: dict[str, dict[str, Any]] = {
        "text": {"text": ""},
        "thinking": {"thinking": "", "signature": ""},
        "tool_use": {"input": {}},
    }
    return block | empty.get(block["type"], {})


def _deltas(block: dict[str, Any], *, malformed: bool) -> Iterator[dict[str, Any]]:
    if block["type"] == "text":
        for piece in pieces(block["text"]):
            yield {"type": "text_delta", "text": piece}
    elif block["type"] == "thinking":
        for piece in pieces(block["thinking"]):
            yield {"type": "thinking_delta", "thinking": piece}
        yield {"type": "signature_delta", "signature": block["signature"]}
    elif block["type"] == "tool_use":
        text = json.dumps(block["input"], ensure_ascii=False) if block["input"] else ""
        yield {"type": "input_json_delta", "partial_json": ""}
        for piece in pieces(malform(text or "{}") if malformed else text):
            yield {"type": "input_json_delta", "partial_json": piece}


def pieces(text: str) -> list[str]:
    """A text in the portions in which it is streamed."""
    return [text[start : start + _PIECE] for start in range(0, len(text), _PIECE)]
