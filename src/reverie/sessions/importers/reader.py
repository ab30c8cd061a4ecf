"""From paths to raw records: files, folders and archives are streamed, never held whole.

Of JSON Lines one line is in memory at a time, of a JSON list or object one element (``ijson``), of an archive the
part being read. Of formats whose session is a whole file, one file is.
"""

import io
import os
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path, PurePath
from typing import Any, BinaryIO

import ijson
import msgspec
from ijson.common import ObjectBuilder

from reverie.errors import ExtensionError
from reverie.sessions.import_problem import ImportProblem
from reverie.sessions.importers.detection import assumed, detect, scores_hint, unread_format
from reverie.sessions.importers.files import READ_ERRORS, OpenFile, open_path, reason_of
from reverie.sessions.importers.importer import Importer, Kinship, Layout, Read
from reverie.sessions.importers.named_numbers import WithoutNamedNumbers
from reverie.sessions.importers.record import RawRecord, SkippedFile
from reverie.sessions.importers.registry import OURS, POINT, formats, importer_named, other_formats

LONGEST_LINE = 64 << 20
"""Bytes; a longer line is reported and passed over."""
LONGEST_SESSION = 256 << 20
"""Bytes of a session that fills a whole file; a longer one is reported and passed over."""

_CHUNK = 1 << 20
_SUFFIXES = (".gz", ".bz2", ".xz", ".zst", ".jsonl", ".ndjson", ".json")


def read_records(paths: Sequence[Path], *, format: str | None, met: bool = False) -> Iterator[Read]:
    """Every session in ``paths`` (files, folders, archives), in a fixed order, with problems and notices among them.

    Without ``format``, each file's is found by content. With it, files named outright are read as that format, and
    in folders and archives the files in another format are passed over; so are files among ``paths`` that were only
    ``met`` in a folder that was looked through.

    Raises:
        ImportFormatError: there is no such format.
        ExtensionError: the format is another package's, and broken.
    """
    named = None if format is None else importer_named(format)
    kinships = [importer.kinship for importer in OURS if importer.kinship is not None]
    told = _told(paths, kinships)
    items = _read_all(paths, named, met=met)
    for kinship, facts in zip(kinships, told, strict=True):
        items = kinship.join(items, facts)
    yield from items


def _read_all(paths: Sequence[Path], format: Importer | None, *, met: bool) -> Iterator[Read]:
    for path, named in _files(paths):
        if isinstance(path, ImportProblem):
            yield path
        else:
            folder = str(path.parent) if met and named == str(path) else named
            yield from _read_path(path, named=folder, format=format)


def _files(paths: Sequence[Path]) -> Iterator[tuple[Path | ImportProblem, str]]:
    """Every file to read, with the path that the user named; of a session, its side agents' files are read as well."""
    for path in paths:
        for file in _walk(path) if path.is_dir() else (path,):
            yield file, str(path)
        beside = path.parent / path.name.partition(".")[0] / "subagents"
        if path.is_file() and beside.is_dir():
            yield from ((file, str(beside)) for file in _walk(beside))


def _told(paths: Sequence[Path], kinships: Sequence[Kinship]) -> list[list[Any]]:
    """What files say of their kin, of each kind, from their beginnings; problems are told when they are read."""
    told: list[list[Any]] = [[] for _ in kinships]
    for path, _ in _files(paths):
        asked = [] if isinstance(path, ImportProblem) else [k for k in kinships if k.possible(path.name)]
        if isinstance(path, ImportProblem) or not asked:
            continue
        for opened in open_path(path):
            for kinship, facts in zip(kinships, told, strict=True):
                if isinstance(opened, OpenFile) and kinship in asked:
                    found = kinship.look(opened.label, opened.head)
                    facts += [] if found is None else [found]
    return told


def _walk(folder: Path) -> Iterator[Path | ImportProblem]:
    """Every file below, by name; hidden ones and symbolic links to folders are left out."""
    failures: list[OSError] = []
    for place, folders, files in os.walk(folder, onerror=failures.append):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        yield from (file for file in (Path(place, name) for name in sorted(files)) if file.is_file())
    yield from (ImportProblem(str(failure.filename), 0, reason_of(failure)) for failure in failures)


def _read_path(file: Path, *, named: str, format: Importer | None) -> Iterator[Read]:
    """Read a file, or all files in an archive; ``named`` is the path that the user gave."""
    for opened in open_path(file):
        if isinstance(opened, ImportProblem):
            yield opened
        elif opened.label == named:
            yield from _read_named(opened, format)
        elif not any(part.startswith(".") for part in PurePath(opened.label).relative_to(named).parts):
            yield from _read_met(opened, format)


def _read_named(opened: OpenFile, format: Importer | None) -> Iterator[Read]:
    """Read a file that the user named: anything amiss is a problem."""
    layout, faults = _layout(opened.head, format)
    found = layout.importer if layout else None
    if not opened.head:
        yield ImportProblem(opened.label, 0, "the file is empty")
    elif format and found and found.name != format.name:
        reason = f"looks like {found.name}, not {format.name}; leave out --format, or name {found.name}"
        yield ImportProblem(opened.label, 0, reason)
    elif layout and found:
        yield from _read_sessions(opened, layout, found)
    elif format:
        yield from _read_sessions(opened, assumed(opened.head, format), format)
    else:
        unknown = f"no session format found in it; known are {', '.join(formats())}; name one by --format"
        hint = scores_hint(opened.head)
        told = (unread_format(opened.head) or unknown, *([hint] if hint else []), *faults)
        yield ImportProblem(opened.label, 0, "; ".join(told))


def _read_met(opened: OpenFile, format: Importer | None) -> Iterator[Read]:
    """Read a file that was met in a folder or archive: what is not a session file is passed over."""
    layout, faults = _layout(opened.head, format)
    found = layout.importer if layout else None
    if layout is None or found is None:
        other = unread_format(opened.head) or scores_hint(opened.head)
        unknown = "not a session file" if layout is None else _unknown(opened.label)
        yield SkippedFile(opened.label, "; ".join((other or unknown, *faults)))
    elif format and found.name != format.name:
        yield SkippedFile(opened.label, f"holds {found.name} sessions; only {format.name} was asked for")
    else:
        yield from _read_sessions(opened, layout, found)


def _unknown(label: str) -> str:
    return (
        "no sessions in it that are known; if it holds sessions, write them as chat lines (docs/import.md#chat); "
        f"if it holds scores, pass it with --scores {label}"
    )


def _layout(head: bytes, format: Importer | None) -> tuple[Layout | None, tuple[str, ...]]:
    """The layout of a file, by the format named where it is another package's, then ours, then others'.

    Where nobody knows the file, also why some could not be asked.
    """
    if format is not None and format.name not in POINT.ours:
        layout, faults = _layout_by_others(head, (format.name,))
        if layout is not None:
            return layout, ()
    own = detect(head, OURS)
    if own is not None and own.importer is not None:
        return own, ()
    layout, faults = _layout_by_others(head, other_formats())
    return layout or own, faults


def _layout_by_others(head: bytes, names: Iterable[str]) -> tuple[Layout | None, tuple[str, ...]]:
    faults = []
    for name in names:
        try:
            layout = detect(head, (importer_named(name),))
        except ExtensionError as error:
            faults.append(str(error))
            continue
        if layout is not None and layout.importer is not None:
            return layout, ()
    return None, tuple(faults)


def _read_sessions(opened: OpenFile, layout: Layout, importer: Importer) -> Iterator[Read]:
    blank = RawRecord(opened.label, 1, importer.name, b"", _context(opened.label))
    if layout.shape == "lines":
        return _read_lines(opened, blank)
    if layout.shape == "file":
        return _read_file(opened, importer, blank)
    return _read_elements(opened, layout, importer, blank)


def _context(label: str) -> dict[str, str]:
    path = PurePath(label)
    stem = path.name
    while stem.endswith(_SUFFIXES):
        stem = stem[: stem.rindex(".")]
    return {"stem": stem, "folder": path.parent.name}


def _read_lines(opened: OpenFile, blank: RawRecord) -> Iterator[RawRecord | ImportProblem]:
    number = 0
    try:
        for number, line in _numbered_lines(opened):
            if line is None:
                yield _too_long(opened, number)
            elif line:
                yield msgspec.structs.replace(blank, line=number, data=line)
    except READ_ERRORS as error:
        yield ImportProblem(opened.label, number + 1, reason_of(error))


def _read_file(opened: OpenFile, importer: Importer, blank: RawRecord) -> Iterator[Read]:
    data = bytearray()
    broken = ""
    try:
        while len(data) <= LONGEST_SESSION and (chunk := opened.stream.read1(_CHUNK)):
            data += chunk
    except READ_ERRORS as error:
        broken = reason_of(error)
    if broken and not (importer.whole_lines and b"\n" in data):
        yield ImportProblem(opened.label, 0, f"{broken}; the session is not imported")
        return
    if broken:  # The lines that are whole are sound; the session grows when it is imported again.
        del data[data.rindex(b"\n") + 1 :]
    if len(data) > LONGEST_SESSION:
        yield _too_long_session(opened, 1)
        return
    whole = bytes(data)
    try:
        nothing = importer.empty(whole)
    except ExtensionError as error:
        yield ImportProblem(opened.label, 0, str(error))
        return
    if nothing:
        yield SkippedFile(opened.label, nothing)
        return
    context = blank.context | {"broken_off": broken} if broken else blank.context
    yield msgspec.structs.replace(blank, data=whole, context=context)


def _read_elements(opened: OpenFile, layout: Layout, importer: Importer, blank: RawRecord) -> Iterator[Read]:
    number = 0
    try:
        for number, (key, value) in enumerate(_elements(opened, layout, importer), start=1):
            data = msgspec.json.encode(value)
            yield msgspec.structs.replace(blank, line=number, data=data, context=blank.context | key)
        if layout.shape == "listed" and not number:
            yield SkippedFile(opened.label, f"{importer.name}: it holds no sessions")
    except ijson.JSONError as error:
        what = str(error).partition("\n")[0].strip()
        yield ImportProblem(opened.label, number + 1, f"broken JSON ({what}); the rest of the file is not read")
    except READ_ERRORS as error:
        yield ImportProblem(opened.label, number + 1, reason_of(error))


def _elements(opened: OpenFile, layout: Layout, importer: Importer) -> Iterable[tuple[dict[str, str], Any]]:
    stream = io.BufferedReader(WithoutNamedNumbers(opened.stream), _CHUNK)
    if layout.shape == "values":
        return _values(stream)
    if layout.shape == "list":
        return (({}, value) for value in ijson.items(stream, "item", use_float=True))
    if layout.shape == "listed":
        return _listed(stream, layout.prefix, importer.members.beside)
    members = ijson.kvitems(stream, layout.prefix, use_float=True)
    return (({"key": key}, value) for key, value in members if key not in importer.members.passed_over)


def _listed(stream: io.BufferedIOBase, under: str, beside: Sequence[str]) -> Iterator[tuple[dict[str, str], Any]]:
    """The elements of the list ``under`` a key, each with what the file says ``beside`` it."""
    found, told = ijson.sendable_list(), {name: ijson.sendable_list() for name in beside}
    readers = [ijson.items_coro(held, name, use_float=True) for name, held in told.items()]
    readers.append(ijson.items_coro(found, f"{under}.item", use_float=True))
    while chunk := stream.read1(_CHUNK):
        try:
            for reader in readers:
                reader.send(chunk)
        finally:  # of a file that is broken further on, what came before
            context = {name: msgspec.json.encode(held[0]).decode() for name, held in told.items() if held}
            yield from ((context, value) for value in found)
            found.clear()
    for reader in readers:
        reader.close()


def _values(stream: BinaryIO) -> Iterator[tuple[dict[str, str], Any]]:
    """One value, or one after the other, as indented objects that were appended to a file are.

    Of an object that breaks off, what was there, with ``broken_off``: one that holds a session holds its beginning.
    """
    builder, depth = ObjectBuilder(), 0
    try:
        for event, value in ijson.basic_parse(stream, use_float=True, multiple_values=True):
            builder.event(event, value)
            depth += {"start_map": 1, "start_array": 1, "end_map": -1, "end_array": -1}.get(event, 0)
            if depth == 0:
                yield {}, builder.value
                builder = ObjectBuilder()
    except (ijson.JSONError, *READ_ERRORS) as error:
        if depth < 2:  # nothing but the first plain fields
            raise
        reason = (
            reason_of(error) if isinstance(error, READ_ERRORS) else "the JSON breaks off; what came before was read"
        )
        yield {"broken_off": reason}, builder.value


def _numbered_lines(opened: OpenFile) -> Iterator[tuple[int, bytes | None]]:
    """The lines, with their numbers from 1 and without the white space around them; None for one that is too long."""
    number = 0
    while line := opened.stream.readline(LONGEST_LINE + 1):
        number += 1
        if len(line) <= LONGEST_LINE:
            yield number, line.strip()
            continue
        while line and not line.endswith(b"\n"):
            line = opened.stream.readline(LONGEST_LINE)
        yield number, None


def _too_long(opened: OpenFile, number: int) -> ImportProblem:
    return ImportProblem(opened.label, number, f"the line is longer than {LONGEST_LINE >> 20} MB; it is left out")


def _too_long_session(opened: OpenFile, number: int) -> ImportProblem:
    reason = f"the session is longer than {LONGEST_SESSION >> 20} MB; it is not imported"
    return ImportProblem(opened.label, number, reason)
