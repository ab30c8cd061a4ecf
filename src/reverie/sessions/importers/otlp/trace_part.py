"""What one request tells of one trace: what a receiver keeps until all of a conversation is put together."""

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any

import msgspec

from reverie.sessions.importers.otlp.joining import CONVERSATIONS, conversations_of
from reverie.sessions.importers.otlp.span import Span, SpanEvent
from reverie.sessions.redaction import Redactor

LONGEST_NAME = 500
"""Characters of a conversation's name, which is a session's id and no longer."""

_encode = msgspec.json.Encoder().encode


class TracePart(msgspec.Struct, frozen=True):
    """Spans of one trace that came together."""

    trace_id: str
    conversations: tuple[str, ...]
    """What they call the conversation that the trace belongs to."""
    rooted: bool
    """Whether one of them has no parent; it ends last, so that no more are to be expected."""
    spans: bytes
    """A JSON list."""


def trace_parts(spans: Iterable[Span]) -> list[TracePart]:
    """The spans by trace, in the order of the traces' ids."""
    traces: dict[str, list[Span]] = {}
    for span in spans:
        traces.setdefault(span.trace_id, []).append(span)
    return [_part(trace_id, own) for trace_id, own in sorted(traces.items())]


def spans_of(parts: Iterable[bytes]) -> list[Span]:
    """The spans of stored parts."""
    decode = msgspec.json.Decoder(list[Span]).decode
    return [span for part in parts for span in decode(part)]


def redacted_span(span: Span, redactor: Redactor, counts: Counter[str]) -> Span:
    """The span without secrets and personal data, but for ids: its own and the conversation's.

    Adds to ``counts`` what was replaced, by kind.
    """
    return msgspec.structs.replace(
        span,
        name=redactor.text(span.name, counts),
        attributes=_redacted(span.attributes, redactor, counts),
        resource=_replaced(span.resource, redactor, counts),
        events=_redacted_events(span.events, redactor, counts),
        records=_redacted_events(span.records, redactor, counts),
        error=None if span.error is None else redactor.text(span.error, counts),
    )


def _redacted(attributes: dict[str, Any], redactor: Redactor, counts: Counter[str]) -> dict[str, Any]:
    ids = {name: attributes[name] for name in CONVERSATIONS if name in attributes}
    others = {name: value for name, value in attributes.items() if name not in ids} if ids else attributes
    return _replaced(others, redactor, counts) | ids


def _replaced(attributes: dict[str, Any], redactor: Redactor, counts: Counter[str]) -> dict[str, Any]:
    """Attributes without secrets and personal data, in their names too: senders choose those as they like."""
    found: dict[str, Any] = redactor.fields({"attributes": attributes}, counts)["attributes"]
    return found


def _redacted_events(events: Sequence[SpanEvent], redactor: Redactor, counts: Counter[str]) -> tuple[SpanEvent, ...]:
    return tuple(
        msgspec.structs.replace(
            event,
            name=redactor.text(event.name, counts),
            attributes=_redacted(event.attributes, redactor, counts),
        )
        for event in events
    )


def _part(trace_id: str, spans: list[Span]) -> TracePart:
    names = {name for span in spans for name in conversations_of(span) if len(name) <= LONGEST_NAME}
    rooted = any(span.start and not span.parent_id for span in spans)
    return TracePart(trace_id, tuple(sorted(names)), rooted, _encode(spans))
