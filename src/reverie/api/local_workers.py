"""Workers of this server's own for self-hosted environments, each a process with a key that ends with it."""

import asyncio
import os
import signal
import sys
from asyncio.subprocess import DEVNULL, Process
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

import msgspec
import psycopg
import structlog

from reverie.api.service import Service
from reverie.storage.live.work import environments_with_work
from reverie.storage.postgres.database import Database
from reverie.storage.postgres.workspaces import Workspace, list_workspaces
from reverie.storage.service.api_keys import KeyScope, create_key, revoke_key

_LOOK_SECONDS = 1.0
"""How often it is looked whether environments have work and no worker of ours."""
_STOP_SECONDS = 30.0
"""How long workers may take to finish the calls that run, when the server stops."""
_KEY_LIFE = timedelta(days=1)
"""Keys end with their workers; this ends those of a server that was killed. A worker is then started again."""
_NAME = "worker of the server"

log = structlog.get_logger("reverie.worker")


class _LocalWorker(msgspec.Struct, frozen=True):
    """A worker process, and its key."""

    process: Process
    workspace_id: str
    key_id: str


@dataclass(slots=True)
class LocalWorkers:
    """Starts a worker for each environment that has work, once; ends them with the server."""

    service: Service
    url: str
    concurrency: int
    _workers: dict[str, _LocalWorker] = field(default_factory=dict)
    _task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin to look for work."""
        self._task = asyncio.create_task(self._look())

    async def stop(self) -> None:
        """Let the calls that run come to their end, and take the keys back."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        await asyncio.gather(*(_end(worker.process) for worker in self._workers.values()))
        for worker in self._workers.values():
            await self._revoke(worker)
        self._workers.clear()

    async def _look(self) -> None:
        while True:
            try:
                async with self.service.database.connection() as connection:
                    workspaces = await list_workspaces(connection)
                for workspace in workspaces:
                    if workspace.archived_at is None:
                        await self._look_at(workspace)
            except (psycopg.OperationalError, OSError) as error:
                log.warning("workers cannot be started now; trying again", error=str(error))
            await asyncio.sleep(_LOOK_SECONDS)

    async def _look_at(self, workspace: Workspace) -> None:
        database = self.service.database.of_schema(workspace.schema)
        async with database.connection() as connection:
            wanting = await environments_with_work(connection)
        for environment_id in wanting:
            worker = self._workers.get(environment_id)
            if worker is not None and worker.process.returncode is None:
                continue
            if worker is not None:
                await self._revoke(worker)
            self._workers[environment_id] = await self._begin(database, workspace.id, environment_id)

    async def _begin(self, database: Database, workspace_id: str, environment_id: str) -> _LocalWorker:
        now = self.service.clock.now()
        scope = KeyScope(workspace_id, "worker", environment_id=environment_id, expires_at=now + _KEY_LIFE)
        async with database.connection() as connection:
            key, secret = await create_key(connection, _NAME, scope, now)
        folder = Path(self.service.settings.home, "work", environment_id)
        command = [sys.executable, "-m", "reverie.cli.main", "worker", "--environment", environment_id]
        options = ["--concurrency", str(self.concurrency), "--workdir", str(folder), "--log-level", "warning"]
        options += ["--isolation", self.service.options.isolation, "--parent", str(os.getpid())]
        process = await asyncio.create_subprocess_exec(
            *command,
            *options,
            env={**_environment(), "REVERIE_WORKER_KEY": secret, "REVERIE_URL": self.url},
            stdin=DEVNULL,
            stdout=DEVNULL,
            start_new_session=True,
        )
        log.info("a worker was started", environment_id=environment_id, process=process.pid)
        return _LocalWorker(process, workspace_id, key.id)

    async def _revoke(self, worker: _LocalWorker) -> None:
        with suppress(psycopg.OperationalError):
            async with self.service.database.connection() as connection:
                await revoke_key(connection, worker.workspace_id, worker.key_id, self.service.clock.now())


def _environment() -> dict[str, str]:
    """A worker needs none of the server's secrets."""
    prefixes = ("REVERIE_", "ANTHROPIC_", "OPENAI_", "DATABASE_URL", "PG")
    return {name: value for name, value in os.environ.items() if not name.startswith(prefixes)}


async def _end(process: Process) -> None:
    """Ask a worker to finish; one that takes too long is ended."""
    with suppress(ProcessLookupError):
        process.send_signal(signal.SIGTERM)
    try:
        async with asyncio.timeout(_STOP_SECONDS):
            await process.wait()
    except TimeoutError:
        process.kill()
        await process.wait()
