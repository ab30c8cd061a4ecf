"""From rows in any lines of any files to sessions: what all such sources have in common."""

import csv
import io
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import partial
from typing import Any

import msgspec

from reverie.errors import ImportFormatError
from reverie.sessions.import_problem import ImportProblem
from reverie.sessions.importers.draft import Draft, as_text
from reverie.sessions.importers.importer import Importer, Keys, Kinship, Read
from reverie.sessions.importers.json_text import decode_json
from reverie.sessions.importers.otlp.assembly import assemble
from reverie.sessions.importers.otlp.operation import Operation, structured
from reverie.sessions.importers.otlp.span import Odd, Span, merged
from reverie.sessions.importers.record import RawRecord, SkippedFile


class TraceSource(msgspec.Struct, frozen=True):
    """One tool's rows."""

    name: str
    """The format's."""
    has_keys: Callable[[Keys], bool]
    begins: Callable[[bytes], bool]
    """Whether a file that is no JSON and begins with these bytes is of it."""
    decode: Callable[[bytes], Any]
    """What such a file holds, as JSON would."""
    spans_in: Callable[[Mapping[str, Any]], Iterator[Span | Odd]]
    """The spans in one row, which may hold others."""
    operation_of: Callable[[Span], Operation]
    """What a span says; its attributes are the row."""
    conversations: tuple[str, ...]
    """Fields that name the conversation to which a trace belongs, most telling first."""


class JoinedTraces(msgspec.Struct, frozen=True):
    """A session's rows, as they are handed to where they are read."""

    session_id: str
    spans: list[Span]


LONGEST_CELL = 64 << 20
"""Characters of one cell of a table."""

_encoder = msgspec.json.Encoder()
_JOINED = b'{"session_id":'


def importers_of(source: TraceSource) -> tuple[Importer, Importer]:
    """The importers of a source: of its files that are no JSON, which are read as a whole, and of its JSON."""
    kinship = Kinship(possible=_alone, look=_nothing, join=partial(_join, source))
    parse = partial(_parse, source)
    other = Importer(source.name, parse, begins=source.begins, unit="file")
    return other, Importer(source.name, parse, has_keys=source.has_keys, kinship=kinship)


def sessions_of(source: TraceSource, spans: Iterable[Span]) -> dict[str, list[Span]]:
    """The spans of each session: a conversation, or a trace that belongs to none."""
    traces: dict[str, list[Span]] = {}
    for span in merged(spans):
        traces.setdefault(span.trace_id, []).append(span)
    sessions: dict[str, list[Span]] = {}
    for trace_id, spans_of_it in sorted(traces.items()):
        own = _dated(spans_of_it)
        named = (as_text(span.attributes.get(field)) for field in source.conversations for span in own)
        sessions.setdefault(next((name for name in named if name), trace_id), []).extend(own)
    return sessions


def _dated(spans: Sequence[Span]) -> list[Span]:
    """The spans, those without a time when the first of the others began."""
    begun = min((span.start for span in spans if span.start), default=0)
    dated = [span if span.start else msgspec.structs.replace(span, start=begun, end=begun) for span in spans]
    return sorted(dated, key=lambda span: (span.start, span.key))


def _parse(source: TraceSource, record: RawRecord) -> Draft:
    """Read one session.

    Raises:
        ImportFormatError: there is nothing of an agent in its rows.
    """
    if record.data.startswith(_JOINED):
        joined = msgspec.json.decode(record.data, type=JoinedTraces)
        return assemble(joined.session_id, joined.spans, source.operation_of, source.name)
    spans = [span for span in _spans_in(source, _decoded(source, record.data)) if isinstance(span, Span)]
    sessions = sessions_of(source, spans)
    if len(sessions) != 1:
        raise ImportFormatError(f"the record holds {len(sessions)} sessions; read it by its file")
    ((session_id, own),) = sessions.items()
    return assemble(session_id, own, source.operation_of, source.name)


def _join(source: TraceSource, items: Iterable[Read], _: Sequence[Any]) -> Iterator[Read]:
    """The items, with rows in place of which come the sessions that all of them together hold."""
    spans: list[Span] = []
    first: RawRecord | None = None
    for item in items:
        if not isinstance(item, RawRecord) or item.format != source.name:
            yield item
            continue
        first = first or item
        try:
            read = list(_spans_in(source, _decoded(source, item.data)))
        except ImportFormatError as error:
            yield ImportProblem(item.path, item.line, str(error))
            continue
        odd = [one.reason for one in read if isinstance(one, Odd)]
        if odd:
            yield ImportProblem(item.path, item.line, f"{odd[0]}; {len(odd)} such rows are left out")
        spans.extend(one for one in read if isinstance(one, Span))
    if first is not None:
        yield from _records(source, first, spans)


def _spans_in(source: TraceSource, value: Any) -> Iterator[Span | Odd]:
    """The spans in one JSON value.

    Raises:
        ImportFormatError: something in it is no row.
    """
    value = structured(value)
    if isinstance(value, list):
        for item in value:
            yield from _spans_in(source, item)
    elif isinstance(value, Mapping):
        yield from source.spans_in(value)
    else:
        raise ImportFormatError("the row is not a JSON object")


def rows_held(held: Iterable[Any]) -> list[dict[str, Any]]:
    """The rows among what fields of a row hold, each of which may hold one or a list of them."""
    return [item for one in held for item in (one if isinstance(one, list) else [one]) if isinstance(item, dict)]


def _records(source: TraceSource, first: RawRecord, spans: Sequence[Span]) -> Iterator[Read]:
    silent = 0
    sessions = sessions_of(source, spans)
    for session_id, own in sorted(sessions.items(), key=lambda pair: (pair[1][0].start, pair[0])):
        operations = [source.operation_of(span) for span in own]
        if all(_is_silent(operation) for operation in operations):
            silent += 1
            continue
        data = _encoder.encode({"session_id": session_id, "spans": own})
        yield msgspec.structs.replace(first, data=data)
    if silent:
        yield SkippedFile(first.path, f"{silent} traces, of this and the files after it, are no agent's work")


def _is_silent(operation: Operation) -> bool:
    """Whether it is no agent's work: what only encloses others, such as a trace without its spans, says nothing."""
    if operation.kind == "chain":
        return not (operation.heard or operation.said or operation.tool)
    return operation.kind in ("other", "judge")


def _decoded(source: TraceSource, data: bytes) -> Any:
    return source.decode(data) if source.begins(data) else decode_json(data)


def table_rows(data: bytes) -> list[dict[str, Any]]:
    """The rows of a table in CSV, each cell as the JSON that it holds, or as text; None for an empty one.

    Raises:
        ImportFormatError: it is none.
    """
    csv.field_size_limit(LONGEST_CELL)
    try:
        rows = list(csv.DictReader(io.StringIO(data.decode(), newline="")))
    except (UnicodeDecodeError, csv.Error) as error:
        raise ImportFormatError(f"broken CSV: {error}") from error
    return [{name: structured(cell) if cell else None for name, cell in row.items() if name} for row in rows]


def table_with(has_columns: Callable[[set[str]], bool]) -> Callable[[bytes], bool]:
    """Whether a file begins as a table in CSV whose columns are those wanted."""
    return partial(_is_table, has_columns)


def _is_table(has_columns: Callable[[set[str]], bool], head: bytes) -> bool:
    first = head.partition(b"\n")[0].decode(errors="replace").rstrip("\r")
    if "," not in first or first.lstrip().startswith(("{", "[")):
        return False
    return has_columns(set(next(csv.reader([first]), ())))


def _alone(_: str) -> bool:
    return False


def _nothing(_: str, __: bytes) -> None:
    return None
