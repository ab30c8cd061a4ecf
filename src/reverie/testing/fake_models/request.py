"""What a policy is asked: the parsed body and, for both dialects alike, the conversation in it."""

import json
from collections.abc import Iterator
from typing import Any

import msgspec


class ToolResult(msgspec.Struct, frozen=True):
    """The answer to a call, with the call it answers."""

    id: str
    tool: str
    input: dict[str, Any]
    text: str
    is_error: bool


class Request(msgspec.Struct, frozen=True):
    """One question to the model: what a model would see, and a number.

    ``messages`` are those of the body in the form of the Messages API, whichever dialect it came in: each has a
    ``role`` of ``user`` or ``assistant`` and ``content`` as a list of blocks; consecutive messages of one role are
    joined, and prompts of chat completions are in ``system``.
    """

    body: dict[str, Any]
    number: int
    """1 for the first request that the policy is asked, 2 for the next."""
    system: str
    messages: tuple[dict[str, Any], ...]
    tools: tuple[str, ...]
    """Names of the declared tools, in order."""

    @property
    def model(self) -> str:
        return str(self.body["model"])

    @property
    def text(self) -> str:
        """The text of the last message, without tool results."""
        return "\n".join(block["text"] for block in self._last() if block["type"] == "text")

    @property
    def results(self) -> tuple[ToolResult, ...]:
        """The tool results of the last message, in order; none when it is not an answer to calls."""
        calls = {block["id"]: block for block in self._blocks("tool_use")}
        return tuple(_result(block, calls) for block in self._last() if block["type"] == "tool_result")

    @property
    def calls(self) -> tuple[dict[str, Any], ...]:
        """All calls so far, in order: blocks with ``id``, ``name`` and ``input``."""
        return tuple(self._blocks("tool_use"))

    def _last(self) -> list[dict[str, Any]]:
        return list(self.messages[-1]["content"]) if self.messages else []

    def _blocks(self, kind: str) -> Iterator[dict[str, Any]]:
        return (block for message in self.messages for block in message["content"] if block["type"] == kind)


def read_messages_request(body: dict[str, Any], number: int) -> Request:
    """The request in a checked body of the Messages API."""
    turns = [
        ("user" if message["role"] == "system" else message["role"], as_blocks(message["content"]))
        for message in body["messages"]
    ]
    tools = tuple(tool["name"] for tool in body.get("tools") or () if "name" in tool)
    return Request(body, number, text_of(body.get("system") or ""), _join(turns), tools)


def read_chat_request(body: dict[str, Any], number: int) -> Request:
    """The request in a checked body of chat completions."""
    prompting = ("system", "developer")
    turns = [_chat_turn(message) for message in body["messages"] if message["role"] not in prompting]
    prompts = [message for message in body["messages"] if message["role"] in prompting]
    system = "\n".join(text_of(message.get("content") or "") for message in prompts)
    tools = tuple(tool["function"]["name"] for tool in body.get("tools") or () if tool.get("type") == "function")
    return Request(body, number, system, _join(turns), tools)


def as_blocks(content: Any) -> list[dict[str, Any]]:
    """Content as a list of blocks: a text is one block, an empty one none."""
    if isinstance(content, str):
        return [{"type": "text", "text": content}] if content else []
    return list(content or ())


def text_of(content: Any) -> str:
    """All text of some content, a line each."""
    return "\n".join(str(block.get("text", "")) for block in as_blocks(content) if block.get("type") == "text")


def _chat_turn(message: dict[str, Any]) -> tuple[str, list[dict[str, Any]]]:
    content = as_blocks(message.get("content"))
    if message["role"] == "tool":
        result = {"type": "tool_result", "tool_use_id": message["tool_call_id"], "content": content}
        return "user", [result]
    calls = [
        {
            "type": "tool_use",
            "id": tool_call["id"],
            "name": tool_call["function"]["name"],
            "input": _arguments(tool_call["function"]["arguments"]),
        }
        for tool_call in message.get("tool_calls") or ()
    ]
    return "assistant" if message["role"] == "assistant" else "user", [*content, *calls]


def _arguments(text: str) -> dict[str, Any]:
    """Arguments as an object; a model whose arguments were malformed sees them as they were."""
    try:
        read = json.loads(text or "{}")
    except ValueError:
        return {"arguments": text}
    return read if isinstance(read, dict) else {"arguments": text}


def _join(turns: list[tuple[str, list[dict[str, Any]]]]) -> tuple[dict[str, Any], ...]:
    joined: list[dict[str, Any]] = []
    for role, content in turns:
        if joined and joined[-1]["role"] == role:
            joined[-1]["content"].extend(content)
        else:
            joined.append({"role": role, "content": list(content)})
    return tuple(joined)


def _result(block: dict[str, Any], calls: dict[str, dict[str, Any]]) -> ToolResult:
    answered = calls[block["tool_use_id"]]
    text = text_of(block.get("content") or "")
    return ToolResult(answered["id"], answered["name"], answered["input"], text, bool(block.get("is_error")))
