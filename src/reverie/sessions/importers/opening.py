"""Opening what a path names: a file, plain or gzip, or a member of a tar archive."""

import gzip
import io
import tarfile
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from reverie.errors import InputError
from reverie.sessions.import_problem import ImportProblem

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

READ_ERRORS = (OSError, EOFError, zlib.error, tarfile.TarError)
"""What reading a file, compressed or archived, may raise."""

_BYTE_ORDER_MARK = b"\xef\xbb\xbf"
_HEAD_BYTES = 1 << 20
_BUFFER_BYTES = 1 << 17
_GZIP_MAGIC = b"\x1f\x8b"
_TAR_MAGIC = slice(257, 262)


class _Resumed(io.RawIOBase):
    """A stream put together again after its head was looked at."""

    def __init__(self, head: bytes, rest: io.BufferedIOBase) -> None:
        self._head = io.BytesIO(head)
        self._rest = rest

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: "WriteableBuffer", /) -> int:
        view = memoryview(buffer)
        chunk = self._head.read(len(view)) or self._rest.read1(len(view))
        view[: len(chunk)] = chunk
        return len(chunk)


def _look_ahead(stream: io.BufferedIOBase) -> tuple[bytes, io.BufferedReader]:
    """The first megabyte of ``stream`` (less when it is shorter or breaks off), and the stream from its start.

    A byte order mark is dropped.
    """
    head = bytearray()
    try:
        while len(head) < _HEAD_BYTES and (chunk := stream.read1(_HEAD_BYTES)):
            head += chunk
    except READ_ERRORS:
        if not head:
            raise  # Otherwise the reader meets it again, after what could be read.
    kept = bytes(head.removeprefix(_BYTE_ORDER_MARK))
    return kept, io.BufferedReader(_Resumed(kept, stream), _BUFFER_BYTES)


class OpenFile(msgspec.Struct, frozen=True):
    """One plain file, to be read before the next is asked for."""

    label: str
    head: bytes
    """Its first bytes, which ``stream`` gives once more."""
    stream: io.BufferedReader


def open_path(path: Path) -> Iterator[OpenFile | ImportProblem]:
    """The file at ``path``, decompressed, or the files in it when it is an archive, or what is wrong with it."""
    try:
        with path.open("rb") as stream:
            yield from _unpack(str(path), stream)
    except READ_ERRORS as error:
        yield ImportProblem(str(path), 0, reason_of(error))


def _unpack(label: str, stream: io.BufferedIOBase) -> Iterator[OpenFile | ImportProblem]:
    try:
        head, whole = _look_ahead(stream)
        if head.startswith(_GZIP_MAGIC):
            yield from _unpack(label, gzip.GzipFile(fileobj=whole))
        elif head[_TAR_MAGIC] == b"ustar":
            yield from _members(label, whole)
        else:
            yield OpenFile(label, head, whole)
    except READ_ERRORS as error:
        yield ImportProblem(label, 0, reason_of(error))


def _members(label: str, stream: io.BufferedReader) -> Iterator[OpenFile | ImportProblem]:
    with tarfile.open(fileobj=stream, mode="r|") as archive:
        for member in archive:
            content = archive.extractfile(member) if member.isfile() else None
            if isinstance(content, io.BufferedReader):
                yield from _unpack(f"{label}/{member.name.removeprefix('./')}", content)


def reason_of(error: BaseException) -> str:
    """What to tell the user of one of :data:`READ_ERRORS`."""
    if isinstance(error, FileNotFoundError):
        return "no such file or folder"
    if isinstance(error, EOFError):
        return "the gzip data breaks off: the file is truncated; what came before was read"
    if isinstance(error, tarfile.TarError | zlib.error | gzip.BadGzipFile):
        return f"the archive is truncated or damaged ({error}); what came before was read"
    return f"cannot be read: {error.strerror or error}" if isinstance(error, OSError) else str(error)


def read_bytes(path: Path) -> bytes:
    """The whole content of a file, which may be gzip, or inside an archive as in ``runs.tar.gz/folder/scores.json``.

    Raises:
        InputError: there is no such file or member, or it is damaged.
    """
    outer = next((part for part in (path, *path.parents) if part.is_file()), path)
    reason = f"{outer}:0: has no member {path.relative_to(outer)}"
    for opened in open_path(outer):
        if isinstance(opened, ImportProblem):
            reason = str(opened)
        elif opened.label == str(path):
            return _read_whole(opened)
    raise InputError(reason)


def _read_whole(opened: OpenFile) -> bytes:
    try:
        return opened.stream.read()
    except READ_ERRORS as error:
        raise InputError(f"{opened.label}:0: {reason_of(error)}") from error
