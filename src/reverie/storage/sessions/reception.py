"""From a request's bytes to what is kept of it; takes a while, so for a thread."""

from collections import Counter
from collections.abc import Iterable

from reverie.sessions.importers.otlp.request import Encoding, Kind, read_request
from reverie.sessions.importers.otlp.span import Span
from reverie.sessions.importers.otlp.trace_part import TracePart, redacted_span, trace_parts
from reverie.storage.sessions.prepare import redactor_of


def read_parts_of(kind: Kind, encoding: Encoding, data: bytes, key: bytes | None) -> tuple[list[TracePart], list[str]]:
    """What a request tells of each trace, redacted by ``key`` unless it is None, and why some of it cannot be read.

    Raises:
        ImportFormatError: the data is no such request.
    """
    read = read_request(kind, encoding, data)
    if key is None:
        return trace_parts(read.spans), list(read.odd)
    odd: list[str] = list(read.odd)
    return trace_parts(_redacted(read.spans, key, odd)), odd


def _redacted(spans: Iterable[Span], key: bytes, odd: list[str]) -> Iterable[Span]:
    redactor, counts = redactor_of(key), Counter[str]()
    for span in spans:
        try:
            yield redacted_span(span, redactor, counts)
        except RecursionError:
            odd.append(f"span {span.span_id} is nested too deeply to be redacted")
