"""Running dreams: one per store at a time, resumed when the process that ran one was killed."""

import asyncio
import logging
import os
import secrets
import threading
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager

from dbos import DBOS, DBOSConfig, SetWorkflowID

from reverie.assist.budget import BudgetedModel
from reverie.clock import Clock
from reverie.dreams.dream import DreamEstimate, DreamRequest, DreamResult, SessionCounts
from reverie.dreams.policy import DreamPolicy
from reverie.dreams.request import segment_of
from reverie.errors import DreamError, SlotBusyError
from reverie.ids import new_id
from reverie.jobs.dream_runtime import Runtime, RuntimeFactory
from reverie.jobs.dreams import DREAM_WORKFLOW
from reverie.jobs.estimate import estimate_model
from reverie.jobs.workers import Workers
from reverie.settings import ModelSettings
from reverie.storage.learning.digests import count_undigested, measure_segment
from reverie.storage.learning.dream_slot import hold_slot
from reverie.storage.learning.dreams import (
    DreamRow,
    fail_dream,
    held_to_store,
    insert_dream,
    measured_pace,
    open_dream,
    read_result,
)
from reverie.storage.memory.stores import ensure_store
from reverie.storage.postgres.database import Database

# Not the package's version: an upgrade must still be able to finish what an older one began. Raised when the steps
# of the workflow change so that an older run cannot be continued.
_WORKFLOW_VERSION = "1"
_SETUP_SECONDS = 1.0
_POLLING_SECONDS = 0.2
# DBOS is one for the whole process, so there is one engine.
_IN_THIS_PROCESS = threading.Lock()


class Engine:
    """What runs workflows in this process, under an executor id and a queue of its own.

    It takes over nobody's work by itself, and nobody takes over its own: who holds the slot decides.
    """

    def __init__(self, queue: str) -> None:
        self._queue = queue

    async def finish(self, database: Database, row: DreamRow, clock: Clock, *, with_model: bool) -> None:
        """Begin a dream, or go on with it where it stopped, until it has ended; whoever calls holds its slot.

        Raises:
            DreamError: it failed or was canceled; the store is as it was.
        """
        try:
            if await DBOS.get_workflow_status_async(row.id) is None:
                with SetWorkflowID(row.id):
                    handle = await DBOS.start_workflow_async(DREAM_WORKFLOW.run, row.id, with_model, database.schema)
            else:
                handle = await DBOS.resume_workflow_async(row.id, queue_name=self._queue)
            await handle.get_result(polling_interval_sec=_POLLING_SECONDS)
        except Exception as error:
            code = error.code if isinstance(error, DreamError) else DreamError.code
            async with database.connection() as connection:
                await fail_dream(connection, row.id, f"{type(error).__name__}: {error}", clock.now(), code)
            raise DreamError(f"dream {row.id} failed, the store is as it was: {error}") from error


def _detach_console() -> None:
    """Keep DBOS's log off the console: it holds on to standard error as it was when DBOS was imported, open or not."""
    log = logging.getLogger("dbos")
    for handler in list(log.handlers):
        if isinstance(handler, logging.StreamHandler):
            log.removeHandler(handler)
    if not log.handlers:
        log.addHandler(logging.NullHandler())  # without any, DBOS adds its own again


@asynccontextmanager
async def open_engine(url: str, workers: int, make_runtime: RuntimeFactory) -> AsyncIterator[Engine]:
    """DBOS on the database at ``url`` for as long as the context lasts; what still runs then can be taken up later.

    ``make_runtime`` gives each dream what it works with; heavy work goes to ``workers`` processes.

    Raises:
        SlotBusyError: this process has an engine already.
    """
    executor = f"{os.getpid()}-{secrets.token_hex(8)}"
    system_url = url.replace("postgresql://", "postgresql+psycopg://", 1)
    config = DBOSConfig(
        name="reverie",
        system_database_url=system_url,
        run_migrations=False,
        application_version=_WORKFLOW_VERSION,
        executor_id=executor,
        # Failures are raised to the caller; DBOS need not print them as well.
        log_level="CRITICAL",
        console_log_level="CRITICAL",
    )
    if not _IN_THIS_PROCESS.acquire(blocking=False):
        raise SlotBusyError("this process is dreaming already; wait for it to end, or use another process")
    queue = f"dreams-{executor}"
    with Workers(workers) as started:
        try:
            # Indexes are made concurrently, which waits for every transaction that is open: in a thread, since those of
            # this process could not end while their loop is held up.
            await asyncio.to_thread(DBOS.migrate, system_url)
            DREAM_WORKFLOW.bind(make_runtime, started)
            _detach_console()
            DBOS(config=config)
            # A resumed workflow goes through a queue; from a shared one another process would take it.
            DBOS.listen_queues([queue])
            DBOS.launch()
            await DBOS.register_queue_async(queue, polling_interval_sec=_POLLING_SECONDS)
            yield Engine(queue)
            await DBOS.delete_queue_async(queue)
        finally:
            await DREAM_WORKFLOW.release()
            DBOS.destroy()
            _IN_THIS_PROCESS.release()
            # DBOS made its own thread pool this loop's default and has just shut it down.
            asyncio.get_running_loop().set_default_executor(ThreadPoolExecutor())


async def dream(runtime: Runtime, request: DreamRequest) -> DreamResult:
    """Dream over the sessions of ``request`` and write what holds into its store.

    When an earlier dream of the store was cut off, it is finished first; when it had the same request, its result is
    the answer.

    Raises:
        SlotBusyError: another process is dreaming for this store, or a dream for it waits for a server.
        InputError: a session is named that the store may not learn from.
        SettingsError: the budget is in money and the model's price is unknown.
        DreamError: the dream failed; the store is as it was.
    """
    segment_of(request)
    async with runtime.database.connection() as connection:
        request = await held_to_store(connection, request)
    if runtime.model is not None:  # A budget that cannot be kept is refused before anything is done.
        BudgetedModel(runtime.model, runtime.budget)

    async def make_runtime(schema: str, dream_id: str) -> Runtime:  # noqa: ARG001 - one for all
        return runtime

    async with open_engine(runtime.database.url, runtime.settings.workers, make_runtime) as engine:
        while True:
            async with _slot(runtime, request) as row:
                await engine.finish(runtime.database, row, runtime.clock, with_model=runtime.model is not None)
                async with runtime.database.connection() as connection:
                    result = await read_result(connection, row.id)
            if row.request == request:
                return result


async def estimate_dream(
    database: Database,
    request: DreamRequest,
    policy: DreamPolicy = DreamPolicy(),
    model: ModelSettings | None = None,
) -> DreamEstimate:
    """What a dream would read, how long it would take at the pace of earlier ones, and what ``model`` would cost."""
    async with database.connection() as connection:
        segment = segment_of(await held_to_store(connection, request))
        everything = 2**62
        size = await measure_segment(connection, segment, everything)
        new = await count_undigested(connection, segment, everything)
        pace = await measured_pace(connection)
        asked = None if model is None else await estimate_model(connection, request.store, policy, model.price)
    seconds = _SETUP_SECONDS + new * pace.digest_seconds + size.sessions * pace.mine_seconds
    return DreamEstimate(
        SessionCounts(size.sessions, new, size.scored),
        size.events,
        round(seconds, 1),
        cost_usd=(asked.usd or 0.0) if asked else 0.0,
        model=asked,
    )


@asynccontextmanager
async def _slot(runtime: Runtime, request: DreamRequest) -> AsyncIterator[DreamRow]:
    """Hold the store's dream slot; yields the dream to run, which may be an earlier one that was cut off."""
    database, now = runtime.database, runtime.clock.now()
    async with database.connection() as connection:
        store = await ensure_store(connection, request.store, now)
    async with hold_slot(database.url, store.id) as holder:
        if holder is None:
            raise SlotBusyError(f"another process is dreaming for the store {request.store!r}; wait for it to end")
        row = await open_dream(holder, store.id)
        if row is not None and row.served:
            raise SlotBusyError(
                f"dream {row.id} of the store {request.store!r} was asked for through the server: "
                "start a server to run it, or cancel it"
            )
        yield row or await insert_dream(holder, new_id("drm", now), store.id, request, now)
