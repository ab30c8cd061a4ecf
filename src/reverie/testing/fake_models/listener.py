"""An ASGI application behind a socket, in a thread of its own."""

import asyncio
import socket
import threading

import uvicorn
from starlette.types import ASGIApp

from reverie.testing.fake_models.delivery import CuttingProtocol


class Listener(uvicorn.Server):
    """uvicorn in a thread, ended by an event."""

    def __init__(self, app: ASGIApp, listener: socket.socket, closing: asyncio.Event) -> None:
        config = uvicorn.Config(
            app,
            http=CuttingProtocol,
            ws="none",
            lifespan="off",
            log_config=None,
            access_log=False,
            server_header=False,
            date_header=False,
        )
        super().__init__(config)
        self._listener = listener
        self._closing = closing
        self._ready = threading.Event()
        self._thread = threading.Thread(target=self._run, name="fake models", daemon=True)
        self._loop: asyncio.AbstractEventLoop | None = None

    def start(self) -> None:
        """Begin to serve; returns once requests are taken."""
        self._thread.start()
        self._ready.wait()

    def stop(self) -> None:
        """End all answers, and wait for that."""
        if self._loop is not None:
            self._loop.call_soon_threadsafe(self._closing.set)
        self._thread.join()

    def _run(self) -> None:
        try:
            asyncio.run(self.serve(sockets=[self._listener]))
        finally:
            self._ready.set()

    async def main_loop(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._ready.set()
        await self._closing.wait()
