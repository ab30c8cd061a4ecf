"""Sessions on disk until they have arrived: one file each, in a folder of the process that records it.

A folder is locked for as long as its process lives. What a process leaves behind, killed or not, the next one that
records for the same destination takes over.
"""

import fcntl
import itertools
import os
import secrets
import stat
import tempfile
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import BinaryIO

OPEN, READY, SCORES, REFUSED = ".open", ".ready", ".scores", ".refused"
"""A session that goes on, one that has ended, scores of one that was sent before, and what nobody will take."""
_LOCK = "owner.lock"
_PRIVATE = 0o700


_numbers = itertools.count()


def spool_name(now: datetime) -> str:
    """A name that no other session has, and that sorts after those that this process gave before."""
    return f"{int(now.timestamp() * 1000):014d}-{next(_numbers):08d}-{secrets.token_hex(3)}"


class Spool:
    """The files of this process, and those that it takes over; not more than ``most_bytes`` of them."""

    def __init__(self, folder: Path, most_bytes: int) -> None:
        self._folder = folder
        self._most = most_bytes
        self._bytes = 0
        self._lock: int | None = None
        self.is_open = False
        self.own = folder / f"{os.getpid()}-{secrets.token_hex(4)}"

    def open(self) -> None:
        """Make the folder where there is none yet, and take over what others left.

        Where nothing can be written, as in many containers, it is a folder among the temporary ones.

        Raises:
            OSError: neither can be made.
        """
        if self.is_open:
            return
        try:
            self._make()
        except OSError:
            self._folder = _temporary() / self._folder.name
            self.own = self._folder / self.own.name
            self._make()
        self.is_open = True
        for left in sorted(self._folder.iterdir()):
            if left != self.own and not left.name.startswith(".") and _is_ours(left, stat.S_ISDIR):
                self._adopt(left)
        self._bytes = sum(path.stat().st_size for path in self.own.iterdir())

    def _make(self) -> None:
        """Make the folder, locked before it has the name by which others find it."""
        hidden = self.own.with_name(f".{self.own.name}")
        hidden.mkdir(parents=True, mode=_PRIVATE)
        self._lock = _locked(hidden / _LOCK)
        hidden.rename(self.own)

    def _adopt(self, left: Path) -> None:
        """Move the files of a process that is gone here; what it had open has ended with it."""
        lock = _locked(left / _LOCK)
        if lock is None:
            return
        for path in sorted(left.iterdir()):
            if not _is_ours(path, stat.S_ISREG):
                continue
            if path.suffix in (OPEN, READY, SCORES):
                path.rename(self.own / path.with_suffix(READY if path.suffix == OPEN else path.suffix).name)
            elif path.suffix == REFUSED:
                path.rename(self._folder / path.name)
        (left / _LOCK).unlink()
        os.close(lock)
        with suppress(OSError):  # Somebody put a file of their own there.
            left.rmdir()

    def append(self, name: str, data: bytes, *, is_last: bool = False) -> bool:
        """Add to a session that goes on; False where there is no room. For its end there is.

        Raises:
            OSError: the disk is full, or away.
        """
        if self._bytes + len(data) > self._most and not is_last:
            return False
        with _private(self.own / f"{name}{OPEN}") as file:
            file.write(data)
        self._bytes += len(data)
        return True

    def finish(self, name: str) -> None:
        """A session has ended, and may be sent."""
        path = self.own / f"{name}{OPEN}"
        if path.exists():
            path.rename(path.with_suffix(READY))

    def keep_scores(self, name: str, data: bytes) -> None:
        """Scores of a session that has ended.

        Raises:
            OSError: the disk is full, or away.
        """
        with _private(self.own / f"{name}{OPEN}") as file:
            file.write(data)
        (self.own / f"{name}{OPEN}").rename(self.own / f"{name}{SCORES}")
        self._bytes += len(data)

    def waiting(self) -> list[Path]:
        """What may be sent, the oldest first."""
        if not self.own.exists():
            return []
        return sorted(path for path in self.own.iterdir() if path.suffix in (READY, SCORES))

    def remove(self, path: Path) -> None:
        """It has arrived."""
        self._bytes -= path.stat().st_size
        path.unlink()

    def set_aside(self, path: Path) -> Path:
        """Nobody will take it; where it is kept for a person to look at."""
        aside = self._folder / path.with_suffix(REFUSED).name
        self._bytes -= path.stat().st_size
        return path.rename(aside)

    def close(self) -> None:
        """End: what is left is for the next process."""
        if self._lock is None:
            return
        if not any(path.name != _LOCK for path in self.own.iterdir()):
            (self.own / _LOCK).unlink()
            self.own.rmdir()
        self.let_go()

    def let_go(self) -> None:
        """Leave the folder to whoever else holds it: a parent, or the next process."""
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None


def lines_of(path: Path) -> Iterator[bytes]:
    """The lines of a session's file."""
    with path.open("rb") as file:
        yield from file


def _temporary() -> Path:
    """A folder of this user alone among the temporary ones, where anybody may have made one of its name before.

    Raises:
        PermissionError: somebody else did, or it is a link.
    """
    folder = Path(tempfile.gettempdir()) / f"reverie-recordings-{os.getuid()}"
    with suppress(FileExistsError):
        folder.mkdir(mode=_PRIVATE)
    if not _is_ours(folder, stat.S_ISDIR) or folder.lstat().st_mode & 0o077:
        raise PermissionError(f"{folder} is not a folder of this user alone; remove it, or set REVERIE_HOME")
    return folder


def _is_ours(path: Path, is_kind: Callable[[int], bool]) -> bool:
    """Whether it is of this kind itself, no link to one, and this user's."""
    try:
        status = path.lstat()
    except FileNotFoundError:  # another process took it over
        return False
    return is_kind(status.st_mode) and status.st_uid == os.getuid()


def _private(path: Path) -> BinaryIO:
    return os.fdopen(os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW, 0o600), "ab")


def _locked(path: Path) -> int | None:
    """A lock that ends with this process; None where another one holds it, or has just taken everything over."""
    try:
        lock = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o600)
    except FileNotFoundError:
        return None
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(lock)
        return None
    return lock
