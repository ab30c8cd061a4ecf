"""From paths to raw records: files, folders and archives are streamed, never held whole.

Of JSON Lines one line is in memory at a time, of a JSON list or object one element (``ijson``), of an archive the
part being read. A Claude Code session is one whole file.
"""

import os
import re
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path, PurePath
from typing import Any

import ijson
import msgspec

from reverie.errors import ImportFormatError
from reverie.sessions.import_problem import ImportProblem
from reverie.sessions.importers.claude_code.family import FileFacts, families, file_facts, joined, with_own_facts
from reverie.sessions.importers.detection import Layout, assumed, detect, unread_format
from reverie.sessions.importers.files import READ_ERRORS, OpenFile, open_path, reason_of
from reverie.sessions.importers.record import FORMATS, RawRecord, SkippedFile

LONGEST_LINE = 64 << 20
"""Bytes; a longer line is reported and passed over."""
LONGEST_SESSION = 256 << 20
"""Bytes of a session that fills a whole file; a longer one is reported and passed over."""

Read = RawRecord | ImportProblem | SkippedFile

_TELLING = re.compile(
    rb'"type"\s*:\s*"(?:user|assistant|result|queued_command)"'
    rb'|"subtype"\s*:\s*"(?:api_error|compact_boundary|local_command)"'
)
"""In a Claude Code file in which something is said."""
_CHUNK = 1 << 20
_OTHER = re.compile(r"\.(?:json|csv|txt|md)(?:\.(?:gz|bz2|xz|zst))?$", re.IGNORECASE)
"""Names of files that are never one of a session's several files."""
_SUFFIXES = (".gz", ".bz2", ".xz", ".zst", ".jsonl", ".ndjson", ".json")


def read_records(paths: Sequence[Path], *, format: str | None) -> Iterator[Read]:
    """Every session in ``paths`` (files, folders, archives), in a fixed order, with problems and notices among them.

    Without ``format``, each file's is found by content. With it, files named outright are read as that format, and
    in folders and archives the files in another format are passed over.

    Raises:
        ImportFormatError: ``format`` is not one of :data:`FORMATS`.
    """
    if format is not None and format not in FORMATS:
        raise ImportFormatError(f"format {format!r} is unknown; known are {', '.join(FORMATS)}")
    facts = {fact.path: fact for fact in _facts(paths)}
    kin = families(facts.values())
    for item in joined(_read_all(paths, format), kin):
        alone = isinstance(item, RawRecord) and item.format == "claude-code" and item.path not in kin
        yield with_own_facts(item, facts.get(item.path)) if alone and isinstance(item, RawRecord) else item


def _read_all(paths: Sequence[Path], format: str | None) -> Iterator[Read]:
    for path, named in _files(paths):
        if isinstance(path, ImportProblem):
            yield path
        else:
            yield from _read_path(path, named=named, format=format)


def _files(paths: Sequence[Path]) -> Iterator[tuple[Path | ImportProblem, str]]:
    """Every file to read, with the path that the user named; of a session, its side agents' files are read as well."""
    for path in paths:
        for file in _walk(path) if path.is_dir() else (path,):
            yield file, str(path)
        beside = path.parent / path.name.partition(".")[0] / "subagents"
        if path.is_file() and beside.is_dir():
            yield from ((file, str(beside)) for file in _walk(beside))


def _facts(paths: Sequence[Path]) -> Iterator[FileFacts]:
    """What Claude Code's files say of their kin, from their beginnings; problems are reported when they are read."""
    for path, _ in _files(paths):
        if isinstance(path, ImportProblem) or _OTHER.search(path.name):
            continue
        for opened in open_path(path):
            found = file_facts(opened.label, opened.head) if isinstance(opened, OpenFile) else None
            if found is not None:
                yield found


def _walk(folder: Path) -> Iterator[Path | ImportProblem]:
    """Every file below, by name; hidden ones and symbolic links to folders are left out."""
    failures: list[OSError] = []
    for place, folders, files in os.walk(folder, onerror=failures.append):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        yield from (file for file in (Path(place, name) for name in sorted(files)) if file.is_file())
    yield from (ImportProblem(str(failure.filename), 0, reason_of(failure)) for failure in failures)


def _read_path(file: Path, *, named: str, format: str | None) -> Iterator[Read]:
    """Read a file, or all files in an archive; ``named`` is the path that the user gave."""
    for opened in open_path(file):
        if isinstance(opened, ImportProblem):
            yield opened
        elif opened.label == named:
            yield from _read_named(opened, format)
        elif not any(part.startswith(".") for part in PurePath(opened.label).relative_to(named).parts):
            yield from _read_met(opened, format)


def _read_named(opened: OpenFile, format: str | None) -> Iterator[Read]:
    """Read a file that the user named: anything amiss is a problem."""
    layout = detect(opened.head)
    found = layout.format if layout else None
    if not opened.head:
        yield ImportProblem(opened.label, 0, "the file is empty")
    elif format and found not in (None, format):
        yield ImportProblem(opened.label, 0, f"looks like {found}, not {format}; leave out --format, or name {found}")
    elif layout and found:
        yield from _read_sessions(opened, layout)
    elif format:
        yield from _read_sessions(opened, assumed(opened.head, format))
    else:
        known = ", ".join(FORMATS)
        other = unread_format(opened.head)
        yield (
            ImportProblem(opened.label, 0, other)
            if other
            else ImportProblem(
                opened.label, 0, f"no session format found in it; known are {known}; name one by --format"
            )
        )


def _read_met(opened: OpenFile, format: str | None) -> Iterator[Read]:
    """Read a file that was met in a folder or archive: what is not a session file is passed over."""
    layout = detect(opened.head)
    other = unread_format(opened.head) if layout is None or layout.format is None else None
    if other:
        yield SkippedFile(opened.label, other)
    elif layout is None:
        yield SkippedFile(opened.label, "not a session file")
    elif layout.format is None:
        yield SkippedFile(
            opened.label,
            "no sessions in it that are known; if it holds sessions, write them as chat lines (docs/import.md#chat); "
            f"if it holds scores, pass it with --scores {opened.label}",
        )
    elif format and layout.format != format:
        yield SkippedFile(opened.label, f"holds {layout.format} sessions; only {format} was asked for")
    else:
        yield from _read_sessions(opened, layout)


def _read_sessions(opened: OpenFile, layout: Layout) -> Iterator[Read]:
    blank = RawRecord(opened.label, 1, layout.format or "", b"", _context(opened.label))
    if layout.shape == "lines":
        return _read_lines(opened, blank)
    if layout.shape == "document" and layout.format == "claude-code":
        return _read_document(opened, blank)
    return _read_elements(opened, layout, blank)


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


def _read_document(opened: OpenFile, blank: RawRecord) -> Iterator[Read]:
    data = bytearray()
    broken = ""
    try:
        while len(data) <= LONGEST_SESSION and (chunk := opened.stream.read1(_CHUNK)):
            data += chunk
    except READ_ERRORS as error:
        broken = reason_of(error)
    claude_code = blank.format == "claude-code"
    if broken and not (claude_code and b"\n" in data):
        yield ImportProblem(opened.label, 0, f"{broken}; the session is not imported")
        return
    if broken:  # The lines that are whole are sound; the session grows when it is imported again.
        del data[data.rindex(b"\n") + 1 :]
    if len(data) > LONGEST_SESSION:
        yield _too_long_session(opened, 1)
    elif claude_code and not _TELLING.search(data):
        yield SkippedFile(opened.label, "keeps books only; nothing is said in it")
    else:
        context = blank.context | {"broken_off": broken} if broken else blank.context
        yield msgspec.structs.replace(blank, data=bytes(data), context=context)


def _read_elements(opened: OpenFile, layout: Layout, blank: RawRecord) -> Iterator[RawRecord | ImportProblem]:
    number = 0
    try:
        for number, (key, value) in enumerate(_elements(opened, layout), start=1):
            data = msgspec.json.encode(value)
            yield msgspec.structs.replace(blank, line=number, data=data, context=blank.context | key)
    except ijson.JSONError as error:
        what = str(error).partition("\n")[0].strip()
        yield ImportProblem(opened.label, number + 1, f"broken JSON ({what}); the rest of the file is not read")
    except READ_ERRORS as error:
        yield ImportProblem(opened.label, number + 1, reason_of(error))


def _elements(opened: OpenFile, layout: Layout) -> Iterable[tuple[dict[str, str], Any]]:
    if layout.shape == "document":
        # One value, or one after the other, as indented objects that were appended to a file are.
        return (({}, value) for value in ijson.items(opened.stream, "", use_float=True, multiple_values=True))
    if layout.shape == "list":
        return (({}, value) for value in ijson.items(opened.stream, "item", use_float=True))
    members = ijson.kvitems(opened.stream, layout.prefix, use_float=True)
    return (({"key": key}, value) for key, value in members if key != "meta")


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
