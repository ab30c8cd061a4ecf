"""The spans of an import, sorted into sessions: those of one conversation lie in any lines of any files."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import msgspec

from reverie.errors import ImportFormatError
from reverie.sessions.import_problem import ImportProblem
from reverie.sessions.importers.draft import as_text
from reverie.sessions.importers.importer import Kinship, Read
from reverie.sessions.importers.otlp.span import Odd, Span, merged, read_spans
from reverie.sessions.importers.otlp.tree import operation_of
from reverie.sessions.importers.record import RawRecord, SkippedFile

NAME = "otlp"
CONVERSATIONS = (
    "gen_ai.conversation.id",
    "session.id",
    "langfuse.session.id",
    "traceloop.association.properties.session_id",
)
"""Attributes that name a conversation; of one trace, the first that any of its spans has counts."""

_encoder = msgspec.json.Encoder()


def sessions_of(spans: Iterable[Span]) -> dict[str, list[Span]]:
    """The spans of each session, which is a conversation, or a trace that names none; only where an agent worked."""
    traces: dict[str, list[Span]] = {}
    for span in merged(spans):
        traces.setdefault(span.trace_id, []).append(span)
    sessions: dict[str, list[Span]] = {}
    for trace_id, members in sorted(traces.items()):
        for session_id, own in _conversations(trace_id, members).items():
            sessions.setdefault(session_id, []).extend(own)
    return {name: own for name, own in sessions.items() if any(_telling(span) for span in own)}


def _conversations(trace_id: str, spans: Sequence[Span]) -> dict[str, list[Span]]:
    names = (_named(spans, attribute) for attribute in CONVERSATIONS)
    own = next((found for found in names if found), {})
    if len(set(own.values())) < 2:
        return {next(iter(own.values()), trace_id): list(spans)}
    first = own[next(span.span_id for span in spans if span.span_id in own)]
    parents = {span.span_id: span.parent_id for span in spans}
    found: dict[str, list[Span]] = {}
    for span in spans:
        at, met = span.span_id, set[str]()
        while at not in own and at in parents and at not in met:
            met.add(at)
            at = parents[at]
        found.setdefault(own.get(at, first), []).append(span)
    return found


def _named(spans: Sequence[Span], attribute: str) -> dict[str, str]:
    """Span id → conversation."""
    found = ((span.span_id, _said(span, attribute)) for span in spans)
    return {span_id: value for span_id, value in found if value}


def conversations_of(span: Span) -> set[str]:
    """All that a span calls its conversation."""
    return {said for attribute in CONVERSATIONS if (said := _said(span, attribute))}


def _said(span: Span, attribute: str) -> str:
    events = (event.attributes.get(attribute) for event in span.records)
    return next((as_text(value) for value in (span.attributes.get(attribute), *events) if value), "")


def _telling(span: Span) -> bool:
    operation = operation_of(span)
    return operation.kind != "other" or bool(operation.evaluations)


def _join(items: Iterable[Read], _: Sequence[Any]) -> Iterator[Read]:
    """The items, with requests in place of which come the sessions that all of them together hold."""
    spans: list[Span] = []
    first: RawRecord | None = None
    for item in items:
        if not isinstance(item, RawRecord) or item.format != NAME:
            yield item
            continue
        first = first or item
        try:
            read = list(read_spans(item.data))
        except ImportFormatError as error:
            yield ImportProblem(item.path, item.line, str(error))
            continue
        odd = [one.reason for one in read if isinstance(one, Odd)]
        if odd:
            yield SkippedFile(item.path, f"{odd[0]}; {len(odd)} such in request {item.line} are left out")
        spans.extend(one for one in read if isinstance(one, Span))
        if len(spans) > _MANY:
            spans = merged(spans)
    if first is not None:
        yield from _records(first, spans)


_MANY = 100_000
"""Spans above which repeated ones are dropped while reading."""


def _records(first: RawRecord, spans: Sequence[Span]) -> Iterator[Read]:
    sessions = sessions_of(spans)
    for session_id, own in sorted(sessions.items(), key=lambda pair: (pair[1][0].start, pair[0])):
        yield msgspec.structs.replace(first, data=joined_data(session_id, own))
    told = {span.key for own in sessions.values() for span in own}
    others = {span.trace_id for span in spans if span.key not in told}
    if others:
        yield SkippedFile(first.path, f"{len(others)} traces, of this and the files after it, are no agent's work")


class Joined(msgspec.Struct, frozen=True):
    """A session's spans, as they are handed to where they are read."""

    session_id: str
    spans: list[Span]


def joined_data(session_id: str, spans: Sequence[Span]) -> bytes:
    """A session's spans as a record's data."""
    return _encoder.encode({"session_id": session_id, "spans": spans})


def joined_of(data: bytes) -> Joined:
    """The spans in a record: joined ones, or those of one request that holds one session.

    Raises:
        ImportFormatError: there are none, or those of several sessions.
    """
    if data.startswith(b'{"session_id":'):
        return msgspec.json.decode(data, type=Joined)
    sessions = sessions_of(span for span in read_spans(data) if isinstance(span, Span))
    if len(sessions) != 1:
        raise ImportFormatError(f"the request holds {len(sessions)} sessions; read it by its file")
    ((session_id, spans),) = sessions.items()
    return Joined(session_id, spans)


def _alone(_: str) -> bool:
    return False


def _nothing(_: str, __: bytes) -> None:
    return None


KINSHIP = Kinship(possible=_alone, look=_nothing, join=_join)
