"""Sessions as chat messages: one JSON object per session, with optional id, reward, scores and metadata."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

import msgspec

from reverie.errors import ImportFormatError
from reverie.sessions.event import Event
from reverie.sessions.importers.draft import TAG_FIELDS, Draft, EventLog, as_text, usage_payload
from reverie.sessions.importers.identity import with_guesses
from reverie.sessions.importers.importer import Importer, Keys
from reverie.sessions.importers.json_text import decode_json
from reverie.sessions.importers.messages import record_messages
from reverie.sessions.importers.record import RawRecord
from reverie.sessions.session import Session
from reverie.sessions.stated_end import given_ends

MESSAGE_FIELDS = ("messages", "conversations", "conversation")
"""Where a session's messages may be; the others are those of ShareGPT."""

_STARTS = ("started_at", "start_time", "created_at", "createdAt", "create_time", "created", "timestamp")
_ENDS = ("ended_at", "end_time", "finished_at", "completed_at", "updated_at", "updatedAt", "update_time")


def parse_chat(record: RawRecord) -> Draft:
    """Read one session.

    Raises:
        ImportFormatError: there are no messages, or none that can be read.
    """
    row = decode_json(record.data)
    if not isinstance(row, dict):
        raise ImportFormatError("the line is not a JSON object")
    field = next((name for name in MESSAGE_FIELDS if isinstance(row.get(name), list)), "messages")
    messages = row.get(field)
    if not isinstance(messages, list) or not messages:
        raise ImportFormatError("messages must be a list with at least one message")
    log = EventLog()
    if system := row.get("system"):  # Anthropic's place for it
        record_messages(log, [{"role": "system", "content": system}], "system")
    record_messages(log, messages, field)
    if isinstance(row.get("usage"), dict):
        log.add("span.model_request_end", usage_payload(row["usage"]))
    draft = Draft(_session(row, log), log)
    for metric, value, place in _given_scores(row, log):
        draft.score(metric, value, place)
    return draft


def _session(row: Mapping[str, Any], log: EventLog) -> Session:
    metadata = row.get("metadata")
    if metadata is None:
        metadata = {}
    if not isinstance(metadata, dict):
        log.warn("metadata is not an object; it is left out")
        metadata = {}
    given = {name: metadata.pop(name) for name in ("started_at", "ended_at") if name in metadata}
    ends = given_ends(metadata, row, row.get("info"), row.get("result"), _last_reply(row))
    tags = {**ends, **{name: as_text(value) for name, value in metadata.items() if value is not None}}
    times = [event.at for event in log.events if event.at is not None]
    started = _time(log, given, ("started_at",), "metadata.") or min(times, default=None) or _time(log, row, _STARTS)
    ended = _time(log, given, ("ended_at",), "metadata.") or max(times, default=None) or _time(log, row, _ENDS)
    fields = {name: tags.pop(name) for name in TAG_FIELDS if name in tags}
    session_id = as_text(
        next((row[n] for n in ("id", "session_id", "conversation_id") if row.get(n) is not None), None)
    )
    session = Session(id=session_id, source="chat", started_at=started, ended_at=ended, metadata=tags)
    return msgspec.structs.replace(session, **fields)


def _last_reply(row: Mapping[str, Any]) -> Mapping[str, Any]:
    """The last message, where it is the agent's: it may say why it stops."""
    messages: list[Any] = next((row[name] for name in MESSAGE_FIELDS if isinstance(row.get(name), list)), [])
    last = messages[-1] if messages and isinstance(messages[-1], dict) else {}
    return last if last.get("role") == "assistant" else {}


def _time(log: EventLog, row: Mapping[str, Any], names: tuple[str, ...], prefix: str = "") -> datetime | None:
    for name in names:
        value = row.get(name)
        if value is not None and value != "" and (time := log.time(value, f"{prefix}{name}")):
            return time
    return None


def _given_scores(row: Mapping[str, Any], log: EventLog) -> Iterator[tuple[str, Any, str]]:
    """Each score as its metric, value and field; ``reward`` beside ``scores`` comes last and wins."""
    given = row.get("scores")
    if isinstance(given, dict):
        yield from ((name, value, f"scores.{name}") for name, value in given.items())
    elif given is not None:
        log.warn("scores is not an object of numbers by name; they are left out")
    if "reward" in row:
        yield "reward", row["reward"], "reward"


def _is_chat(keys: Keys) -> bool:
    # Messages are a list; an object is another format's.
    return not (keys.top - keys.objects).isdisjoint(MESSAGE_FIELDS)


def _identity(events: Sequence[Event]) -> Sequence[Event]:
    return with_guesses(events, _guessed_error)


def _guessed_error(text: str) -> bool:
    if text.startswith(("Error", "error:")):
        return True
    if not text.startswith("{") or '"error"' not in text:
        return False
    try:
        value = decode_json(text)
    except ImportFormatError:
        return False
    return isinstance(value, dict) and bool(value.get("error"))


IMPORTER = Importer("chat", parse_chat, has_keys=_is_chat, identity=_identity)
