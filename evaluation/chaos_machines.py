"""The processes of the chaos: a database, a model server, servers that share both; and how each is killed."""

import asyncio
import os
import re
import select
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from random import Random
from typing import Literal

import psycopg

from evaluation.chaos_model import EFFECTS
from reverie.settings import Settings
from reverie.storage.postgres.database import Database
from reverie.testing.patience import PATIENCE_SECONDS
from reverie.testing.server_process import ServerProcess, ServerStartError, start_server

Victim = Literal["server", "worker", "tool process", "database"]
VICTIMS: tuple[Victim, ...] = ("server", "server", "worker", "tool process", "database")
"""A server twice as often as each of the others."""
_OPTIONS = ("--no-key", "--with-worker", "8", "--isolation", "none", "--log-level", "warning")
_STARTS, _START_AGAIN_SECONDS = 10, 2.0
_PROGRAMS = {"worker": "reverie.cli.main\0worker", "tool process": "reverie.turns.tool_process"}
WORK_LEASE_SECONDS = 15
"""How long a worker that is gone keeps its session here: less than the service's, so that rounds do not wait for it."""
_SHORTEN = f"""
    CREATE OR REPLACE FUNCTION chaos_shorten() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
        NEW.ttl_seconds := {WORK_LEASE_SECONDS};
        NEW.lease_expires_at := least(NEW.lease_expires_at, now() + interval '{WORK_LEASE_SECONDS} s');
        RETURN NEW;
    END $$;
    CREATE OR REPLACE TRIGGER chaos_shorten BEFORE INSERT OR UPDATE ON work_items
        FOR EACH ROW EXECUTE FUNCTION chaos_shorten()
"""


class Machines:
    """Servers on one database and one model; killed ones are started anew."""

    def __init__(self, database: Database, settings: Settings, folder: Path, count: int) -> None:
        self._database = database
        self._settings = settings
        self._log = folder / "server.log"
        self._count = count
        self._servers: list[ServerProcess] = []
        self._killing = asyncio.Lock()

    async def start(self) -> None:
        """Start the servers, the first alone since it makes what they share."""
        for _ in range(self._count):
            self._servers.append(await self._start())
        async with self._database.connection() as connection:
            await connection.execute(_SHORTEN.encode())

    async def _start(self) -> ServerProcess:
        """Start a server, again and again as whatever supervises one does: the database may be recovering."""
        for _ in range(_STARTS):
            try:
                return await asyncio.to_thread(start_server, self._settings, self._log, *_OPTIONS)
            except ServerStartError:
                await asyncio.sleep(_START_AGAIN_SECONDS)
        return await asyncio.to_thread(start_server, self._settings, self._log, *_OPTIONS)

    def url(self, random: Random) -> str:
        """The address of some server, which need not be alive."""
        return random.choice(self._servers).url

    async def kill(self, victim: Victim, random: Random) -> bool:
        """Kill -9 some process of a kind, and have a server that was killed be started anew; whether there was one."""
        async with self._killing:
            if victim == "server":
                place = random.randrange(len(self._servers))
                await asyncio.to_thread(_end, self._servers[place])
                self._servers[place] = await self._start()
                return True
            pids = await self._backends() if victim == "database" else _descendants(self._servers, _PROGRAMS[victim])
            if not pids:
                return False
            with suppress(ProcessLookupError):
                os.kill(random.choice(pids), signal.SIGKILL)
            return True

    async def _backends(self) -> list[int]:
        """Processes of the database that serve connections: the end of one restarts all of it."""
        with suppress(psycopg.OperationalError):
            async with self._database.connection() as connection:
                rows = await connection.execute(
                    "SELECT pid FROM pg_stat_activity WHERE backend_type = 'client backend'"
                )
                return [pid for (pid,) in await rows.fetchall()]
        return []

    def stop(self) -> None:
        """End the servers in good order."""
        with ExitStack() as stack:
            for server in self._servers:
                if server.process.stdout is not None:
                    stack.callback(server.process.stdout.close)
                stack.callback(server.stop)


def _end(server: ServerProcess) -> None:
    server.kill()
    if server.process.stdout is not None:
        server.process.stdout.close()


def _descendants(servers: list[ServerProcess], program: str) -> list[int]:
    """Processes that the servers have started, directly or not, whose command line has ``program``."""
    parents: dict[int, int] = {}
    for entry in Path("/proc").iterdir():
        with suppress(OSError, ValueError):
            stat = (entry / "stat").read_text(encoding="ascii", errors="replace")
            parents[int(entry.name)] = int(stat.rpartition(")")[2].split()[1])
    wanted = {server.process.pid for server in servers}
    return [pid for pid in parents if _is_below(pid, wanted, parents) and program in _command(pid)]


def _is_below(pid: int, wanted: set[int], parents: dict[int, int]) -> bool:
    while (pid := parents.get(pid, 0)) > 1:
        if pid in wanted:
            return True
    return False


def _command(pid: int) -> str:
    with suppress(OSError):
        return Path(f"/proc/{pid}/cmdline").read_text(encoding="utf-8", errors="replace")
    return ""


@contextmanager
def model_server(folder: Path, seed: int) -> Iterator[str]:
    """The fake model server as a program; its address. Its journal and the effects of calls are in ``folder``."""
    command = [sys.executable, "-m", "reverie.testing.fake_models", "--script", "evaluation.chaos_model:act"]
    command += ["--latency", "0.05", "--jitter", "0.04", "--seed", str(seed), "--record", str(folder / "journal")]
    environment = os.environ | {EFFECTS: str(folder / "effects")}
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            readable, _, _ = select.select([process.stdout], [], [], PATIENCE_SECONDS)
            address = re.search(r"http://\S+", process.stdout.readline()) if readable else None
            assert address is not None, "the model server did not start"
            yield address.group()
        finally:
            process.terminate()
