"""A reply as a chat completion: one body, or the chunks of a stream, with the quirks of similar servers."""

import json
from collections.abc import Iterator
from typing import Any

from reverie.testing.fake_models.message_events import Issue, is_cut_short, make_usage, malform, pieces
from reverie.testing.fake_models.reply import Reply, Text, Thinking, ToolUse

Chunk = dict[str, Any]
DONE = b"data: [DONE]\n\n"
_FINISH = {
    "tool_use": "tool_calls",
    "max_tokens": "length",
    "model_context_window_exceeded": "length",
    "refusal": "content_filter",
}


def make_completion(reply: Reply, issue: Issue) -> dict[str, Any]:
    """The body of an answer that is not streamed."""
    text, thoughts, calls = _parts(reply, issue)
    message: dict[str, Any] = {"role": "assistant", "content": text or None, "refusal": None}
    if thoughts:
        message["reasoning_content"] = thoughts
    if reply.stopped_by == "refusal":
        message |= {"content": None, "refusal": text or "I'm sorry, I can't help with that."}
    if calls:
        message["tool_calls"] = calls
    choice = {"index": 0, "message": message, "logprobs": None, "finish_reason": _finish(reply)}
    return _head(issue, "chat.completion") | {"choices": [choice], "usage": _usage(reply, issue)}


def make_chunks(reply: Reply, issue: Issue, *, include_usage: bool) -> Iterator[Chunk]:
    """The chunks of a stream, without the ``[DONE]`` at its end."""
    head = _head(issue, "chat.completion.chunk")
    refused = reply.stopped_by == "refusal"
    text, thoughts, calls = _parts(reply, issue)
    deltas: list[dict[str, Any]] = [{"role": "assistant", "content": None if calls and not text else ""}]
    deltas += [{"reasoning_content": piece} for piece in pieces(thoughts)]
    deltas += [{"refusal" if refused else "content": piece} for piece in pieces(text)]
    for position, call in enumerate(calls):
        deltas += _call_deltas(reply, position, call)
    if reply.fault is not None and "empty_chunks" in reply.fault.quirks:
        yield head | {"choices": []}
        deltas = [empty for delta in deltas for empty in ({}, delta, {"content": ""})]
    for delta in deltas:
        yield head | {"choices": [_choice(delta, None)]}
    yield head | {"choices": [_choice({}, _finish(reply))]}
    if include_usage:
        yield head | {"choices": [], "usage": _usage(reply, issue)}


def encode_chunk(chunk: Chunk) -> bytes:
    """A chunk on the wire."""
    return f"data: {json.dumps(chunk, ensure_ascii=False)}\n\n".encode()


def call_id(block: ToolUse, issue: Issue, position: int) -> str:
    """The id under which a call is sent."""
    return block.id or f"call_{issue.key}{position:02d}"


def _parts(reply: Reply, issue: Issue) -> tuple[str, str, list[dict[str, Any]]]:
    """Text, thoughts and calls."""
    text = "".join(block.text for block in reply.blocks if isinstance(block, Text))
    thoughts = "".join(block.thinking for block in reply.blocks if isinstance(block, Thinking))
    placed = [(position, block) for position, block in enumerate(reply.blocks) if isinstance(block, ToolUse)]
    last = placed[-1][0] if placed and is_cut_short(reply) else None
    calls = [_call(reply, block, call_id(block, issue, position), position == last) for position, block in placed]
    return text, thoughts, calls


def _call(reply: Reply, block: ToolUse, name: str, malformed: bool) -> dict[str, Any]:
    quirks = reply.fault.quirks if reply.fault is not None else ()
    arguments: Any = json.dumps(block.input, ensure_ascii=False)
    if malformed:
        arguments = malform(arguments)
    if "arguments_object" in quirks:
        arguments = block.input
    call = {"id": name, "type": "function", "function": {"name": block.name, "arguments": arguments}}
    if "ids_missing" in quirks:
        del call["id"]
    return call


def _call_deltas(reply: Reply, position: int, call: dict[str, Any]) -> list[dict[str, Any]]:
    quirks = reply.fault.quirks if reply.fault is not None else ()
    index = 0 if "index_zero" in quirks else position
    arguments = call["function"]["arguments"]
    if not isinstance(arguments, str):
        return [{"tool_calls": [{"index": index, **call}]}]
    first = {"index": index, **call, "function": call["function"] | {"arguments": ""}}
    rest = [{"index": index, "function": {"arguments": piece}} for piece in pieces(arguments)]
    return [{"tool_calls": [piece]} for piece in (first, *rest)]


def _finish(reply: Reply) -> str:
    if reply.fault is not None and "finish_reason_stop" in reply.fault.quirks:
        return "stop"
    return _FINISH.get(reply.stopped_by, "stop")


def _choice(delta: dict[str, Any], finish: str | None) -> dict[str, Any]:
    return {"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish}


def _head(issue: Issue, kind: str) -> dict[str, Any]:
    return {"id": f"chatcmpl-{issue.key}", "object": kind, "created": issue.created, "model": issue.model}


def _usage(reply: Reply, issue: Issue) -> dict[str, Any]:
    spent = make_usage(reply, issue.prompt)
    prompt = spent["input_tokens"] + spent["cache_read_input_tokens"] + spent["cache_creation_input_tokens"]
    return {
        "prompt_tokens": prompt,
        "completion_tokens": spent["output_tokens"],
        "total_tokens": prompt + spent["output_tokens"],
        "prompt_tokens_details": {"cached_tokens": spent["cache_read_input_tokens"]},
        "completion_tokens_details": {"reasoning_tokens": spent["output_tokens_details"]["thinking_tokens"]},
    }
