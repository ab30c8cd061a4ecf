"""Handing turns to this process: claimed when there is room, kept alive, cancelled when they are over elsewhere.

A process that dies stops renewing; its turns are claimed by another one after :data:`leases.LEASE_SECONDS`.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field

import psycopg
import structlog
from psycopg import AsyncConnection

from reverie.storage.live.leases import LEASE_SECONDS, RENEW_SECONDS, TURNS, Lease, claim, give_back, held, renew
from reverie.storage.postgres.announcement import CHANNEL
from reverie.storage.postgres.database import Database
from reverie.turns.desk import Desk
from reverie.turns.turn import run_turn

SWEEP_SECONDS = 2.0
"""How often turns are looked for that nobody announced, such as those of a process that is gone."""
GRACE_SECONDS = 10.0
"""How long a stopping process lets turns go on; those that take longer are left to others."""
_LOOK_SECONDS = 0.2
"""How often, at most, it is looked whether the turns that run here are still ours."""

log = structlog.get_logger("reverie.turns")
Desks = Callable[[], Awaitable[Sequence[Desk]]]
"""The desks of all workspaces."""


@dataclass(slots=True)
class Dispatcher:
    """Runs turns of live sessions in this process."""

    database: Database
    desks: Desks
    owner: str
    most: int = 64
    """Turns at a time."""
    _tasks: dict[tuple[str, Lease], asyncio.Task[None]] = field(default_factory=dict)
    _wake: asyncio.Event = field(default_factory=asyncio.Event)
    _touched: set[str] = field(default_factory=set)
    """Sessions that have grown since their leases were looked at."""
    _renewed_at: float = 0.0

    async def run(self) -> None:
        """Run turns until cancelled; then let those that run come to an end."""
        async with self._listening():
            look_after = asyncio.create_task(self._look_after())
            try:
                while True:
                    await self._claim_all()
                    with suppress(TimeoutError):
                        async with asyncio.timeout(SWEEP_SECONDS):
                            await self._wake.wait()
                    self._wake.clear()
            finally:
                await self._stop()
                look_after.cancel()
                await asyncio.gather(look_after, return_exceptions=True)

    async def _claim_all(self) -> None:
        for desk in await self.desks():
            room = self.most - len(self._tasks)
            if room <= 0:
                return
            try:
                async with desk.database.connection() as connection:
                    leases = await claim(connection, self.owner, room)
            except psycopg.OperationalError:
                log.warning("the database is away; turns are claimed when it is back")
                return
            for lease in leases:
                self._start(desk, lease)

    def _start(self, desk: Desk, lease: Lease) -> None:
        key = (desk.database.schema, lease)
        task = asyncio.create_task(self._run(desk, lease))
        self._tasks[key] = task

        def ended(_: asyncio.Task[None]) -> None:
            self._tasks.pop(key, None)
            self._wake.set()

        task.add_done_callback(ended)

    async def _run(self, desk: Desk, lease: Lease) -> None:
        try:
            await run_turn(desk, lease)
        except Exception:  # the outermost loop of a turn: its lease lapses, and the turn is tried again
            log.exception("a turn failed", session_id=lease.session_id, turn=lease.turn)

    async def _look_after(self) -> None:
        """Renew leases, and end turns that are not ours any more."""
        loop = asyncio.get_running_loop()
        self._renewed_at = loop.time()
        while True:
            await asyncio.sleep(_LOOK_SECONDS)
            due = loop.time() - self._renewed_at >= RENEW_SECONDS
            try:
                for desk in await self.desks():
                    running = {lease for schema, lease in self._tasks if schema == desk.database.schema}
                    touched = any(lease.session_id in self._touched for lease in running)
                    if running and (due or touched):
                        await self._look_at(desk, running, renewing=due)
                self._touched.clear()
                if due:
                    self._renewed_at = loop.time()
            except psycopg.OperationalError:
                if loop.time() - self._renewed_at > LEASE_SECONDS:
                    log.warning("leases could not be renewed; turns are left to whoever reaches the database")
                    self._cancel(list(self._tasks))

    async def _look_at(self, desk: Desk, running: set[Lease], *, renewing: bool) -> None:
        async with desk.database.connection() as connection:
            if renewing:
                await renew(connection, self.owner)
            ours = set(await held(connection, self.owner))
        lost = {lease for lease in running if (lease.session_key, lease.thread_id, lease.turn) not in ours}
        self._cancel([key for key in self._tasks if key[1] in lost and key[0] == desk.database.schema])

    def _cancel(self, keys: Sequence[tuple[str, Lease]]) -> None:
        for key in keys:
            self._tasks[key].cancel()

    async def _stop(self) -> None:
        tasks = list(self._tasks.values())
        if tasks:
            await asyncio.wait(tasks, timeout=GRACE_SECONDS)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        with suppress(psycopg.OperationalError):
            for desk in await self.desks():
                async with desk.database.connection() as connection:
                    await give_back(connection, self.owner)

    @asynccontextmanager
    async def _listening(self) -> AsyncIterator[None]:
        task = asyncio.create_task(self._listen())
        try:
            yield
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    async def _listen(self) -> None:
        while True:
            try:
                async with await AsyncConnection.connect(self.database.url, autocommit=True) as connection:
                    await connection.execute(f"LISTEN {CHANNEL}")
                    await connection.execute(f"LISTEN {TURNS}")
                    self._wake.set()
                    async for notice in connection.notifies():
                        if notice.channel == TURNS:
                            self._wake.set()
                        else:
                            self._touched.add(notice.payload)
            except psycopg.OperationalError:
                await asyncio.sleep(_LOOK_SECONDS)
