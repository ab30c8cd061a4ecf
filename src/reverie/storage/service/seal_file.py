"""The file outside the database to which seals are appended, one JSON object a line."""

import io
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import msgspec

from reverie.errors import InputError, SettingsError
from reverie.storage.service.seal import Seal

Append = Callable[[Sequence[Seal]], None]


@contextmanager
def opened_seal_file(path: Path | None) -> Iterator[Append]:
    """What appends seals to the file, made if missing; without a path it does nothing.

    It is opened before anything is sealed, so that a file that cannot be written leaves no seal inside alone.

    Raises:
        SettingsError: it cannot be written.
    """
    if path is None:
        yield lambda _: None
        return
    try:
        file = path.open("ab", buffering=0)
    except OSError as error:
        raise _unwritable(path, error) from error
    with file:
        yield lambda seals: _append(path, file, seals)


def _append(path: Path, file: io.FileIO, seals: Sequence[Seal]) -> None:
    """Write the seals in one piece, so that servers that share the file do not mix their lines; synchronized."""
    try:
        file.write(b"".join(msgspec.json.encode(seal) + b"\n" for seal in seals))
        os.fsync(file.fileno())
    except OSError as error:
        raise _unwritable(path, error) from error


def _unwritable(path: Path, error: OSError) -> SettingsError:
    return SettingsError(f"REVERIE_AUDIT_SEAL_FILE={path}: cannot be written: {error.strerror}")


def read_seal_file(path: Path, workspace_id: str) -> dict[int, list[Seal]]:
    """The seals of a workspace that the file holds, by their numbers: more than one where it contradicts itself.

    Raises:
        InputError: the file cannot be read, or a line is no seal.
    """
    found: dict[int, list[Seal]] = {}
    try:
        with path.open("rb") as file:
            for number, line in enumerate(file, 1):
                seal = _read(path, number, line)
                known = found.setdefault(seal.number, []) if seal.workspace_id == workspace_id else []
                if seal not in known:
                    known.append(seal)
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {error.strerror}") from error
    return found


def _read(path: Path, number: int, line: bytes) -> Seal:
    try:
        return msgspec.json.decode(line, type=Seal)
    except msgspec.DecodeError as error:
        raise InputError(f"{path}:{number}: no seal: {error}; was the line cut off or edited?") from error
