"""Session files of Claude Code: JSON Lines, one line per message or content block, among lines of other kinds."""

import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, Literal

import msgspec

from reverie.errors import ImportFormatError
from reverie.sessions.event import text_content
from reverie.sessions.importers.draft import Draft, EventLog, as_text, content_blocks, usage_payload
from reverie.sessions.importers.json_text import decode_json_as
from reverie.sessions.importers.times import as_time
from reverie.sessions.session import Session

_INTERRUPTION = "[Request interrupted by user"
_NO_MODEL = "<synthetic>"
"""The model named on lines that the client wrote in the model's place."""


class _Line(msgspec.Struct, frozen=True, rename="camel"):
    """The fields wanted of a line; the rest (such as ``toolUseResult``, a copy of the result) is not kept."""

    type: str = ""
    subtype: str | None = None
    uuid: str | None = None
    session_id: str | None = None
    timestamp: str | None = None
    message: dict[str, Any] | None = None
    is_sidechain: bool | None = None
    agent_id: str | None = None
    is_meta: bool | None = None
    is_compact_summary: bool | None = None
    is_visible_in_transcript_only: bool | None = None
    is_api_error_message: bool | None = None
    error: Any = None
    agent_setting: str | None = None
    version: str | None = None
    cwd: str | None = None
    git_branch: str | None = None


def parse_claude_code(data: bytes, context: Mapping[str, str]) -> Draft:
    """Read one session file.

    Raises:
        ImportFormatError: a line cannot be used (says which), or none holds a message.
    """
    lines = list(_read_lines(data))
    spoken = _spoken(lines)
    if not spoken:
        raise ImportFormatError("no line holds a message of the user or the agent")
    log = EventLog()
    calls: dict[str, int] = {}
    times = []
    for line, usage in zip(spoken, _usages(spoken), strict=True):
        at = as_time(line.timestamp, "timestamp")
        thread = (line.agent_id or "sidechain") if line.is_sidechain else None
        _record_line(log, calls, line, at, thread)
        if usage is not None:
            log.add("span.model_request_end", usage_payload(usage), at, thread)
        if at is not None:
            times.append(at)
    session = _session(lines, spoken, context.get("stem", ""))
    if times:
        session = msgspec.structs.replace(session, started_at=min(times), ended_at=max(times))
    return Draft(session, log)


def _read_lines(data: bytes) -> Iterator[_Line]:
    for number, text in enumerate(data.split(b"\n"), start=1):
        if not text or text.isspace():
            continue
        try:
            yield decode_json_as(text, _Line)
        except ImportFormatError as error:
            raise ImportFormatError(f"line {number}: {error}") from error


def _spoken(lines: Sequence[_Line]) -> list[_Line]:
    """The lines that are part of the conversation, each once: a resumed session repeats its history."""
    seen: set[str] = set()
    spoken = []
    for line in lines:
        if not _is_spoken(line) or line.uuid in seen:
            continue
        if line.uuid:
            seen.add(line.uuid)
        spoken.append(line)
    return spoken


def _is_spoken(line: _Line) -> bool:
    if line.type == "system":
        return line.subtype == "api_error"
    if line.type not in ("user", "assistant") or line.message is None:
        return False
    if line.is_meta or line.is_compact_summary or line.is_visible_in_transcript_only:
        return False
    return bool(line.is_api_error_message) or line.message.get("model") != _NO_MODEL


def _usages(lines: Sequence[_Line]) -> list[Mapping[str, Any] | None]:
    """For each line that ends a reply, the reply's usage.

    A reply fills several lines with one message id, and each repeats the usage counted so far: the largest is final.
    """
    largest: dict[str, Mapping[str, Any]] = {}
    last: dict[str, int] = {}
    for position, line in enumerate(lines):
        message = line.message or {}
        usage, reply = message.get("usage"), as_text(message.get("id"))
        if line.type != "assistant" or line.is_api_error_message or not reply or not isinstance(usage, dict):
            continue
        last[reply] = position
        if reply not in largest or _output_tokens(usage) > _output_tokens(largest[reply]):
            largest[reply] = usage
    ends = {position: largest[reply] for reply, position in last.items()}
    return [ends.get(position) for position in range(len(lines))]


def _output_tokens(usage: Mapping[str, Any]) -> int:
    tokens = usage.get("output_tokens")
    return tokens if isinstance(tokens, int) else 0


def _record_line(log: EventLog, calls: dict[str, int], line: _Line, at: datetime | None, thread: str | None) -> None:
    content = (line.message or {}).get("content")
    if line.type == "system":
        log.add("session.error", _error(as_text(line.error), "retrying"), at, thread)
    elif line.is_api_error_message:
        text = "\n".join(block["text"] for block in content_blocks(content))
        log.add("session.error", _error(text, "exhausted"), at, thread)
    else:
        for block in content if isinstance(content, list) else [content]:
            _record_block(log, calls, line.type == "user", block, at, thread)


def _error(message: str, retry: Literal["retrying", "exhausted"]) -> dict[str, Any]:
    return {"error": {"type": "model_request_failed_error", "message": message, "retry_status": {"type": retry}}}


def _record_block(
    log: EventLog, calls: dict[str, int], by_user: bool, block: Any, at: datetime | None, thread: str | None
) -> None:
    fields = block if isinstance(block, dict) else {}
    kind = as_text(fields.get("type"))
    content = content_blocks(block if isinstance(block, str) else [fields])
    if kind.endswith("tool_use"):
        call_id, arguments = as_text(fields.get("id")), fields.get("input")
        name = as_text(fields.get("name"))
        calls[call_id] = log.tool_use(name, arguments if isinstance(arguments, dict) else {}, call_id, at, thread)
    elif kind.endswith("tool_result"):
        call = calls.get(as_text(fields.get("tool_use_id")))
        failed = fields.get("is_error") is True
        log.tool_result(call, content_blocks(fields.get("content")), failed, at=at, thread_id=thread)
    elif kind.endswith("thinking"):
        if thought := as_text(fields.get("thinking")):  # a redacted thought has no text
            log.add("agent.thinking", {"content": text_content(thought)}, at, thread)
    elif not content:
        return
    elif by_user and content[0]["text"].startswith(_INTERRUPTION):
        log.add("user.interrupt", {}, at, thread)
    else:
        log.add("user.message" if by_user else "agent.message", {"content": content}, at, thread)


def _session(lines: Sequence[_Line], spoken: Sequence[_Line], stem: str) -> Session:
    models = (as_text((line.message or {}).get("model")) for line in spoken if line.type == "assistant")
    places = {
        "cwd": next((re.split(r"[/\\]", line.cwd.rstrip("/\\"))[-1] for line in spoken if line.cwd), None),
        "git_branch": next((line.git_branch for line in spoken if line.git_branch), None),
    }
    return Session(
        id=_session_id(spoken, stem),
        source="claude-code",
        agent=next((line.agent_setting for line in lines if line.agent_setting), "claude-code"),
        agent_version=next((line.version for line in spoken if line.version), None),
        model=next((model for model in models if model and model != _NO_MODEL), None),
        metadata={name: place for name, place in places.items() if place},
    )


def _session_id(spoken: Sequence[_Line], stem: str) -> str:
    """The file's own session id; a side agent's file carries its parent's, so the agent's id tells them apart."""
    ids = [line.session_id for line in spoken if line.session_id]
    if not ids:
        return ""
    own = stem if stem in ids else ids[0]
    side = {line.agent_id for line in spoken if line.is_sidechain}
    if all(line.is_sidechain for line in spoken) and len(side) == 1:
        return f"{own}:{side.pop() or 'sidechain'}"
    return own
