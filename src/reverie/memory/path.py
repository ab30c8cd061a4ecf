"""The rules of memory paths: ``/lessons/refunds.md`` is one, ``lessons``, ``/a//b`` and ``/../b`` are not."""

import unicodedata
from collections.abc import Collection, Iterable, Iterator

from reverie.errors import MemoryPathError

MAX_PATH_BYTES = 1_024
MAX_PATH_SEGMENTS = 20
QUARANTINE = "/quarantine/"
"""Where a dream moves text that orders the agent about; recall never looks there."""

# Controls, invisible formatting, line and paragraph separators, and halves of surrogate pairs.
_REFUSED_CATEGORIES = {"Cc", "Cf", "Zl", "Zp", "Cs"}


def check_path(path: str) -> None:
    """Accept a path of 1 to 20 segments and at most 1,024 UTF-8 bytes in Unicode form NFC.

    Raises:
        MemoryPathError: it breaks a rule; the message names the rule.
    """
    if not path.startswith("/"):
        raise MemoryPathError(f"memory path {path!r} must start with '/'")
    for character in path:
        if unicodedata.category(character) in _REFUSED_CATEGORIES:
            raise MemoryPathError(
                f"memory path {path!r} holds the invisible character U+{ord(character):04X}; leave it out"
            )
    if unicodedata.normalize("NFC", path) != path:
        raise MemoryPathError(f"memory path {path!r} is not in Unicode form NFC; normalise it")
    size = len(path.encode())
    if size > MAX_PATH_BYTES:
        raise MemoryPathError(f"memory path {path[:40]!r}… is {size} bytes long; at most {MAX_PATH_BYTES} are allowed")
    segments = path[1:].split("/")
    if len(segments) > MAX_PATH_SEGMENTS:
        raise MemoryPathError(
            f"memory path {path[:40]!r}… has {len(segments)} segments; at most {MAX_PATH_SEGMENTS} are allowed"
        )
    for segment in segments:
        if segment in ("", ".", ".."):
            raise MemoryPathError(f"memory path {path!r} has the segment {segment!r}; give each segment a name")


def check_prefix(prefix: str) -> None:
    """Accept a path prefix that matches whole segments, such as ``/`` or ``/lessons/``.

    Raises:
        MemoryPathError: it does not start and end with ``/``.
    """
    if not (prefix.startswith("/") and prefix.endswith("/")):
        raise MemoryPathError(f"path prefix {prefix!r} must start and end with '/', such as '/lessons/'")


def least_path_after(item: str) -> str:
    """What is not above any path that comes, in byte order, after a memory's path or all beneath a directory's.

    A directory's path ends with ``/``, which ``0`` follows; no path holds control characters.
    """
    return f"{item[:-1]}0" if item.endswith("/") else f"{item}\x01"


def find_clash(created: Iterable[str], paths: Collection[str]) -> tuple[str, str] | None:
    """A created path and another that cannot stand beside it, because one would be the other's directory.

    ``paths`` holds every path of the store, the created ones included.
    """
    beneath = {directory: path for path in paths for directory in directories(path)}
    for path in created:
        if path in beneath:
            return path, beneath[path]
        for directory in directories(path):
            if directory in paths:
                return path, directory
    return None


def directories(path: str) -> Iterator[str]:
    """The directories a path stands in: ``/a/b/c`` gives ``/a/b``, then ``/a``."""
    while (path := path.rpartition("/")[0]) != "":
        yield path
