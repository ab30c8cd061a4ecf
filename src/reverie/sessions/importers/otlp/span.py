"""Spans and events of OpenTelemetry, read from OTLP JSON.

Names are those of ``opentelemetry-proto`` (``trace/v1``, ``logs/v1``) in its JSON mapping; the names of the fields in
the ``.proto`` files, ids in base64 and numbers as text, which some writers have, are read as well.
"""

import base64
import binascii
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import msgspec

from reverie.errors import ImportFormatError
from reverie.sessions.importers.draft import as_text
from reverie.sessions.importers.json_text import decode_json

_HEX = re.compile(r"(?:0x)?((?:[0-9a-fA-F]{16}){1,2})")
_BASE64 = re.compile(r"(?:[A-Za-z0-9+/]{11}=|[A-Za-z0-9+/]{22}==)")
_CAMEL = re.compile(r"(?<=[a-z])(?=[A-Z])")
_FAILED = (2, "2", "STATUS_CODE_ERROR", "ERROR")
_WENT_WELL = (1, "1", "STATUS_CODE_OK", "OK")
_LATEST = 2**63
"""Nanoseconds since 1970; what is above is no time."""
_canonical = msgspec.json.Encoder(order="deterministic")


class SpanEvent(msgspec.Struct, frozen=True):
    """Something that happened within a span: one of its own events, or a log record that names it."""

    name: str
    at: int
    """Nanoseconds since 1970; 0 where unknown."""
    attributes: dict[str, Any]
    """With the fields of a log record's body among them."""


class Span(msgspec.Struct, frozen=True):
    """One operation. A span known by log records alone has neither name nor times."""

    trace_id: str
    span_id: str
    parent_id: str = ""
    name: str = ""
    start: int = 0
    """Nanoseconds since 1970."""
    end: int = 0
    attributes: dict[str, Any] = {}
    resource: dict[str, Any] = {}
    events: tuple[SpanEvent, ...] = ()
    """In the order in which the span has them."""
    records: tuple[SpanEvent, ...] = ()
    """Log records that name the span, by time."""
    error: str | None = None
    """What went wrong; empty where it does not say, None where nothing did."""

    @property
    def key(self) -> tuple[str, str]:
        """By which the same span is known again."""
        return self.trace_id, self.span_id

    @property
    def all_events(self) -> tuple[SpanEvent, ...]:
        """Its own, then those that log records hold."""
        return (*self.events, *self.records)


class Odd(msgspec.Struct, frozen=True):
    """A span or log record that cannot be read."""

    reason: str


def read_spans(data: bytes) -> Iterator[Span | Odd]:
    """The spans, and what log records tell of them, in one ``ExportTraceServiceRequest`` or logs request.

    Raises:
        ImportFormatError: the data is no such request.
    """
    return spans_in(decode_json(data))


def spans_in(document: Any) -> Iterator[Span | Odd]:
    """The same of a decoded request; attributes may be plain objects.

    Raises:
        ImportFormatError: it is no such request.
    """
    traces, logs = (_field(document, name) for name in ("resourceSpans", "resourceLogs"))
    if not isinstance(traces, list) and not isinstance(logs, list):
        raise ImportFormatError("there is neither resourceSpans nor resourceLogs with a list in it")
    for resource, scope in _scopes(traces, ("scopeSpans", "instrumentationLibrarySpans")):
        for span in _objects(_field(scope, "spans")):
            yield _span(span, resource)
    for _, scope in _scopes(logs, ("scopeLogs", "instrumentationLibraryLogs")):
        for record in _objects(_field(scope, "logRecords")):
            if (found := _record(record)) is not None:
                yield found


def merged(spans: Iterable[Span]) -> list[Span]:
    """Each span once, by start and id: of several copies the one that ended last, with the log records of all.

    The outcome does not depend on the order of ``spans``, nor on what was merged before.
    """
    best: dict[tuple[str, str], Span] = {}
    records: dict[tuple[str, str], dict[bytes, SpanEvent]] = {}
    for span in spans:
        held = records.setdefault(span.key, {})
        held.update((_canonical.encode(record), record) for record in span.records)
        alone = msgspec.structs.replace(span, records=())
        known = best.get(span.key)
        if known is None or _worth(alone) > _worth(known):
            best[span.key] = alone
    whole = (
        msgspec.structs.replace(span, records=_in_order(records[key])) if records[key] else span
        for key, span in best.items()
    )
    return sorted(whole, key=lambda span: (span.start, span.key))


def time_of(nanoseconds: int) -> datetime | None:
    """The time, to the microsecond; None where it is unknown."""
    if nanoseconds <= 0:
        return None
    seconds, rest = divmod(nanoseconds, 1_000_000_000)
    return datetime.fromtimestamp(seconds, UTC).replace(microsecond=rest // 1000)


def _worth(span: Span) -> tuple[int, int, bytes]:
    return span.end, len(span.events), _canonical.encode(span)


def _in_order(records: Mapping[bytes, SpanEvent]) -> tuple[SpanEvent, ...]:
    return tuple(
        record for _, record in sorted(records.items(), key=lambda pair: (pair[1].at, _rank(pair[1]), pair[0]))
    )


_SPOKEN = ("gen_ai.system.message", "gen_ai.user.message", "gen_ai.assistant.message", "gen_ai.tool.message")


def _rank(record: SpanEvent) -> int:
    return _SPOKEN.index(record.name) if record.name in _SPOKEN else len(_SPOKEN)


def _field(holder: Any, name: str) -> Any:
    if not isinstance(holder, dict):
        return None
    return holder[name] if name in holder else holder.get(_CAMEL.sub("_", name).lower())


def _objects(items: Any) -> Iterator[dict[str, Any]]:
    return (item for item in items if isinstance(item, dict)) if isinstance(items, list) else iter(())


def _scopes(resources: Any, names: Sequence[str]) -> Iterator[tuple[dict[str, Any], dict[str, Any]]]:
    for holder in _objects(resources):
        resource = _attributes(_field(_field(holder, "resource"), "attributes"))
        for name in names:
            yield from ((resource, scope) for scope in _objects(_field(holder, name)))


def _span(given: dict[str, Any], resource: dict[str, Any]) -> Span | Odd:
    trace_id, span_id = _id(_field(given, "traceId")), _id(_field(given, "spanId"))
    if not trace_id or not span_id:
        return Odd("a span has no traceId or no spanId")
    events = tuple(_event(event) for event in _objects(_field(given, "events")))
    start = _nanoseconds(_field(given, "startTimeUnixNano"))
    return Span(
        trace_id=trace_id,
        span_id=span_id,
        parent_id=_id(_field(given, "parentSpanId")),
        name=as_text(_field(given, "name")),
        start=start,
        end=_nanoseconds(_field(given, "endTimeUnixNano")) or start,
        attributes=_attributes(_field(given, "attributes")),
        resource=resource,
        events=events,
        error=_error(_field(given, "status"), events),
    )


def _record(given: dict[str, Any]) -> Span | None:
    """What a log record tells of its span; None where it names no trace."""
    trace_id = _id(_field(given, "traceId"))
    attributes = _attributes(_field(given, "attributes"))
    name = as_text(_field(given, "eventName")) or as_text(attributes.get("event.name"))
    if not trace_id or not name:
        return None
    body = _value(_field(given, "body"))
    at = _nanoseconds(_field(given, "timeUnixNano")) or _nanoseconds(_field(given, "observedTimeUnixNano"))
    told = attributes | body if isinstance(body, dict) else attributes | ({} if body is None else {"body": body})
    return Span(trace_id, _id(_field(given, "spanId")), records=(SpanEvent(name, at, told),))


def _event(given: dict[str, Any]) -> SpanEvent:
    at = _nanoseconds(_field(given, "timeUnixNano"))
    return SpanEvent(as_text(_field(given, "name")), at, _attributes(_field(given, "attributes")))


def _error(status: Any, events: Sequence[SpanEvent]) -> str | None:
    code = _field(status, "code")
    raised = next((event.attributes for event in reversed(events) if event.name == "exception"), None)
    if code not in _FAILED and (raised is None or code in _WENT_WELL):
        return None
    said = as_text(_field(status, "message"))
    if raised is None or said:
        return said
    words = (as_text(raised.get(f"exception.{part}")) for part in ("type", "message"))
    return ": ".join(word for word in words if word)


def _id(given: Any) -> str:
    """An id as lower-case hexadecimal digits; empty where it is none, or all zeros."""
    if not isinstance(given, str):
        return ""
    if found := _HEX.fullmatch(given):
        digits = found[1].lower()
    elif _BASE64.fullmatch(given):
        try:
            digits = base64.b64decode(given, validate=True).hex()
        except binascii.Error:
            return ""
    else:
        return ""
    return digits if digits.strip("0") else ""


def _nanoseconds(given: Any) -> int:
    if isinstance(given, str) and given.isascii() and given.isdigit() and len(given) < len(str(_LATEST)) + 1:
        given = int(given)
    if isinstance(given, float) and given.is_integer():
        given = int(given)
    return given if type(given) is int and 0 < given < _LATEST else 0


def _attributes(given: Any) -> dict[str, Any]:
    """Attributes by key: a list of ``{"key": …, "value": {"stringValue": …}}``, or an object as it is."""
    if isinstance(given, dict):
        return given
    pairs = (pair for pair in _objects(given) if isinstance(pair.get("key"), str))
    return {pair["key"]: _value(pair.get("value")) for pair in pairs}


def _value(given: Any) -> Any:
    """An ``AnyValue`` as plain JSON."""
    if not isinstance(given, dict):
        return given
    for name in ("stringValue", "boolValue", "doubleValue", "bytesValue"):
        if (value := _field(given, name)) is not None:
            return value
    if (number := _field(given, "intValue")) is not None:
        text = as_text(number)
        return int(text) if re.fullmatch(r"-?[0-9]{1,19}", text) else number
    if (items := _field(given, "arrayValue")) is not None:
        values = _field(items, "values")
        return [_value(item) for item in values] if isinstance(values, list) else []
    if (pairs := _field(given, "kvlistValue")) is not None:
        return _attributes(_field(pairs, "values"))
    return None
