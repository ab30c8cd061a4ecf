"""From rows in any lines of any files to sessions: what all such sources have in common."""

import csv
import io
from collections.abc import Callable, Iterable, Iterator, Sequence
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
    has_columns: Callable[[set[str]], bool]
    """Whether a table in a CSV file with these columns is of it."""
    spans_in: Callable[[Any], Iterator[Span | Odd]]
    """The spans in one JSON value; raises ``ImportFormatError`` where it holds no rows."""
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
    """The importers of a source: of its tables in CSV, which are found as a whole, and of its JSON."""
    kinship = Kinship(possible=_alone, look=_nothing, join=partial(_join, source))
    parse = partial(_parse, source)
    table = Importer(source.name, parse, begins=partial(_begins, source), unit="file")
    return table, Importer(source.name, parse, has_keys=source.has_keys, kinship=kinship)


def sessions_of(source: TraceSource, spans: Iterable[Span]) -> dict[str, list[Span]]:
    """The spans of each session: a conversation, or a trace that belongs to none."""
    traces: dict[str, list[Span]] = {}
    for span in merged(spans):
        traces.setdefault(span.trace_id, []).append(span)
    sessions: dict[str, list[Span]] = {}
    for trace_id, own in sorted(traces.items()):
        named = (as_text(span.attributes.get(field)) for field in source.conversations for span in own)
        sessions.setdefault(next((name for name in named if name), trace_id), []).extend(own)
    return sessions


def _parse(source: TraceSource, record: RawRecord) -> Draft:
    """Read one session.

    Raises:
        ImportFormatError: there is nothing of an agent in its rows.
    """
    if record.data.startswith(_JOINED):
        joined = msgspec.json.decode(record.data, type=JoinedTraces)
        return assemble(joined.session_id, joined.spans, source.operation_of, source.name)
    spans = [span for span in source.spans_in(_decoded(record.data)) if isinstance(span, Span)]
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
            read = list(source.spans_in(_decoded(item.data)))
        except ImportFormatError as error:
            yield ImportProblem(item.path, item.line, str(error))
            continue
        odd = [one.reason for one in read if isinstance(one, Odd)]
        if odd:
            yield ImportProblem(item.path, item.line, f"{odd[0]}; {len(odd)} such rows are left out")
        spans.extend(one for one in read if isinstance(one, Span))
    if first is not None:
        yield from _records(source, first, spans)


def _records(source: TraceSource, first: RawRecord, spans: Sequence[Span]) -> Iterator[Read]:
    silent = 0
    sessions = sessions_of(source, spans)
    for session_id, own in sorted(sessions.items(), key=lambda pair: (pair[1][0].start, pair[0])):
        operations = [source.operation_of(span) for span in own]
        if all(operation.kind in ("other", "judge") for operation in operations):
            silent += 1
            continue
        data = _encoder.encode({"session_id": session_id, "spans": own})
        yield msgspec.structs.replace(first, data=data)
    if silent:
        yield SkippedFile(first.path, f"{silent} traces, of this and the files after it, are no agent's work")


def _decoded(data: bytes) -> Any:
    """JSON; of a table in CSV its rows, each cell as the JSON that it holds, or as text."""
    if data.lstrip().startswith((b"{", b"[")):
        return decode_json(data)
    csv.field_size_limit(LONGEST_CELL)
    try:
        rows = list(csv.DictReader(io.StringIO(data.decode(), newline="")))
    except (UnicodeDecodeError, csv.Error) as error:
        raise ImportFormatError(f"broken CSV: {error}") from error
    return [{name: structured(cell) for name, cell in row.items() if name and cell} for row in rows]


def _begins(source: TraceSource, head: bytes) -> bool:
    first = head.partition(b"\n")[0].decode(errors="replace").rstrip("\r")
    return "," in first and source.has_columns(set(next(csv.reader([first]), ())))


def _alone(_: str) -> bool:
    return False


def _nothing(_: str, __: bytes) -> None:
    return None
