"""Grading sessions of the history: each content once, within a budget, so that it can be cut off at any moment."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import msgspec
import numpy as np

from reverie.clock import Clock
from reverie.display_name import numbered
from reverie.errors import (
    ExtensionError,
    InputError,
    ModelAccessError,
    ModelBudgetExceeded,
    ModelError,
    ReverieError,
    SettingsError,
)
from reverie.jobs.labelling import blind_view, content_sha256
from reverie.jobs.session_grader import Graded, SessionGrader
from reverie.language_model import ModelUsage, add_usage, cost_usd
from reverie.outcomes.grader import Grade, GradedSession
from reverie.outcomes.metric import Metric
from reverie.sessions.segment import parse_segment
from reverie.statistics.calibration import Calibration, calibrate
from reverie.statistics.corpus import label_codes
from reverie.storage.postgres.database import Connection, Database
from reverie.storage.sessions import grades
from reverie.storage.sessions.grades import GradeKey
from reverie.storage.sessions.scores import define_metric, list_metrics

DEFAULT_CONCURRENCY = 4
_MOST_LISTED = 20
Progress = Callable[[int, int], None]
"""Called with how many sessions are through, and out of how many."""


class GradingRequest(msgspec.Struct, frozen=True):
    """What is to be graded, and what it may cost."""

    metric: str
    where: str | None = None
    budget_usd: float | None = None
    """For this rubric and grader altogether, with earlier calls; None is no limit."""
    concurrency: int = DEFAULT_CONCURRENCY


class GradingFailure(msgspec.Struct, frozen=True):
    """A session that got no grade."""

    session_id: str
    problem: str


class GradingResult(msgspec.Struct, frozen=True):
    """What a grading came to."""

    grader: str
    metric: str
    sessions: int
    graded: int
    """Asked about now."""
    cached: int
    """Whose content had its grade already."""
    failed: int
    left: int
    """Not asked about: the budget is spent, or the model cannot be reached."""
    failures: tuple[GradingFailure, ...]
    """At most twenty."""
    usage: ModelUsage
    cost_usd: float | None
    """Of this run; None where the price is not known."""
    spent_usd: float
    """For this rubric and grader altogether."""
    agreement: Calibration | None
    """With labels that no grader gave; None where there are none."""
    notes: tuple[str, ...] = ()


@dataclass(slots=True)
class _Tally:
    """What a run has come to so far."""

    scores: dict[int, float] = field(default_factory=dict)
    graded: int = 0
    cached: int = 0
    failures: list[GradingFailure] = field(default_factory=list)
    usage: ModelUsage = field(default_factory=ModelUsage)
    usd: float = 0.0
    stopped: str = ""


async def grade_sessions(
    database: Database, grader: SessionGrader, request: GradingRequest, clock: Clock, progress: Progress
) -> GradingResult:
    """Grade the sessions that ``request`` names. What is done is stored at once, so a killed run is taken up again.

    Raises:
        ExpressionError: the condition cannot be understood.
        SettingsError: there is a budget, and the model has no price.
    """
    if request.budget_usd is not None and grader.price is None and not grader.name.startswith("grader:"):
        raise SettingsError("a budget in money needs the model's price; set REVERIE_MODEL_PRICE, or price in its route")
    segment = parse_segment(request.where)
    async with database.connection() as connection:
        sessions = await grades.sessions_to_grade(connection, segment)
        labelled = await grades.count_labelled(connection, segment)
        notes = await _keep_apart(connection, request.metric, labelled)
    run = _Run(database, grader, request, clock)
    waiting, done = iter(sessions), 0

    async def work() -> None:
        nonlocal done
        for key, session_id in waiting:
            if run.tally.stopped:
                return
            await run.grade(key, session_id)
            done += 1
            progress(done, len(sessions))

    async with asyncio.TaskGroup() as group:
        for _ in range(request.concurrency):
            group.create_task(work())
    return await run.result(len(sessions), notes)


async def _keep_apart(connection: Connection, metric: str, labelled: int) -> tuple[str, ...]:
    """Where sessions have labels, a new metric stays out of the reward: a grader must not dilute what people said."""
    if not labelled or any(one.name == metric for one in await list_metrics(connection)):
        return ()
    await define_metric(connection, Metric(metric, weight=0.0))
    have = f"{numbered(labelled, 'session')} {'has' if labelled == 1 else 'have'}"
    kept_out = f"{have} scores already, so {metric!r} is kept out of the reward (weight 0)"
    return (f"{kept_out}; it can be a policy's proxy, and `reverie metric define {metric}` makes it count",)


class _Run:
    """One run over the sessions."""

    def __init__(self, database: Database, grader: SessionGrader, request: GradingRequest, clock: Clock) -> None:
        self._database, self._grader, self._request, self._clock = database, grader, request, clock
        self._asking: dict[str, asyncio.Lock] = {}
        self._reserving = asyncio.Lock()
        self._under_way = 0
        self._settled = asyncio.Event()
        """Set, and replaced, when what was set aside for an answer is free again."""
        self.tally = _Tally()

    async def grade(self, key: int, session_id: str) -> None:
        """Grade a session, or say why not."""
        try:
            async with self._database.connection() as connection:
                view = await blind_view(connection, session_id)
            content = content_sha256(view)
            # Copies of one content wait for each other: it is paid for once.
            async with self._asking.setdefault(content, asyncio.Lock()):
                await self._grade(key, view, GradeKey(content, self._grader.rubric_sha256, self._grader.name))
        except (ModelBudgetExceeded, ModelAccessError) as error:
            self.tally.stopped = str(error)
        except (ExtensionError, InputError, ModelError) as error:
            self.tally.failures.append(GradingFailure(session_id, str(error)))

    async def _grade(self, session_key: int, view: GradedSession, key: GradeKey) -> None:
        found = await self._find_or_reserve(view, key)
        graded = Graded(found) if found is not None else await self._ask_and_settle(view, key)
        async with self._database.connection() as connection:
            await grades.record_grade(connection, session_key, self._request.metric, graded.grade, self._grader.name)
        self._count(session_key, graded, cached=found is not None)

    async def _find_or_reserve(self, view: GradedSession, key: GradeKey) -> Grade | None:
        """The grade that there is already; else None, and the most that it can cost is set aside.

        What is set aside for answers under way is mostly given back, so a want of money is final once none is.

        Raises:
            ModelBudgetExceeded: the budget is used up.
        """
        while True:
            # One at a time: what is set aside and not yet counted as under way would look like money spent.
            async with self._reserving:
                settled, waited_for = self._settled, self._under_way
                try:
                    found = await self._find_or_set_aside(view, key)
                except ModelBudgetExceeded:
                    if not waited_for and not self._under_way:
                        raise
                else:
                    self._under_way += found is None
                    return found
            await settled.wait()

    async def _find_or_set_aside(self, view: GradedSession, key: GradeKey) -> Grade | None:
        async with self._database.connection() as connection:
            found = await grades.find_grade(connection, key)
            if found is None:
                most = self._grader.most_usd(view)
                await grades.reserve(connection, key, most, self._request.budget_usd, self._clock.now())
            return found

    async def _ask_and_settle(self, view: GradedSession, key: GradeKey) -> Graded:
        try:
            graded = await self._ask(view, key)
            async with self._database.connection() as connection:
                await grades.settle(connection, key, graded.grade, graded.usage, graded.usd, self._clock.now())
        finally:
            self._under_way -= 1
            self._settled.set()
            self._settled = asyncio.Event()
        return graded

    async def _ask(self, view: GradedSession, key: GradeKey) -> Graded:
        try:
            return await self._grader.grade(view)
        except ReverieError as error:
            usage = ModelUsage()
            if isinstance(error, ModelError):
                usage = ModelUsage(error.input_tokens, error.output_tokens)
            usd = 0.0 if self._grader.price is None else cost_usd(usage, self._grader.price)
            self.tally.usage, self.tally.usd = add_usage(self.tally.usage, usage), self.tally.usd + usd
            async with self._database.connection() as connection:
                await grades.settle(connection, key, str(error), usage, usd, self._clock.now())
            raise

    def _count(self, session_key: int, graded: Graded, *, cached: bool) -> None:
        tally = self.tally
        if graded.grade.score is not None:
            tally.scores[session_key] = graded.grade.score
        tally.cached += cached
        tally.graded += not cached
        tally.usage, tally.usd = add_usage(tally.usage, graded.usage), tally.usd + graded.usd

    async def result(self, sessions: int, notes: Sequence[str]) -> GradingResult:
        """What the run came to."""
        tally, grader = self.tally, self._grader
        async with self._database.connection() as connection:
            spent = await grades.spent_usd(connection, grader.rubric_sha256, grader.name)
            labels = await grades.read_labels(connection, list(tally.scores), self._request.metric)
        stopped = (tally.stopped,) if tally.stopped else ()
        return GradingResult(
            grader=grader.name,
            metric=self._request.metric,
            sessions=sessions,
            graded=tally.graded,
            cached=tally.cached,
            failed=len(tally.failures),
            left=sessions - tally.graded - tally.cached - len(tally.failures),
            failures=tuple(tally.failures[:_MOST_LISTED]),
            usage=tally.usage,
            cost_usd=None if grader.price is None and tally.usage.total_tokens else tally.usd,
            spent_usd=spent,
            agreement=_agreement(tally.scores, labels),
            notes=(*notes, *stopped),
        )


def _agreement(scores: dict[int, float], labels: Sequence[grades.GradedLabel]) -> Calibration | None:
    if not labels:
        return None
    tasks = [label.task if label.task is not None else f"\x1f{label.session_key}" for label in labels]
    measure = np.array([scores[label.session_key] for label in labels], np.float64)
    return calibrate(measure, np.array([label.label for label in labels], np.float64), label_codes(tasks))
