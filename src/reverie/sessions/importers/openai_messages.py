"""Chat messages in OpenAI's shape, with tool calls, as events."""

import ast
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import msgspec

from reverie.errors import ImportFormatError
from reverie.sessions.event import EventType
from reverie.sessions.importers.draft import EventLog, as_text, content_blocks, usage_payload
from reverie.sessions.importers.json_text import decode_json

Fails = Callable[[Mapping[str, Any], str], bool]
"""Whether a tool message, with its text, reports an error."""

_ROLES: dict[str, EventType] = {
    "system": "system.message",
    "developer": "system.message",
    "user": "user.message",
    "assistant": "agent.message",
    "tool": "agent.tool_result",
}


class _OpenCalls:
    """The calls made so far, to find the one that a tool message answers; many logs leave out the ids."""

    def __init__(self) -> None:
        self._by_id: dict[str, int] = {}
        self._waiting: dict[int, str] = {}

    def opened(self, position: int, name: str, call_id: str | None) -> None:
        self._waiting[position] = name
        if call_id:
            self._by_id[call_id] = position

    def answered(self, call_id: str | None, name: str) -> int | None:
        """By id; else the oldest waiting call of that name; else, for a message with neither, the oldest."""
        found = self._by_id.get(call_id) if call_id else None
        if found is None:
            fits = (p for p, waiting in self._waiting.items() if name == waiting or not (name or call_id))
            found = next(fits, None)
        if found is not None:
            self._waiting.pop(found, None)
        return found


def record_messages(log: EventLog, messages: Sequence[Any], fails: Fails, field: str) -> None:
    """Add ``messages`` to ``log``.

    ``name`` on assistant messages tells agents apart, and becomes the thread, when there is more than one.

    Raises:
        ImportFormatError: a message is not an object or has no known role; names it as part of ``field``.
    """
    calls = _OpenCalls()
    speakers = {
        _name(message) for message in messages if isinstance(message, dict) and message.get("role") == "assistant"
    }
    for position, message in enumerate(messages):
        place = f"{field}[{position}]"
        if not isinstance(message, dict):
            raise ImportFormatError(f"{place} is not an object")
        role = message.get("role")
        kind = _ROLES.get(role) if isinstance(role, str) else None
        if kind is None:
            raise ImportFormatError(f"{place}.role {role!r} is unknown; known are {', '.join(_ROLES)}")
        if kind == "agent.message":
            _record_reply(log, message, calls, (_name(message) or None) if len(speakers) > 1 else None, place)
        elif kind == "agent.tool_result":
            _record_result(log, message, calls, fails)
        else:
            log.add(kind, {"content": content_blocks(message.get("content"))})


def _name(message: Mapping[str, Any]) -> str:
    return as_text(message.get("name"))


def _record_reply(log: EventLog, message: Mapping[str, Any], calls: _OpenCalls, thread: str | None, place: str) -> None:
    thinking = content_blocks(message.get("reasoning_content") or message.get("reasoning"))
    if thinking:
        log.add("agent.thinking", {"content": thinking}, thread_id=thread)
    said = content_blocks(message.get("content")) or content_blocks(message.get("refusal"))
    tool_calls = message.get("tool_calls") or ()
    if not isinstance(tool_calls, list | tuple):
        raise ImportFormatError(f"{place}.tool_calls is not a list")
    if said or not (tool_calls or thinking):  # an empty reply is something the agent did
        log.add("agent.message", {"content": said}, thread_id=thread)
    for number, call in enumerate(tool_calls):
        _record_call(log, call, calls, thread, f"{place}.tool_calls[{number}]")
    usage = message.get("usage")
    if isinstance(usage, dict):
        log.add("span.model_request_end", usage_payload(usage), thread_id=thread)


def _record_call(log: EventLog, call: Any, calls: _OpenCalls, thread: str | None, place: str) -> None:
    function = call.get("function") if isinstance(call, dict) else None
    name = function.get("name") if isinstance(function, dict) else None
    if not isinstance(name, str) or not isinstance(function, dict):
        raise ImportFormatError(f"{place}.function.name is missing")
    call_id = as_text(call.get("id")) or None
    position = log.tool_use(name, tool_arguments(function.get("arguments")), call_id, thread_id=thread)
    calls.opened(position, name, call_id)


def _record_result(log: EventLog, message: Mapping[str, Any], calls: _OpenCalls, fails: Fails) -> None:
    content = content_blocks(message.get("content"))
    text = content[0]["text"] if content else ""
    call = calls.answered(as_text(message.get("tool_call_id")) or None, _name(message))
    thread = None if call is None else log.events[call].thread_id
    log.tool_result(call, content, fails(message, text), _name(message), thread_id=thread)


def tool_arguments(arguments: Any) -> dict[str, Any]:
    """A call's arguments as an object: given as one, as JSON text, or as the repr of a Python dict.

    Text that is none of these is kept under ``raw``.
    """
    if arguments is None or arguments == "":
        return {}
    if isinstance(arguments, dict):
        return arguments
    text = as_text(arguments)
    for read in (decode_json, _python_literal):
        try:
            value = read(text)
        except ImportFormatError:
            continue
        if isinstance(value, dict):
            return value
    return {"raw": text}


def _python_literal(text: str) -> Any:
    try:
        # Through JSON and back, so that tuples, sets and numbers as keys become what JSON can say.
        return decode_json(msgspec.json.encode(ast.literal_eval(text)))
    except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError) as error:
        raise ImportFormatError("not a Python literal") from error
