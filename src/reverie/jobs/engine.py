"""Running dreams: one per store at a time, resumed when the process that ran one was killed."""

import asyncio
import os
import secrets
import threading
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager

from dbos import DBOS, DBOSConfig, SetWorkflowID
from psycopg import AsyncConnection

from reverie.dreams.budget import BudgetedModel
from reverie.dreams.dream import DreamEstimate, DreamRequest, DreamResult, SessionCounts
from reverie.dreams.policy import DreamPolicy
from reverie.errors import DreamError, SlotBusyError
from reverie.ids import new_id
from reverie.jobs.dreams import DREAM_WORKFLOW, DreamWorkflow, Runtime
from reverie.jobs.estimating import estimate_model
from reverie.jobs.workers import Workers
from reverie.sessions.segment import compile_segment
from reverie.settings import ModelSettings
from reverie.storage.database import Database
from reverie.storage.digests import count_undigested, measure_segment
from reverie.storage.dreams import (
    DreamRow,
    fail_dream,
    insert_dream,
    lock_slot,
    measured_pace,
    open_dream,
    read_result,
)
from reverie.storage.memory_stores import ensure_store

# Not the package's version: an upgrade must still be able to finish what an older one began. Raised when the steps
# of the workflow change so that an older run cannot be continued.
_WORKFLOW_VERSION = "1"
_SETUP_SECONDS = 1.0
# DBOS is one for the whole process, so dreams of one process take turns.
_IN_THIS_PROCESS = threading.Lock()


async def dream(runtime: Runtime, request: DreamRequest) -> DreamResult:
    """Dream over the sessions of ``request`` and write what holds into its store.

    When an earlier dream of the store was cut off, it is finished first; when it had the same request, its result is
    the answer.

    Raises:
        SlotBusyError: another process is dreaming for this store.
        SettingsError: the budget is in money and the model's price is unknown.
        DreamError: the dream failed; the store is as it was.
    """
    compile_segment(request.where)
    if runtime.model is not None:  # A budget that cannot be kept is told before anything is done.
        BudgetedModel(runtime.model, runtime.budget)
    async with _workflow_engine(runtime) as workflow:
        while True:
            async with _slot(runtime, request) as row:
                result = await _finish(runtime, workflow, row)
            if row.request == request:
                return result


async def estimate_dream(
    database: Database,
    request: DreamRequest,
    policy: DreamPolicy = DreamPolicy(),
    model: ModelSettings | None = None,
) -> DreamEstimate:
    """What a dream would read, how long it would take at the pace of earlier ones, and what ``model`` would cost."""
    segment = compile_segment(request.where)
    async with database.connection() as connection:
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
    # Outside the pool: the lock must live exactly as long as this connection.
    async with await AsyncConnection.connect(runtime.database.url, autocommit=True) as connection:
        now = runtime.clock.now()
        store = await ensure_store(connection, request.store, now)
        if not await lock_slot(connection, store.id):
            raise SlotBusyError(f"another process is dreaming for the store {request.store!r}; wait for it to end")
        row = await open_dream(connection, store.id)
        yield row or await insert_dream(connection, new_id("drm", now), store.id, request, now)


async def _finish(runtime: Runtime, workflow: DreamWorkflow, row: DreamRow) -> DreamResult:
    status = await DBOS.get_workflow_status_async(row.id)
    try:
        if status is None:
            with SetWorkflowID(row.id):
                handle = await DBOS.start_workflow_async(workflow.run, row.id, runtime.model is not None)
        else:
            handle = await DBOS.resume_workflow_async(row.id)
        await handle.get_result()
    except Exception as error:
        async with runtime.database.connection() as connection:
            await fail_dream(connection, row.id, f"{type(error).__name__}: {error}", runtime.clock.now())
        raise DreamError(f"dream {row.id} failed, the store is as it was: {error}") from error
    async with runtime.database.connection() as connection:
        return await read_result(connection, row.id)


@asynccontextmanager
async def _workflow_engine(runtime: Runtime) -> AsyncIterator[DreamWorkflow]:
    """DBOS on the same database, under an executor id of this process alone: it takes over nobody's work by itself."""
    config = DBOSConfig(
        name="reverie",
        system_database_url=runtime.database.url.replace("postgresql://", "postgresql+psycopg://", 1),
        application_version=_WORKFLOW_VERSION,
        executor_id=f"{os.getpid()}-{secrets.token_hex(8)}",
        # Failures are raised to the caller; DBOS need not print them as well.
        log_level="CRITICAL",
        console_log_level="CRITICAL",
    )
    if not _IN_THIS_PROCESS.acquire(blocking=False):
        raise SlotBusyError("this process is dreaming already; wait for it to end, or use another process")
    with Workers(runtime.settings.workers) as workers:
        try:
            DREAM_WORKFLOW.bind(runtime, workers)
            DBOS(config=config)
            DBOS.launch()
            yield DREAM_WORKFLOW
        finally:
            DBOS.destroy()
            DREAM_WORKFLOW.release()
            _IN_THIS_PROCESS.release()
            # DBOS made its own thread pool this loop's default and has just shut it down.
            asyncio.get_running_loop().set_default_executor(ThreadPoolExecutor())
