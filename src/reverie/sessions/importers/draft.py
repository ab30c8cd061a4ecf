"""A transcript in the making: its events, and which call each tool result answers."""

import math
import re
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any

import msgspec

from reverie.errors import ImportFormatError
from reverie.ids import derived_id, event_id
from reverie.sessions.event import Event, EventType, text_content
from reverie.sessions.importers.times import as_time
from reverie.sessions.session import Score, Session, Transcript, score_problem

VERBATIM_ID = re.compile(r"[A-Za-z0-9_.:-]{1,128}")
"""A source's own session id is kept when it looks like this."""

TAG_FIELDS = ("agent", "agent_version", "model", "task_id", "task_category", "user_id")
"""Session fields that a user may set; any other name is metadata."""

_VARIANT_FIELDS = ("agent", "agent_version", "model", "task_id")
_canonical = msgspec.json.Encoder(order="deterministic")
_NUMBER = re.compile(r"[+-]?(?:\d{1,300}(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d{1,4})?\s*%?")
_NO_NUMBERS = frozenset({"nan", "inf", "infinity"})
_TRUTHS = {"true": 1.0, "false": 0.0}
_LONGEST_CATEGORY = 200
"""Characters of a score that is a word; what is longer is a comment."""
_MOST_TOKENS = 2**40
"""A count above is no count of tokens."""


class EventLog:
    """Collects a session's events in order.

    A tool result names the *event id* of its call, which depends on the session's id, which may depend on all the
    events; so results are linked by position here, and :func:`finish` writes the ids.
    """

    def __init__(self) -> None:
        self.events: list[Event] = []
        self.answered: dict[int, int] = {}
        """Position of a tool result → position of the call it answers."""
        self.warnings: list[tuple[int, str, str]] = []
        """What could not be kept as it was: line and reason, and the file; 0 and empty for the record's own."""

    def warn(self, reason: str, line: int = 0, path: str = "") -> None:
        """Warn the user that a line, field or value was set aside or understood only in part.

        ``line`` is the line in the file, for formats whose session is a whole file; 0 is the record's own line.
        """
        self.warnings.append((line, reason, path))

    def time(self, value: Any, field: str, line: int = 0) -> datetime | None:
        """The time that ``value`` says; None, with a warning, where it is none."""
        try:
            return as_time(value, field)
        except ImportFormatError as error:
            self.warn(f"{error}; it is left out", line)
            return None

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
        is_error: bool | None,
        name: str = "",
        at: datetime | None = None,
        thread_id: str | None = None,
    ) -> None:
        """Append the result of the call at position ``call``; None when the log lost the call, made to ``name``.

        ``is_error`` is what the source says itself; None leaves it to the digest, which reads the content.
        """
        if call is not None:
            name = self.events[call].payload["name"]
        payload: dict[str, Any] = {"tool_use_id": None, "content": content, "name": name}
        if is_error is not None:
            payload["is_error"] = is_error
        position = self.add("agent.tool_result", payload, at, thread_id)
        if call is not None:
            self.answered[position] = call


class Draft(msgspec.Struct):
    """What a format's parser found in one record."""

    session: Session
    """Its ``id`` is the source's own, or empty when the source has none."""
    log: EventLog
    scores: dict[str, float] = {}
    """By metric."""
    categories: dict[str, str] = {}
    """Scores that are words, by metric."""

    def score(self, metric: str, value: Any, field: str) -> None:
        """Take the score that ``field`` gives: a number, or a word; else warn. None is no score."""
        if value is None or value == "":
            return
        number = as_number(value)
        if number is None and isinstance(value, str) and 0 < len(value.strip()) <= _LONGEST_CATEGORY:
            if value.strip().lower().lstrip("+-") in _NO_NUMBERS or _NUMBER.fullmatch(value.strip()):
                self.log.warn(f"{field} {value[:60]!r} is not a finite number; the score is left out")
            else:
                self.categories[metric] = value.strip()
        elif number is None:
            self.log.warn(f"{field} is not a finite number; the score is left out")
        elif (problem := score_problem(metric, number)) is not None:
            self.log.warn(f"{field} {problem}; the score is left out")
        else:
            self.scores[metric] = number


def finish(
    draft: Draft,
    tags: Mapping[str, str],
    words: Mapping[str, Mapping[str, float]] = {},
    identity: Callable[[Sequence[Event]], Sequence[Event]] = tuple,
) -> Transcript:
    """The transcript, with its ids and the user's tags.

    ``words`` are numbers by metric and word, for scores that are words; those without a number become metadata.

    Without an id of its own, a session's id follows from what it holds (tags and events, not scores), so that
    importing it again finds it again. The user's ``tags`` take part where they name another variant or task.
    ``identity`` is that of the importer.
    """
    session = draft.session
    if not session.id:
        variant = {name: tags[name] for name in _VARIANT_FIELDS if name in tags}
        events = identity(draft.log.events)
        content = _canonical.encode((session, variant, events)).decode()
        session = msgspec.structs.replace(session, id=derived_id("sesn", session.source, content))
    elif not VERBATIM_ID.fullmatch(session.id):
        session = msgspec.structs.replace(session, id=derived_id("sesn", session.source, session.id))
    for result, call in draft.log.answered.items():
        draft.log.events[result].payload["tool_use_id"] = event_id(session.id, call)
    session = _with_categories(draft, session, words)
    scores = tuple(Score(metric, value) for metric, value in draft.scores.items())
    return Transcript(session=with_tags(session, tags), events=tuple(draft.log.events), scores=scores)


def _with_categories(draft: Draft, session: Session, words: Mapping[str, Mapping[str, float]]) -> Session:
    kept: dict[str, str] = {}
    for metric, word in draft.categories.items():
        number = words.get(metric, {}).get(word.casefold())
        if number is not None:
            draft.score(metric, number, f"--score {metric}={word}")
            continue
        taken = metric in session.metadata or metric in TAG_FIELDS
        kept[f"score.{metric}" if taken else metric] = word
        draft.log.warn(
            f"the score {metric} is the word {word[:60]!r}; it is kept as metadata; "
            f"to make it a number: --score '{metric}={word[:60]}:1'"
        )
    return msgspec.structs.replace(session, metadata=session.metadata | kept) if kept else session


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


def as_number(value: Any) -> float | None:
    """The finite number that ``value`` is or spells (``"0.5"``, ``"85%"`` for 0.85); booleans count as 1 and 0."""
    if isinstance(value, str):
        text = value.strip()
        if text.lower() in _TRUTHS:
            return _TRUTHS[text.lower()]
        if not _NUMBER.fullmatch(text):
            return None
        number = float(text.removesuffix("%").rstrip())
        number = number / 100 if text.endswith("%") else number
    elif isinstance(value, int | float):
        try:
            number = float(value)
        except OverflowError:
            return None
    else:
        return None
    return number if math.isfinite(number) else None


def usage_payload(usage: Mapping[str, Any]) -> dict[str, Any]:
    """Token counts as OpenAI or Anthropic report them, as a ``span.model_request_end`` payload.

    OpenAI counts cached tokens among the prompt's, the wire API beside them.
    """
    details = usage.get("prompt_tokens_details")
    cached = _count(details, "cached_tokens") if isinstance(details, dict) else 0
    payload: dict[str, Any] = {
        "model_usage": {
            "input_tokens": _count(usage, "input_tokens") or max(0, _first(usage, _PROMPT_COUNTS) - cached),
            "output_tokens": _count(usage, "output_tokens") or _first(usage, _REPLY_COUNTS),
            "cache_creation_input_tokens": _count(usage, "cache_creation_input_tokens"),
            "cache_read_input_tokens": _count(usage, "cache_read_input_tokens") or cached,
        }
    }
    given = usage.get("cost_usd", usage.get("cost"))
    cost = None if given is None or isinstance(given, bool) else as_number(given)
    if cost is not None and cost >= 0:
        payload["cost_usd"] = cost
    return payload


_PROMPT_COUNTS = ("prompt_tokens", "promptTokenCount", "promptTokens", "prompt_token_count")
_REPLY_COUNTS = ("completion_tokens", "candidatesTokenCount", "completionTokens", "candidates_token_count")


def _first(usage: Mapping[str, Any], names: tuple[str, ...]) -> int:
    return next((count for name in names if (count := _count(usage, name))), 0)


def _count(usage: Mapping[str, Any], name: str) -> int:
    value = usage.get(name)
    number = as_number(value) if isinstance(value, int | float | str) and not isinstance(value, bool) else None
    return int(number) if number is not None and 0 <= number <= _MOST_TOKENS else 0
