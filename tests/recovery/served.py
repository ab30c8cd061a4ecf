"""Servers in processes of their own, to be killed; they ask for no key."""

import asyncio
import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing import get_context
from multiprocessing.connection import Connection
from pathlib import Path

from anthropic import AsyncAnthropic

from reverie.api.server import serve
from reverie.api.service import ServiceOptions
from reverie.settings import Settings
from reverie.testing.patience import PATIENCE_SECONDS


def serve_here(database_url: str, started: Connection) -> None:
    """Serve the database until told to stop; ``started`` is told the port."""
    settings = Settings(Path("unused"), database_url=database_url, workers=1)
    asyncio.run(serve(settings, ServiceOptions(require_key=False), "127.0.0.1", 0, started.send))


class ServerProcess:
    """A server on the database at ``database_url`` that takes requests."""

    def __init__(self, database_url: str) -> None:
        # From a server that has the libraries loaded already: a fresh interpreter would spend its time on imports.
        context = get_context("forkserver")
        context.set_forkserver_preload(["tests.recovery.served", "tests.recovery.dream_and_die"])
        here, there = context.Pipe(duplex=False)
        self._process = context.Process(target=serve_here, args=(database_url, there))
        self._process.start()
        there.close()
        assert here.poll(PATIENCE_SECONDS), "the server did not start"
        self.url = f"http://127.0.0.1:{here.recv()}"
        here.close()

    def client(self) -> AsyncAnthropic:
        """The official client."""
        return AsyncAnthropic(api_key="none", base_url=self.url, timeout=PATIENCE_SECONDS)

    def kill(self) -> None:
        """As by kill -9."""
        self._end(signal.SIGKILL)

    def stop(self) -> None:
        """As by Ctrl-C."""
        self._end(signal.SIGINT)

    def _end(self, by: signal.Signals) -> None:
        if self._process.pid is not None and self._process.is_alive():
            os.kill(self._process.pid, by)
        self._process.join(timeout=PATIENCE_SECONDS)
        assert not self._process.is_alive()


@contextmanager
def server_process(database_url: str) -> Iterator[ServerProcess]:
    """A server for as long as the context lasts, unless it was ended before."""
    server = ServerProcess(database_url)
    try:
        yield server
    finally:
        server.kill()
