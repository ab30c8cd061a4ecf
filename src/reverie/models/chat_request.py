"""A turn's request as a chat completions endpoint takes it."""

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import msgspec

from reverie.models.attachment import (
    IMAGES,
    data_url,
    document_text,
    is_shown_pdf,
    name_attachment,
    source_of,
    titled,
)
from reverie.models.route import ModelRoute
from reverie.turn_model import Block, ToolDefinition, TurnMessage, TurnRequest

_LONGEST_ID = 40
_LONGEST_NAME = 64
_DIGEST = 16
Message = dict[str, Any]


def chat_body(request: TurnRequest, model: str, route: ModelRoute) -> dict[str, Any]:
    """The body of the request, streamed, with the usage told at the end."""
    messages: list[Message] = []
    if request.system:
        messages.append({"role": "system", "content": "\n\n".join(request.system)})
    order: Sequence[str] = ()
    for message in request.messages:
        if message.role == "assistant":
            messages.append(_spoken(message, route))
            order = [block["id"] for block in message.content if block["type"] == "tool_use"]
        else:
            messages.extend(_told(message, order, route))
    # OpenAI's newer models refuse the older name of the limit, and some other servers ignore the newer one.
    limit = "max_tokens" if route.base_url else "max_completion_tokens"
    body: dict[str, Any] = {"model": model, "messages": messages, limit: request.max_output_tokens}
    if request.tools:
        body["tools"] = [_function(tool) for tool in request.tools]
    if request.effort is not None and route.effort:
        body["reasoning_effort"] = request.effort
    return body | {"stream": True, "stream_options": {"include_usage": True}}


def short_id(call_id: str) -> str:
    """An id of a call as endpoints take it, always the same for the same id."""
    return _shortened(call_id, _LONGEST_ID)


def short_name(name: str) -> str:
    """A tool's name as endpoints take it, always the same for the same name."""
    return _shortened(name, _LONGEST_NAME)


def _shortened(text: str, most: int) -> str:
    if len(text) <= most:
        return text
    return f"{text[: most - _DIGEST - 1]}_{hashlib.sha256(text.encode()).hexdigest()[:_DIGEST]}"


def _function(tool: ToolDefinition) -> dict[str, Any]:
    # An object without properties is refused, although JSON schema allows it.
    parameters = {"properties": {}, **tool.input_schema}
    described = {"description": tool.description} if tool.description else {}
    return {"type": "function", "function": {"name": short_name(tool.name), **described, "parameters": parameters}}


def _spoken(message: TurnMessage, route: ModelRoute) -> Message:
    """What the assistant said; its thoughts go back where the route says so, in the field in which they came."""
    texts = [block["text"] for block in message.content if block["type"] == "text"]
    calls = [_call(block) for block in message.content if block["type"] == "tool_use"]
    spoken: Message = {"role": "assistant", "content": "".join(texts) or (None if calls else "")}
    if calls:
        spoken["tool_calls"] = calls
    if route.thinking:
        for block in message.content:
            if block["type"] == "thinking" and block.get("field"):
                spoken[block["field"]] = spoken.get(block["field"], "") + block["thinking"]
    return spoken


def _call(block: Block) -> dict[str, Any]:
    # As they were written, where they are known: other spaces would cost the provider its cached prefix.
    written = block.get("arguments") or msgspec.json.encode(block.get("input") or {}).decode()
    function = {"name": short_name(block["name"]), "arguments": written}
    return {"id": short_id(block["id"]), "type": "function", "function": function}


def _told(message: TurnMessage, order: Sequence[str], route: ModelRoute) -> Iterator[Message]:
    """Results in the order of their calls, then what the user says; results hold text alone, so images follow them."""
    results = [block for block in message.content if block["type"] == "tool_result"]
    ranks = {call_id: rank for rank, call_id in enumerate(order)}
    parts: list[dict[str, Any]] = []
    for result in sorted(results, key=lambda block: ranks.get(block["tool_use_id"], len(ranks))):
        text, shown = _result(result, route)
        yield {"role": "tool", "tool_call_id": short_id(result["tool_use_id"]), "content": text}
        parts += shown
    for block in message.content:
        if block["type"] != "tool_result":
            parts += _parts(block, route)
    if all(part["type"] == "text" for part in parts):
        # Many servers' templates take a text and nothing else.
        said = "\n\n".join(part["text"] for part in parts)
        if said or not results:
            yield {"role": "user", "content": said}
    else:
        yield {"role": "user", "content": parts}


def _result(block: Block, route: ModelRoute) -> tuple[str, list[dict[str, Any]]]:
    """A result's text, and what of it has to be shown after it."""
    content = block.get("content") or ()
    inner: Sequence[Block] = [{"type": "text", "text": content}] if isinstance(content, str) else list(content)
    parts = [part for each in inner for part in _parts(each, route)]
    shown = [part for part in parts if part["type"] != "text"]
    texts = [part["text"] for part in parts if part["type"] == "text"]
    if shown:
        texts.append(f"[{len(shown)} attached below]")
        shown.insert(0, {"type": "text", "text": f"Attached to the result of {short_id(block['tool_use_id'])}:"})
    text = "\n".join(texts)
    return (f"Error: {text}" if block.get("is_error") else text), shown


def _parts(block: Block, route: ModelRoute) -> Iterator[dict[str, Any]]:
    """A block of the user's as content parts."""
    match block["type"]:
        case "text":
            yield _text(block["text"])
        case "image":
            address = data_url(block)
            media = source_of(block).get("media_type")
            if address is None or (media is not None and media not in IMAGES):
                yield _text(name_attachment(block))
            else:
                yield {"type": "image_url", "image_url": {"url": address}}
        case "document":
            yield _document(block, route)
        case _:
            yield _text(msgspec.json.encode(block).decode())


def _document(block: Block, route: ModelRoute) -> dict[str, Any]:
    text = document_text(block)
    if text is not None:
        return _text(titled(block, text))
    if is_shown_pdf(block) and route.base_url is None:  # few other endpoints take files
        name = str(block.get("title") or "document.pdf")
        return {"type": "file", "file": {"filename": name, "file_data": data_url(block)}}
    return _text(name_attachment(block))


def _text(text: str) -> dict[str, Any]:
    return {"type": "text", "text": text}


def names_of(tools: Sequence[ToolDefinition]) -> Mapping[str, str]:
    """The tools' names by what they are called in a request."""
    return {short_name(tool.name): tool.name for tool in tools}
