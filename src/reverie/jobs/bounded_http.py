"""Requests to services of others, whose answers end: in bytes, in seconds and in pages."""

import asyncio
from collections.abc import AsyncIterator, Iterable
from typing import Any

import httpx2
import msgspec
from anthropic.pagination import AsyncPageCursor

from reverie.errors import ReverieError, SizeError

MOST_BYTES = 256 * 1024**2
"""Of one answer, unpacked; and of what is put together from several, such as one session."""
MOST_SECONDS = 600.0
"""From the first byte of a request to the last one of its answer."""
MOST_PAGES = 10_000
"""Of one list."""


class AnswerError(ReverieError):
    """A service answers more than anything that is taken, or without an end."""


class BoundedClient(httpx2.AsyncClient):
    """A client whose answers are read whole before they are given, up to :data:`MOST_BYTES` and :data:`MOST_SECONDS`.

    Raises:
        AnswerError: an answer is larger.
        httpx2.ReadTimeout: it takes longer.
    """

    async def send(self, request: httpx2.Request, *, stream: bool = False, **options: Any) -> httpx2.Response:  # noqa: ARG002
        """See :meth:`httpx2.AsyncClient.send`."""
        try:
            async with asyncio.timeout(MOST_SECONDS):
                answer = await super().send(request, stream=True, **options)
                try:
                    return await _whole(answer)
                finally:
                    await answer.aclose()
        except TimeoutError as error:
            said = f"{request.url} did not end its answer within {MOST_SECONDS:g} s"
            raise httpx2.ReadTimeout(said, request=request) from error


async def _whole(answer: httpx2.Response) -> httpx2.Response:
    pieces, size = [], 0
    async for piece in answer.aiter_bytes():  # unpacked, so that what is packed small counts for what it is
        size += len(piece)
        if size > MOST_BYTES:
            raise AnswerError(f"{answer.url} answers more than {MOST_BYTES:,} bytes; check the address")
        pieces.append(piece)
    packing = ("content-encoding", "content-length", "transfer-encoding")
    headers = [(name, value) for name, value in answer.headers.multi_items() if name.lower() not in packing]
    content = b"".join(pieces)
    return httpx2.Response(answer.status_code, headers=headers, content=content, request=answer.request)


class Meter:
    """Measures what one thing is put together from, such as a session of many pages."""

    def __init__(self) -> None:
        self.bytes = 0

    def lines(self, documents: Iterable[Any]) -> bytes:
        """The documents as lines of JSON.

        Raises:
            SizeError: with these it is larger than :data:`MOST_BYTES`.
        """
        lines = b"".join(msgspec.json.encode(document) + b"\n" for document in documents)
        self.bytes += len(lines)
        if self.bytes > MOST_BYTES:
            raise SizeError(f"it has more than {MOST_BYTES:,} bytes, and is left out")
        return lines


async def each_listed(listed: Any, name: str) -> AsyncIterator[Any]:
    """All things on all pages of a list of the official client; ``name`` says what they are.

    Raises:
        AnswerError: the list has no end.
    """
    page: AsyncPageCursor[Any] = await listed
    seen: set[str | None] = set()
    while True:
        for one in page.data or ():
            yield one
        if not page.has_next_page():
            return
        if page.next_page in seen:
            raise AnswerError(f"the list of {name} leads from a page back to the same; check the address")
        if len(seen) + 1 >= MOST_PAGES:
            raise AnswerError(f"the list of {name} has more than {MOST_PAGES:,} pages; ask for fewer, as by --since")
        seen.add(page.next_page)
        page = await page.get_next_page()
