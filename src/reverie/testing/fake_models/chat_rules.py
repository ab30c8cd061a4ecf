"""What chat completions refuse, in OpenAI's words. Where its words are not known, the rule is said in ours."""

import re
from typing import Any

from reverie.testing.fake_models.problem import Problem
from reverie.testing.fake_models.signature import IssuedReplies

_NAME = re.compile(r"[a-zA-Z0-9_-]{1,64}")
_ROLES = ("system", "assistant", "user", "function", "tool", "developer")
_LIMITS = ("max_tokens", "max_completion_tokens")
_TYPE_WORDS: dict[type, str] = {
    dict: "an object",
    list: "an array",
    str: "a string",
    int: "an integer",
    float: "a decimal",
    bool: "a boolean",
    type(None): "null",
}


def check_chat_request(body: dict[str, Any], issued: IssuedReplies) -> None:
    """Say nothing when the real server would take the request.

    Args:
        body: the parsed body.
        issued: what this server sent before.

    Raises:
        Problem: the first thing that is wrong.
    """
    if not isinstance(body.get("model"), str) or not body["model"]:
        raise Problem("you must provide a model parameter")
    _need(body, "messages", list, "messages")
    if not body["messages"]:
        raise _empty("messages")
    _check_settings(body)
    names = _check_tools(body)
    for index, message in enumerate(body["messages"]):
        _check_message(f"messages[{index}]", message)
    _check_results(body["messages"])
    _check_names(body["messages"], names, issued)


def _need(holder: dict[str, Any], field: str, kind: type, place: str) -> None:
    if field not in holder:
        raise Problem(f"Missing required parameter: '{place}'.", param=place, code="missing_required_parameter")
    value = holder[field]
    if not isinstance(value, kind) or (isinstance(value, bool) and kind is not bool):
        raise Problem(
            f"Invalid type for '{place}': expected {_TYPE_WORDS[kind]}, but got {_TYPE_WORDS[type(value)]} instead.",
            param=place,
            code="invalid_type",
        )


def _empty(place: str) -> Problem:
    return Problem(
        f"Invalid '{place}': empty array. Expected an array with minimum length 1, but got an empty array instead.",
        param=place,
        code="empty_array",
    )


def _check_settings(body: dict[str, Any]) -> None:
    for field in _LIMITS:
        if body.get(field) is not None:
            _need(body, field, int, field)
            if body[field] < 1:
                raise Problem(
                    f"Invalid '{field}': integer below minimum value. Expected a value >= 1, but got {body[field]} "
                    "instead.",
                    param=field,
                    code="integer_below_min_value",
                )
    if body.get("stream") is not None:
        _need(body, "stream", bool, "stream")
    if body.get("stream_options") is not None and not body.get("stream"):
        raise Problem(
            "The 'stream_options' parameter is only allowed when 'stream' is enabled.", param="stream_options"
        )
    for field in ("tool_choice", "parallel_tool_calls"):
        if body.get(field) is not None and not body.get("tools"):
            raise Problem(f"'{field}' is only allowed when 'tools' are specified.", param=field)


def _check_tools(body: dict[str, Any]) -> set[str]:
    """Names of the declared functions."""
    if body.get("tools") is None:
        return set()
    _need(body, "tools", list, "tools")
    if not body["tools"]:
        raise _empty("tools")
    names: list[str] = []
    for index, tool in enumerate(body["tools"]):
        place = f"tools[{index}]"
        _need(tool if isinstance(tool, dict) else {}, "type", str, f"{place}.type")
        if tool["type"] != "function":
            continue
        _need(tool, "function", dict, f"{place}.function")
        _need(tool["function"], "name", str, f"{place}.function.name")
        _check_name(tool["function"]["name"], f"{place}.function.name")
        names.append(tool["function"]["name"])
    if len(set(names)) < len(names):
        raise Problem("Invalid 'tools': names of functions must be unique.", param="tools")
    choice = body.get("tool_choice")
    if isinstance(choice, dict) and choice.get("type") == "function":
        _need(choice, "function", dict, "tool_choice.function")
        chosen = choice["function"].get("name")
        if chosen not in names:
            raise Problem(f"Tool choice '{chosen}' not found in 'tools' parameter.", param="tool_choice")
    return set(names)


def _check_name(name: str, place: str) -> None:
    if not _NAME.fullmatch(name):
        raise Problem(
            f"Invalid '{place}': string does not match pattern. Expected a string that matches the pattern "
            "'^[a-zA-Z0-9_-]+$'.",
            param=place,
            code="invalid_value",
        )


def _check_message(place: str, message: Any) -> None:
    _need(message if isinstance(message, dict) else {}, "role", str, f"{place}.role")
    if message["role"] not in _ROLES:
        supported = ", ".join(f"'{role}'" for role in _ROLES[:-1]) + f", and '{_ROLES[-1]}'"
        raise Problem(
            f"Invalid value: '{message['role']}'. Supported values are: {supported}.",
            param=f"{place}.role",
            code="invalid_value",
        )
    _check_content(place, message)
    if message["role"] == "tool":
        _need(message, "tool_call_id", str, f"{place}.tool_call_id")
    if message.get("tool_calls") is not None:
        _check_tool_calls(f"{place}.tool_calls", message)


def _check_content(place: str, message: dict[str, Any]) -> None:
    content = message.get("content")
    if content is None:
        if message["role"] == "assistant" and message.get("tool_calls"):
            return
        raise Problem(
            "Invalid value for 'content': expected a string, got null.", param=f"{place}.content", code="invalid_value"
        )
    if not isinstance(content, list):
        _need(message, "content", str, f"{place}.content")
        return
    if not content:
        raise _empty(f"{place}.content")
    for index, part in enumerate(content):
        _need(part if isinstance(part, dict) else {}, "type", str, f"{place}.content[{index}].type")
        if part["type"] == "text":
            _need(part, "text", str, f"{place}.content[{index}].text")


def _check_tool_calls(place: str, message: dict[str, Any]) -> None:
    _need(message, "tool_calls", list, place)
    if message["role"] != "assistant":
        raise Problem(f"Unrecognized request argument supplied: {place}", param=place)
    if not message["tool_calls"]:
        raise _empty(place)
    for index, call in enumerate(message["tool_calls"]):
        here = f"{place}[{index}]"
        given = call if isinstance(call, dict) else {}
        _need(given, "id", str, f"{here}.id")
        _need(given, "type", str, f"{here}.type")
        _need(given, "function", dict, f"{here}.function")
        _need(given["function"], "name", str, f"{here}.function.name")
        _check_name(given["function"]["name"], f"{here}.function.name")
        _need(given["function"], "arguments", str, f"{here}.function.arguments")


def _check_results(messages: list[dict[str, Any]]) -> None:
    """Tool messages follow the calls that they answer, one each."""
    waiting: list[str] = []
    answered: set[str] = set()
    seen: set[str] = set()
    for index, message in enumerate(messages):
        role = f"messages.[{index}].role"
        if message["role"] == "tool":
            name = message["tool_call_id"]
            if name not in waiting or name in answered:
                raise Problem(
                    "Invalid parameter: messages with role 'tool' must be a response to a preceeding message with "
                    "'tool_calls'.",
                    param=role,
                )
            answered.add(name)
            continue
        _check_answered(waiting, answered, role)
        waiting, answered = [call["id"] for call in message.get("tool_calls") or ()], set()
        if len(set(waiting)) < len(waiting) or seen & set(waiting):
            raise Problem(f"Invalid 'messages[{index}].tool_calls': ids of tool calls must be unique.", param=role)
        seen.update(waiting)
    _check_answered(waiting, answered, f"messages.[{len(messages)}].role")


def _check_answered(waiting: list[str], answered: set[str], param: str) -> None:
    missing = [name for name in waiting if name not in answered]
    if missing:
        raise Problem(
            "An assistant message with 'tool_calls' must be followed by tool messages responding to each "
            f"'tool_call_id'. The following tool_call_ids did not have response messages: {', '.join(missing)}",
            param=param,
        )


def _check_names(messages: list[dict[str, Any]], names: set[str], issued: IssuedReplies) -> None:
    for index, message in enumerate(messages):
        for position, call in enumerate(message.get("tool_calls") or ()):
            name = call["function"]["name"]
            if name not in names and call["id"] not in issued.undeclared:
                place = f"messages[{index}].tool_calls[{position}].function.name"
                raise Problem(
                    f"Invalid '{place}': '{name}' is not among the declared functions: {', '.join(sorted(names))}.",
                    param=place,
                )
