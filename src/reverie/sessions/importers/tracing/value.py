"""What a run's input or output says: messages, in whichever of their many forms a tracing tool was given them."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from reverie.sessions.importers.draft import as_text
from reverie.sessions.importers.otlp.operation import Message, structured
from reverie.sessions.importers.parts import (
    Answered,
    Part,
    Said,
    Thought,
    call_of,
    explicit_error,
    read_part,
    read_parts,
    result_texts,
)
from reverie.sessions.importers.roles import Role, role_known, role_named, role_of

_LISTS = ("messages", "contents", "input_items", "generations", "choices", "chat_history")
"""Fields of an object that hold its messages, most telling first."""
_SYSTEM = ("system", "instructions", "system_instruction", "system_prompt")
_CONTENTS = ("content", "parts", "text", "value")
_ITEMS = ("function_call", "function_call_output", "reasoning", "_call", "_call_output", "custom_tool_call")
_WRAPPED = ("message", "delta")


def messages_of(value: Any, default: Role) -> Iterator[Message]:
    """The messages that ``value`` says, by ``default`` where it does not say by whom."""
    value = unwrapped(structured(value))
    if isinstance(value, Mapping):
        yield from _of_object(value, default)
    elif isinstance(value, list):
        yield from _of_list(value, default)
    elif text := as_text(value):
        yield Message(default, (Said(text),))


def unwrapped(value: Any) -> Any:
    """An object of LangChain's as a plain message, where it is one that LangChain dumped; else ``value``."""
    if not isinstance(value, Mapping):
        return value
    inner = value.get("kwargs")
    if isinstance(inner, Mapping) and isinstance(value.get("id"), list) and value["id"]:
        return {"role": as_text(value["id"][-1]), **inner} if "content" in inner else dict(inner)
    inner = value.get("data")
    if isinstance(inner, Mapping) and "content" in inner and isinstance(value.get("type"), str):
        return {"role": value["type"], **inner}
    return value


def _of_list(value: Sequence[Any], default: Role) -> Iterator[Message]:
    if value and all(isinstance(item, list) for item in value):  # a batch; what is traced so has one prompt
        value = value[0]
    if value and all(isinstance(item, Mapping) and _is_part(item) for item in value):
        yield Message(default, tuple(part for item in value for part in read_part(item)))
        return
    for item in value:
        yield from messages_of(item, default)


def _is_part(item: Mapping[str, Any]) -> bool:
    kind = item.get("type")
    return isinstance(kind, str) and "role" not in item and role_of(kind) is None and kind in ("text", "image_url")


def _of_object(value: Mapping[str, Any], default: Role) -> Iterator[Message]:
    kind = as_text(value.get("type"))
    if "role" not in value and kind.endswith(_ITEMS):
        role: Role = "tool" if kind.endswith("_output") else "agent"
        yield Message(role, tuple(read_part(dict(value))))
        return
    if _is_message(value):
        yield _message(value, default)
        return
    inner = next((value[name] for name in _WRAPPED if isinstance(value.get(name), Mapping)), None)
    if inner is not None:
        yield from messages_of(inner, default)
        return
    found = next((value[name] for name in _LISTS if isinstance(structured(value.get(name)), list)), None)
    if found is None and isinstance(value.get("output"), list):
        found = value["output"]  # of OpenAI's Responses
    if found is None:
        yield from _of_fields(value, default)
        return
    for name in _SYSTEM:
        if isinstance(value.get(name), str | list) and value[name]:
            yield from messages_of(value[name], "system")
    yield from messages_of(found, default)


def _is_message(value: Mapping[str, Any]) -> bool:
    if "role" in value:
        return True
    named = role_named(value)
    if not (named and (role_known(named.lower()) or role_of(named))):
        return any(name in value for name in ("tool_calls", "function_call")) or (
            "content" in value and len(value) <= 3
        )
    return any(name in value for name in _CONTENTS) or "tool_calls" in value


def _of_fields(value: Mapping[str, Any], default: Role) -> Iterator[Message]:
    """An object without messages: a prompt's only text is said, and anything else is shown as it is."""
    told = [inner for inner in value.values() if inner not in (None, "", [], {})]
    if len(told) == 1:
        yield from messages_of(told[0], default)
    elif value:
        yield Message(default, (Said(as_text(dict(value))),))


def _message(value: Mapping[str, Any], default: Role) -> Message:
    role = role_of(role_named(value)) or default
    content = next((value[name] for name in _CONTENTS if value.get(name) is not None), None)
    if role == "tool" and not _holds_results(content):
        call_id = next((as_text(value[name]) for name in ("tool_call_id", "call_id", "id") if value.get(name)), "")
        texts = tuple(result_texts(content))
        return Message("tool", (Answered(call_id, as_text(value.get("name")), texts, explicit_error(value)),))
    return Message(role, tuple(_parts(value, content)))


def _holds_results(content: Any) -> bool:
    return isinstance(content, list) and any(
        isinstance(item, Mapping) and (as_text(item.get("type")).endswith("tool_result") or "functionResponse" in item)
        for item in content
    )


def _parts(value: Mapping[str, Any], content: Any) -> Iterator[Part]:
    thinking = value.get("reasoning_content") or value.get("reasoning") or value.get("thinking")
    if isinstance(thinking, str) and thinking:
        yield Thought(thinking)
    yield from read_parts(structured(content) if isinstance(content, str) and _is_parts(content) else content)
    held = value.get("additional_kwargs")
    calls = value.get("tool_calls") or (held.get("tool_calls") if isinstance(held, Mapping) else None)
    listed = content if isinstance(content, list) else ()
    in_content = any(isinstance(item, Mapping) and item.get("type") == "tool_use" for item in listed)
    if isinstance(calls, list) and not in_content:  # LangChain repeats Anthropic's calls beside the content
        for call in calls:
            yield from call_of(call)
    elif isinstance(value.get("function_call"), Mapping):
        yield from call_of(value["function_call"])


def _is_parts(content: str) -> bool:
    return content.startswith('[{"type"') or content.startswith('[{"text"')


def result_of(value: Any) -> tuple[tuple[str, ...], str, bool | None]:
    """A tool's output: its texts, the id of the call it answers, and what it says itself of its failure."""
    held = unwrapped(structured(value))
    if isinstance(held, Mapping) and len(held) == 1:
        held = unwrapped(structured(next(iter(held.values()))))
    if isinstance(held, Mapping) and "content" in held and ("tool_call_id" in held or _is_message(held)):
        return tuple(result_texts(held["content"])), as_text(held.get("tool_call_id")), explicit_error(held)
    if isinstance(held, Mapping):
        return (as_text(dict(held)),), "", explicit_error(held)
    return tuple(result_texts(held)), "", None
