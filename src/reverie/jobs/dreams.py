"""Dreams as durable workflows: killed at any step and run again, they resume and give the same result.

The steps are coarse, and each may safely run twice: survey → digest (one step per batch) → mine → conclude. Sessions,
digests and findings stay in Reverie's own tables; DBOS keeps only ids, counts and times.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from concurrent.futures import Executor, ThreadPoolExecutor
from contextlib import asynccontextmanager
from dataclasses import dataclass

from dbos import DBOS, DBOSConfiguredInstance

from reverie.clock import Clock
from reverie.dreams.dream import SessionCounts, StageTime
from reverie.dreams.policy import DreamPolicy
from reverie.errors import DreamError
from reverie.jobs.conclusion import conclude
from reverie.jobs.digesting import digest_sessions
from reverie.patterns.corpus import tasks_repeat
from reverie.patterns.mine import mine
from reverie.patterns.overview import describe_sessions
from reverie.patterns.table import SessionTable
from reverie.patterns.theme import task_families
from reverie.patterns.wording import sessions_to_read
from reverie.sessions.segment import compile_segment
from reverie.settings import Settings
from reverie.storage.database import Database
from reverie.storage.digests import (
    count_undigested,
    load_corpus,
    measure_segment,
    next_undigested,
    write_digests,
)
from reverie.storage.dreams import (
    DreamRow,
    fail_dream,
    latest_overview,
    read_dream,
    read_stream,
    set_running,
    write_findings,
    write_overview,
)
from reverie.storage.session_table import load_session_table, read_agent_texts
from reverie.storage.workers import worker_pool

_SESSIONS_PER_CALL = 200
_FEW_SESSIONS = 1_000
"""Fewer are digested in this process: they would be done before workers have started."""

Progress = Callable[[str, int, int], None]
"""Told the stage, what is done of it and out of how much (0: unknown)."""


@dataclass(frozen=True)
class Runtime:
    """What a dream works with."""

    database: Database
    settings: Settings
    policy: DreamPolicy
    clock: Clock
    progress: Progress


@DBOS.dbos_class()
class DreamWorkflow(DBOSConfiguredInstance):
    """The stages of a dream, in order."""

    def __init__(self) -> None:
        self._bound: Runtime | None = None
        super().__init__(config_name="dreams")

    def bind(self, runtime: Runtime | None) -> None:
        """Say what to work with from now on."""
        self._bound = runtime

    @property
    def _runtime(self) -> Runtime:
        if self._bound is None:
            raise DreamError("no dream can run: the workflow has nothing to work with")
        return self._bound

    @DBOS.workflow(name="dream")
    async def run(self, dream_id: str) -> None:
        """Dream; the result is in the database afterwards, or the reason why there is none."""
        try:
            counts, seconds = await self.survey(dream_id)
            stages = [StageTime("survey", seconds)]
            digested, digesting = 0, 0.0
            while digested < counts.new:
                done, seconds = await self.digest(dream_id, digested, counts.new)
                if done == 0:
                    break
                digested, digesting = digested + done, digesting + seconds
            stages.append(StageTime("digest", digesting))
            stages.append(StageTime("mine", await self.mine(dream_id)))
            stages.append(StageTime("describe", await self.describe(dream_id, counts.read)))
            await self.conclude(dream_id, counts, stages)
        except Exception as error:  # the outermost loop of a job: whatever ended it is recorded, then raised
            await self.fail(dream_id, f"{type(error).__name__}: {error}")
            raise

    @DBOS.step()
    async def survey(self, dream_id: str) -> tuple[SessionCounts, float]:
        """Count what there is to read; later steps see the same sessions."""
        began = time.perf_counter()
        async with self._runtime.database.connection() as connection:
            dream = await read_dream(connection, dream_id)
            segment = compile_segment(dream.request.where)
            size = await measure_segment(connection, segment, dream.last_session_key)
            new = await count_undigested(connection, segment, dream.last_session_key)
            await set_running(connection, dream_id)
        return SessionCounts(size.sessions, new, size.scored), time.perf_counter() - began

    @DBOS.step()
    async def digest(self, dream_id: str, done: int, total: int) -> tuple[int, float]:
        """Digest the next batch of sessions; says how many there were."""
        began = time.perf_counter()
        runtime = self._runtime
        async with runtime.database.connection() as connection:
            dream = await read_dream(connection, dream_id)
            segment = compile_segment(dream.request.where)
            batch = runtime.policy.digest_batch
            keys = await next_undigested(connection, segment, dream.last_session_key, batch)
        chunks = [keys[i : i + _SESSIONS_PER_CALL] for i in range(0, len(keys), _SESSIONS_PER_CALL)]
        async with _executor(len(keys), runtime.settings.workers) as executor:
            loop = asyncio.get_running_loop()
            url = runtime.database.url
            waiting = [loop.run_in_executor(executor, digest_sessions, url, chunk) for chunk in chunks]
            written = done
            try:
                for digests in asyncio.as_completed(waiting):
                    rows = await digests
                    async with runtime.database.connection() as connection:
                        await write_digests(connection, rows)
                    written += len(rows.rows)
                    runtime.progress("digest", written, total)
            finally:
                # The first failure is raised; the others, of the same cause, are waited for and not told again.
                await asyncio.gather(*waiting, return_exceptions=True)
        return len(keys), time.perf_counter() - began

    @DBOS.step()
    async def mine(self, dream_id: str) -> float:
        """Test every behaviour, with the placebo; the findings are kept with the dream."""
        began = time.perf_counter()
        runtime = self._runtime
        runtime.progress("mine", 0, 0)
        async with runtime.database.connection() as connection:
            dream = await read_dream(connection, dream_id)
            stream = await read_stream(connection, dream.memory_store_id)
            corpus = await load_corpus(connection, compile_segment(dream.request.where), dream.last_session_key)
        families = None
        if not tasks_repeat(corpus):
            table = await self._table(dream)
            families = await asyncio.to_thread(task_families, table)
        findings = await asyncio.to_thread(mine, corpus, runtime.policy.mining, stream, families)
        async with runtime.database.connection() as connection:
            await write_findings(connection, dream_id, findings)
        return time.perf_counter() - began

    @DBOS.step()
    async def describe(self, dream_id: str, sessions: int) -> float:
        """Look for patterns of the other kinds; an earlier overview is kept while the sessions have hardly grown."""
        began = time.perf_counter()
        runtime = self._runtime
        runtime.progress("describe", 0, 0)
        async with runtime.database.connection() as connection:
            dream = await read_dream(connection, dream_id)
            known = await latest_overview(connection, dream)
        if known is not None and sessions <= known[1] * (1 + runtime.policy.overview_growth):
            overview, described = known
        else:
            table = await self._table(dream)
            texts = await read_agent_texts(runtime.database, table, sessions_to_read(table))
            overview, described = await asyncio.to_thread(describe_sessions, table, texts), sessions
        async with runtime.database.connection() as connection:
            await write_overview(connection, dream_id, overview, described)
        return time.perf_counter() - began

    async def _table(self, dream: DreamRow) -> SessionTable:
        segment = compile_segment(dream.request.where)
        return await load_session_table(self._runtime.database, segment, dream.last_session_key)

    @DBOS.step()
    async def conclude(self, dream_id: str, counts: SessionCounts, stages: list[StageTime]) -> None:
        """Propose lessons, pass the gate, write one revision."""
        runtime = self._runtime
        runtime.progress("conclude", 0, 0)
        async with runtime.database.connection() as connection:
            dream = await read_dream(connection, dream_id)
            await conclude(connection, dream, counts, stages, runtime.policy, runtime.clock.now())

    @DBOS.step()
    async def fail(self, dream_id: str, error: str) -> None:
        """Record why there is no result."""
        async with self._runtime.database.connection() as connection:
            await fail_dream(connection, dream_id, error, self._runtime.clock.now())


# DBOS knows workflows by the one instance registered under a name, for the whole life of the process.
DREAM_WORKFLOW = DreamWorkflow()


@asynccontextmanager
async def _executor(sessions: int, workers: int) -> AsyncIterator[Executor]:
    if sessions < _FEW_SESSIONS or workers == 1:
        with ThreadPoolExecutor(1) as thread:
            yield thread
    else:
        with worker_pool(workers, "reverie.jobs.digesting") as pool:
            yield pool
