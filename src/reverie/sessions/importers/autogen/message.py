"""Messages of AutoGen as a chat has them.

Source: ``autogen_agentchat/messages.py`` and ``autogen_core/models/_types.py`` of microsoft/autogen, and
``conversable_agent.py`` of version 0.2.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from reverie.sessions.importers.draft import as_text
from reverie.sessions.importers.roles import role_of

_TEXTS = frozenset({"TextMessage", "StopMessage", "HandoffMessage", "MultiModalMessage", "ToolCallSummaryMessage"})
_BOOKS = frozenset({"UserInputRequestedEvent", "ModelClientStreamingChunkEvent", "SelectSpeakerEvent", "SelectorEvent"})
"""What tells how the run went on, and nothing that anybody said."""
_EXECUTED = re.compile(r"exitcode: (-?\d+) \(execution (?:succeeded|failed)\)")
"""How a user proxy of version 0.2 begins what code printed."""
_EXECUTION = "execute_code"

Message = dict[str, Any]


def is_user(source: str) -> bool:
    """Whether an agent of this name stands for a person."""
    return role_of(source) == "user" or "proxy" in source.lower()


def chat_messages(message: Mapping[str, Any], unknown: list[str]) -> Iterator[Message]:
    """A message or event of a run; the type of one that is not known is added to ``unknown``."""
    kind, source, content = as_text(message.get("type")), as_text(message.get("source")), message.get("content")
    shared = {"created_at": message.get("created_at"), "usage": message.get("models_usage")}
    agent = {"role": "assistant", "name": source, **shared}
    if kind in _BOOKS:
        return
    if kind == "ThoughtEvent":
        yield {**agent, "reasoning": content, "content": []}
    elif kind == "ToolCallRequestEvent":
        yield {**agent, "content": [], "tool_calls": _calls(content)}
    elif kind == "ToolCallExecutionEvent":
        yield from _results(content, shared)
    elif kind == "CodeGenerationEvent":
        blocks = {"code_blocks": message.get("code_blocks")}
        yield {**agent, "content": content, "tool_calls": [_call("", _EXECUTION, blocks)]}
    elif kind == "CodeExecutionEvent":
        yield {**_executed(message.get("result")), **shared}
    elif kind == "MemoryQueryEvent":
        yield {"role": "system", "content": content, **shared}
    else:
        if kind not in _TEXTS and not kind.startswith("StructuredMessage"):
            unknown.append(kind or "none")
        shown = content if isinstance(content, str | list) else as_text(content)
        yield {**({"role": "user", **shared} if is_user(source) else agent), "content": shown}


def context_messages(message: Mapping[str, Any]) -> Iterator[Message]:
    """A message in the context of an agent's model, as that agent has it."""
    kind, content = message.get("type"), message.get("content")
    if kind == "AssistantMessage":
        thought = {"reasoning": message["thought"]} if message.get("thought") else {}
        said = {"tool_calls": _calls(content), "content": []} if isinstance(content, list) else {"content": content}
        yield {"role": "assistant", "name": as_text(message.get("source")), **thought, **said}
    elif kind == "FunctionExecutionResultMessage":
        yield from _results(content, {})
    else:
        yield {"role": "system" if kind == "SystemMessage" else "user", "content": content}


def old_messages(history: Sequence[Any]) -> Iterator[Any]:
    """A chat history of version 0.2.

    Names tell who speaks: the roles are those that the agent gives who keeps the history. Where there are none, who
    speaks first is the user.
    """
    named = any(isinstance(one, dict) and one.get("name") for one in history)
    first = next((one.get("role") for one in history if isinstance(one, dict) and one.get("role") != "system"), None)
    turned = not named and first == "assistant"
    for message in history:
        if isinstance(message, dict):
            yield from _old_message(message, turned=turned)
        else:
            yield message


def _old_message(message: Mapping[str, Any], *, turned: bool) -> Iterator[Message]:
    role, name, content = as_text(message.get("role")), as_text(message.get("name")), message.get("content")
    responses = message.get("tool_responses")
    executed = _EXECUTED.match(content) if isinstance(content, str) else None
    calls = {field: message[field] for field in ("tool_calls", "function_call") if message.get(field)}
    if isinstance(responses, list) and responses:
        yield from (one | {"role": "tool"} for one in responses if isinstance(one, dict))
    elif role in ("system", "tool", "function"):
        yield dict(message)
    elif executed and not calls:
        yield {"role": "tool", "name": _EXECUTION, "content": content, "is_error": executed[1] != "0"}
    elif calls:
        yield {**message, "role": "assistant"}
    elif name:
        yield {**message, "role": "user" if is_user(name) else "assistant"}
    else:
        turns = {"assistant": "user", "user": "assistant"} if turned else {}
        yield {**message, "role": turns.get(role, role)}


def _calls(content: Any) -> list[Message]:
    calls = [call for call in content if isinstance(call, dict)] if isinstance(content, list) else []
    return [_call(as_text(call.get("id")), as_text(call.get("name")), call.get("arguments")) for call in calls]


def _call(call_id: str, name: str, arguments: Any) -> Message:
    return {"id": call_id, "function": {"name": name or "unknown", "arguments": arguments}}


def _results(content: Any, shared: Mapping[str, Any]) -> Iterator[Message]:
    for result in content if isinstance(content, list) else ():
        if isinstance(result, dict):
            fields = {"tool_call_id": result.get("call_id"), "name": result.get("name")}
            failed = {"is_error": result["is_error"]} if isinstance(result.get("is_error"), bool) else {}
            yield {"role": "tool", "content": result.get("content"), **fields, **failed, **shared}


def _executed(result: Any) -> Message:
    told = result if isinstance(result, dict) else {"output": as_text(result)}
    failed = {"is_error": told["exit_code"] != 0} if isinstance(told.get("exit_code"), int) else {}
    return {"role": "tool", "name": _EXECUTION, "content": as_text(told.get("output")), **failed}
