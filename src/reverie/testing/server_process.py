"""A Reverie server in a process of its own, for tests and measurements that must not share one with it."""

import os
import select
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec

from reverie.errors import ReverieError
from reverie.settings import Settings
from reverie.testing.patience import PATIENCE_SECONDS


class ServerStartError(ReverieError):
    """The server process ended, or was not ready in time."""


class ServerProcess(msgspec.Struct, frozen=True):
    """A server that takes requests."""

    url: str
    process: subprocess.Popen[str]
    log: Path
    """What it has written to standard error."""

    def kill(self) -> None:
        """End it as a power cut would."""
        self.process.kill()
        self.process.wait(PATIENCE_SECONDS)

    def stop(self) -> None:
        """Ask it to end, and wait until it has; an ended one stays ended.

        Raises:
            subprocess.TimeoutExpired: it did not end in time, and was killed.
        """
        if self.process.poll() is not None:
            return
        self.process.terminate()
        try:
            self.process.wait(PATIENCE_SECONDS)
        except subprocess.TimeoutExpired:
            self.kill()
            raise


def start_server(settings: Settings, log: Path, *options: str) -> ServerProcess:
    """Start ``reverie serve`` on a free port of this machine and wait until it takes requests.

    Raises:
        ServerStartError: it did not come up; the message has its log.
    """
    environment = {**os.environ, "REVERIE_HOME": str(settings.home), "REVERIE_WORKERS": str(settings.workers)}
    if settings.database_url is not None:
        environment["DATABASE_URL"] = settings.database_url
    if settings.secret_keys:
        environment["REVERIE_SECRET_KEY"] = ",".join(settings.secret_keys)
    command = [sys.executable, "-m", "reverie.cli.main", "serve", "--port", "0", *options]
    with log.open("ab") as errors:
        process = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=errors, text=True)
    line = _first_line(process)
    if "http://" not in line:
        process.kill()
        process.wait(PATIENCE_SECONDS)
        raise ServerStartError(f"the server did not start; its log:\n{log.read_text(encoding='utf-8')[-4_000:]}")
    return ServerProcess("http://" + line.partition("http://")[2].split()[0], process, log)


@contextmanager
def running_server(settings: Settings, log: Path, *options: str) -> Iterator[ServerProcess]:
    """A server for as long as the context lasts.

    Raises:
        ServerStartError: it did not come up.
    """
    server = start_server(settings, log, *options)
    try:
        yield server
    finally:
        server.stop()
        if server.process.stdout is not None:
            server.process.stdout.close()


def _first_line(process: subprocess.Popen[str]) -> str:
    """What the process says first; nothing when it ends or stays silent."""
    assert process.stdout is not None
    readable, _, _ = select.select([process.stdout], [], [], PATIENCE_SECONDS)
    return process.stdout.readline() if readable else ""
