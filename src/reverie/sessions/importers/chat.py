"""Sessions as OpenAI chat messages: one JSON object per session, with optional id, reward, scores and metadata."""

from collections.abc import Mapping
from typing import Any

import msgspec

from reverie.errors import ImportFormatError
from reverie.sessions.importers.draft import TAG_FIELDS, Draft, EventLog, as_score, as_text, as_time, usage_payload
from reverie.sessions.importers.json_text import decode_json
from reverie.sessions.importers.openai_messages import record_messages
from reverie.sessions.session import Score, Session


def parse_chat(data: bytes, _context: Mapping[str, str]) -> Draft:
    """Read one session.

    Raises:
        ImportFormatError: a field is missing or cannot be used; names it.
    """
    row = decode_json(data)
    if not isinstance(row, dict):
        raise ImportFormatError("the line is not a JSON object")
    messages = row.get("messages")
    if not isinstance(messages, list) or not messages:
        raise ImportFormatError("messages must be a list with at least one message")
    log = EventLog()
    record_messages(log, messages, _fails, "messages")
    if isinstance(row.get("usage"), dict):
        log.add("span.model_request_end", usage_payload(row["usage"]))
    return Draft(_session(row), log, _scores(row))


def _session(row: Mapping[str, Any]) -> Session:
    metadata = row.get("metadata")
    if metadata is None:
        metadata = {}
    if not isinstance(metadata, dict):
        raise ImportFormatError("metadata is not an object")
    tags = {name: as_text(value) for name, value in metadata.items() if value is not None}
    started, ended = (as_time(tags.pop(name, None), f"metadata.{name}") for name in ("started_at", "ended_at"))
    fields = {name: tags.pop(name) for name in TAG_FIELDS if name in tags}
    session = Session(id=as_text(row.get("id")), source="chat", started_at=started, ended_at=ended, metadata=tags)
    return msgspec.structs.replace(session, **fields)


def _scores(row: Mapping[str, Any]) -> tuple[Score, ...]:
    given = row.get("scores")
    if given is not None and not isinstance(given, dict):
        raise ImportFormatError("scores is not an object of numbers by name")
    scores = {
        name: as_score(name, value, f"scores.{name}") for name, value in (given or {}).items() if value is not None
    }
    if row.get("reward") is not None:
        scores["reward"] = as_score("reward", row["reward"], "reward")
    return tuple(scores.values())


def _fails(message: Mapping[str, Any], text: str) -> bool:
    if isinstance(message.get("is_error"), bool):
        return bool(message["is_error"])
    if text.startswith(("Error", "error:")):
        return True
    return text.startswith("{") and '"error"' in text and _has_error(text)


def _has_error(text: str) -> bool:
    try:
        value = decode_json(text)
    except ImportFormatError:
        return False
    return isinstance(value, dict) and bool(value.get("error"))
