"""Memories as files: a folder written from a store, and read back as edits."""

import os
import unicodedata
from collections.abc import Iterable, Iterator
from pathlib import Path

import msgspec

from reverie.errors import ConflictError, InputError, NotFoundError, ReverieError
from reverie.memory.content import MAX_CONTENT_BYTES, decode_content
from reverie.memory.memory import Edit
from reverie.memory.path import check_path

# The marker that the Managed Agents worker leaves in a mounted store, and the history of people who keep one.
_IGNORED_NAMES = {".anthropic-memory-store", ".git"}


class FileProblem(msgspec.Struct, frozen=True):
    """A file that could not be read or written, and why."""

    path: str
    reason: str

    def __str__(self) -> str:
        return f"{self.path}: {self.reason}"


def write_folder(folder: Path, contents: Iterable[tuple[str, str]], *, force: bool) -> list[FileProblem]:
    """Write memories, given as (path, content), as one file each below ``folder``; returns the files that failed.

    Raises:
        ConflictError: ``folder`` is not empty, and ``force`` is False.
        InputError: ``folder`` cannot be made or read.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        in_use = any(folder.iterdir())
    except OSError as error:
        raise InputError(f"cannot use the folder {folder}: {error.strerror}; name a new or empty one") from error
    if in_use and not force:
        raise ConflictError(f"{folder} is not empty; name a new or empty folder, or overwrite files with --force")
    root = folder.resolve()
    problems = []
    for path, content in contents:
        try:
            _write_file(root, path, content, force=force)
        except (OSError, ReverieError) as error:
            problems.append(_problem(root / path[1:], error))
    return problems


def read_folder(folder: Path, reason: str) -> tuple[list[Edit], list[FileProblem]]:
    """Every file below ``folder`` as an edit that writes it, and the files that cannot be memories.

    Symbolic links are not followed; ``.git`` and the Managed Agents marker file are passed over.

    Raises:
        NotFoundError: there is no such folder.
    """
    if not folder.is_dir():
        raise NotFoundError(f"there is no folder {folder}")
    edits = []
    problems: list[FileProblem] = []
    for file in _files(folder, problems):
        try:
            edits.append(_read_file(folder, file, reason))
        except (OSError, ReverieError) as error:
            problems.append(_problem(file, error))
    return edits, problems


def _write_file(root: Path, path: str, content: str, *, force: bool) -> None:
    check_path(path)
    file = root / path[1:]
    if file.is_symlink() or not file.parent.resolve().is_relative_to(root):
        raise InputError("a symbolic link would lead out of the folder; remove the link")
    file.parent.mkdir(parents=True, exist_ok=True)
    # Exclusive, because two paths that differ by case are one file on some systems.
    with file.open("wb" if force else "xb") as stream:
        stream.write(content.encode())


def _files(folder: Path, problems: list[FileProblem]) -> Iterator[Path]:
    def note(error: OSError) -> None:
        problems.append(_problem(Path(error.filename), error))

    for parent, directories, names in os.walk(folder, onerror=note):
        links = [name for name in directories if Path(parent, name).is_symlink()]
        directories[:] = sorted(set(directories) - _IGNORED_NAMES - set(links))
        for name in sorted({*names, *links} - _IGNORED_NAMES):
            yield Path(parent, name)


def _read_file(folder: Path, file: Path, reason: str) -> Edit:
    if file.is_symlink() or not file.is_file():
        raise InputError("not a regular file; put a copy of the file here")
    path = unicodedata.normalize("NFC", f"/{file.relative_to(folder).as_posix()}")
    check_path(path)
    with file.open("rb") as stream:
        data = stream.read(MAX_CONTENT_BYTES + 1)
    return Edit(path, decode_content(data), reason)


def _problem(file: Path, error: OSError | ReverieError) -> FileProblem:
    reason = error.strerror or str(error) if isinstance(error, OSError) else str(error)
    # File names need not be valid text, but messages do.
    return FileProblem(os.fsencode(file).decode(errors="replace"), reason)
