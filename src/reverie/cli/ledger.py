"""Which session files were imported already, as they then stood, so that unchanged ones need not be read again.

A file in the home folder for each place that sessions go to. It is written after an import, so a process that is killed
imports a file twice at worst, which adds nothing. It is bound to the database that it speaks of: of a new one, nothing
is known.
"""

import fcntl
import hashlib
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import msgspec

from reverie.cli.session_files import Stamp


class _Pages(msgspec.Struct, frozen=True):
    installation: str | None = None
    """Whose sessions they are; None where that cannot be told."""
    files: dict[str, Stamp] = {}


class Ledger:
    """The ledger of one place that sessions go to, ``target``, such as a server's address."""

    def __init__(self, home: Path, target: str) -> None:
        name = hashlib.sha256(target.encode()).hexdigest()[:16]
        self._file = home / "watch" / f"{name}.json"

    def files(self) -> dict[str, Stamp]:
        """Path → how the file stood when it was imported. A ledger that cannot be read is an empty one."""
        return self._read().files

    def add(self, files: Mapping[str, Stamp]) -> None:
        """Note that files were imported.

        Raises:
            OSError: it cannot be written.
        """
        with self._locked():
            pages = self._read()
            self._write(msgspec.structs.replace(pages, files={**pages.files, **files}))

    def bind(self, installation: str | None) -> None:
        """Forget everything where it was about another installation.

        Raises:
            OSError: it cannot be written.
        """
        with self._locked():
            if self._read().installation != installation:
                self._write(_Pages(installation))

    def clear(self) -> None:
        """Forget everything.

        Raises:
            OSError: it cannot be written.
        """
        with self._locked():
            self._write(_Pages(self._read().installation))

    def _read(self) -> _Pages:
        try:
            return msgspec.json.decode(self._file.read_bytes(), type=_Pages)
        except (FileNotFoundError, msgspec.DecodeError):
            return _Pages()

    def _write(self, pages: _Pages) -> None:
        aside = self._file.with_suffix(".new")
        with aside.open("wb") as file:
            file.write(msgspec.json.encode(pages))
            file.flush()
            os.fsync(file.fileno())
        aside.replace(self._file)

    @contextmanager
    def _locked(self) -> Iterator[None]:
        self._file.parent.mkdir(parents=True, exist_ok=True)
        with self._file.with_suffix(".lock").open("ab") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield
