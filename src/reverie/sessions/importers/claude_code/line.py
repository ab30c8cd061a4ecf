"""One line of a Claude Code session: the fields wanted of it, read so that an odd value costs no more than itself."""

import re
from collections.abc import Callable, Iterator
from datetime import datetime
from typing import Any

import msgspec

from reverie.errors import ImportFormatError
from reverie.sessions.importers.json_text import decode_json, decode_json_as
from reverie.sessions.importers.times import as_time

Warn = Callable[[str, int, str], None]
"""Called with a reason, and the number and part (see :class:`Line`) of the line it is about."""


class Outcome(msgspec.Struct, frozen=True, rename="camel"):
    """What is wanted of ``toolUseResult``, a copy of the result with more detail."""

    agent_id: Any = None
    """The side agent that a call began."""


class Line(msgspec.Struct, rename="camel"):
    """The fields wanted of a line; the rest is not kept.

    Not frozen, for :func:`read_lines` to write the last three without a copy of each line; nothing else changes one.
    """

    type: str = ""
    subtype: str | None = None
    uuid: str | None = None
    parent_uuid: str | None = None
    logical_parent_uuid: str | None = None
    session_id: str | None = None
    timestamp: Any = None
    message: dict[str, Any] | None = None
    content: Any = None
    is_sidechain: bool | None = None
    agent_id: str | None = None
    is_meta: bool | None = None
    is_synthetic: bool | None = None
    is_compact_summary: bool | None = None
    is_visible_in_transcript_only: bool | None = None
    is_api_error_message: bool | None = None
    error: Any = None
    request_id: str | None = None
    cost: Any = msgspec.field(default=None, name="costUSD")
    origin: Any = None
    prompt_source: Any = None
    tool_use_result: Outcome | str | list[Any] | int | float | bool | None = None
    attachment: Any = None
    forked_from: Any = None
    agent_setting: str | None = None
    version: str | None = None
    cwd: str | None = None
    git_branch: str | None = None
    # What ``claude -p`` prints has names of its own.
    printed_session_id: str | None = msgspec.field(default=None, name="session_id")
    parent_tool_use_id: str | None = msgspec.field(default=None, name="parent_tool_use_id")
    model: Any = None
    printed_version: Any = msgspec.field(default=None, name="claude_code_version")
    result: Any = None
    is_error: Any = msgspec.field(default=None, name="is_error")
    num_turns: Any = msgspec.field(default=None, name="num_turns")
    total_cost: Any = msgspec.field(default=None, name="total_cost_usd")
    usage: Any = None
    number: int = msgspec.field(default=0, name="·number")
    """Its place in the file, from 1."""
    part: str = msgspec.field(default="", name="·part")
    """The side agent's file that it comes from; empty for the session's own."""
    at: datetime | None = msgspec.field(default=None, name="·at")

    @property
    def session(self) -> str | None:
        """The session it says it belongs to."""
        return self.session_id or self.printed_session_id or None

    @property
    def aside(self) -> bool:
        """Whether a side agent's."""
        return bool(self.is_sidechain or self.parent_tool_use_id or self.part)


_WHOLE = re.compile(rb"\s*(?:\[|\{[ \t\r]*(?:\n|\Z))")
"""How a file begins that is one JSON list or one indented object."""
_OWN = ("number", "part", "at")
_FIELDS = {field.encode_name: field for field in msgspec.structs.fields(Line) if field.name not in _OWN}


def read_lines(data: bytes, part: str, warn: Warn) -> Iterator[Line]:
    """The lines of a file (or the elements of the one JSON value that it is), each with its number."""
    for number, value in _values(data):
        try:
            line = _decoded(value, number, part, warn)
        except ImportFormatError as error:
            warn(f"{error}; the line is left out", number, part)
            continue
        try:
            at = as_time(line.timestamp, "timestamp")
        except (ImportFormatError, OverflowError):
            warn(f"timestamp {_shown(line.timestamp)} is not a time; it is left out", number, part)
            at = None
        line.number, line.part, line.at = number, part, at
        yield line


def _values(data: bytes) -> Iterator[tuple[int, Any]]:
    """The lines as text; of a file that is one JSON list or indented object, its decoded parts."""
    whole: Any = None
    if _WHOLE.match(data):
        try:
            whole = decode_json(data.lstrip())
        except ImportFormatError:
            whole = None
    if whole is not None:
        yield from enumerate(whole if isinstance(whole, list) else [whole], start=1)
        return
    for number, line in enumerate(data.split(b"\n"), start=1):
        if line and not line.isspace():
            yield number, line


def _decoded(value: Any, number: int, part: str, warn: Warn) -> Line:
    if isinstance(value, bytes):
        try:
            return decode_json_as(value, Line)
        except ImportFormatError:
            value = decode_json(value)  # Raises again where it is no JSON at all.
    if not isinstance(value, dict):
        raise ImportFormatError("not a JSON object")
    kept = {}
    for name, found in value.items():
        field = _FIELDS.get(name)
        if field is None:
            continue
        try:
            kept[field.name] = msgspec.convert(found, field.type)
        except msgspec.ValidationError:
            if not (found is None and name == "type"):
                warn(f"{name} is {_kind(found)}, which it never is; it is left out", number, part)
    return Line(**kept)


def _kind(value: Any) -> str:
    return {str: "text", bool: "true or false", dict: "an object", list: "a list", type(None): "null"}.get(
        type(value), "a number"
    )


def _shown(value: Any) -> str:
    return repr(value) if isinstance(value, str) and len(value) < 50 else _kind(value)
