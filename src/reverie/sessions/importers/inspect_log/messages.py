"""Inspect's chat messages (``inspect_ai/model/_chat_message.py``, ``_content.py``) as parts."""

from collections.abc import Iterator, Mapping
from typing import Any

from reverie.sessions.importers.draft import as_text
from reverie.sessions.importers.otlp.operation import Message
from reverie.sessions.importers.parts import Answered, Called, Part, Said, Thought, Unread, result_texts
from reverie.sessions.importers.roles import role_of
from reverie.sessions.importers.tool_arguments import tool_arguments


def message_of(message: Mapping[str, Any]) -> Message:
    """The message with its parts."""
    role = role_of(as_text(message.get("role"))) or "agent"
    if role == "tool":
        wrong = error_of(message)
        texts = (wrong,) if wrong else tuple(result_texts(message.get("content")))
        call_id, name = as_text(message.get("tool_call_id")), as_text(message.get("function"))
        return Message(role, (Answered(call_id, name, texts, True if wrong else None),))
    return Message(role, (*_content(message), *_calls(message)))


def error_of(holder: Mapping[str, Any]) -> str:
    """What a tool said went wrong; empty where nothing did."""
    error = holder.get("error")
    if isinstance(error, dict):
        return as_text(error.get("message")) or as_text(error.get("type")) or "error"
    return as_text(error)


def _calls(message: Mapping[str, Any]) -> Iterator[Part]:
    calls = message.get("tool_calls")
    for call in calls if isinstance(calls, list) else ():
        if isinstance(call, dict):
            name = as_text(call.get("function")) or "unknown"
            yield Called(name, tool_arguments(call.get("arguments")), as_text(call.get("id")))


def _content(message: Mapping[str, Any]) -> Iterator[Part]:
    """The parts of a message's content; ``reasoning`` beside it is how Inspect once had it."""
    thought = message.get("reasoning")
    if isinstance(thought, str) and thought:
        yield Thought(thought)
    content = message.get("content")
    for item in content if isinstance(content, list) else [content]:
        if isinstance(item, str):
            yield from (Said(item),) if item else ()
        elif isinstance(item, dict):
            yield from _part(item)


def _part(item: Mapping[str, Any]) -> Iterator[Part]:
    kind = as_text(item.get("type"))
    if kind == "text":
        text = as_text(item.get("text"))
        yield from (Said(text),) if text else ()
    elif kind == "reasoning":
        # Reasoning that its maker encrypted may come with a summary that can be read.
        readable = item.get("summary") if item.get("redacted") else item.get("reasoning") or item.get("summary")
        yield from (Thought(as_text(readable)),) if readable else ()
    elif kind == "tool_use":  # a tool that the provider ran
        call_id, name = (
            as_text(item.get("id")),
            as_text(item.get("name")) or as_text(item.get("tool_type")) or "unknown",
        )
        yield Called(name, tool_arguments(item.get("arguments")), call_id)
        wrong = as_text(item.get("error"))
        yield Answered(call_id, name, tuple(result_texts(wrong or item.get("result"))), True if wrong else None)
    elif kind != "data":
        yield Unread(f"part of type {kind}", f"[{kind or 'file'}]")
