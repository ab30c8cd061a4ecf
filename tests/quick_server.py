"""An HTTP server in the test's own event loop that ends as soon as it is told to."""

import asyncio
import socket
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import uvicorn

TLS = ssl.create_default_context()
"""For HTTP clients: each would otherwise read the certificates of all authorities anew, and none is needed."""


class QuickServer(uvicorn.Server):
    """Looks all the time, instead of ten times a second, whether it is to end, and whether it may."""

    def __init__(self, app: Any) -> None:
        super().__init__(uvicorn.Config(app, log_config=None, lifespan="off", ws="none"))
        self.ended = asyncio.Event()

    async def main_loop(self) -> None:
        """Serve until told to end."""
        await self.on_tick(0)
        await self.ended.wait()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Let answers that are being given come to their end."""
        for server in self.servers:
            server.close()
        for connection in list(self.server_state.connections):
            connection.shutdown()
        while self.server_state.connections or self.server_state.tasks:  # noqa: ASYNC110 - uvicorn tells nobody
            await asyncio.sleep(0)
        for given in sockets or ():
            given.close()


@asynccontextmanager
async def quick_server(app: Any) -> AsyncIterator[str]:
    """The address of an application that is served for as long as the context lasts."""
    server = QuickServer(app)
    # Named as TCP, unlike uvicorn's own: asyncio then sends small answers at once instead of after 40 ms.
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.bind(("127.0.0.1", 0))
    task = asyncio.create_task(server.serve([listener]))
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        server.ended.set()
        await task
