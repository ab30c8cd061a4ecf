"""Opening what a path names: a file, plain or compressed, or a member of a tar or zip archive."""

import bz2
import codecs
import gzip
import io
import lzma
import sys
import tarfile
import tempfile
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, cast

import msgspec

if sys.version_info >= (3, 14):
    import zipfile

    from compression import zstd
else:  # Zip members may be compressed by zstd, too, as those of Inspect's logs are.
    from backports import zstd
    from backports.zstd import zipfile

from reverie.errors import InputError
from reverie.sessions.import_problem import ImportProblem
from reverie.sessions.importers.zip_rest import whole_members

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

READ_ERRORS = (
    *(OSError, EOFError, zlib.error, tarfile.TarError, lzma.LZMAError, zipfile.BadZipFile, zstd.ZstdError),
    *(UnicodeDecodeError, NotImplementedError),  # UTF-16 that is none; a compression that zipfile does not know
)
"""What reading a file, compressed or archived, may raise."""

_DAMAGES = (*(tarfile.TarError, zlib.error, gzip.BadGzipFile, lzma.LZMAError, zipfile.BadZipFile, zstd.ZstdError),)
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"
_HEAD_BYTES = 1 << 20
_BUFFER_BYTES = 1 << 17
_GZIP_MAGIC = b"\x1f\x8b"
_BZIP2_MAGIC = b"BZh"
_XZ_MAGIC = b"\xfd7zXZ\x00"
_ZSTD_MAGIC = b"\x28\xb5\x2f\xfd"
_ZIP_MAGIC = b"PK\x03\x04"
_UTF16_MARKS = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
_ENCRYPTED = 1
"""Bit of a zip member's flags."""
_IN_MEMORY = 16 << 20
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


class _FromUtf16(io.RawIOBase):
    """UTF-16 as UTF-8; lone surrogates, which JSON text of agents may hold, become U+FFFD."""

    def __init__(self, source: io.BufferedIOBase) -> None:
        self._source = source
        self._decoder = codecs.getincrementaldecoder("utf-16")("replace")
        self._ready = b""

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: "WriteableBuffer", /) -> int:
        view = memoryview(buffer)
        while not self._ready and (chunk := self._source.read1(_BUFFER_BYTES)):
            self._ready = self._decoder.decode(chunk).encode()
        piece, self._ready = self._ready[: len(view)], self._ready[len(view) :]
        view[: len(piece)] = piece
        return len(piece)


class _FromCarriageReturns(io.RawIOBase):
    """Lines that end in a carriage return alone, as old programs write them, with line feeds instead."""

    def __init__(self, source: io.BufferedIOBase) -> None:
        self._source = source

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: "WriteableBuffer", /) -> int:
        view = memoryview(buffer)
        piece = self._source.read1(len(view)).replace(b"\r", b"\n")
        view[: len(piece)] = piece
        return len(piece)


_LARGEST_ZIP = 16 << 30
"""Bytes of a zip file that are copied to the disk; one within another archive may come from next to nothing."""


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
        elif head.startswith(_BZIP2_MAGIC):
            yield from _unpack(label, bz2.open(whole))  # noqa: SIM115 - closed with the stream below it
        elif head.startswith(_XZ_MAGIC):
            yield from _unpack(label, lzma.open(whole))  # noqa: SIM115
        elif head.startswith(_ZSTD_MAGIC):
            yield from _unpack(label, zstd.open(whole))
        elif head.startswith(_UTF16_MARKS):
            yield from _unpack(label, io.BufferedReader(_FromUtf16(whole), _BUFFER_BYTES))
        elif head.startswith(_ZIP_MAGIC):
            yield from _zip_members(label, whole)
        elif head[_TAR_MAGIC] == b"ustar":
            yield from _members(label, whole)
        elif b"\r" in head and b"\n" not in head:
            yield from _unpack(label, io.BufferedReader(_FromCarriageReturns(whole), _BUFFER_BYTES))
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


def _zip_members(label: str, stream: io.BufferedReader) -> Iterator[OpenFile | ImportProblem]:
    """Its list of members is at a zip file's end, so that it is copied first; members are streamed."""
    with tempfile.SpooledTemporaryFile(max_size=_IN_MEMORY) as copy:
        while piece := stream.read(_BUFFER_BYTES):
            copy.write(piece)
            if copy.tell() > _LARGEST_ZIP:
                yield ImportProblem(label, 0, f"is a zip file of more than {_LARGEST_ZIP >> 30} GB; unpack it first")
                return
        try:
            archive = zipfile.ZipFile(copy)
        except zipfile.BadZipFile:
            for rest in whole_members(copy):
                yield from _unpack(f"{label}/{rest.name.removeprefix('./')}", io.BytesIO(rest.data))
            raise
        with archive:
            for member in archive.infolist():
                name = f"{label}/{member.filename.removeprefix('./')}"
                if member.flag_bits & _ENCRYPTED:
                    yield ImportProblem(name, 0, "is encrypted; unpack it first")
                elif not member.is_dir():
                    with archive.open(member) as content:
                        yield from _unpack(name, cast(io.BufferedIOBase, content))


def reason_of(error: BaseException) -> str:
    """What to tell the user of one of :data:`READ_ERRORS`."""
    if isinstance(error, FileNotFoundError):
        return "no such file or folder"
    if isinstance(error, EOFError):
        return "the compressed data breaks off: the file is truncated; what came before was read"
    if isinstance(error, _DAMAGES):
        return f"the archive is truncated or damaged ({error}); what came before was read"
    return f"cannot be read: {error.strerror or error}" if isinstance(error, OSError) else str(error)


def read_bytes(path: Path) -> bytes:
    """The whole content of a file, which may be gzip, or inside an archive as in ``runs.tar.gz/folder/scores.json``.

    Raises:
        InputError: there is no such file or member, or it is damaged.
    """
    outer = next((part for part in (path, *path.parents) if part.is_file()), path)
    reason = f"{outer}: has no member {path.relative_to(outer)}"
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
        raise InputError(f"{opened.label}: {reason_of(error)}") from error
