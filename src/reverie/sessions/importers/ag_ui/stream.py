"""From the events of a thread to a session."""

from collections.abc import Iterator, Mapping
from typing import Any

from reverie.errors import ImportFormatError
from reverie.sessions.importers.ag_ui.entries import Entries, Entry, result
from reverie.sessions.importers.draft import Draft, EventLog, as_text, usage_payload
from reverie.sessions.importers.json_text import decode_json
from reverie.sessions.importers.messages import Reading, record_parts
from reverie.sessions.importers.record import RawRecord
from reverie.sessions.importers.roles import role_of
from reverie.sessions.session import Session

_BOOKS = ("STATE_", "ACTIVITY_", "STEP_", "RAW", "CUSTOM", "THINKING_START", "THINKING_END", "REASONING_START")
_PIECES = {
    "TEXT_MESSAGE": ("message", "messageId", ""),
    "THINKING_TEXT_MESSAGE": ("thought", "", ""),
    "REASONING_MESSAGE": ("thought", "messageId", ""),
    "TOOL_CALL": ("call", "toolCallId", "toolCallName"),
}
"""Beginning of an event's type → what comes in pieces, and the fields of its id and its tool's name."""
_STEPS = frozenset({"START", "CONTENT", "ARGS", "END", "CHUNK"})


def parse_ag_ui(record: RawRecord) -> Draft:
    """Read one thread.

    Raises:
        ImportFormatError: nothing was said in it.
    """
    log = EventLog()
    thread = _Thread()
    for number, path, event in _events(record, log):
        thread.take(event)
        if thread.unknown is not None:
            log.warn(f"an event of type {thread.unknown[:60]!r} is not known; it is left out", number, path)
            thread.unknown = None
    reading = Reading(log)
    for entry in thread.entries.all():
        _record(reading, entry)
    reading.warn_unread("the stream")
    if not log.events:
        raise ImportFormatError("nothing is said in the stream")
    times = [event.at for event in log.events if event.at is not None]
    metadata = {"run_id": next(iter(thread.runs))} if len(thread.runs) == 1 else {}
    session = Session(
        id=thread.name,
        source="ag-ui",
        agent="ag-ui",
        model=thread.model or None,
        started_at=min(times, default=None),
        ended_at=max(times, default=None),
        metadata=metadata,
    )
    return Draft(session, log)


def _events(record: RawRecord, log: EventLog) -> Iterator[tuple[int, str, Mapping[str, Any]]]:
    for path, data in (("", record.data), *((part.path, part.data) for part in record.parts)):
        if data.lstrip().startswith(b"["):
            yield from ((0, path, one) for one in decode_json(data) if isinstance(one, dict))
            continue
        for number, line in enumerate(data.split(b"\n"), start=1):
            text = line.strip().removeprefix(b"data:").strip()
            if not text or text.startswith((b":", b"event:", b"id:", b"retry:", b"[DONE]")):
                continue
            try:
                event = decode_json(text)
            except ImportFormatError as error:
                log.warn(f"{error}; the line is left out", number, path)
                continue
            if isinstance(event, dict):
                yield number, path, event
            else:
                log.warn("the line is no object; it is left out", number, path)


def _record(reading: Reading, entry: Entry) -> None:
    at = reading.log.time(entry.at, "timestamp")
    if entry.error is not None:
        error = {"type": "unknown_error", "message": entry.error, "retry_status": {"type": "exhausted"}}
        reading.log.add("session.error", {"error": error}, at)
    elif entry.usage is not None:
        reading.log.add("span.model_request_end", usage_payload(entry.usage), at)
    else:
        record_parts(reading, entry.role, entry.parts, at, None)


class _Thread:
    """Takes the events of one thread."""

    def __init__(self) -> None:
        self.entries = Entries()
        self.name = ""
        self.runs: dict[str, None] = {}
        self.model = ""
        self.unknown: str | None = None
        """The type of the last event, where it is not known."""

    def take(self, event: Mapping[str, Any]) -> None:
        """Take in one event."""
        kind, at = as_text(event.get("type")), event.get("timestamp")
        begin, _, step = kind.rpartition("_")
        if begin in _PIECES and step in _STEPS:
            self._piece(event, begin, step, at)
        elif kind == "TOOL_CALL_RESULT":
            call_id = as_text(_get(event, "toolCallId"))
            self.entries.add(result(call_id, event.get("content"), "", at), "result", call_id)
        elif kind == "MESSAGES_SNAPSHOT":
            self.entries.snapshot(event.get("messages"), at)
        elif kind == "RUN_STARTED":
            self._run(event, at)
        elif kind == "RUN_ERROR":
            self._usage(event, at)
            self.entries.add(Entry("agent", at, error=as_text(event.get("message")) or as_text(event.get("code"))))
        elif kind == "RUN_FINISHED":
            self.entries.end_chunk()
            self._usage(event, at)
        elif not kind.startswith(_BOOKS) and kind not in ("REASONING_END", "REASONING_ENCRYPTED_VALUE"):
            self.unknown = kind

    def _piece(self, event: Mapping[str, Any], begin: str, step: str, at: Any) -> None:
        kind, id_field, name_field = _PIECES[begin]
        name, called = as_text(_get(event, id_field)), as_text(_get(event, name_field))
        role, delta = role_of(as_text(event.get("role"))) or "agent", as_text(event.get("delta"))
        if step == "START":
            self.entries.begin(kind, name, at, role=role, called=called)
        elif step == "CHUNK":
            self.entries.chunk(kind, name, delta, at, role=role, called=called)
        elif step == "END":
            self.entries.end(kind, name)
        else:
            self.entries.piece(kind, name, delta, at)

    def _run(self, event: Mapping[str, Any], at: Any) -> None:
        self.name = self.name or as_text(_get(event, "threadId"))
        if run := as_text(_get(event, "runId")):
            self.runs[run] = None
        given = event.get("input")
        if isinstance(given, dict):
            self.entries.snapshot(given.get("messages"), at)

    def _usage(self, event: Mapping[str, Any], at: Any) -> None:
        given = event.get("usage")
        for usage in given if isinstance(given, list) else ():
            if isinstance(usage, dict):
                self.model = self.model or as_text(usage.get("model"))
                counts = {
                    "prompt_tokens": _get(usage, "inputTokens"),
                    "completion_tokens": _get(usage, "outputTokens"),
                    "prompt_tokens_details": {"cached_tokens": _get(usage, "cachedInputTokens")},
                }
                self.entries.add(Entry("agent", at, usage=counts))


def _get(event: Mapping[str, Any], field: str) -> Any:
    """A field, which may be written with underscores."""
    snake = "".join(f"_{letter.lower()}" if letter.isupper() else letter for letter in field)
    return event.get(field, event.get(snake)) if field else None
