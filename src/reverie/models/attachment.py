"""Images and documents of a conversation, as far as a provider can be shown them.

A block that a provider does not take would have every later request of the session refused, so it is told of instead.
"""

import base64
import binascii
from collections.abc import Mapping
from typing import Any

from reverie.turn_model import Block

_TEXTS = ("text/", "application/json", "application/xml", "application/yaml", "application/x-yaml", "application/toml")
IMAGES = frozenset({"image/jpeg", "image/png", "image/gif", "image/webp"})
"""What providers take."""
PDF = "application/pdf"


def source_of(block: Block) -> Mapping[str, Any]:
    """Where the content of an image or document is."""
    source = block.get("source")
    return source if isinstance(source, Mapping) else {}


def document_text(block: Block) -> str | None:
    """The text of a document; None where it is none, or cannot be read."""
    source = source_of(block)
    match source.get("type"):
        case "text":
            return str(source.get("data") or "")
        case "base64" if str(source.get("media_type", "")).startswith(_TEXTS):
            try:
                return base64.b64decode(source.get("data") or "", validate=True).decode("utf-8")
            except (binascii.Error, ValueError):
                return None
        case "content":
            return _joined(source.get("content"))
    return None


def data_url(block: Block) -> str | None:
    """Where an endpoint finds the content: the content itself, or an address on the web."""
    source = source_of(block)
    if source.get("type") == "base64" and source.get("data"):
        return f"data:{source.get('media_type')};base64,{source['data']}"
    return str(source["url"]) if source.get("type") == "url" and source.get("url") else None


def is_shown_pdf(block: Block) -> bool:
    """Whether a document is a PDF whose content is in the block."""
    source = source_of(block)
    return source.get("type") == "base64" and source.get("media_type") == PDF and bool(source.get("data"))


def name_attachment(block: Block) -> str:
    """What stands for an attachment that cannot be shown."""
    source = source_of(block)
    said = [block.get("title"), source.get("url"), source.get("file_id"), source.get("media_type")]
    known = ", ".join(str(part) for part in said if part)
    return f"[{block.get('type', 'attachment')}{': ' if known else ''}{known}; it cannot be shown to this model]"


def titled(block: Block, text: str) -> str:
    """A document's text under its title."""
    return f"<document title={block['title']!r}>\n{text}\n</document>" if block.get("title") else text


def _joined(content: object) -> str | None:
    if isinstance(content, str):
        return content
    blocks = content if isinstance(content, list | tuple) else ()
    texts = [block.get("text") for block in blocks if isinstance(block, Mapping) and block.get("type") == "text"]
    return "\n".join(text for text in texts if isinstance(text, str)) or None
