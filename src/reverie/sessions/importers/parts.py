"""A message's content, in the shapes of OpenAI, Anthropic and Google, as the parts that become events."""

from collections.abc import Iterator, Mapping
from typing import Any

import msgspec

from reverie.errors import ImportFormatError
from reverie.sessions.importers.draft import as_text
from reverie.sessions.importers.json_text import decode_json
from reverie.sessions.importers.tool_arguments import tool_arguments


class Said(msgspec.Struct, frozen=True):
    """Text for whom the message is for."""

    text: str


class Thought(msgspec.Struct, frozen=True):
    """The agent's reasoning."""

    text: str


class Called(msgspec.Struct, frozen=True):
    """A tool call."""

    name: str
    arguments: dict[str, Any]
    call_id: str


class Answered(msgspec.Struct, frozen=True):
    """A tool's result."""

    call_id: str
    name: str
    text: tuple[str, ...]
    is_error: bool | None
    """What the source itself says; None where it says nothing."""


class Unread(msgspec.Struct, frozen=True):
    """Something that an event cannot hold, such as a picture."""

    kind: str
    text: str
    """What stands for it; empty for nothing."""


Part = Said | Thought | Called | Answered | Unread

_TEXTS = frozenset({"text", "input_text", "output_text", "summary_text", "refusal", "reasoning_text", "markdown"})
_CALLS = (
    *("tool_use", "tool_call", "function_call", "functionCall", "mcp_call", "custom_tool_call", "computer_call"),
    *("web_search_call", "file_search_call", "code_interpreter_call", "local_shell_call", "image_generation_call"),
    *("shell_call", "apply_patch_call"),
)
_RESULTS = (
    "tool_result",
    "function_call_output",
    "functionResponse",
    "tool_call_output",
    "tool_response",
    "_call_output",
)
_ID_FIELDS = ("tool_use_id", "tool_call_id", "call_id", "id")


def read_parts(content: Any) -> Iterator[Part]:
    """The parts of a message's content, in order."""
    if content is None or content == "":
        return
    if isinstance(content, str):
        yield Said(content)
    elif isinstance(content, list):
        for item in content:
            yield from read_part(item)
    elif isinstance(content, dict) and ("type" in content or "parts" in content):
        yield from read_part(content)
    else:
        yield Said(as_text(content))


def read_part(part: Any) -> Iterator[Part]:
    """What one item of a content list holds."""
    if not isinstance(part, dict):
        if text := as_text(part):
            yield Said(text)
        return
    kind = as_text(part.get("type")) or next(iter(part), "")
    if "thinking" in kind or kind in ("reasoning", "thought") or part.get("thought") is True:
        yield from _thoughts(part, kind)
    elif kind in _TEXTS:
        text = as_text(part.get("text") or part.get("refusal"))
        if text:
            yield Said(text)
    elif kind.endswith(_RESULTS):
        yield _answered(part, kind)
    elif kind.endswith(_CALLS):
        yield from _called(part, kind)
    elif isinstance(part.get("parts"), list):
        yield from read_parts(part["parts"])
    else:
        yield from _other(part, kind)


def _thoughts(part: Mapping[str, Any], kind: str) -> Iterator[Part]:
    given = part.get("thinking") or part.get("text") or part.get("content") or part.get("summary") or part.get(kind)
    items = given if isinstance(given, list) else [given]
    texts = [as_text(item.get("text") if isinstance(item, dict) else item) for item in items]
    text = "\n".join(text for text in texts if text)
    if text:
        yield Thought(text)
    elif "redacted" in kind or part.get("data") or part.get("encrypted_content"):
        yield Unread("reasoning that its maker encrypted", "")


def _called(part: Mapping[str, Any], kind: str) -> Iterator[Part]:
    inner = part.get("function") or part.get("functionCall") or part.get("custom")
    call = {**part, **inner} if isinstance(inner, dict) else part
    name = as_text(call.get("name") or call.get("tool_name"))
    if not name and kind.endswith("_call") and kind not in ("tool_call", "function_call", "custom_tool_call"):
        name = kind.removesuffix("_call")  # OpenAI's own tools are named by the kind
    arguments = next(
        (call[field] for field in ("input", "arguments", "args", "parameters", "action", "queries") if call.get(field)),
        None,
    )
    if name:
        yield Called(name, tool_arguments(arguments), as_text(part.get("call_id") or part.get("id") or call.get("id")))
    else:
        yield Unread("tool call without a name", "")
    if kind == "mcp_call" and (part.get("output") is not None or part.get("error")):
        yield _answered({**part, "content": part.get("error") or part.get("output")}, kind)


def call_of(call: Any) -> Iterator[Part]:
    """One of a message's ``tool_calls``, as OpenAI (``function``), Anthropic (``input``) or LangChain (``args``)."""
    return _called(call, "tool_call") if isinstance(call, dict) else iter((Unread("tool call without a name", ""),))


def _answered(part: Mapping[str, Any], kind: str) -> Answered:
    inner = part.get("functionResponse")
    result = {**part, **inner} if isinstance(inner, dict) else part
    call_id = next((as_text(result[field]) for field in _ID_FIELDS if result.get(field)), "")
    content = next((result[field] for field in ("content", "output", "response", "result") if field in result), None)
    name = as_text(result.get("name") or result.get("tool_name")) or (
        "" if kind in _RESULTS else kind.removesuffix("_tool_result").removesuffix("_call_output")
    )
    failed = explicit_error(result)
    if failed is None and isinstance(content, dict) and as_text(content.get("type")).endswith("_error"):
        failed = True  # {"type": "web_search_tool_result_error", "error_code": …}
    if failed is None and kind == "mcp_call" and part.get("error"):
        failed = True
    return Answered(call_id, name, tuple(result_texts(content)), failed)


def explicit_error(result: Mapping[str, Any]) -> bool | None:
    """What the source's own flag says of a tool result; None where it has none."""
    for field in ("is_error", "isError"):
        if isinstance(result.get(field), bool):
            return bool(result[field])
    return True if result.get("status") in ("error", "failed", "incomplete") else None


def result_texts(content: Any) -> Iterator[str]:
    """The texts of a tool result; what is not text is named only, data is kept as JSON."""
    for item in content if isinstance(content, list) else [content]:
        if not isinstance(item, dict):
            text = as_text(item)
        elif isinstance(item.get("text"), str) and item.get("type") in (*_TEXTS, None):
            text = item["text"]
        else:
            text = _result_text(item)
        if text:
            yield text


def _result_text(item: Mapping[str, Any]) -> str:
    kind = as_text(item.get("type"))
    if "url" in item and "title" in item:  # a search result, without its encrypted copy
        return f"{as_text(item['title'])} {as_text(item['url'])}"
    if isinstance(item.get("source"), dict) or kind in ("image", "image_url", "input_image", "audio", "file"):
        return _document_text(item) or f"[{kind or 'file'}]"
    if kind.endswith("_result") and isinstance(item.get("stdout"), str):
        return "\n".join(text for text in (item["stdout"], as_text(item.get("stderr"))) if text)
    return as_text(item)


def _document_text(part: Mapping[str, Any]) -> str:
    source = part.get("source")
    if not isinstance(source, dict):
        return ""
    if source.get("type") == "text":
        return as_text(source.get("data"))
    content = source.get("content") if source.get("type") == "content" else None
    return "\n".join(result_texts(content)) if content else ""


def _other(part: Mapping[str, Any], kind: str) -> Iterator[Part]:
    text = part.get("text")
    if isinstance(text, str) or isinstance(text := part.get("refusal"), str):
        if text:
            yield Said(text)
    elif text := _document_text(part) or "\n".join(
        result_texts(part.get("content") if kind == "search_result" else "")
    ):
        yield Said(text)
    elif kind and kind != "text":
        name = as_text(part.get("title") or part.get("filename") or part.get("name"))
        yield Unread(f"part of type {kind}", f"[{kind}: {name}]" if name else f"[{kind}]")


def call_text(text: str) -> Iterator[Part]:
    """A call written as a message's text, ``{"name": …, "arguments": …}``, as ShareGPT has it; else the text."""
    try:
        value = decode_json(text)
    except ImportFormatError:
        value = None
    calls = value if isinstance(value, list) else [value]
    if calls and all(isinstance(call, dict) and isinstance(call.get("name"), str) for call in calls):
        for call in calls:
            yield from call_of(call)
    elif text:
        yield Said(text)
