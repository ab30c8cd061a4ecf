"""Replaces secrets and personal data in texts and whole transcripts by keyed placeholders."""

import hashlib
import hmac
import json
import re
from collections import Counter
from functools import lru_cache
from typing import Any

import msgspec

from reverie.sessions.event import Event
from reverie.sessions.redaction.credentials import CREDENTIALS
from reverie.sessions.redaction.detector import Detector, Found, Gate
from reverie.sessions.redaction.personal import PERSONAL
from reverie.sessions.session import Transcript

PLACEHOLDER = re.compile(r"\[[A-Z][A-Z_]*:[0-9a-f]{8}\]")
_MASK = "\0"
_UNTOUCHED = frozenset({"id", "type", "name", "tool_use_id", "tool_call_id", "is_error", "model_usage", "cost_usd"})
_JSON_TOKEN = re.compile(r'(?P<string>"(?:[^"\\]|\\.)*")(?P<colon>\s*:)?|(?<![\d.eE+-])(?P<number>\d{4,})(?![\d.eE])')
_CACHED_TEXTS = 2048
_CACHED_BYTES = 16_384


def _masked(text: str) -> str:
    """The text with its placeholders blanked, so that no detector looks into them."""
    return PLACEHOLDER.sub(lambda placeholder: _MASK * len(placeholder[0]), text) if "[" in text else text


def _is_json(text: str) -> bool:
    """Whether the text is a JSON object or array, or one such value on each line."""
    if text.lstrip()[:1] not in ("{", "["):
        return False
    for decode in (msgspec.json.decode, msgspec.json.Decoder().decode_lines):
        try:
            decode(text)
        except (msgspec.DecodeError, UnicodeEncodeError, RecursionError):
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
        self._key = key
        self._gate = Gate((CREDENTIALS if secrets else ()) + (PERSONAL if personal else ()))
        self._seen = lru_cache(maxsize=_CACHED_TEXTS)(self._fields)

    def text(self, value: str, counts: Counter[str]) -> str:
        """``value`` without secrets and personal data; adds to ``counts`` what was replaced, by kind."""
        return self._text(value, "", self._gate.detectors(value.encode("utf-8", "surrogatepass")), counts)

    def transcript(self, transcript: Transcript) -> tuple[Transcript, Counter[str]]:
        """The transcript without secrets and personal data, and how many of each kind were replaced.

        Covers every text in the events' payloads, and the session's ``user_id`` and metadata. Ids, types, tool names
        and task ids stay as they are. Equal payloads may come back as one shared object.
        """
        counts: Counter[str] = Counter()
        events = tuple(self._event(event, counts) for event in transcript.events)
        session = transcript.session
        tags = self._replaced({"metadata": session.metadata, "user_id": session.user_id}, counts)
        return msgspec.structs.replace(
            transcript, session=msgspec.structs.replace(session, **tags), events=events
        ), counts

    def _event(self, event: Event, counts: Counter[str]) -> Event:
        fields = {name: value for name, value in event.payload.items() if name not in _UNTOUCHED}
        replaced = self._replaced(fields, counts)
        return msgspec.structs.replace(event, payload=event.payload | replaced) if replaced else event

    def _replaced(self, fields: dict[str, Any], counts: Counter[str]) -> dict[str, Any]:
        """The fields in their new form; empty when nothing in them changes."""
        encoded = msgspec.json.encode(fields)
        replaced, found = (self._seen if len(encoded) <= _CACHED_BYTES else self._fields)(encoded)
        counts.update(found)
        return replaced

    def _fields(self, encoded: bytes) -> tuple[dict[str, Any], Counter[str]]:
        counts: Counter[str] = Counter()
        active = self._gate.detectors(encoded)
        if not active:
            return {}, counts
        fields = msgspec.json.decode(encoded, type=dict[str, Any])
        replaced = {name: self._value(value, name, active, counts) for name, value in fields.items()}
        return (replaced if counts else {}), counts

    def _value(self, value: Any, name: str, active: list[Detector], counts: Counter[str]) -> Any:
        """A JSON value that stands in the field ``name``."""
        if isinstance(value, str):
            return self._text(value, name, active, counts)
        if isinstance(value, dict):
            keys = (self._text(key, "", active, counts) for key in value)
            return {key: self._value(item, key, active, counts) for key, item in zip(keys, value.values(), strict=True)}
        if isinstance(value, list):
            return [self._value(item, name, active, counts) for item in value]
        if isinstance(value, int) and value > 999:
            written = str(value)
            redacted = self._text(written, name, active, counts)
            return value if redacted == written else redacted
        return value

    def _text(self, text: str, name: str, active: list[Detector], counts: Counter[str]) -> str:
        if not active:
            return text
        redacted = self._pass(text, name, active, counts)
        # What stood beside a value may be a value itself once the value is gone, so pass until nothing changes. Each
        # pass that changes something leaves fewer characters outside placeholders, so this ends.
        while redacted != text:
            text, redacted = redacted, self._pass(redacted, name, active, counts)
        return text

    def _pass(self, text: str, name: str, active: list[Detector], counts: Counter[str]) -> str:
        if name and not PLACEHOLDER.fullmatch(text):
            name = _masked(name)
            for detector in active:
                value = detector.keyed(name, text) if detector.keyed else None
                if value is not None:
                    counts[detector.kind] += 1
                    return self._placeholder(detector.kind, value)
        return self._json(text, active, counts) if _is_json(text) else self._plain(text, active, counts)

    def _json(self, text: str, active: list[Detector], counts: Counter[str]) -> str:
        """Each string and whole number of a JSON text by itself, so that all else stays as it was written."""
        name = ""
        pieces: list[str] = []
        done = 0
        for token in _JSON_TOKEN.finditer(text):
            literal = token["string"] or token["number"]
            value = str(json.loads(literal))
            redacted = self._text(value, "" if token["colon"] else name, active, counts)
            if token["colon"]:
                name = redacted
            if redacted != value:
                pieces += text[done : token.start()], json.dumps(redacted, ensure_ascii="\\u" in literal)
                done = token.start() + len(literal)
        return "".join((*pieces, text[done:]))

    def _plain(self, text: str, active: list[Detector], counts: Counter[str]) -> str:
        masked = _masked(text)
        found = [
            (detector.personal, detector.kind, span)
            for detector in active
            for span in detector.find(masked)
            if '"' not in (value := masked[span.start : span.end]) and value.strip(_MASK)
        ]
        if not found:
            return text
        # Secrets win over personal data, then the longer span, then the more specific kind (the sort is stable).
        found.sort(key=lambda item: (item[0], item[2].start - item[2].end))
        chosen: list[tuple[str, Found]] = []
        for _, kind, span in found:
            if all(span.end <= other.start or other.end <= span.start for _, other in chosen):
                chosen.append((kind, span))
        pieces: list[str] = []
        done = 0
        for kind, span in sorted(chosen, key=lambda item: item[1].start):
            counts[kind] += 1
            pieces += text[done : span.start], self._placeholder(kind, span.value)
            done = span.end
        return "".join((*pieces, text[done:]))

    def _placeholder(self, kind: str, value: str) -> str:
        digest = hmac.new(self._key, value.encode("utf-8", "surrogatepass"), hashlib.sha256).hexdigest()
        return f"[{kind}:{digest[:8]}]"
