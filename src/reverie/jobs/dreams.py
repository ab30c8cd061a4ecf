"""Dreams as durable workflows: killed at any step and run again, they resume and give the same result.

The steps are coarse, and each may safely run twice; what each does is in a module of :mod:`reverie.jobs.stages`.
Sessions, digests, findings and what a model answered stay in Reverie's own tables; DBOS keeps only ids, counts and
times, and knows a step by its name, so that a name is for ever.
"""

import asyncio
import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass

from dbos import DBOS, DBOSConfiguredInstance

from reverie.dreams.dream import SessionCounts, StageTime
from reverie.errors import DreamError
from reverie.jobs.dream_runtime import Runtime, RuntimeFactory
from reverie.jobs.stages.conclusion import conclude_dream
from reverie.jobs.stages.consultation import consult_model
from reverie.jobs.stages.digest_batch import digest_batch
from reverie.jobs.stages.findings import mine_sessions
from reverie.jobs.stages.overview import describe_patterns
from reverie.jobs.stages.stage import Stage
from reverie.jobs.stages.survey import survey_sessions
from reverie.jobs.stages.wording import ask_for_words
from reverie.jobs.workers import Workers
from reverie.storage.learning.dreams import fail_dream
from reverie.storage.postgres.database import DEFAULT_SCHEMA

_RUNTIME: ContextVar[Runtime] = ContextVar("runtime")
"""Of the dream whose workflow goes on in this context; a process may run several."""


@dataclass(frozen=True)
class _Tools:
    """What an engine lends the workflow for as long as it is open."""

    make_runtime: RuntimeFactory
    workers: Workers


@DBOS.dbos_class()
class DreamWorkflow(DBOSConfiguredInstance):
    """The stages of a dream, in order."""

    def __init__(self) -> None:
        self._lent: _Tools | None = None
        self._going_on: set[asyncio.Task[None]] = set()
        super().__init__(config_name="dreams")

    @DBOS.workflow(name="dream")
    async def run(self, dream_id: str, with_model: bool = False, schema: str = DEFAULT_SCHEMA) -> None:
        """Dream in the workspace of ``schema``; the result is in the database afterwards, or why there is none.

        ``with_model`` is recorded with the workflow, so that a dream has the same steps whoever takes it up.
        """
        _RUNTIME.set(await self._tools.make_runtime(schema, dream_id))
        with self._stoppable():
            try:
                await self._dream(dream_id, with_model)
            except Exception as error:  # the outermost loop of a job: whatever ended it is recorded, then raised
                code = error.code if isinstance(error, DreamError) else DreamError.code
                await self.fail(dream_id, f"{type(error).__name__}: {error}", code)
                raise

    async def _dream(self, dream_id: str, with_model: bool) -> None:
        """Read → digest → (consult →) mine → describe → (word →) conclude; the report is drawn from the result."""
        counts, seconds = await self.survey(dream_id)
        stages = [StageTime("survey", seconds)]
        stages.append(StageTime("digest", await self._digest_all(dream_id, counts.new)))
        if with_model:
            stages.append(StageTime("consult", await self.consult(dream_id)))
        stages.append(StageTime("mine", await self.mine(dream_id)))
        stages.append(StageTime("describe", await self.describe(dream_id, counts)))
        if with_model:
            stages.append(StageTime("word", await self.word(dream_id)))
        await self.conclude(dream_id, counts, stages)

    async def _digest_all(self, dream_id: str, total: int) -> float:
        """Digest batch after batch; the seconds that it took."""
        digested, seconds = 0, 0.0
        while digested < total:
            done, took = await self.digest(dream_id, digested, total)
            if done == 0:
                break
            digested, seconds = digested + done, seconds + took
        return seconds

    @DBOS.step()
    async def survey(self, dream_id: str) -> tuple[SessionCounts, float]:
        """What there is to read, and the seconds that counting took."""
        with self._stage("survey", dream_id) as stage:
            return await survey_sessions(stage), stage.seconds

    @DBOS.step()
    async def digest(self, dream_id: str, done: int, total: int) -> tuple[int, float]:
        """The sessions of the next batch, 0 when none is left, and the seconds that it took."""
        with self._stage("digest", dream_id) as stage:
            return await digest_batch(stage, done, total), stage.seconds

    @DBOS.step()
    async def consult(self, dream_id: str) -> float:
        """Ask the model for behaviours to look for; the seconds that it took."""
        with self._stage("consult", dream_id) as stage:
            await consult_model(stage)
            return stage.seconds

    @DBOS.step()
    async def mine(self, dream_id: str) -> float:
        """Test every behaviour; the seconds that it took."""
        with self._stage("mine", dream_id) as stage:
            await mine_sessions(stage)
            return stage.seconds

    @DBOS.step()
    async def describe(self, dream_id: str, counts: SessionCounts) -> float:
        """Look for patterns of the other kinds; the seconds that it took."""
        with self._stage("describe", dream_id) as stage:
            await describe_patterns(stage, counts)
            return stage.seconds

    @DBOS.step()
    async def word(self, dream_id: str) -> float:
        """Ask the model for better words; the seconds that it took."""
        with self._stage("word", dream_id) as stage:
            await ask_for_words(stage)
            return stage.seconds

    @DBOS.step()
    async def conclude(self, dream_id: str, counts: SessionCounts, stages: list[StageTime]) -> None:
        """Write lessons, one revision and the result."""
        with self._stage("conclude", dream_id) as stage:
            await conclude_dream(stage, counts, stages)

    @DBOS.step()
    async def fail(self, dream_id: str, error: str, error_type: str = DreamError.code) -> None:
        """Record why there is no result."""
        runtime = _RUNTIME.get()
        async with runtime.database.connection() as connection:
            await fail_dream(connection, dream_id, error, runtime.clock.now(), error_type)

    def bind(self, make_runtime: RuntimeFactory, workers: Workers) -> None:
        """Set what to work with from now on."""
        self._lent = _Tools(make_runtime, workers)

    async def release(self) -> None:
        """Let go of it; dreams that still go on stop where they are, to be taken up later."""
        for task in self._going_on:
            task.cancel()
        await asyncio.gather(*self._going_on, return_exceptions=True)
        self._lent = None

    @property
    def _tools(self) -> _Tools:
        if self._lent is None:
            raise DreamError("no dream can run: the workflow has nothing to work with")
        return self._lent

    @contextmanager
    def _stage(self, name: str, dream_id: str) -> Iterator[Stage]:
        """The stage of this name, observed from its beginning to its end."""
        runtime = _RUNTIME.get()
        with runtime.observe(name, dream_id):
            yield Stage(name, dream_id, runtime, self._tools.workers, time.perf_counter())

    @contextmanager
    def _stoppable(self) -> Iterator[None]:
        """Have :meth:`release` stop the task that this is called in."""
        task = asyncio.current_task()
        if task is not None:
            self._going_on.add(task)
        try:
            yield
        finally:
            self._going_on.discard(task)


# DBOS knows workflows by the one instance registered under a name, for the whole life of the process.
DREAM_WORKFLOW = DreamWorkflow()
