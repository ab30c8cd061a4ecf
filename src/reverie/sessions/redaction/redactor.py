"""Replaces secrets and personal data in texts and whole transcripts by keyed placeholders."""

import hashlib
import hmac
import json
import re
from collections import Counter
from collections.abc import Sequence
from functools import lru_cache
from typing import Any, NamedTuple

import msgspec

from reverie.sessions.event import Event
from reverie.sessions.redaction.credentials import credentials
from reverie.sessions.redaction.detector import INVISIBLE, Detector, Gate
from reverie.sessions.redaction.personal import PERSONAL, ruled_out
from reverie.sessions.session import Transcript

PLACEHOLDER = re.compile(r"\[[A-Z][A-Z_]*:[0-9a-f]{8}\]")
_MASK = "\0"
_LONE_SURROGATE = re.compile("[\ud800-\udfff]")
_NEUTRAL_NAMES = frozenset({"number", "no", "num", "value", "digits", "text", "content"})
"""Names that say nothing by themselves: what such a field of an object holds, the object's own name tells."""
_IDS = frozenset({"tool_use_id", "tool_call_id", "parent_tool_use_id", "custom_tool_use_id", "mcp_tool_use_id"})
"""Names of ids of calls, wherever they stand."""
_UNTOUCHED = _IDS | {
    *("id", "type", "name", "is_error", "model_usage", "cost_usd"),
    *("session_id", "task_id", "event_id", "parent_id", "thread_id", "session_thread_id", "agent_id", "outcome_id"),
}
_JSON_TOKEN = re.compile(r'(?P<string>"(?:[^"\\]|\\.)*")(?P<colon>\s*:)?|(?<![\d.eE+-])(?P<number>\d{4,})(?![\d.eE])')
_SHORTEST_KEYED = 4
_SHORTEST = 6
"""Characters of the shortest password in a named field, and of the shortest value that is found by its own form."""
_CACHED_PAYLOADS = 2048
_CACHED_NAMES = 1024
_CACHED_NAME_LENGTH = 100
_CACHED_BYTES = 16_384


class _Field(NamedTuple):
    """What an object's field says about the value in it."""

    name: str
    """Without secrets and personal data."""
    counts: Counter[str]
    """What was replaced in the name."""
    holds: tuple[Detector, ...]
    """The kinds of value that a field of this name has."""
    ruled_out: frozenset[str] = frozenset()
    """The kinds that a value in it only looks like."""


class _Scope(NamedTuple):
    """What the gate said of a payload: what it said of the whole holds for each text in it."""

    size: int
    """Bytes of the payload."""
    detectors: Sequence[Detector]


_UNCHANGED: tuple[dict[str, Any], Counter[str]] = ({}, Counter())
_NO_FIELD = _Field("", Counter(), ())


def _masked(text: str) -> str:
    """The text with its placeholders blanked, so that no detector looks into them."""
    return PLACEHOLDER.sub(lambda placeholder: _MASK * len(placeholder[0]), text) if "[" in text else text


class _View(NamedTuple):
    """A text as detectors see it: without placeholders, and without characters that no reader sees."""

    text: str
    places: list[int] | None
    """Of each character its place in the text itself, and of the end; None where all are the same."""

    def span(self, start: int, end: int) -> tuple[int, int]:
        """The place in the text itself."""
        return (start, end) if self.places is None else (self.places[start], self.places[end - 1] + 1)


def _view(text: str) -> _View:
    masked = _masked(text)
    if masked.isascii():
        return _View(masked, None)
    masked = _LONE_SURROGATE.sub("\ufffd", masked)
    if not INVISIBLE.search(masked):
        return _View(masked, None)
    places = [place for place, character in enumerate(masked) if not INVISIBLE.match(character)]
    return _View("".join(masked[place] for place in places), places)


def _is_json(text: str) -> bool:
    """Whether the text is a JSON object or array, or one such value on each line."""
    if text.lstrip()[:1] not in ("{", "["):
        return False
    # The standard library is slower, and also reads NaN and Infinity, which Python programs write.
    for decode in (msgspec.json.decode, json.loads, msgspec.json.Decoder().decode_lines):
        try:
            decode(text)
        except (msgspec.DecodeError, ValueError, RecursionError):
            continue
        return True
    return False


class Redactor:
    """Replaces what it finds by ``[KIND:xxxxxxxx]``, the same value by the same placeholder under one ``key``.

    The eight hexadecimal digits are the first of HMAC-SHA256 of the value in normal form (an address in lower case, a
    phone number in E.164, a card's digits). Redacting twice changes nothing. JSON stays JSON.

    ``secrets`` and ``personal`` switch the two groups of detectors.
    """

    def __init__(self, key: bytes, *, secrets: bool = True, personal: bool = True) -> None:
        detectors = (credentials() if secrets else ()) + (PERSONAL if personal else ())
        self._key = key
        self._gate = Gate(detectors)
        self._keyed = [detector for detector in detectors if detector.key]
        self._seen = lru_cache(maxsize=_CACHED_PAYLOADS)(self._fields)
        self._seen_names = lru_cache(maxsize=_CACHED_NAMES)(self._field)

    def text(self, value: str, counts: Counter[str]) -> str:
        """``value`` without secrets and personal data; adds to ``counts`` what was replaced, by kind."""
        return self._text(value, _NO_FIELD, counts)

    def fields(self, given: dict[str, Any], counts: Counter[str]) -> dict[str, Any]:
        """An object without secrets and personal data, itself where it has none; each field's name tells of its value.

        Adds to ``counts`` what was replaced, by kind.
        """
        return self._replaced(given, counts) or given

    def transcript(self, transcript: Transcript) -> tuple[Transcript, Counter[str]]:
        """The transcript without secrets and personal data, and how many of each kind were replaced.

        Covers every text in the events' payloads, and the session's ``user_id`` and metadata. Ids, types, tool names
        and task ids stay as they are. Equal payloads may come back as one shared object.
        """
        counts: Counter[str] = Counter()
        events = tuple(self._event(event, counts) for event in transcript.events)
        session = transcript.session
        tags = self._replaced({"metadata": session.metadata, "user_id": session.user_id}, counts)
        redacted = msgspec.structs.replace(session, **tags)
        return msgspec.structs.replace(transcript, session=redacted, events=events), counts

    def _event(self, event: Event, counts: Counter[str]) -> Event:
        fields = {name: value for name, value in event.payload.items() if name not in _UNTOUCHED}
        replaced = self._replaced(fields, counts)
        return msgspec.structs.replace(event, payload=event.payload | replaced) if replaced else event

    def _replaced(self, fields: dict[str, Any], counts: Counter[str]) -> dict[str, Any]:
        """The fields in their new form; empty when nothing in them changes."""
        encoded = msgspec.json.encode(fields)
        replaced, found = (self._seen if len(encoded) <= _CACHED_BYTES else self._fields)(encoded)
        if found:
            counts.update(found)
        return replaced

    def _fields(self, encoded: bytes) -> tuple[dict[str, Any], Counter[str]]:
        detectors = self._gate.detectors(encoded)
        if not detectors:
            return _UNCHANGED
        scope = _Scope(len(encoded), detectors)
        counts: Counter[str] = Counter()
        fields = msgspec.json.decode(encoded, type=dict[str, Any])
        replaced = {name: self._value(value, self._named(name), counts, scope) for name, value in fields.items()}
        return (replaced if counts else {}), counts

    def _counted(self, name: str, counts: Counter[str]) -> _Field:
        field = self._named(name)
        if field.counts:
            counts.update(field.counts)
        return field

    def _named(self, name: str) -> _Field:
        return self._seen_names(name) if len(name) <= _CACHED_NAME_LENGTH else self._field(name)

    def _field(self, name: str) -> _Field:
        counts: Counter[str] = Counter()
        redacted = self._text(name, _NO_FIELD, counts)
        masked = _masked(redacted)
        return _Field(
            redacted, counts, tuple(d for d in self._keyed if d.key and d.key.search(masked)), ruled_out(masked)
        )

    def _value(self, value: Any, field: _Field, counts: Counter[str], scope: _Scope) -> Any:
        """A JSON value that stands in ``field``."""
        if isinstance(value, str):
            return self._text(value, field, counts, scope)
        if isinstance(value, dict):
            return dict(self._member(name, item, field, counts, scope) for name, item in value.items())
        if isinstance(value, list):
            return [self._value(item, field, counts, scope) for item in value]
        if isinstance(value, int) and value > 999:
            written = str(value)
            redacted = self._text(written, field, counts, scope)
            return value if redacted == written else redacted
        return value

    def _member(self, name: str, value: Any, around: _Field, counts: Counter[str], scope: _Scope) -> tuple[str, Any]:
        if name in _IDS:
            return name, value
        field = self._counted(name, counts)
        return field.name, self._value(value, around if name.lower() in _NEUTRAL_NAMES else field, counts, scope)

    def _text(self, text: str, field: _Field, counts: Counter[str], scope: _Scope | None = None) -> str:
        if len(text) < (_SHORTEST_KEYED if field.holds else _SHORTEST):
            return text
        redacted = self._pass(text, field, counts, scope)
        # What stood beside a value may be a value itself once the value is gone, so pass until nothing changes. Each
        # pass that changes something leaves fewer characters outside placeholders, so this ends.
        while redacted != text:
            text, redacted = redacted, self._pass(redacted, field, counts)
        return text

    def _pass(self, text: str, field: _Field, counts: Counter[str], scope: _Scope | None = None) -> str:
        for detector in field.holds:
            value = detector.whole(text) if detector.whole and not PLACEHOLDER.fullmatch(text) else None
            if value is not None:
                counts[detector.kind] += 1
                return self._placeholder(detector.kind, value)
        return self._json(text, counts) if _is_json(text) else self._plain(text, field, counts, scope)

    def _json(self, text: str, counts: Counter[str]) -> str:
        """Each string and whole number of a JSON text by itself, so that all else stays as it was written."""
        if not self._gate.detectors(text.encode("utf-8", "surrogatepass")):
            return text
        field = _NO_FIELD
        pieces: list[str] = []
        done = ended = 0
        for token in _JSON_TOKEN.finditer(text):
            literal = token["string"] or token["number"]
            value = str(json.loads(literal)) if "\\" in literal else literal.strip('"')
            if token["colon"]:
                own = self._counted(value, counts)
                inherits = value.lower() in _NEUTRAL_NAMES and text[ended : token.start()].strip() == "{"
                field = field if inherits else own
                redacted = own.name
            else:
                redacted = self._text(value, field, counts)
            if redacted != value:
                pieces += text[done : token.start()], json.dumps(redacted, ensure_ascii="\\u" in literal)
                done = token.start() + len(literal)
            ended = token.end()
        return "".join((*pieces, text[done:]))

    def _plain(self, text: str, field: _Field, counts: Counter[str], scope: _Scope | None) -> str:
        view = _view(text)
        # Where the text is most of its payload, asking the gate once more would hardly rule out a detector.
        asked = scope is not None and scope.size < 2 * len(view.text)
        detectors = scope.detectors if scope and asked else self._gate.detectors(view.text.encode())
        found = [
            (detector.personal, found.kind or detector.kind, found)
            for detector in detectors
            for found in detector.find(view.text)
            if '"' not in (value := view.text[found.start : found.end])
            and value.strip(_MASK)
            and not (detector.kind in field.ruled_out and value == view.text.strip())
        ]
        if not found:
            return text
        # Secrets win over personal data, then the longer span, then the more specific kind (the sort is stable).
        found.sort(key=lambda item: (item[0], item[2].start - item[2].end))
        chosen: list[tuple[int, int, str, str]] = []
        taken = bytearray(len(view.text))
        for _, kind, (start, end, value, _) in found:
            if not any(taken[start:end]):
                chosen.append((*view.span(start, end), kind, value))
                taken[start:end] = b"\1" * (end - start)
        pieces: list[str] = []
        done = 0
        for start, end, kind, value in sorted(chosen):
            counts[kind] += 1
            pieces += text[done:start], self._placeholder(kind, value)
            done = end
        return "".join((*pieces, text[done:]))

    def _placeholder(self, kind: str, value: str) -> str:
        digest = hmac.new(self._key, value.encode("utf-8", "surrogatepass"), hashlib.sha256).hexdigest()
        return f"[{kind}:{digest[:8]}]"
