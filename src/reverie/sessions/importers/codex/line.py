"""One line of a rollout, in whichever form its version of Codex wrote it."""

from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from typing import Any

import msgspec

from reverie.errors import ImportFormatError
from reverie.sessions.importers.draft import as_text
from reverie.sessions.importers.json_text import decode_json
from reverie.sessions.importers.times import as_time

Warn = Callable[[str, int, str], None]
"""Called with a reason, the line's number and its file."""

_BARE = frozenset(
    {"message", "reasoning", "function_call", "function_call_output", "custom_tool_call", "custom_tool_call_output"}
    | {"local_shell_call", "local_shell_call_output", "web_search_call"}
)
"""Items that stand on a line of their own, without a payload, until September 2025."""


class Line(msgspec.Struct, frozen=True):
    """What one line says: ``kind`` is ``session_meta``, ``response_item``, ``event_msg``, ``turn_context`` …"""

    kind: str
    payload: Mapping[str, Any]
    at: datetime | None
    number: int
    path: str
    ordinal: int | None = None
    """Its number in the history of the session, which may have begun in another file."""


def read_lines(data: bytes, path: str, warn: Warn) -> Iterator[Line]:
    """The lines of a rollout; one that cannot be read costs itself and a warning."""
    for number, value in _values(data, path, warn):
        if not isinstance(value, dict):
            warn("the line is not a JSON object; it is left out", number, path)
            continue
        kind, payload = _form(value)
        if not isinstance(payload, dict):
            if payload is not None:
                warn(f"payload of {kind or 'the line'} is not an object; the line is left out", number, path)
            continue
        ordinal = value.get("ordinal")
        at = _time(value.get("timestamp"), number, path, warn)
        yield Line(kind, payload, at, number, path, ordinal if type(ordinal) is int else None)


def _values(data: bytes, path: str, warn: Warn) -> Iterator[tuple[int, Any]]:
    """The lines; of the one JSON object that the first Codex wrote, its parts in the form of lines."""
    whole = _whole(data)
    if whole is not None:
        yield 1, {"type": "session_meta", "payload": whole["session"]}
        for number, item in enumerate(whole["items"], start=1):
            yield number, item
        return
    met: set[bytes] = set()
    for number, text in enumerate(data.split(b"\n"), start=1):
        if text and not text.isspace() and text not in met:
            if b'"timestamp"' in text:  # A line that is written twice is one; a line without a time may be said again.
                met.add(text)
            try:
                yield number, decode_json(text)
            except ImportFormatError as error:
                warn(f"{error}; the line is left out", number, path)


def _whole(data: bytes) -> dict[str, Any] | None:
    if b'"items"' not in data or b'"payload"' in data[:4096]:
        return None
    try:
        value = decode_json(data.strip())
    except ImportFormatError:
        return None
    sound = isinstance(value, dict) and isinstance(value.get("session"), dict) and isinstance(value.get("items"), list)
    return value if sound else None


def _form(value: Mapping[str, Any]) -> tuple[str, Any]:
    kind = as_text(value.get("type"))
    if "payload" in value:
        return kind, value["payload"]
    if kind in _BARE:
        return "response_item", value
    if kind == "" and "record_type" in value:
        return "state", None
    if kind == "" and "id" in value and "timestamp" in value:
        return "session_meta", value
    return f"printed {kind}" if "." in kind or kind == "error" else kind, value


def _time(value: Any, number: int, path: str, warn: Warn) -> datetime | None:
    try:
        return as_time(value, "timestamp")
    except ImportFormatError as error:
        warn(f"{error}; it is left out", number, path)
        return None
