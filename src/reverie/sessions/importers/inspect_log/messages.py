"""Inspect's chat messages, as the GenAI conventions have messages (for spans) and as a chat has them."""

from collections.abc import Iterator, Mapping
from typing import Any

from reverie.sessions.importers.draft import as_text


def span_message(message: Mapping[str, Any]) -> dict[str, Any]:
    """The message as an item of ``gen_ai.input.messages``."""
    role = as_text(message.get("role"))
    if role == "tool":
        answer = {
            "type": "tool_call_response",
            "id": as_text(message.get("tool_call_id")),
            "name": as_text(message.get("function")),
            "response": error_of(message) or message.get("content"),
        }
        return {"role": role, "parts": [answer]}
    return {"role": role, "parts": [*_content(message), *_calls(message)]}


def chat_message(message: Mapping[str, Any]) -> dict[str, Any]:
    """The message as OpenAI's and Anthropic's chats have it."""
    if message.get("role") == "tool":
        wrong = error_of(message)
        told = {"is_error": True} if wrong else {}
        content = wrong or message.get("content")
        return {
            "role": "tool",
            "tool_call_id": message.get("tool_call_id"),
            "name": message.get("function"),
            "content": content,
            **told,
        }
    calls = [
        {"id": call["id"], "function": {"name": call["name"], "arguments": call["arguments"]}}
        for call in _calls(message)
    ]
    parts = [_chat_part(part) for part in _content(message)]
    return {"role": message.get("role"), "content": parts, **({"tool_calls": calls} if calls else {})}


def error_of(holder: Mapping[str, Any]) -> str:
    """What a tool said went wrong; empty where nothing did."""
    error = holder.get("error")
    if isinstance(error, dict):
        return as_text(error.get("message")) or as_text(error.get("type")) or "error"
    return as_text(error)


def _calls(message: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    calls = message.get("tool_calls")
    for call in calls if isinstance(calls, list) else ():
        if isinstance(call, dict):
            yield {
                "type": "tool_call",
                "id": as_text(call.get("id")),
                "name": as_text(call.get("function")) or "unknown",
                "arguments": call.get("arguments"),
            }


def _content(message: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """The parts of a message's content; ``reasoning`` beside it is how Inspect once had it."""
    thought = message.get("reasoning")
    if isinstance(thought, str) and thought:
        yield {"type": "reasoning", "content": thought}
    content = message.get("content")
    for item in content if isinstance(content, list) else [content]:
        if isinstance(item, str):
            if item:
                yield {"type": "text", "content": item}
        elif isinstance(item, dict):
            yield from _part(item)


def _part(item: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    kind = as_text(item.get("type"))
    if kind == "text":
        yield {"type": "text", "content": as_text(item.get("text"))}
    elif kind == "reasoning":
        # Reasoning that its maker encrypted may come with a summary that can be read.
        readable = item.get("summary") if item.get("redacted") else item.get("reasoning") or item.get("summary")
        if readable:
            yield {"type": "reasoning", "content": as_text(readable)}
    elif kind == "tool_use":  # a tool that the provider ran
        call_id, name = as_text(item.get("id")), as_text(item.get("name")) or as_text(item.get("tool_type"))
        yield {"type": "tool_call", "id": call_id, "name": name or "unknown", "arguments": item.get("arguments")}
        result = item.get("result") if not item.get("error") else item.get("error")
        yield {"type": "tool_call_response", "id": call_id, "name": name, "response": result}
    elif kind == "data":
        return
    else:
        yield {"type": "file", "modality": kind or "file"}


def _chat_part(part: Mapping[str, Any]) -> dict[str, Any]:
    kind = part["type"]
    if kind == "text":
        return {"type": "text", "text": part["content"]}
    if kind == "reasoning":
        return {"type": "thinking", "thinking": part["content"]}
    if kind == "tool_call":
        return {"type": "tool_use", "id": part["id"], "name": part["name"], "input": part["arguments"]}
    if kind == "tool_call_response":
        return {
            "type": "tool_result",
            "tool_use_id": part["id"],
            "name": part["name"],
            "content": as_text(part["response"]),
        }
    return {"type": part["modality"]}
