"""What an importer is: one format of session files, declared in one record."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import PurePath
from typing import Any, Literal

import msgspec

from reverie.sessions.event import Event
from reverie.sessions.import_problem import ImportProblem
from reverie.sessions.importers.draft import Draft
from reverie.sessions.importers.record import RawRecord, SkippedFile
from reverie.sessions.session import Transcript

Read = RawRecord | ImportProblem | SkippedFile
"""What reading files gives, in order."""

Unit = Literal["value", "member", "file"]
"""What one session is in a file: a line, list element or JSON value; a member of a JSON object; the whole file."""


class Keys(msgspec.Struct, frozen=True):
    """The object keys in the beginning of some JSON."""

    top: set[str]
    deeper: set[str]
    objects: set[str]
    """Those of ``top`` that hold nothing but objects, as far as can be seen."""
    whole: bool
    """Whether it was one whole JSON value; else it is cut off, or broken further on."""


class Whole(msgspec.Struct, frozen=True):
    """A transcript that its source holds complete, ids and all."""

    transcript: Transcript
    warnings: tuple[str, ...] = ()
    """What of it is set aside."""


class Members(msgspec.Struct, frozen=True):
    """Where the sessions are in a file whose unit is the member."""

    under: str = ""
    """The top-level key of the object that holds them, where a file has it; else they are at the top level."""
    passed_over: frozenset[str] = frozenset()
    """Keys that are no session."""
    beside: tuple[str, ...] = ()
    """Top-level keys whose values, as JSON, go with each session in its context; they must come before."""


class Kinship(msgspec.Struct, frozen=True):
    """How files that belong together are told and read as one; each file's first megabyte is looked at beforehand."""

    possible: Callable[[str], bool]
    """Whether a file of this name may have kin."""
    look: Callable[[str, bytes], Any]
    """What a file's path and beginning tell of its kin; None for nothing."""
    join: Callable[[Iterable[Read], Sequence[Any]], Iterator[Read]]
    """The items read, in order, with those of this format joined; gets all that ``look`` told."""


class UsualPlace(msgspec.Struct, frozen=True):
    """Where a program keeps its sessions on a machine, unless it was told otherwise."""

    program: str
    """Its name as people know it, such as ``Claude Code``."""
    home: str
    """The program's own folder, such as ``~/.claude``."""
    variable: str | None = None
    """The environment variable that names another folder in place of ``home``, if there is one."""
    folder: str = ""
    """Where the sessions are below ``home``."""
    names: str = "*.jsonl"
    """The names of its session files, as ``fnmatch`` reads them."""
    sessions: str = "*"
    """Names among them of the files that stand for a session each, where others are parts of one."""


def _never(_: Any) -> bool:
    return False


def _unchanged(events: Sequence[Event]) -> Sequence[Event]:
    return events


def _something(_: bytes) -> str:
    return ""


def _itself(path: PurePath) -> PurePath:
    return path


class Importer(msgspec.Struct, frozen=True):
    """One format: how it is recognised, where its sessions lie, and how one is read."""

    name: str
    """As in ``--format``, and as the ``source`` of the sessions."""
    parse: Callable[[RawRecord], Draft | Whole]
    """One session from its raw record; raises ``ImportFormatError`` when nothing of it can be read. What can be read
    only in part is kept, with ``EventLog.warn``."""
    has_keys: Callable[[Keys], bool] = _never
    """Whether a JSON value with these keys is of this format."""
    begins: Callable[[bytes], bool] = _never
    """Whether a file that begins with these bytes (a megabyte, or all of it) is; asked where no keys told."""
    unit: Unit = "value"
    members: Members = Members()
    """For the unit ``member``; for the others, where a file holds its sessions in a list ``under`` a key."""
    whole_lines: bool = False
    """For the unit ``file``: whether a file that breaks off is read up to its last whole line."""
    late_sign: Callable[[bytes], bool] = _never
    """For the unit ``file``: whether to try a line after the first fifty, where it is telling at all."""
    empty: Callable[[bytes], str] = _something
    """For the unit ``file``: why a file of this format holds no session and is passed over; else nothing."""
    kinship: Kinship | None = None
    """For sessions in more than one file."""
    identity: Callable[[Sequence[Event]], Sequence[Event]] = _unchanged
    """The events that a session's derived id and its hash are made of, where they are not the events themselves."""
    places: tuple[UsualPlace, ...] = ()
    """Where programs keep sessions of this format: looked through by ``reverie``, ``import --NAME`` and ``watch``."""
    whole: Callable[[PurePath], PurePath] = _itself
    """The path to import when the file at this path has changed, where a session lies in more than one file: its main
    file or its folder. Asked of any path, so a path that looks like no part of such a session is given back."""


class Layout(msgspec.Struct, frozen=True):
    """How a file is laid out."""

    importer: Importer | None
    """None when it is JSON in a format that is not known."""
    shape: Literal["lines", "list", "mapping", "values", "listed", "file"]
    """One session per line, per list element, per member of an object, per JSON value, per element of a list in an
    object; the file is one session."""
    prefix: str = ""
    """For a mapping or a list in an object, the member that holds the sessions; empty for the top level."""
