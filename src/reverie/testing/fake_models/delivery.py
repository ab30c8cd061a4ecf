"""Sending an answer: at once, late, drop by drop, not to its end, or not at all."""

import asyncio
from collections.abc import Callable, Sequence
from typing import Any

from starlette.responses import Response
from starlette.types import Receive, Scope, Send
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from reverie.testing.fake_models.reply import Fault

_CUT = "reverie.cut"


class CuttingProtocol(HttpToolsProtocol):
    """uvicorn's, whose connections can be closed in mid-answer without the noise that an error would make."""

    def on_message_begin(self) -> None:
        super().on_message_begin()
        extensions: dict[str, Any] = {_CUT: self._cut}
        self.scope["extensions"] = extensions

    def _cut(self) -> None:
        self.transport.close()  # what was written before still goes out


class Delivery(Response):
    """One answer.

    Args:
        status: of the answer.
        headers: of the answer, without its length.
        parts: the whole body, or the events of a stream.
        streamed: whether the parts are events.
        latency: seconds before the first byte.
        fault: what goes wrong.
        closing: set when the server ends.
        abandoned: called when the client goes before the end.
    """

    def __init__(
        self,
        status: int,
        headers: dict[str, str],
        parts: Sequence[bytes],
        *,
        streamed: bool = False,
        latency: float = 0.0,
        fault: Fault | None = None,
        closing: asyncio.Event,
        abandoned: Callable[[], None],
    ) -> None:
        super().__init__(status_code=status)
        self._fields = headers
        self._parts = parts
        self._streamed = streamed
        self._latency = latency
        self._fault = fault
        self._closing = closing
        self._abandoned = abandoned

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        gone = asyncio.create_task(_until_gone(receive))
        closing = asyncio.create_task(self._closing.wait())
        try:
            if await self._deliver(send, {gone, closing}):
                return
            if self._fault is not None and self._fault.name == "silence":
                await asyncio.wait({gone, closing}, return_when=asyncio.FIRST_COMPLETED)
            if gone.done():
                self._abandoned()
            else:
                _cut(scope)
        finally:
            gone.cancel()
            closing.cancel()
            await asyncio.gather(gone, closing, return_exceptions=True)

    async def _deliver(self, send: Send, ends: set[asyncio.Task[Any]]) -> bool:
        """Send as much as the fault lets through; whether that was all of it."""
        stop = self._stop()
        if stop == 0 or not await _pause(self._latency, ends):
            return False
        await send({"type": "http.response.start", "status": self.status_code, "headers": self._head()})
        delay = self._fault.delay if self._fault is not None else 0.0
        for part in self._parts[:stop]:
            if not await _pause(delay, ends):
                return False
            await send({"type": "http.response.body", "body": part, "more_body": True})
        if stop is not None:
            return False
        await send({"type": "http.response.body", "body": b"", "more_body": False})
        return True

    def _stop(self) -> int | None:
        """Parts after which nothing is sent any more."""
        if self._fault is None or self._fault.name not in ("cut", "silence"):
            return None
        return self._fault.after if self._streamed else 0

    def _head(self) -> list[tuple[bytes, bytes]]:
        headers = dict(self._fields)
        if not self._streamed:
            headers["content-length"] = str(sum(map(len, self._parts)))
        return [(name.encode("latin-1"), value.encode("latin-1")) for name, value in headers.items()]


async def _pause(seconds: float, ends: set[asyncio.Task[Any]]) -> bool:
    """Wait; whether client and server are still there then."""
    if seconds > 0:
        await asyncio.wait(ends, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
    return not any(end.done() for end in ends)


async def _until_gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


def _cut(scope: Scope) -> None:
    cut = scope.get("extensions", {}).get(_CUT)
    if cut is not None:
        cut()
