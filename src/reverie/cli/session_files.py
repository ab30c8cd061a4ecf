"""Session files in folders: which there are, as they stood at a moment."""

import os
from collections.abc import Iterator, Mapping
from contextlib import suppress
from fnmatch import fnmatchcase
from pathlib import Path
from typing import NamedTuple

import msgspec

from reverie.errors import ExtensionError
from reverie.sessions.importers import Importer, UsualPlace
from reverie.sessions.importers.registry import OURS, importer_named, other_formats


class Stamp(NamedTuple):
    """What tells whether a file has changed."""

    size: int
    """Bytes."""
    modified: int
    """Nanoseconds since 1970."""
    inode: int


class Source(msgspec.Struct, frozen=True):
    """A file, or a folder to the bottom, in which sessions are looked for."""

    path: Path
    format: str | None = None
    """The only format that is taken; None takes any."""
    names: str = "*"
    """Names of the files that are looked at, as ``fnmatch`` reads them; a file named outright is taken in any case."""


class Found(msgspec.Struct, frozen=True):
    """What was found in a program's usual place."""

    format: str
    program: str
    folder: str
    sessions: int
    """Files, without those that belong to another file's session."""
    option: bool
    """Whether ``import`` and ``watch`` know the place by an option named after the format."""


def usual_folder(place: UsualPlace, environment: Mapping[str, str]) -> Path:
    """Where the place is on this machine, for this user."""
    moved = environment.get(place.variable) if place.variable else None
    return Path(moved or place.home).expanduser() / place.folder


def usual_sources(format: str, environment: Mapping[str, str]) -> list[Source]:
    """The places where sessions of a format are usually kept."""
    places = importer_named(format).places
    return [Source(usual_folder(place, environment), format, place.names) for place in places]


def formats_with_places() -> tuple[str, ...]:
    """Those of our own formats that have a usual place."""
    return tuple(sorted({importer.name for importer in OURS if importer.places}))


def find_usual(environment: Mapping[str, str]) -> list[Found]:
    """Sessions in the usual places of all formats, most first."""
    importers = [*OURS, *_others()]
    found = [
        Found(
            importer.name,
            place.program,
            str(folder),
            sum(fnmatchcase(Path(path).name, place.sessions) for path in files_in(source)),
            importer in OURS,
        )
        for importer in importers
        for place in importer.places
        for folder in [usual_folder(place, environment)]
        for source in [Source(folder, importer.name, place.names)]
    ]
    return sorted((one for one in found if one.sessions), key=lambda one: -one.sessions)


def _others() -> Iterator[Importer]:
    for name in other_formats():
        with suppress(ExtensionError):  # a broken one is shown by ``reverie extensions``, and hides nothing of ours
            yield importer_named(name)


def files_in(source: Source) -> dict[str, Stamp]:
    """The files of a source by path; hidden ones and links to folders are left out, as in imports.

    What vanishes while it is looked at, or may not be read, is as if it were not there: ``import`` says why.
    """
    if source.path.is_dir():
        return dict(_below(str(source.path), source.names))
    try:
        return {str(source.path): _stamp(source.path.stat())}
    except OSError:
        return {}


def _below(folder: str, names: str) -> Iterator[tuple[str, Stamp]]:
    waiting = [folder]
    while waiting:
        for entry in _entries(waiting.pop()):
            if entry.name.startswith("."):
                continue
            try:
                if entry.is_dir(follow_symlinks=False):
                    waiting.append(entry.path)
                elif entry.is_file() and fnmatchcase(entry.name, names):
                    yield entry.path, _stamp(entry.stat())
            except OSError:  # it went between two looks
                continue


def _entries(folder: str) -> list[os.DirEntry[str]]:
    try:
        with os.scandir(folder) as entries:
            return list(entries)
    except OSError:
        return []


def _stamp(status: os.stat_result) -> Stamp:
    return Stamp(status.st_size, status.st_mtime_ns, status.st_ino)
