"""Which session format a file is in, and how its sessions lie in it, found from its first bytes."""

import contextlib
import io
from typing import Literal

import ijson
import msgspec

_LINES_TRIED = 50
"""A file whose first lines are broken is still known by the next ones."""

Shape = Literal["lines", "all lines", "list", "mapping", "document"]
"""One session per line, in all lines together, per list element, per member of an object, in the one JSON value."""


class Layout(msgspec.Struct, frozen=True):
    """How a JSON file is laid out."""

    format: str | None
    """The session format; None when the JSON is in none of them."""
    shape: Shape
    prefix: str = ""
    """For a mapping, the member that holds the sessions; empty for the top level."""


class _Keys(msgspec.Struct, frozen=True):
    top: set[str]
    deeper: set[str]


def detect(head: bytes) -> Layout | None:
    """The layout of the file that begins with ``head``; None when it does not look like JSON."""
    text = head.lstrip()
    if text.startswith(b"["):
        keys = _keys_in(text)
        return Layout(_format_of(keys), "list") if keys.top else None
    for line in text.split(b"\n", _LINES_TRIED)[:_LINES_TRIED]:
        layout = _object_layout(line, "lines")
        if layout and layout.format:
            return layout
    return _object_layout(text, "document")


def assumed(head: bytes, format: str) -> Layout:
    """The likely layout of a file that only the user's word gives a format."""
    if format == "claude-code":
        return Layout(format, "all lines")
    if head.lstrip().startswith(b"["):
        return Layout(format, "list")
    return Layout(format, "mapping" if format == "intercode" else "lines")


def _object_layout(text: bytes, shape: Shape) -> Layout | None:
    keys = _keys_in(text) if text.startswith(b"{") else None
    if keys is None or not keys.top:
        return None
    found = _format_of(keys)
    if found == "intercode":
        return Layout(found, "mapping", prefix="logs" if "logs" in keys.top else "")
    return Layout(found, "all lines" if found == "claude-code" else shape)


def _keys_in(text: bytes) -> _Keys:
    """The object keys in the beginning of some JSON; that it is cut off, or broken further on, does not matter."""
    keys = _Keys(set(), set())
    depth = 0
    with contextlib.suppress(ijson.JSONError):
        for event, value in ijson.basic_parse(io.BytesIO(text)):
            depth += {"start_map": 1, "end_map": -1}.get(event, 0)
            if event == "map_key":
                (keys.top if depth == 1 else keys.deeper).add(value)
    return keys


def _format_of(keys: _Keys) -> str | None:
    if {"session", "events"} <= keys.top:
        return "reverie"
    if "traj" in keys.top:
        return "tau-bench"
    if "messages" in keys.top:
        return "chat"
    if {"type", "sessionId"} <= keys.top:
        return "claude-code"
    return "intercode" if "turn_history" in keys.deeper else None
