"""Handing turns to this process: claimed when there is room, kept alive, cancelled when they are over elsewhere.

Each process holds a lock on the connection by which it listens; when the process ends, so does the lock, and the next
sweep of another one lets go of its turns (``design/014-engine.md``).
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field

import psycopg
import structlog

from reverie.cancellation import end_tasks
from reverie.storage.live.leases import (
    LEASE_SECONDS,
    MOST_AT_ONCE,
    RENEW_SECONDS,
    TURNS,
    Lease,
    claim,
    free_dead,
    give_back,
    present,
    renew,
)
from reverie.storage.postgres.database import Database
from reverie.turns.desk import Desk
from reverie.turns.graders import score_ended
from reverie.turns.turn import run_turn

SWEEP_SECONDS = 2.0
"""How often turns are looked for that nobody announced, such as those of a process that is gone."""
GRACE_SECONDS = 10.0
"""How long a stopping process lets turns go on; those that take longer are left to others."""
_LOOK_SECONDS = 0.2
"""How often, at most, it is looked whether the turns that run here are still ours."""
_CLAIM_SECONDS = 0.01
"""Claims are at least this far apart, so that many turns that end at once are followed by one claim."""

log = structlog.get_logger("reverie.turns")
Desks = Callable[[], Awaitable[Sequence[Desk]]]
"""The desks of all workspaces."""


@dataclass(slots=True)
class Dispatcher:
    """Runs turns of live sessions in this process."""

    database: Database
    desks: Desks
    owner: int
    """Drawn at random when the process starts; it holds the lock of this number."""
    least_age: float = 0.0
    """How long a turn has to have waited before it is claimed, in seconds."""
    most: int = 64
    """Turns at a time."""
    _tasks: dict[tuple[str, Lease], asyncio.Task[None]] = field(default_factory=dict)
    _scoring: set[asyncio.Task[None]] = field(default_factory=set)
    _wake: asyncio.Event = field(default_factory=asyncio.Event)
    _locked: asyncio.Event = field(default_factory=asyncio.Event)
    """Whether the lock is held; nothing is claimed without it."""
    _more: bool = False
    """Whether turns may have been left to wait because there was no room for them."""
    _touched: set[str] = field(default_factory=set)
    """Sessions that have grown since their leases were looked at."""
    _renewed_at: float = 0.0
    _swept_at: float = float("-inf")

    async def run(self) -> None:
        """Run turns until cancelled; then let those that run come to an end."""
        async with self._listening(), self._looking_after():
            try:
                while True:
                    await self._locked.wait()
                    await self._claim_all()
                    await self._rest()
            finally:
                await self._stop()

    async def _rest(self) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(SWEEP_SECONDS):
                await self._wake.wait()
        self._wake.clear()
        await asyncio.sleep(_CLAIM_SECONDS)

    async def _claim_all(self) -> None:
        loop = asyncio.get_running_loop()
        self._more = False
        sweeping = loop.time() - self._swept_at >= SWEEP_SECONDS
        try:
            for desk in await self.desks():
                room = self.most - len(self._tasks)
                if room <= 0:
                    self._more = True
                    return
                async with desk.database.statements() as connection:
                    if sweeping:
                        await free_dead(connection)
                    leases = await claim(connection, self.owner, room, least_age=self.least_age)
                for lease in leases:
                    self._start(desk, lease)
                if len(leases) == min(room, MOST_AT_ONCE):
                    self._more = True
                    if room > MOST_AT_ONCE:
                        self._wake.set()
            if sweeping:
                self._swept_at = loop.time()
        except psycopg.OperationalError:
            log.warning("the database is away; turns are claimed when it is back")

    def _start(self, desk: Desk, lease: Lease) -> None:
        schema, key = desk.database.schema, (desk.database.schema, lease)
        # Ours of before, whose lease lapsed while this process stood still.
        self._cancel([(at, of) for at, of in self._tasks if (at, of.thread_of) == (schema, lease.thread_of)])
        task = asyncio.create_task(self._run(desk, lease))
        self._tasks[key] = task

        def ended(_: asyncio.Task[None]) -> None:
            self._tasks.pop(key, None)
            if self._more:
                self._wake.set()  # a turn that becomes due is announced, so only one that found no room is not
            if lease.thread is None:
                # Not a part of the turn: the lease is gone when it has ended.
                scoring = asyncio.create_task(self._score(desk, lease.session_id))
                self._scoring.add(scoring)
                scoring.add_done_callback(self._scoring.discard)

        task.add_done_callback(ended)

    async def _score(self, desk: Desk, session_id: str) -> None:
        try:
            await score_ended(desk, session_id)
        except Exception:  # the outermost loop of scoring: a session that cannot be scored stays as it is
            log.exception("a session could not be scored", session_id=session_id)

    async def _run(self, desk: Desk, lease: Lease) -> None:
        try:
            await run_turn(desk, lease)
        except Exception:  # the outermost loop of a turn: its lease lapses, and the turn is tried again
            log.exception("a turn failed", session_id=lease.session_id, turn=lease.turn)

    @asynccontextmanager
    async def _looking_after(self) -> AsyncIterator[None]:
        task = asyncio.create_task(self._look_after())
        try:
            yield
        finally:
            await end_tasks(task)

    async def _look_after(self) -> None:
        """Renew the leases of turns that run here, and end turns that are not ours any more."""
        loop = asyncio.get_running_loop()
        self._renewed_at = loop.time()
        while True:
            await asyncio.sleep(_LOOK_SECONDS)
            due = loop.time() - self._renewed_at >= RENEW_SECONDS
            touched, self._touched = self._touched, set()
            try:
                for desk in await self.desks() if due or touched else ():
                    await self._look_at(desk, touched, everything=due)
                if due:
                    self._renewed_at = loop.time()
            except psycopg.OperationalError:
                self._touched |= touched
                if loop.time() - self._renewed_at > LEASE_SECONDS:
                    log.warning("leases could not be renewed; turns are left to whoever reaches the database")
                    self._cancel(list(self._tasks))

    async def _look_at(self, desk: Desk, touched: set[str], *, everything: bool) -> None:
        # Only those that run already: what is claimed while the statement runs is not in question.
        running = [
            lease
            for schema, lease in self._tasks
            if schema == desk.database.schema and (everything or lease.session_id in touched)
        ]
        if running:
            async with desk.database.connection() as connection:
                lost = await renew(connection, running)
            self._cancel([(desk.database.schema, lease) for lease in lost])

    def _cancel(self, keys: Sequence[tuple[str, Lease]]) -> None:
        for key in keys:
            if key in self._tasks:
                self._tasks[key].cancel()

    async def _stop(self) -> None:
        """Let turns end while leases are still renewed; then leave the rest to others."""
        tasks = list(self._tasks.values())
        if tasks:
            await asyncio.wait(tasks, timeout=GRACE_SECONDS)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, *self._scoring, return_exceptions=True)
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
            await end_tasks(task)

    async def _listen(self) -> None:
        """Hear of turns and of sessions that grow, and hold the lock that says that this process is there."""
        while True:
            try:
                async with present(self.database.url, self.owner) as connection:
                    self._locked.set()
                    self._wake.set()
                    async for notice in connection.notifies():
                        if notice.channel == TURNS:
                            self._wake.set()
                        else:
                            self._touched.add(notice.payload)
            except psycopg.OperationalError:
                self._locked.clear()
                await asyncio.sleep(_LOOK_SECONDS)
