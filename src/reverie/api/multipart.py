"""Multipart bodies: fields, and files that are spooled to disk as they come in."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Collection
from contextlib import asynccontextmanager

from starlette.datastructures import FormData, UploadFile
from starlette.formparsers import MultiPartException, MultiPartParser
from starlette.requests import Request

from reverie.errors import InputError, SizeError

PIECE_SECONDS = 60.0
"""How long a client may take until it sends the next piece."""
_MOST_FILES = 1_000
_OVERHEAD_BYTES = 1024 * 1024
"""What the headers of parts may take besides the files."""


class _Parser(MultiPartParser):
    """Refuses a body that ends before its closing boundary."""

    is_whole = False

    def on_end(self) -> None:
        self.is_whole = True

    async def parse(self) -> FormData:
        # Refused from inside of the stream, since only then the file of the part that was cut off is closed too.
        self.stream = self._to_the_end(self.stream)
        return await super().parse()

    async def _to_the_end(self, stream: AsyncGenerator[bytes, None]) -> AsyncGenerator[bytes, None]:
        async for piece in stream:
            yield piece
        if not self.is_whole:
            raise InputError("the multipart body ends before its closing boundary; send it again")


@asynccontextmanager
async def open_form(request: Request, fields: Collection[str], most_bytes: int) -> AsyncIterator[FormData]:
    """The fields and files of a body; the files are gone at the end of the context. ``name[]`` is read as ``name``.

    Raises:
        InputError: the body is no multipart form, was cut off, or has a field besides ``fields``.
        SizeError: it has more than ``most_bytes``.
        TimeoutError: the client stopped sending.
    """
    if not request.headers.get("content-type", "").lower().startswith("multipart/form-data"):
        raise InputError("send the file as multipart/form-data")
    parser = _Parser(request.headers, limited(request, most_bytes), max_files=_MOST_FILES, max_fields=len(fields))
    try:
        read = await parser.parse()
    except MultiPartException as error:
        raise InputError(f"the multipart body cannot be read: {error.message}") from error
    try:
        form = FormData([(name.removesuffix("[]"), value) for name, value in read.multi_items()])
        unknown = sorted(set(form) - set(fields))
        if unknown:
            raise InputError(f"{unknown[0]}: there is no such field; there are {', '.join(fields)}")
        yield form
    finally:
        await read.close()


def files_of(form: FormData, field: str) -> list[UploadFile]:
    """The files that were sent as ``field``.

    Raises:
        InputError: there are none, or it was sent as text.
    """
    sent = form.getlist(field)
    files = [value for value in sent if isinstance(value, UploadFile)]
    if not files or len(files) < len(sent):
        raise InputError(f"{field}: send it as a file, with a filename in its Content-Disposition")
    return files


def text_of(form: FormData, field: str) -> str | None:
    """The text that was sent as ``field``; None when it was not.

    Raises:
        InputError: it was sent as a file.
    """
    value = form.get(field)
    if isinstance(value, UploadFile):
        raise InputError(f"{field}: this is text, not a file")
    return value


async def limited(request: Request, most_bytes: int) -> AsyncGenerator[bytes, None]:
    """The pieces of a body as they come in.

    Raises:
        SizeError: it has more than ``most_bytes``.
        TimeoutError: the client stopped sending.
    """
    most = most_bytes + _OVERHEAD_BYTES
    declared = request.headers.get("content-length", "")
    if declared.isdecimal() and int(declared) > most:
        raise SizeError(f"the body has {int(declared):,} bytes; at most {most_bytes:,} are taken")
    size = 0
    pieces = request.stream()
    while True:
        async with asyncio.timeout(PIECE_SECONDS):
            piece = await anext(pieces, None)
        if piece is None:
            return
        size += len(piece)
        if size > most:
            raise SizeError(f"the body has more than {most_bytes:,} bytes")
        yield piece
