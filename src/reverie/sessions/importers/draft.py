"""A transcript in the making: its events, and which call each tool result answers."""

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import msgspec

from reverie.errors import ImportFormatError
from reverie.ids import derived_id, event_id
from reverie.sessions.event import Event, EventType, text_content
from reverie.sessions.session import Score, Session, Transcript

VERBATIM_ID = re.compile(r"[A-Za-z0-9_.:-]{1,128}")
"""A source's own session id is kept when it looks like this."""

TAG_FIELDS = ("agent", "agent_version", "model", "task_id", "task_category", "user_id")
"""Session fields that a user may set; any other name is metadata."""

_VARIANT_FIELDS = ("agent", "agent_version", "model", "task_id")
_canonical = msgspec.json.Encoder(order="deterministic")


class EventLog:
    """Collects a session's events in order.

    A tool result names the *event id* of its call, which depends on the session's id, which may depend on all the
    events; so results are linked by position here, and :func:`finish` writes the ids.
    """

    def __init__(self) -> None:
        self.events: list[Event] = []
        self.answered: dict[int, int] = {}
        """Position of a tool result → position of the call it answers."""
        self.warnings: list[tuple[int, str]] = []
        """What could not be kept as it was: line (0 for the record's own) and reason."""

    def warn(self, reason: str, line: int = 0) -> None:
        """Tell the user that a line, field or value was set aside or understood only in part.

        ``line`` is the line in the file, for formats whose session is a whole file; 0 is the record's own line.
        """
        self.warnings.append((line, reason))

    def add(
        self, kind: EventType, payload: dict[str, Any], at: datetime | None = None, thread_id: str | None = None
    ) -> int:
        """Append an event; gives its position."""
        self.events.append(Event(kind, payload, at, thread_id))
        return len(self.events) - 1

    def tool_use(
        self,
        name: str,
        arguments: dict[str, Any],
        call_id: str | None = None,
        at: datetime | None = None,
        thread_id: str | None = None,
    ) -> int:
        """Append a call of tool ``name``; gives its position."""
        payload: dict[str, Any] = {"name": name, "input": arguments}
        if call_id:
            payload["tool_call_id"] = call_id
        return self.add("agent.tool_use", payload, at, thread_id)

    def tool_result(
        self,
        call: int | None,
        content: list[dict[str, str]],
        is_error: bool,
        name: str = "",
        at: datetime | None = None,
        thread_id: str | None = None,
    ) -> None:
        """Append the result of the call at position ``call``; None when the log lost the call, made to ``name``."""
        if call is not None:
            name = self.events[call].payload["name"]
        payload = {"tool_use_id": None, "content": content, "is_error": is_error, "name": name}
        position = self.add("agent.tool_result", payload, at, thread_id)
        if call is not None:
            self.answered[position] = call


class Draft(msgspec.Struct):
    """What a format's parser found in one record."""

    session: Session
    """Its ``id`` is the source's own, or empty when the source has none."""
    log: EventLog
    scores: tuple[Score, ...] = ()


def finish(draft: Draft, tags: Mapping[str, str]) -> Transcript:
    """The transcript, with its ids and the user's tags.

    Without an id of its own, a session's id follows from what it holds (tags and events, not scores), so that
    importing it again finds it again. The user's ``tags`` take part where they name another variant or task.
    """
    session = draft.session
    if not session.id:
        variant = {name: tags[name] for name in _VARIANT_FIELDS if name in tags}
        content = _canonical.encode((session, variant, draft.log.events)).decode()
        session = msgspec.structs.replace(session, id=derived_id("sesn", session.source, content))
    elif not VERBATIM_ID.fullmatch(session.id):
        session = msgspec.structs.replace(session, id=derived_id("sesn", session.source, session.id))
    for result, call in draft.log.answered.items():
        draft.log.events[result].payload["tool_use_id"] = event_id(session.id, call)
    return Transcript(session=with_tags(session, tags), events=tuple(draft.log.events), scores=draft.scores)


def with_tags(session: Session, tags: Mapping[str, str]) -> Session:
    """The session with its fields, or else its metadata, set to ``tags``."""
    fields: dict[str, Any] = {name: value for name, value in tags.items() if name in TAG_FIELDS}
    metadata = session.metadata | {name: value for name, value in tags.items() if name not in TAG_FIELDS}
    return msgspec.structs.replace(session, **fields, metadata=metadata)


def content_blocks(content: Any) -> list[dict[str, str]]:
    """A message's content, in whichever shape a log holds it, as text blocks; what is not text is named only."""
    if content is None or content == "":
        return []
    if isinstance(content, str):
        return text_content(content)
    if not isinstance(content, list):
        return text_content(as_text(content))
    blocks = []
    for part in content:
        text = part if isinstance(part, str) else _part_text(part)
        if text:
            blocks.append({"type": "text", "text": text})
    return blocks


def _part_text(part: Any) -> str:
    if not isinstance(part, dict):
        return as_text(part)
    text = part.get("text") or part.get("refusal")
    if isinstance(text, str):
        return text
    return "" if part.get("type") == "text" else f"[{part.get('type', 'unknown')}]"


def as_text(value: Any) -> str:
    """A tag's or action's value as text: text as it is, None as nothing, anything else as JSON."""
    if isinstance(value, str):
        return value
    return "" if value is None else msgspec.json.encode(value).decode()


def as_time(value: Any, field: str) -> datetime | None:
    """An ISO 8601 time in UTC (taken as UTC when it names no zone); None for None.

    Raises:
        ImportFormatError: ``value`` is not such a time; names ``field``.
    """
    if value is None:
        return None
    try:
        time = datetime.fromisoformat(value)
    except (TypeError, ValueError) as error:
        raise ImportFormatError(f"{field} {value!r} is not an ISO 8601 time") from error
    return time.replace(tzinfo=UTC) if time.tzinfo is None else time.astimezone(UTC)


def as_score(metric: str, value: Any, field: str) -> Score:
    """The score that ``field`` gives; booleans count as 1 and 0.

    Raises:
        ImportFormatError: ``value`` is not a number, or is a reward outside 0 to 1.
    """
    if not isinstance(value, int | float):
        raise ImportFormatError(f"{field} {value!r} is not a number")
    if metric == "reward" and not 0 <= value <= 1:
        raise ImportFormatError(f"{field} {value} is outside 0 to 1")
    return Score(metric, float(value))


def usage_payload(usage: Mapping[str, Any]) -> dict[str, Any]:
    """Token counts as OpenAI or Anthropic report them, as a ``span.model_request_end`` payload.

    OpenAI counts cached tokens among the prompt's, the wire API beside them.
    """
    details = usage.get("prompt_tokens_details")
    cached = _count(details, "cached_tokens") if isinstance(details, dict) else 0
    payload: dict[str, Any] = {
        "model_usage": {
            "input_tokens": _count(usage, "input_tokens") or max(0, _count(usage, "prompt_tokens") - cached),
            "output_tokens": _count(usage, "output_tokens") or _count(usage, "completion_tokens"),
            "cache_creation_input_tokens": _count(usage, "cache_creation_input_tokens"),
            "cache_read_input_tokens": _count(usage, "cache_read_input_tokens") or cached,
        }
    }
    cost = usage.get("cost_usd", usage.get("cost"))
    if isinstance(cost, int | float):
        payload["cost_usd"] = cost
    return payload


def _count(usage: Mapping[str, Any], name: str) -> int:
    value = usage.get(name)
    return value if isinstance(value, int) else 0
