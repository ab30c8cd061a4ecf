"""Content of messages and tool results, as text blocks; what has no text is named."""

from collections.abc import Mapping
from typing import Any

from reverie.sessions.event import text_content
from reverie.sessions.importers.draft import content_blocks


def result_blocks(content: Any) -> list[dict[str, str]]:
    """A tool result's content: text, or blocks of text, pictures, search results, names of tools."""
    if isinstance(content, Mapping):
        content = [content]
    if not isinstance(content, list):
        return content_blocks(content)
    return [block for part in content for block in part_blocks(part)]


def part_blocks(part: Any) -> list[dict[str, str]]:
    """One block of content as text."""
    if not isinstance(part, Mapping):
        return content_blocks([part])
    kind = part.get("type")
    shown = {
        "tool_reference": ("tool_name",),
        "web_search_result": ("title", "url"),
        "web_fetch_result": ("url",),
        "document": ("title",),
        "web_search_tool_result_error": ("error_code",),
        "web_fetch_tool_result_error": ("error_code",),
    }.get(kind if isinstance(kind, str) else "", ())
    words = [part[name] for name in shown if isinstance(part.get(name), str)]
    if words:
        return text_content(f"[{kind}] {' '.join(words)}")
    if "text" not in part and isinstance(part.get("stdout"), str):
        return content_blocks("\n".join(str(part[name]) for name in ("stdout", "stderr") if part.get(name)))
    return content_blocks([part])


def failed(content: Any) -> bool:
    """Whether a server tool's result is an error."""
    return isinstance(content, Mapping) and str(content.get("type")).endswith("_error")
