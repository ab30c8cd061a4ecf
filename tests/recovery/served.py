"""Servers in processes of their own, to be killed; they ask for no key."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from anthropic import AsyncAnthropic

COMMAND = [sys.executable, "-m", "reverie.cli.main", "serve", "--no-key", "--port", "0", "--log-level", "error"]


class ServerProcess:
    """A server on the database at ``url`` that takes requests."""

    def __init__(self, url: str) -> None:
        environment = {**os.environ, "DATABASE_URL": url, "REVERIE_WORKERS": "1"}
        self._process = subprocess.Popen(COMMAND, env=environment, stdout=subprocess.PIPE, text=True)
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        assert "Reverie serves http" in line, "the server did not start"
        self.url = next(word for word in line.split() if word.startswith("http"))

    def client(self) -> AsyncAnthropic:
        """The official client."""
        return AsyncAnthropic(api_key="none", base_url=self.url, timeout=30)

    def kill(self) -> None:
        """As by kill -9."""
        self._end(signal.SIGKILL)

    def stop(self) -> None:
        """As by Ctrl-C."""
        self._end(signal.SIGINT)

    def _end(self, by: signal.Signals) -> None:
        self._process.send_signal(by)
        self._process.wait(timeout=60)
        assert self._process.stdout is not None
        self._process.stdout.close()

    @property
    def ended(self) -> bool:
        """Whether its process is gone."""
        return self._process.poll() is not None


@contextmanager
def server_process(url: str) -> Iterator[ServerProcess]:
    """A server for as long as the context lasts, unless it was ended before."""
    server = ServerProcess(url)
    try:
        yield server
    finally:
        if not server.ended:
            server.kill()
