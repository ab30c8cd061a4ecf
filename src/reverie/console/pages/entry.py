"""A session's events as a person reads them: calls with their results, long texts folded."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, Literal

import msgspec

from reverie.api.records import NumberedEvent

HEAD_LINES, HEAD_CHARACTERS = 12, 1_200
"""Of a text, that are open; the rest is folded."""
MOST_CHARACTERS = 6_000
"""Of a text on a page of many events; all of it is on the event's own page."""
WHOLE = 2_000_000
"""Characters of a text on its own page."""

Kind = Literal["message", "thinking", "call", "result", "note", "error"]
_SPEAKERS: Mapping[str, tuple[str, Kind]] = {
    "user.message": ("user", "message"),
    "system.message": ("system", "message"),
    "agent.message": ("agent", "message"),
    "agent.thinking": ("agent", "thinking"),
    "agent.tool_use": ("agent", "call"),
    "agent.custom_tool_use": ("agent", "call"),
    "agent.mcp_tool_use": ("agent", "call"),
    "agent.tool_result": ("tool", "result"),
    "user.tool_result": ("tool", "result"),
    "user.custom_tool_result": ("tool", "result"),
    "agent.mcp_tool_result": ("tool", "result"),
    "agent.thread_message_sent": ("agent", "message"),
    "agent.thread_message_received": ("another agent", "message"),
    "session.error": ("session", "error"),
}
_NOT_TOLD = {"id", "type", "processed_at", "session_thread_id"}


class Passage(msgspec.Struct, frozen=True):
    """A text: what is open of it, what is folded, and how much is left out."""

    head: str
    rest: str = ""
    rest_lines: int = 0
    left_out: int = 0
    """Characters that only the event's own page has."""


class Entry(msgspec.Struct, frozen=True):
    """An event in the page."""

    sequence: int
    who: str
    kind: Kind
    type: str
    title: str
    """Of a call the tool's name; of a note what it says in short."""
    passage: Passage
    at: datetime | None
    thread: str
    """Empty of the primary one."""
    is_error: bool
    answers: int | None
    """Of a result that stands by itself, the call's sequence number."""
    result: "Entry | None" = None
    """Of a call, its result where that is in the page."""


def entries_of(
    events: Sequence[NumberedEvent], names: Mapping[str, str], most: int = MOST_CHARACTERS
) -> tuple[Entry, ...]:
    """The entries of events in their order; a result stands with its call where both are there.

    Args:
        names: of threads, by id.
        most: characters of a text.
    """
    calls = {each.sequence for each in events if _SPEAKERS.get(_type(each), ("", "note"))[1] == "call"}
    results = {each.answers: each for each in events if each.answers in calls}
    entries = []
    for each in events:
        if each.answers in calls and results[each.answers] is each:
            continue
        entry = _entry(each, names, most)
        if each.sequence in results:
            entry = msgspec.structs.replace(entry, result=_entry(results[each.sequence], names, most))
        entries.append(entry)
    return tuple(entries)


def errors_in(events: Sequence[NumberedEvent]) -> list[int]:
    """The places of the errors."""
    return [each.sequence for each in events if each.is_error]


def _type(numbered: NumberedEvent) -> str:
    return str(numbered.event.get("type", ""))


def _entry(numbered: NumberedEvent, names: Mapping[str, str], most: int) -> Entry:
    event, thread = numbered.event, numbered.session_thread_id
    who, kind = _SPEAKERS.get(_type(numbered), ("session", "note"))
    title, text = _said(event, kind)
    return Entry(
        sequence=numbered.sequence,
        who=who,
        kind=kind,
        type=_type(numbered),
        title=title,
        passage=fold(text, most),
        at=numbered.at,
        thread="" if thread is None else names.get(thread) or thread,
        is_error=numbered.is_error,
        answers=numbered.answers,
    )


def _said(event: Mapping[str, Any], kind: Kind) -> tuple[str, str]:
    """A title and a text."""
    if kind == "call":
        server = event.get("mcp_server_name")
        name = str(event.get("name", ""))
        return f"{server}: {name}" if server else name, _pretty(event.get("input", {}))
    if kind == "error":
        error = event.get("error")
        known = error if isinstance(error, dict) else {}
        return str(known.get("type", "error")), str(known.get("message", ""))
    if kind != "note":
        return "", "\n".join(_blocks(event.get("content")))
    told = {name: value for name, value in event.items() if name not in _NOT_TOLD}
    return _short(event), _pretty(told) if told else ""


def _short(event: Mapping[str, Any]) -> str:
    """What an event that nobody says comes to, in a few words."""
    type_ = str(event.get("type", ""))
    usage = event.get("model_usage")
    if type_ == "span.model_request_end" and isinstance(usage, dict):
        read = sum(_count(usage.get(name)) for name in usage if name.endswith("input_tokens"))
        return f"model request: {read:,} tokens read, {_count(usage.get('output_tokens')):,} written"
    name = type_.partition(".")[2].replace("_", " ")
    if type_ == "user.tool_confirmation":
        return f"{name}: {event.get('result', '')}"
    if type_ == "session.thread_created":
        return f"{name}: {event.get('agent_name', '')}"
    return name


def _count(value: object) -> int:
    return value if isinstance(value, int) else 0


def _blocks(content: object) -> Iterator[str]:
    if isinstance(content, str):
        yield content
    for block in content if isinstance(content, list) else ():
        if not isinstance(block, dict):
            yield str(block)
        elif block.get("type") == "text":
            yield str(block.get("text", ""))
        else:
            source = block.get("source")
            media = source.get("media_type") if isinstance(source, dict) else None
            yield f"[{block.get('type', 'block')}{f', {media}' if media else ''}]"


def _pretty(value: object) -> str:
    """An object as lines; texts in it stay as they are, so that code reads as code."""
    if isinstance(value, dict) and value and all(isinstance(each, str) for each in value.values()):
        return "\n".join(f"{name}: {each}" if "\n" not in each else f"{name}:\n{each}" for name, each in value.items())
    return msgspec.json.format(msgspec.json.encode(value), indent=2).decode() if value else ""


def fold(text: str, most: int = MOST_CHARACTERS) -> Passage:
    """A text with its beginning open."""
    text = text.strip("\n")
    kept, left_out = text[:most], max(len(text) - most, 0)
    lines = kept.split("\n")
    head = "\n".join(lines[:HEAD_LINES])
    if len(head) > HEAD_CHARACTERS:
        head = head[:HEAD_CHARACTERS]
    rest = kept[len(head) :].removeprefix("\n")
    if not left_out and len(rest) < HEAD_CHARACTERS // 6 and rest.count("\n") < 3:
        return Passage(kept)
    return Passage(head, rest, rest.count("\n") + 1 if rest else 0, left_out)
