"""Which session format a file is in, and how its sessions lie in it, found from its first bytes."""

import io
from typing import Literal

import ijson
import msgspec

_LINES_TRIED = 50
"""A file whose first lines are broken is still known by the next ones."""

_CLAUDE_CODE = (
    {"sessionId"},
    {"snapshot", "messageId"},
    {"summary", "leafUuid"},
    {"session_id", "subtype"},
    {"session_id", "message"},
    {"session_id", "event"},
)
"""Keys that, beside ``type``, are those of a line of Claude Code's: of its files, then of what ``claude -p`` prints."""

_CHAT_FIELDS = frozenset({"messages", "conversations", "conversation"})

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
    """The object keys in the beginning of some JSON."""

    top: set[str]
    deeper: set[str]
    objects: set[str]
    """Those of ``top`` that hold nothing but objects, as far as can be seen."""
    whole: bool
    """Whether it was one whole JSON value; else it is cut off, or broken further on."""


def detect(head: bytes) -> Layout | None:
    """The layout of the file that begins with ``head``; None when it does not look like JSON."""
    text = head.lstrip()
    if text.startswith(b"["):
        keys = _keys_in(text)
        found = _format_of(keys)
        return Layout(found, "document" if found == "claude-code" else "list") if keys.top else None
    lines = text.split(b"\n", _LINES_TRIED)[:_LINES_TRIED]
    for line in lines:
        keys = _keys_in(line)
        # The first line of an indented object has keys, too, but is not whole; nor is a line longer than the head.
        if _format_of(keys) and (keys.whole or len(lines) == 1):
            return _object_layout(keys, "lines")
    for line in text.split(b"\n")[_LINES_TRIED:]:
        if b'"type"' in line and (b'"sessionId"' in line or b'"session_id"' in line):
            keys = _keys_in(line)
            if keys.whole and _format_of(keys) == "claude-code":
                return Layout("claude-code", "document")
    keys = _keys_in(text)
    return _object_layout(keys, "document") if keys.top else None


def assumed(head: bytes, format: str) -> Layout:
    """The likely layout of a file that only the user's word gives a format."""
    if format == "claude-code":
        return Layout(format, "document")
    if head.lstrip().startswith(b"["):
        return Layout(format, "list")
    return Layout(format, "mapping" if format == "intercode" else "lines")


def _object_layout(keys: _Keys, shape: Shape) -> Layout:
    found = _format_of(keys)
    if found == "intercode":
        return Layout(found, "mapping", prefix="logs" if "logs" in keys.top else "")
    return Layout(found, "document" if found == "claude-code" else shape)


def _keys_in(text: bytes) -> _Keys:
    top: set[str] = set()
    deeper: set[str] = set()
    holding: dict[bool, set[str]] = {True: set(), False: set()}
    depth, key, whole = 0, None, True
    try:
        for event, value in ijson.basic_parse(io.BytesIO(text)):
            if key is not None:
                holding[event == "start_map"].add(key)
            depth += {"start_map": 1, "end_map": -1}.get(event, 0)
            if event == "map_key":
                (top if depth == 1 else deeper).add(value)
            key = value if event == "map_key" and depth == 1 else None
    except ijson.JSONError:
        whole = False
    return _Keys(top, deeper, holding[True] - holding[False], whole)


_UNREAD: tuple[tuple[str, frozenset[str]], ...] = (
    ("a ChatGPT export", frozenset({"mapping", "current_node"})),
    ("a Claude.ai export", frozenset({"chat_messages"})),
    ("tau2-bench results", frozenset({"simulations", "tasks"})),
    ("a SWE-agent trajectory", frozenset({"trajectory", "info"})),
    ("an OTLP trace", frozenset({"resourceSpans"})),
    ("a Langfuse export", frozenset({"observations", "projectId"})),
    ("a LangSmith export", frozenset({"run_type", "trace_id"})),
    ("a Codex CLI rollout", frozenset({"timestamp", "type", "payload"})),
    ("a Gemini CLI session", frozenset({"projectHash", "sessionId"})),
    ("a Cursor export", frozenset({"composerId"})),
    ("an OpenHands history", frozenset({"id", "source", "action", "args"})),
    ("an OpenHands history", frozenset({"history", "instance_id"})),
    ("a Who&When failure", frozenset({"history", "mistake_agent", "mistake_step"})),
    ("a LoCoMo conversation", frozenset({"conversation", "qa"})),
    ("a LoCoMo conversation", frozenset({"conversation", "session_summary"})),
    ("a LoCoMo conversation", frozenset({"speaker_a", "speaker_b"})),
    ("an Inspect log", frozenset({"eval", "samples", "status"})),
)
"""Formats that are known by their keys and not read."""


def unread_format(head: bytes) -> str | None:
    """What to tell the user of a file in a format that is known and not read; None for any other file."""
    text = head.lstrip()
    if text.startswith(b"# aider chat"):
        found = "an Aider history"
    else:
        first = _keys_in(text.partition(b"\n")[0])
        keys = first if first.whole and first.top else _keys_in(text)
        names = keys.top | keys.deeper if text.startswith(b"[") else keys.top
        found = next((name for name, wanted in _UNREAD if wanted <= names), "")
    return f"looks like {found}; not supported yet: see docs/import.md#formats-that-are-not-read" if found else None


def _format_of(keys: _Keys) -> str | None:
    if {"session", "events"} <= keys.top:
        return "reverie"
    if "traj" in keys.top:
        return "tau-bench"
    if _CHAT_FIELDS & keys.top - keys.objects:  # Messages are a list; an object is another format's.
        return "chat"
    if "type" in keys.top and any(telling <= keys.top for telling in _CLAUDE_CODE):
        return "claude-code"
    return "intercode" if "turn_history" in keys.deeper else None
