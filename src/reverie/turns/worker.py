"""A worker of a self-hosted environment: takes sessions that need one, and serves each in a process and a folder."""

import asyncio
import os
import shutil
import signal
import tempfile
from asyncio.subprocess import PIPE, Process
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import msgspec
import structlog
from anthropic import APIConnectionError, APIStatusError, AsyncAnthropic, ConflictError
from anthropic.types.beta.environments import BetaSelfHostedWork

from reverie.errors import AccessError
from reverie.turns.isolation import Bind, Isolation, Room, scrubbed_environment, tool_command
from reverie.turns.item_process import FINISH, ItemOrder

POLL_MS = 999
"""How long a poll waits for work; the next one follows at once."""
_FIRST_PAUSE_SECONDS, _LONGEST_PAUSE_SECONDS = 0.5, 30.0
_REFUSED = (401, 403, 404)
_MODULE = "reverie.turns.item_process"

log = structlog.get_logger("reverie.worker")


@dataclass(frozen=True, slots=True)
class WorkerPlan:
    """What a worker is to do."""

    url: str
    key: str
    environment_id: str
    worker_id: str
    concurrency: int
    folder: Path
    """Each session gets a fresh folder below it."""
    isolation: Isolation
    keep: bool = False
    """Whether folders are left there when their sessions have been served."""


@dataclass(slots=True)
class Worker:
    """Serves sessions of one environment until it is told to stop."""

    plan: WorkerPlan
    stopping: asyncio.Event = field(default_factory=asyncio.Event)
    _serving: set[asyncio.Task[None]] = field(default_factory=set)
    _processes: set[Process] = field(default_factory=set)

    async def run(self) -> None:
        """Poll and serve until :meth:`stop`; then until the calls that run have ended.

        Raises:
            AccessError: the server refuses the key, or knows no such environment.
        """
        # A worker's poll must not be tried again on its own: what was given out would wait for nobody.
        async with AsyncAnthropic(api_key=self.plan.key, base_url=self.plan.url, max_retries=0) as client:
            told = asyncio.create_task(self.stopping.wait())
            try:
                while not self.stopping.is_set():
                    if len(self._serving) >= self.plan.concurrency:
                        await asyncio.wait({*self._serving, told}, return_when=asyncio.FIRST_COMPLETED)
                        continue
                    item = await self._next(client)
                    if item is not None:
                        task = asyncio.create_task(self._serve(client, item))
                        self._serving.add(task)
                        task.add_done_callback(self._serving.discard)
            finally:
                told.cancel()
                await self._finish()

    def stop(self) -> None:
        """Begin nothing more; what runs comes to its end."""
        self.stopping.set()

    def kill(self) -> None:
        """End what runs at once; its calls are answered by the server when their leases lapse."""
        for process in self._processes:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)

    async def _next(self, client: AsyncAnthropic) -> BetaSelfHostedWork | None:
        """An item that is this worker's now; None when none came, or it is somebody else's."""
        work, pause = client.beta.environments.work, _FIRST_PAUSE_SECONDS
        environment_id = self.plan.environment_id
        while not self.stopping.is_set():
            try:
                item = await work.poll(environment_id, block_ms=POLL_MS, anthropic_worker_id=self.plan.worker_id)
                if item is not None and not self.stopping.is_set():
                    await work.ack(item.id, environment_id=environment_id)
                    return item
                pause = _FIRST_PAUSE_SECONDS
            except ConflictError:
                continue
            except APIStatusError as error:
                if error.status_code in _REFUSED:
                    raise AccessError(
                        f"the server refuses environment {environment_id} to this key: {error}"
                    ) from error
                log.warning("the server failed; trying again", error=str(error))
                pause = await self._pause(pause)
            except APIConnectionError:
                log.warning("the server cannot be reached; trying again", url=self.plan.url)
                pause = await self._pause(pause)
        return None

    async def _pause(self, seconds: float) -> float:
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self.stopping.wait()
        return min(2 * seconds, _LONGEST_PAUSE_SECONDS)

    async def _serve(self, client: AsyncAnthropic, item: BetaSelfHostedWork) -> None:
        """Serve an item in a process of its own."""
        self.plan.folder.mkdir(parents=True, exist_ok=True)
        folder = Path(tempfile.mkdtemp(prefix=f"{item.data.id}-", dir=self.plan.folder))
        log.info("serving a session", session_id=item.data.id, folder=str(folder))
        try:
            code = await self._run(item, folder)
        except OSError as error:
            log.error("a session cannot be served", session_id=item.data.id, error=str(error))
            await self._give_back(client, item)
        else:
            log.info("a session was served", session_id=item.data.id, exit_code=code)
        finally:
            if not self.plan.keep:
                await asyncio.to_thread(shutil.rmtree, folder, ignore_errors=True)

    async def _give_back(self, client: AsyncAnthropic, item: BetaSelfHostedWork) -> None:
        with suppress(APIStatusError, APIConnectionError):
            await client.beta.environments.work.stop(item.id, environment_id=item.environment_id, force=True)

    async def _run(self, item: BetaSelfHostedWork, folder: Path) -> int:
        room = _room(self.plan.isolation, folder)
        order = ItemOrder(
            url=self.plan.url,
            workdir=room.workdir,
            environment_id=item.environment_id,
            work_id=item.id,
            session_id=item.data.id,
            secret=item.secret or "",
            limited=self.plan.isolation == "bwrap",
        )
        process = await asyncio.create_subprocess_exec(
            *tool_command(self.plan.isolation, room, _MODULE),
            stdin=PIPE,
            cwd=folder,
            env=scrubbed_environment(os.environ, room),
            start_new_session=True,
        )
        assert process.stdin is not None
        self._processes.add(process)
        try:
            process.stdin.write(msgspec.json.encode(order) + b"\n")
            if self.stopping.is_set():
                process.stdin.write(FINISH)
            return await process.wait()
        finally:
            self._processes.discard(process)
            # Whatever a command left running in the background ends with its session.
            with suppress(ProcessLookupError, PermissionError):
                os.killpg(process.pid, signal.SIGKILL)

    async def _finish(self) -> None:
        for process in self._processes:
            if process.stdin is not None and process.returncode is None:
                process.stdin.write(FINISH)
        await asyncio.gather(*self._serving, return_exceptions=True)


def _room(isolation: Isolation, folder: Path) -> Room:
    """Where a session's tools live: its folder, and places for memory that the SDK's worker fills."""
    names = ("workspace", "memory", "tmp", "outputs")
    for name in names:
        (folder / name).mkdir()
    workspace, memory, temporary, outputs = (folder / name for name in names)
    if isolation == "none":
        return Room(folder, str(workspace), str(temporary))
    binds = (
        Bind(workspace, "/workspace", True),
        Bind(memory, "/mnt/memory", True),
        Bind(outputs, "/mnt/session/outputs", True),
    )
    return Room(folder, "/workspace", "/tmp", binds)
