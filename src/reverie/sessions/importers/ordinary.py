"""The direct path for messages as nearly all logs have them: OpenAI's, with text and tool calls and nothing odd.

It gives exactly the events that :mod:`reverie.sessions.importers.messages` gives, which reads every other shape, at a
fraction of the time; a message of which it is not sure it leaves alone.
"""

from collections.abc import Mapping
from typing import Any

from reverie.sessions.event import EventType
from reverie.sessions.importers.draft import EventLog, usage_payload
from reverie.sessions.importers.open_calls import OpenCalls
from reverie.sessions.importers.tool_arguments import tool_arguments

_FIELDS = frozenset({"role", "content", "name", "tool_calls", "tool_call_id", "usage"})
_CALL_FIELDS = frozenset({"id", "type", "index", "function"})
_FUNCTION_FIELDS = frozenset({"name", "arguments"})
_SAID: dict[str, EventType] = {"system": "system.message", "user": "user.message"}
_OPTIONAL_TEXT = frozenset({str, type(None)})


def record_ordinary(log: EventLog, calls: OpenCalls, message: Any, *, threaded: bool) -> bool:
    """Add ``message`` to ``log`` when it is an ordinary one; False, and nothing added, when it is not.

    ``threaded`` says whether several agents speak, told apart by ``name``.
    """
    if type(message) is not dict or not message.keys() <= _FIELDS:
        return False
    role, text = message.get("role"), message.get("content")
    if type(role) is not str or type(text) not in _OPTIONAL_TEXT:
        return False
    content = [{"type": "text", "text": text}] if text else []
    if role in _SAID:
        log.add(_SAID[role], {"content": content})
        return True
    name = message.get("name")
    if type(name) not in _OPTIONAL_TEXT:
        return False
    if role == "assistant":
        return _record_reply(log, calls, message, content, (name or None) if threaded else None)
    return role == "tool" and _record_result(log, calls, message, content, name or "")


def _record_result(
    log: EventLog, calls: OpenCalls, message: Mapping[str, Any], content: list[dict[str, str]], name: str
) -> bool:
    call_id = message.get("tool_call_id")
    if type(call_id) not in _OPTIONAL_TEXT:
        return False
    call = calls.answered_once(call_id or "", name)
    if call is None:
        return False
    log.tool_result(call, content, None, name, None, log.events[call].thread_id)
    return True


def _record_reply(
    log: EventLog, calls: OpenCalls, message: Mapping[str, Any], content: list[dict[str, str]], thread: str | None
) -> bool:
    tool_calls = message.get("tool_calls") or ()
    if type(tool_calls) is not list and tool_calls != ():
        return False
    if not all(map(_is_ordinary, tool_calls)):
        return False
    if content or not tool_calls:  # an empty reply is something the agent did
        log.add("agent.message", {"content": content}, None, thread)
    for call in tool_calls:
        function, call_id = call["function"], call.get("id") or ""
        name = function["name"]
        position = log.tool_use(name, tool_arguments(function.get("arguments")), call_id, None, thread)
        calls.opened(position, name, call_id)
    usage = message.get("usage")
    if type(usage) is dict and usage:
        log.add("span.model_request_end", usage_payload(usage), None, thread)
    return True


def _is_ordinary(call: Any) -> bool:
    if type(call) is not dict or not call.keys() <= _CALL_FIELDS or type(call.get("id")) not in _OPTIONAL_TEXT:
        return False
    function = call.get("function")
    if type(function) is not dict or not function.keys() <= _FUNCTION_FIELDS:
        return False
    name = function.get("name")
    return type(name) is str and name != ""
