"""The dreams that were asked for through the server: taken up by any of its processes, each dream by one at a time.

A dream that waits is a row. Whoever takes its store's slot runs it, and the slot ends with the connection that holds
it: what a killed process left is taken up by the next one that looks.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

import structlog
from psycopg import OperationalError

from reverie.clock import Clock
from reverie.dreams.dream import STAGES
from reverie.dreams.request import budgeted
from reverie.errors import DreamCanceledError, DreamError
from reverie.jobs.dream_runtime import Runtime, StageObserver, unobserved
from reverie.jobs.engine import Engine, open_engine
from reverie.language_model import LanguageModel
from reverie.models.open import open_model
from reverie.settings import Settings
from reverie.storage.learning.dream_sessions import begin_session, end_session, post_message
from reverie.storage.learning.dream_slot import hold_slot
from reverie.storage.learning.dreams import DreamRow, read_dream
from reverie.storage.learning.served_dreams import CHANNEL, finalize_dream, set_session, unfinalized_dreams
from reverie.storage.memory.policies import find_policy
from reverie.storage.postgres.announcement import listen
from reverie.storage.postgres.database import Database
from reverie.storage.postgres.workspaces import list_workspaces

SWEEP_SECONDS = 2.0
"""How long a dream that a killed process left may lie, and a lost connection stay unnoticed."""

log = structlog.get_logger("reverie.dreams")


class DreamQueue:
    """One process's share of the work; the engine is opened with the first dream."""

    def __init__(
        self, database: Database, settings: Settings, clock: Clock, observe: StageObserver = unobserved
    ) -> None:
        self._database = database
        self._settings = settings
        self._clock = clock
        self._observe = observe
        self._running: dict[str, asyncio.Task[None]] = {}
        self._runtimes: dict[str, Runtime] = {}
        self._opening = asyncio.Lock()
        self._opened: tuple[Engine, LanguageModel | None] | None = None
        self._stack = AsyncExitStack()

    async def work(self) -> None:
        """Run dreams until cancelled; those that run then are left for whoever looks next."""
        async with self._stack:
            try:
                while True:
                    try:
                        await self._listen()
                    except OperationalError:
                        log.warning("lost the connection that hears of dreams; making it again")
                        await asyncio.sleep(SWEEP_SECONDS)
            finally:
                for task in self._running.values():
                    task.cancel()
                await asyncio.gather(*self._running.values(), return_exceptions=True)

    async def _listen(self) -> None:
        async with listen(self._database.url, CHANNEL) as connection:
            while True:
                await self._take_up()
                async for _ in connection.notifies(timeout=SWEEP_SECONDS, stop_after=1):
                    pass

    async def _take_up(self) -> None:
        """Begin as many of the dreams that nobody runs as there is room for, the oldest first."""
        async with self._database.connection() as connection:
            workspaces = await list_workspaces(connection)
        waiting: list[tuple[Database, DreamRow]] = []
        for workspace in workspaces:
            database = self._database.of_schema(workspace.schema)
            async with database.connection() as connection:
                waiting += [(database, row) for row in await unfinalized_dreams(connection)]
        for database, row in sorted(waiting, key=lambda pair: (pair[1].created_at, pair[1].id)):
            if len(self._running) >= self._settings.dreams:
                return
            if row.id not in self._running:
                await self._try(database, row)

    async def _try(self, database: Database, row: DreamRow) -> None:
        stack = AsyncExitStack()
        if await stack.enter_async_context(hold_slot(self._database.url, row.memory_store_id)) is None:
            await stack.aclose()
            return
        self._running[row.id] = asyncio.create_task(self._hold(stack, database, row.id))

    async def _hold(self, slot: AsyncExitStack, database: Database, dream_id: str) -> None:
        try:
            async with slot:
                await self._run(database, dream_id)
        except Exception:  # the outermost loop of a job: the dream is taken up again at the next sweep
            log.exception("a dream was cut off", dream=dream_id)
        finally:
            self._running.pop(dream_id, None)
            self._runtimes.pop(dream_id, None)

    async def _run(self, database: Database, dream_id: str) -> None:
        row = await self._watched(database, dream_id)
        outcome = "The dream was canceled." if row.status == "canceled" else "The dream has ended."
        if row.status in ("pending", "running"):
            outcome = await self._dream(database, row)
        now = self._clock.now()
        async with database.connection() as connection:
            if row.session_id is not None:
                await end_session(connection, row.session_id, outcome, now)
            await finalize_dream(connection, dream_id)

    async def _watched(self, database: Database, dream_id: str) -> DreamRow:
        """The dream as it stands now that its slot is held, with a session where it is to run."""
        async with database.connection() as connection:
            row = await read_dream(connection, dream_id)
            if row.status in ("pending", "running") and row.session_id is None:
                session_id = await begin_session(connection, row, self._clock.now())
                if not await set_session(connection, dream_id, session_id):
                    await connection.rollback()
            return await read_dream(connection, dream_id)

    async def _dream(self, database: Database, row: DreamRow) -> str:
        """Run the dream; how it ended, in words."""
        engine, model = await self._engine()
        async with database.connection() as connection:
            policy = budgeted(await find_policy(connection, row.request.store), row.request.budget)
        async with _reported(database, row, self._clock) as progress:
            runtime = Runtime(database, self._settings, policy, self._clock, progress, model, self._observe)
            self._runtimes[row.id] = runtime
            try:
                await engine.finish(database, row, self._clock, with_model=model is not None)
            except DreamError as error:
                log.warning("dream ended without a result", dream=row.id, reason=str(error))
                canceled = isinstance(error.__cause__, DreamCanceledError)
                return "The dream was canceled." if canceled else str(error)
        return "The dream is complete."

    async def _engine(self) -> tuple[Engine, LanguageModel | None]:
        async with self._opening:
            if self._opened is None:
                model = None
                if self._settings.model is not None:
                    model = await self._stack.enter_async_context(open_model(self._settings.model))
                engine = open_engine(self._database.url, self._settings.workers, self._runtime_of)
                self._opened = await self._stack.enter_async_context(engine), model
            return self._opened

    async def _runtime_of(self, schema: str, dream_id: str) -> Runtime:  # noqa: ARG002 - ids are unique over schemas
        return self._runtimes[dream_id]


class _Progress:
    """Says in the dream's session, once each, which stages it comes to."""

    def __init__(self) -> None:
        self.stages: asyncio.Queue[str | None] = asyncio.Queue()
        self._last = ""

    def __call__(self, stage: str, done: int, total: int) -> None:  # noqa: ARG002 - a client sees stages only
        if stage != self._last:
            self._last = stage
            self.stages.put_nowait(STAGES.get(stage, stage))


@asynccontextmanager
async def _reported(database: Database, row: DreamRow, clock: Clock) -> AsyncIterator[_Progress]:
    """A progress that is written to the dream's session."""
    progress = _Progress()

    async def write() -> None:
        while (text := await progress.stages.get()) is not None:
            async with database.connection() as connection:
                await post_message(connection, row.session_id or "", text[:1].upper() + text[1:], clock.now())

    writing = asyncio.create_task(write())
    try:
        yield progress
        progress.stages.put_nowait(None)
        await writing
    finally:
        writing.cancel()
        await asyncio.gather(writing, return_exceptions=True)
