"""What MCP servers say, as JSON, in this side's terms: their tools, and the content of results as the log has it."""

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from reverie.runtime.tool_catalogue import RemoteTool
from reverie.turn_model import Block

MOST_CHARACTERS = 100_000
"""Text of one result; what is beyond is cut off, and the agent is told."""
_IMAGES = frozenset({"image/jpeg", "image/png", "image/gif", "image/webp"})
"""What models are shown."""


def remote_tool(tool: Mapping[str, Any]) -> RemoteTool:
    """A tool as an MCP server lists it. Hints that it does not give are taken for the worse."""
    hints = tool.get("annotations") or {}
    return RemoteTool(
        name=tool["name"],
        description=tool.get("description") or tool.get("title") or "",
        input_schema=tool.get("inputSchema") or {"type": "object"},
        read_only=hints.get("readOnlyHint") is True,
        keyed=hints.get("idempotentHint") is True,
    )


def result_blocks(content: Sequence[Mapping[str, Any]], structured: Any = None) -> tuple[Block, ...]:
    """The content of a result as blocks of the wire; never none.

    Args:
        structured: the result as JSON, shown where there is no other content.
    """
    if not content and structured is not None:
        content = [{"type": "text", "text": json.dumps(structured, ensure_ascii=False)}]
    blocks = tuple(_bounded(_block(part) for part in content))
    return blocks or (_text("The tool returned nothing."),)


def _bounded(blocks: Iterator[Block]) -> Iterator[Block]:
    left = MOST_CHARACTERS
    for block in blocks:
        if block["type"] != "text":
            yield block
        elif len(block["text"]) <= left:
            left -= len(block["text"])
            if block["text"].strip():
                yield block
        else:
            note = f"\n[cut off: a result has at most {MOST_CHARACTERS:,} characters of text]"
            yield _text(block["text"][:left] + note)
            return


def _block(part: Mapping[str, Any]) -> Block:
    match part["type"]:
        case "text":
            return _text(part["text"])
        case "image":
            return _blob(part.get("mimeType"), part["data"], "image")
        case "resource":
            resource = part["resource"]
            if "text" in resource:
                return _text(resource["text"])
            return _blob(resource.get("mimeType"), resource.get("blob") or "", str(resource.get("uri")))
        case "resource_link":
            about = part.get("description") or part.get("title") or part.get("name") or ""
            return _text(f"{about}: {part['uri']}" if about else str(part["uri"]))
        case other:
            return _text(f"[{other} that cannot be shown]")


def _blob(media_type: str | None, data: str, name: str) -> Block:
    if media_type in _IMAGES:
        return {"type": "image", "source": {"type": "base64", "media_type": media_type, "data": data}}
    if media_type == "application/pdf":
        return {"type": "document", "source": {"type": "base64", "media_type": media_type, "data": data}}
    return _text(f"[{name}: {media_type or 'bytes'} that cannot be shown]")


def _text(text: str) -> Block:
    return {"type": "text", "text": text}
