"""The library: what the command line does, for programs. Async at the core, with a thin synchronous façade."""

import asyncio
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager, nullcontext
from pathlib import Path

from reverie.clock import Clock, SystemClock
from reverie.digests.vector import open_embedder
from reverie.dreams.dream import DreamEstimate, DreamRequest, DreamResult
from reverie.dreams.policy import DreamPolicy
from reverie.jobs.dream_runtime import Runtime
from reverie.jobs.engine import dream, estimate_dream
from reverie.jobs.grading import GradingRequest, GradingResult, grade_sessions
from reverie.jobs.labelling import next_task, record_answer
from reverie.jobs.session_grader import open_grader
from reverie.lessons.asker import ANYONE, Asker
from reverie.memory.hit import RecallHit
from reverie.memory.memory import Memory
from reverie.models.open import open_model
from reverie.outcomes.label_task import LabelAnswer, LabelTask
from reverie.outcomes.metric import REWARD_METRIC, Metric
from reverie.sessions.session import Score
from reverie.settings import Settings, load_settings
from reverie.storage.memory.memories import list_memories
from reverie.storage.memory.policies import find_policy
from reverie.storage.memory.recall import recall
from reverie.storage.memory.store_places import lessons_of_others
from reverie.storage.memory.stores import find_store
from reverie.storage.postgres.database import Database, open_database
from reverie.storage.service.teams import find_team
from reverie.storage.sessions.import_summary import ImportOptions, ImportSummary
from reverie.storage.sessions.ingest import import_sessions
from reverie.storage.sessions.labels import find_frame, open_frame
from reverie.storage.sessions.scores import define_metric, score_session
from reverie.telemetry.exporter import open_telemetry


class AsyncReverie:
    """An open Reverie; made by :func:`open_async`."""

    def __init__(self, database: Database, settings: Settings, clock: Clock) -> None:
        self._database = database
        self._settings = settings
        self._clock = clock

    async def import_sessions(
        self, paths: Sequence[str | Path], options: ImportOptions = ImportOptions()
    ) -> ImportSummary:
        """Import session files, folders and archives; what is stored already is left as it is.

        Raises:
            InputError: the score file named in ``options`` is malformed.
        """
        files = [Path(path) for path in paths]
        return await import_sessions(self._database, self._settings, files, options, self._clock, lambda _: None)

    async def define_metric(self, metric: Metric) -> None:
        """Define or redefine a metric; every session's reward follows."""
        async with self._database.connection() as connection:
            await define_metric(connection, metric)

    async def score(self, session_id: str, scores: Mapping[str, float]) -> float | None:
        """Record scores of a session by metric name; its new reward.

        Raises:
            NotFoundError: there is no such session.
            MetricError: a value is not a finite number, or a reward outside of 0 to 1.
        """
        async with self._database.connection() as connection:
            return await score_session(connection, session_id, [Score(name, value) for name, value in scores.items()])

    async def next_label(self, metric: str = REWARD_METRIC, *, where: str | None = None) -> LabelTask | None:
        """The session that a person should score next; None where all were asked for."""
        async with self._database.connection() as connection:
            return await next_task(connection, await open_frame(connection, metric, where, self._clock.now()))

    async def label(
        self, session_id: str, value: float | None, metric: str = REWARD_METRIC, *, where: str | None = None
    ) -> LabelAnswer:
        """Record a person's score of a session that :meth:`next_label` gave; None skips it.

        Raises:
            NotFoundError: the session is not to be labelled.
            StateError: it was answered already.
        """
        async with self._database.connection() as connection:
            frame = await find_frame(connection, metric, where)
            return await record_answer(connection, frame, session_id, value, self._clock.now())

    async def grade(
        self, rubric: str, request: GradingRequest, *, model: str | None = None, grader: str | None = None
    ) -> GradingResult:
        """Score sessions by a model, or by a grader in Python, that goes by the text ``rubric``.

        Raises:
            SettingsError: no model is named, or there is a budget and no price.
            InputError: there is no such grader.
        """
        async with open_grader(self._settings, rubric, model, grader) as opened:
            return await grade_sessions(self._database, opened, request, self._clock, lambda *_: None)

    async def dream(
        self,
        store: str = "default",
        *,
        where: str | None = None,
        policy: DreamPolicy | None = None,
        team: str | None = None,
    ) -> DreamResult:
        """Learn from the sessions (all, or those of ``where``) and write what holds into ``store``.

        ``policy`` is by default the store's own. A model that the settings name may help. With ``team`` (a name or an
        id) it is the joint dream of a team, into its store and its agents' own; ``store`` is left aside then.

        Raises:
            ExpressionError: ``where`` cannot be understood.
            NotFoundError: there is no such team.
            SlotBusyError: a dream of this store, or another one of this process, is running.
            DreamError: the dream failed; the store is as it was.
        """
        chosen, request = await self._ask(store if team is None else await self._store_of(team), where, policy)
        named = self._settings.model
        with open_telemetry(self._settings) as telemetry:
            async with nullcontext() if named is None else open_model(named) as model:
                runtime = Runtime(
                    self._database, self._settings, chosen, self._clock, lambda *_: None, model, telemetry.stage
                )
                return await dream(runtime, request)

    async def estimate_dream(
        self, store: str = "default", *, where: str | None = None, policy: DreamPolicy | None = None
    ) -> DreamEstimate:
        """What :meth:`dream` would read, how long it would take, and what a model would cost."""
        chosen, request = await self._ask(store, where, policy)
        return await estimate_dream(self._database, request, chosen, self._settings.model)

    async def _store_of(self, team: str) -> str:
        async with self._database.connection() as connection:
            return (await find_team(connection, team)).memory_store_id

    async def _ask(self, store: str, where: str | None, policy: DreamPolicy | None) -> tuple[DreamPolicy, DreamRequest]:
        async with self._database.connection() as connection:
            chosen = policy or await find_policy(connection, store)
        return chosen, DreamRequest(store, where or chosen.where)

    async def memories(self, store: str) -> list[Memory]:
        """All memories of a store with their content, by path.

        Raises:
            NotFoundError: there is no such store.
        """
        async with self._database.connection() as connection:
            found = await find_store(connection, store)
            return await list_memories(connection, found.id, with_content=True)

    async def recall(
        self, store: str, query: str, limit: int = 5, *, asker: Asker | None = ANYONE
    ) -> tuple[RecallHit, ...]:
        """The memories that suit ``query`` best, each with its reasons.

        Adopted lessons that are for ``asker`` come without sharing a word with the query; None leaves that out.

        Raises:
            NotFoundError: there is no such store.
        """
        async with self._database.connection() as connection:
            found = await find_store(connection, store)
            embedder = open_embedder(self._settings.embedder)
            hidden = await lessons_of_others(connection, found.id, asker.agent if asker is not None else None)
            now = self._clock.now()
            return await recall(
                connection, found.id, query, limit, now=now, embedder=embedder, asker=asker, hidden=hidden
            )


@asynccontextmanager
async def open_async(settings: Settings | None = None, *, clock: Clock | None = None) -> AsyncIterator[AsyncReverie]:
    """Open Reverie with these settings, by default those of the environment.

    Raises:
        SettingsError: a setting cannot be used.
        DatabaseError: the database cannot be started or reached.
    """
    chosen = settings or load_settings()
    async with open_database(chosen) as database:
        yield AsyncReverie(database, chosen, clock or SystemClock())


class Reverie:
    """:class:`AsyncReverie` without ``await``; made by :func:`open`."""

    def __init__(self, inner: AsyncReverie, runner: asyncio.Runner) -> None:
        self._inner = inner
        self._runner = runner

    def import_sessions(self, paths: Sequence[str | Path], options: ImportOptions = ImportOptions()) -> ImportSummary:
        """See :meth:`AsyncReverie.import_sessions`."""
        return self._runner.run(self._inner.import_sessions(paths, options))

    def define_metric(self, metric: Metric) -> None:
        """See :meth:`AsyncReverie.define_metric`."""
        self._runner.run(self._inner.define_metric(metric))

    def score(self, session_id: str, scores: Mapping[str, float]) -> float | None:
        """See :meth:`AsyncReverie.score`."""
        return self._runner.run(self._inner.score(session_id, scores))

    def next_label(self, metric: str = REWARD_METRIC, *, where: str | None = None) -> LabelTask | None:
        """See :meth:`AsyncReverie.next_label`."""
        return self._runner.run(self._inner.next_label(metric, where=where))

    def label(
        self, session_id: str, value: float | None, metric: str = REWARD_METRIC, *, where: str | None = None
    ) -> LabelAnswer:
        """See :meth:`AsyncReverie.label`."""
        return self._runner.run(self._inner.label(session_id, value, metric, where=where))

    def grade(
        self, rubric: str, request: GradingRequest, *, model: str | None = None, grader: str | None = None
    ) -> GradingResult:
        """See :meth:`AsyncReverie.grade`."""
        return self._runner.run(self._inner.grade(rubric, request, model=model, grader=grader))

    def dream(
        self,
        store: str = "default",
        *,
        where: str | None = None,
        policy: DreamPolicy | None = None,
        team: str | None = None,
    ) -> DreamResult:
        """See :meth:`AsyncReverie.dream`."""
        return self._runner.run(self._inner.dream(store, where=where, policy=policy, team=team))

    def estimate_dream(
        self, store: str = "default", *, where: str | None = None, policy: DreamPolicy | None = None
    ) -> DreamEstimate:
        """See :meth:`AsyncReverie.estimate_dream`."""
        return self._runner.run(self._inner.estimate_dream(store, where=where, policy=policy))

    def memories(self, store: str) -> list[Memory]:
        """See :meth:`AsyncReverie.memories`."""
        return self._runner.run(self._inner.memories(store))

    def recall(self, store: str, query: str, limit: int = 5, *, asker: Asker | None = ANYONE) -> tuple[RecallHit, ...]:
        """See :meth:`AsyncReverie.recall`."""
        return self._runner.run(self._inner.recall(store, query, limit, asker=asker))


@contextmanager
def open(settings: Settings | None = None, *, clock: Clock | None = None) -> Iterator[Reverie]:
    """Open Reverie for a program without an event loop; see :func:`open_async`.

    Large imports and dreams start worker processes, so a script must guard its entry with
    ``if __name__ == "__main__":``.
    """
    with asyncio.Runner() as runner:
        context = open_async(settings, clock=clock)
        inner = runner.run(context.__aenter__())
        try:
            yield Reverie(inner, runner)
        finally:
            runner.run(context.__aexit__(None, None, None))
