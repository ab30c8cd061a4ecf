"""Dreams as durable workflows: killed at any step and run again, they resume and give the same result.

The steps are coarse, and each may safely run twice: survey → digest (one step per batch) → mine → describe → conclude;
with a model also consult, before mine, and word, before conclude. Sessions, digests, findings and what a model said
stay in Reverie's own tables; DBOS keeps only ids, counts and times.
"""

import asyncio
import secrets
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Iterator, Sequence
from contextlib import AbstractContextManager, asynccontextmanager, contextmanager, nullcontext
from contextvars import ContextVar
from dataclasses import dataclass
from functools import wraps
from typing import Any, Concatenate, ParamSpec, TypeVar

import msgspec
from dbos import DBOS, DBOSConfiguredInstance

from reverie.assist.budget import ModelBudget
from reverie.assist.consultation import Consultation, judge, with_standing
from reverie.assist.predicate import extend_corpus
from reverie.assist.wording import Wording
from reverie.clock import Clock
from reverie.dreams.dream import SessionCounts, StageTime
from reverie.dreams.policy import DreamPolicy
from reverie.dreams.request import segment_of
from reverie.errors import DreamCanceledError, DreamError
from reverie.jobs.conclusion import conclude, propose_lessons
from reverie.jobs.consultation import consult, find_words, pairs_to_read, read_pairs
from reverie.jobs.digestion import digest_sessions
from reverie.jobs.found import read_found
from reverie.jobs.predicate_matches import find_all_shown
from reverie.jobs.workers import Workers
from reverie.language_model import LanguageModel
from reverie.mining.mine import mine
from reverie.mining.outcome import Measures
from reverie.overview.description import describe_sessions
from reverie.overview.table import SessionTable
from reverie.overview.theme import task_families
from reverie.overview.wording import sessions_to_read
from reverie.sessions.segment import Segment
from reverie.settings import Settings
from reverie.statistics.corpus import Corpus, tasks_repeat
from reverie.storage.learning.consultations import (
    read_contribution,
    scored_sessions,
    standing_proposals,
    write_contribution,
)
from reverie.storage.learning.digests import (
    count_undigested,
    load_corpus,
    measure_segment,
    next_undigested,
    write_digests,
)
from reverie.storage.learning.dreams import (
    DreamRow,
    check_inputs,
    fail_dream,
    latest_overview,
    read_dream,
    read_stream,
    set_running,
    write_overview,
)
from reverie.storage.learning.findings import write_findings
from reverie.storage.learning.measures import load_measures
from reverie.storage.learning.session_table import load_session_table, read_agent_texts
from reverie.storage.memory.clone import clone_store
from reverie.storage.memory.uses import read_documents
from reverie.storage.postgres.database import DEFAULT_SCHEMA, Connection, Database
from reverie.storage.postgres.installation import redaction_key
from reverie.storage.postgres.outbox import WebhookNotice, write_notices
from reverie.storage.postgres.workspaces import workspace_here

_SESSIONS_PER_CALL = 200

Progress = Callable[[str, int, int], None]
"""Told the stage, what is done of it and out of how much (0: unknown)."""
Watch = Callable[[str, str], AbstractContextManager[None]]
"""Entered with a stage and the dream's id when the stage begins, and left when it ends."""


def unwatched(stage: str, dream_id: str) -> AbstractContextManager[None]:  # noqa: ARG001
    """Nobody watches."""
    return nullcontext()


@dataclass(frozen=True)
class Runtime:
    """What a dream works with."""

    database: Database
    settings: Settings
    policy: DreamPolicy
    clock: Clock
    progress: Progress
    model: LanguageModel | None = None
    """What may help; its price is taken from the policy's budget, else from the settings."""
    watch: Watch = unwatched

    @property
    def budget(self) -> ModelBudget:
        """The policy's, with the price that the settings give where it has none."""
        budget, settings = self.policy.budget, self.settings.model
        if budget.price is not None or settings is None:
            return budget
        return msgspec.structs.replace(budget, price=settings.price)


Provide = Callable[[str, str], Awaitable[Runtime]]
"""From a workspace's schema and a dream's id to what the dream works with."""

_RUNTIME: ContextVar[Runtime] = ContextVar("runtime")
"""Of the dream whose workflow goes on in this context; a process may run several."""


@dataclass(frozen=True)
class _Step:
    """What every step begins with."""

    runtime: Runtime
    connection: Connection
    dream: DreamRow
    segment: Segment
    began: float

    @property
    def seconds(self) -> float:
        """How long the step has taken so far."""
        return time.perf_counter() - self.began


Rest = ParamSpec("Rest")
Answer = TypeVar("Answer")
Stage = Callable[Concatenate["DreamWorkflow", str, Rest], Coroutine[Any, Any, Answer]]


def _watched(stage: Stage[Rest, Answer]) -> Stage[Rest, Answer]:
    """``stage`` with whoever watches told when it begins and ends."""

    @wraps(stage)  # DBOS knows steps by their names.
    async def run(workflow: "DreamWorkflow", dream_id: str, /, *args: Rest.args, **named: Rest.kwargs) -> Answer:
        with workflow._runtime.watch(stage.__name__, dream_id):
            return await stage(workflow, dream_id, *args, **named)

    return run


@DBOS.dbos_class()
class DreamWorkflow(DBOSConfiguredInstance):
    """The stages of a dream, in order."""

    def __init__(self) -> None:
        self._bound: tuple[Provide, Workers] | None = None
        self._going_on: set[asyncio.Task[None]] = set()
        super().__init__(config_name="dreams")

    def bind(self, provide: Provide, workers: Workers) -> None:
        """Say what to work with from now on."""
        self._bound = provide, workers

    async def release(self) -> None:
        """Let go of it; dreams that still go on stop where they are, to be taken up later."""
        for task in self._going_on:
            task.cancel()
        await asyncio.gather(*self._going_on, return_exceptions=True)
        self._bound = None

    @property
    def _runtime(self) -> Runtime:
        return _RUNTIME.get()

    @property
    def _workers(self) -> Workers:
        return self._tools[1]

    @property
    def _tools(self) -> tuple[Provide, Workers]:
        if self._bound is None:
            raise DreamError("no dream can run: the workflow has nothing to work with")
        return self._bound

    @asynccontextmanager
    async def _begin(self, dream_id: str, stage: str, done: int = 0, total: int = 0) -> AsyncIterator[_Step]:
        """Tell that a stage goes on and read its dream; the connection is the step's until the block ends."""
        began, runtime = time.perf_counter(), self._runtime
        runtime.progress(stage, done, total)
        async with runtime.database.connection() as connection:
            dream = await read_dream(connection, dream_id)
            if dream.status == "canceled":
                raise DreamCanceledError(f"dream {dream_id} was canceled")
            yield _Step(runtime, connection, dream, segment_of(dream.request), began)

    @DBOS.workflow(name="dream")
    async def run(self, dream_id: str, with_model: bool = False, schema: str = DEFAULT_SCHEMA) -> None:
        """Dream in the workspace of ``schema``; the result is in the database afterwards, or why there is none.

        ``with_model`` is recorded with the workflow, so that a dream has the same steps whoever takes it up.
        """
        _RUNTIME.set(await self._tools[0](schema, dream_id))
        with self._stoppable():
            await self._dream(dream_id, with_model)

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

    async def _dream(self, dream_id: str, with_model: bool) -> None:
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
            if with_model:
                stages.append(StageTime("consult", await self.consult(dream_id)))
            stages.append(StageTime("mine", await self.mine(dream_id)))
            stages.append(StageTime("describe", await self.describe(dream_id, counts.read)))
            if with_model:
                stages.append(StageTime("word", await self.word(dream_id)))
            await self.conclude(dream_id, counts, stages)
        except Exception as error:  # the outermost loop of a job: whatever ended it is recorded, then raised
            code = error.code if isinstance(error, DreamError) else DreamError.code
            await self.fail(dream_id, f"{type(error).__name__}: {error}", code)
            raise

    @DBOS.step()
    @_watched
    async def survey(self, dream_id: str) -> tuple[SessionCounts, float]:
        """Count what there is to read; later steps see the same sessions."""
        async with self._begin(dream_id, "survey") as step:
            await check_inputs(step.connection, step.dream)
            if step.runtime.settings.redaction:
                await redaction_key(step.connection, secrets.token_bytes(32))
            await self._make_output(step)
            size = await measure_segment(step.connection, step.segment, step.dream.last_session_key)
            new = await count_undigested(step.connection, step.segment, step.dream.last_session_key)
            await set_running(step.connection, dream_id)
        return SessionCounts(size.sessions, new, size.scored), step.seconds

    async def _make_output(self, step: _Step) -> None:
        """Clone the store, where the dream is to leave the original alone."""
        connection, dream, now = step.connection, step.dream, step.runtime.clock.now()
        if not dream.request.clone or dream.has_output:
            return
        await clone_store(connection, dream.request.store, dream.memory_store_id, dream.id, dream.writer, now)
        notice = WebhookNotice("memory_store.created", dream.memory_store_id)
        await write_notices(connection, [notice], await workspace_here(connection), now)

    @DBOS.step()
    @_watched
    async def digest(self, dream_id: str, done: int, total: int) -> tuple[int, float]:
        """Digest the next batch of sessions; says how many there were."""
        async with self._begin(dream_id, "digest", done, total) as step:
            last_key, batch = step.dream.last_session_key, step.runtime.policy.digest_batch
            keys = await next_undigested(step.connection, step.segment, last_key, batch)
        database = step.runtime.database
        chunks = [keys[i : i + _SESSIONS_PER_CALL] for i in range(0, len(keys), _SESSIONS_PER_CALL)]
        executor, loop = self._workers.executor(len(keys)), asyncio.get_running_loop()
        waiting = [loop.run_in_executor(executor, digest_sessions, database.url, chunk) for chunk in chunks]
        written = done
        try:
            for digests in asyncio.as_completed(waiting):
                rows = await digests
                async with database.connection() as connection:
                    await write_digests(connection, rows)
                written += len(rows.rows)
                step.runtime.progress("digest", written, total)
        finally:
            # The first failure is raised; the others, of the same cause, are waited for and not told again.
            await asyncio.gather(*waiting, return_exceptions=True)
        return len(keys), step.seconds

    @DBOS.step()
    @_watched
    async def consult(self, dream_id: str) -> float:
        """Ask the model for behaviours to look for; what it said is kept, and then it is not asked again."""
        async with self._begin(dream_id, "consult") as step:
            if await read_contribution(step.connection, dream_id, Consultation) is not None:
                return step.seconds
            standing = await standing_proposals(step.connection, step.dream)
            corpus = await self._corpus(step)
        runtime = step.runtime
        families = await self._families(step, corpus)
        pairs = await asyncio.to_thread(pairs_to_read, corpus, families, runtime.policy.colleague.pairs)
        read = await read_pairs(runtime.database, pairs)
        consultation = await consult(
            runtime.model, runtime.budget, read, standing, runtime.policy, step.dream.request.instructions
        )
        async with runtime.database.connection() as connection:
            await write_contribution(connection, dream_id, consultation)
        return step.seconds

    @DBOS.step()
    @_watched
    async def mine(self, dream_id: str) -> float:
        """Test every behaviour, proposed ones included, with the placebo; the findings are kept with the dream."""
        async with self._begin(dream_id, "mine") as step:
            connection, dream = step.connection, step.dream
            stream = await read_stream(connection, dream.memory_store_id)
            corpus = await self._corpus(step)
            measures = await self._measures(step, corpus)
            standing = await standing_proposals(connection, dream)
            proposals = with_standing(standing, await read_contribution(connection, dream_id, Consultation))
            wanted = bool(proposals.proposals)
            ids = await scored_sessions(connection, step.segment, dream.last_session_key) if wanted else {}
        runtime = step.runtime
        shown = await find_all_shown(self._workers, runtime.database.url, ids, proposals.proposals)
        families = await self._families(step, corpus)
        extended = await asyncio.to_thread(extend_corpus, corpus, shown)
        findings = await asyncio.to_thread(mine, extended, runtime.policy.mining, stream, families, measures)
        judgement = judge(proposals, shown, findings.everything(), runtime.policy.mining)
        async with runtime.database.connection() as connection:
            await write_findings(connection, dream_id, findings)
            await write_contribution(connection, dream_id, judgement)
        return step.seconds

    @DBOS.step()
    @_watched
    async def describe(self, dream_id: str, sessions: int) -> float:
        """Look for patterns of the other kinds; an earlier overview is kept while the sessions have hardly grown."""
        async with self._begin(dream_id, "describe") as step:
            known = await latest_overview(step.connection, step.dream)
        runtime = step.runtime
        if known is not None and sessions <= known[1] * (1 + runtime.policy.overview_growth):
            overview, described = known
        else:
            table = await self._table(step)
            texts = await read_agent_texts(runtime.database, table, sessions_to_read(table))
            overview, described = await asyncio.to_thread(describe_sessions, table, texts), sessions
        async with runtime.database.connection() as connection:
            await write_overview(connection, dream_id, overview, described)
        return step.seconds

    @DBOS.step()
    @_watched
    async def word(self, dream_id: str) -> float:
        """Ask the model for better words; what it said is kept, and then it is not asked again."""
        async with self._begin(dream_id, "word") as step:
            connection, dream, policy = step.connection, step.dream, step.runtime.policy
            if await read_contribution(connection, dream_id, Wording) is not None:
                return step.seconds
            found = await read_found(connection, dream)
            lessons = await propose_lessons(connection, dream, found, policy)
            documents = await read_documents(connection, dream.memory_store_id)
        runtime, spent = step.runtime, found.consultation.spent if found.consultation else {}
        wording = await find_words(
            runtime.model, runtime.budget, spent, found.words, lessons, found.overview, documents, policy
        )
        async with runtime.database.connection() as connection:
            await write_contribution(connection, dream_id, wording)
        return step.seconds

    @DBOS.step()
    @_watched
    async def conclude(self, dream_id: str, counts: SessionCounts, stages: list[StageTime]) -> None:
        """Propose lessons, pass the gate, write one revision."""
        async with self._begin(dream_id, "conclude") as step:
            runtime = step.runtime
            policy, now, price = runtime.policy, runtime.clock.now(), runtime.budget.price
            await conclude(step.connection, step.dream, counts, stages, policy, now, price)

    @DBOS.step()
    async def fail(self, dream_id: str, error: str, error_type: str = DreamError.code) -> None:
        """Record why there is no result."""
        async with self._runtime.database.connection() as connection:
            await fail_dream(connection, dream_id, error, self._runtime.clock.now(), error_type)

    async def _families(self, step: _Step, corpus: Corpus) -> Sequence[str] | None:
        """The task family of each session, where tasks do not repeat."""
        if tasks_repeat(corpus):
            return None
        return await asyncio.to_thread(task_families, await self._table(step))

    async def _table(self, step: _Step) -> SessionTable:
        metrics = step.runtime.policy.metrics
        return await load_session_table(step.runtime.database, step.segment, step.dream.last_session_key, metrics)

    async def _corpus(self, step: _Step) -> Corpus:
        metrics = step.runtime.policy.metrics
        return await load_corpus(step.connection, step.segment, step.dream.last_session_key, metrics)

    async def _measures(self, step: _Step, corpus: Corpus) -> Measures:
        policy, last_key = step.runtime.policy, step.dream.last_session_key
        names = policy.mining.outcomes
        return await load_measures(step.connection, step.segment, last_key, corpus.session_ids, names, policy.metrics)


# DBOS knows workflows by the one instance registered under a name, for the whole life of the process.
DREAM_WORKFLOW = DreamWorkflow()
