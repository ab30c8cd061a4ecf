"""How a lesson enters a trial: from a dream that would have adopted it, or because a person asks for it."""

import hashlib
from collections.abc import Collection, Sequence
from datetime import datetime

import msgspec

from reverie.errors import ConflictError, NotFoundError
from reverie.ids import derived_id, new_id
from reverie.lessons.lesson import Effect, Lesson, LessonStatus, Scope
from reverie.storage.live.forecasts import count_sessions, measure_guardrails
from reverie.storage.live.trials import STANDING, TrialRow, insert_trial, read_trial, set_state, trials_of_lesson
from reverie.storage.live.tried_lessons import are_documents, insert_lesson, read_lessons, set_status
from reverie.storage.postgres.database import Connection
from reverie.trials.forecast import foresee, has_traffic, told_low_traffic
from reverie.trials.policy import LivePolicy
from reverie.trials.trial import Subject, SubjectKind, Trial, TrialState

_WORDS_CHANGED = "its words changed, and other words are another trial"
_TRIALS_OFF = "offered, and waits: live trials of this store are off (policy live.mode)"
_AGAIN = "; a person can begin another trial"


def lesson_version(lessons: Sequence[Lesson]) -> str:
    """A hash of the words that an agent is shown."""
    words = "\x1e".join(f"{lesson.id}\x1f{lesson.advice}" for lesson in lessons)
    return hashlib.sha256(words.encode()).hexdigest()[:16]


async def enter_trials(
    connection: Connection,
    store_id: str,
    dream_id: str,
    lessons: Sequence[Lesson],
    standing: Sequence[Lesson],
    policy: LivePolicy,
    now: datetime,
    *,
    offered: Collection[str] = (),
) -> list[Lesson]:
    """Take what a dream would newly adopt into trials, and end the trials of what it does not hold any more.

    Args:
        offered: ids of lessons that come from other stores. They are adopted after a trial alone, however rare they
            are; where trials are off, they wait as candidates.
        lessons: what the dream found, with the status that it gives.
        standing: adopted lessons, and those in trial, that earlier dreams over the same sessions left.
    """
    kept = {lesson.id for lesson in lessons if lesson.status == "adopted"}
    for lesson in standing:
        if lesson.id not in kept:
            await _end_trials(connection, store_id, lesson.id, "the dream no longer holds the lesson", now)
    adopted = {lesson.id for lesson in standing if lesson.status == "adopted"}
    if policy.mode == "off":
        waiting = [x for x in lessons if x.status == "adopted" and x.id in offered and x.id not in adopted]
        return [_with(x, "candidate", f"{x.reason}; {_TRIALS_OFF}") if x in waiting else x for x in lessons]
    after, fresh = [], []
    for lesson in lessons:
        if lesson.status == "adopted" and lesson.id not in adopted:
            known = await _known(connection, store_id, lesson, now)
            fresh += [] if known else [lesson]
            after.append(known or lesson)
        elif lesson.id in adopted and lesson.status == "adopted":
            after.append(await _still_hidden(connection, store_id, lesson))
        else:
            after.append(lesson)
    begun = await _begin(connection, store_id, dream_id, fresh, policy, now, offered)
    return [begun.get(lesson.id, lesson) for lesson in after]


async def _known(connection: Connection, store_id: str, lesson: Lesson, now: datetime) -> Lesson | None:
    """The lesson as an earlier trial leaves it; None where it is to enter one."""
    for trial in await trials_of_lesson(connection, store_id, lesson.id):
        if trial.state in ("trial", "frozen"):
            if trial.subject.kind == "lesson" and trial.subject.version != lesson_version([lesson]):
                await set_state(connection, trial, "ended", _WORDS_CHANGED, now)
                return None
            return _with(lesson, "trial", f"tried live as {trial.id}")
        if trial.state in ("rolled_back", "rejected", "ended", "inconclusive"):
            if trial.reason == _WORDS_CHANGED:
                return None
            held = trial.state == "inconclusive" and trial.policy.at_horizon == "keep"
            return _with(lesson, "candidate" if held else "refused", f"trial {trial.id}: {trial.reason}{_AGAIN}")
    return None


async def _still_hidden(connection: Connection, store_id: str, lesson: Lesson) -> Lesson:
    """An adopted lesson with what is told of its hidden share, while the trial that it was adopted with goes on."""
    for trial in await trials_of_lesson(connection, store_id, lesson.id):
        # One that was adopted by a decision has been tried; what a person began gives no reason.
        if trial.state == "adopted" and trial.decided_at is None and trial.reason:
            return _with(lesson, "adopted", _untried(lesson, trial))
    return lesson


def _untried(lesson: Lesson, trial: Trial) -> str:
    """Why a lesson is adopted that too few sessions would see to try it first."""
    hidden = f"hidden from {trial.policy.hidden_share:.0%} of sessions ({trial.id})"
    return f"{lesson.reason}; adopted without a trial, {hidden}: {trial.reason}"


def _with(lesson: Lesson, status: LessonStatus, reason: str) -> Lesson:
    return msgspec.structs.replace(lesson, status=status, reason=reason)


async def _end_trials(connection: Connection, store_id: str, lesson_id: str, reason: str, now: datetime) -> None:
    for trial in await trials_of_lesson(connection, store_id, lesson_id):
        if trial.state in ("trial", "adopted", "frozen") and trial.subject.kind == "lesson":
            await set_state(connection, await read_trial(connection, trial.id, lock=True), "ended", reason, now)


async def _begin(
    connection: Connection,
    store_id: str,
    dream_id: str,
    lessons: Sequence[Lesson],
    policy: LivePolicy,
    now: datetime,
    offered: Collection[str],
) -> dict[str, Lesson]:
    """Begin the trials of a dream: one a lesson where there are sessions enough, else one of all, else a holdback.

    What is offered has one of its own in any case.
    """
    begun: dict[str, Lesson] = {}
    slow: list[Lesson] = []
    for lesson in lessons:
        forecast = foresee(await count_sessions(connection, lesson.scope, now), policy)
        if lesson.id in offered or has_traffic(forecast, policy):
            trial = await begin_trial(connection, store_id, [lesson], policy, now, by=dream_id, batch=dream_id)
            told = lesson.reason if lesson.id in offered else "passed the dream's tests"
            begun[lesson.id] = _with(lesson, "trial", f"{told}, tried live as {trial.id}")
        else:
            slow.append(lesson)
    if not slow:
        return begun
    forecast = foresee(await count_sessions(connection, Scope(), now), policy)
    if len(slow) > 1 and has_traffic(forecast, policy):
        trial = await begin_trial(connection, store_id, slow, policy, now, by=dream_id, batch=dream_id)
        told = f"passed the dream's tests, tried live with {len(slow) - 1} others as {trial.id}, being too rare alone"
        return begun | {lesson.id: _with(lesson, "trial", told) for lesson in slow}
    for lesson in slow:
        told = told_low_traffic(foresee(await count_sessions(connection, lesson.scope, now), policy), policy)
        share = policy.low_traffic_hidden_share
        rare = msgspec.structs.replace(policy, hidden_share=share, hidden_share_later=share)
        trial = await begin_trial(
            connection, store_id, [lesson], rare, now, by=dream_id, batch=dream_id, state="adopted", reason=told
        )
        begun[lesson.id] = _with(lesson, "adopted", _untried(lesson, trial))
    return begun


async def begin_trial(
    connection: Connection,
    store_id: str,
    lessons: Sequence[Lesson],
    policy: LivePolicy,
    now: datetime,
    *,
    by: str,
    batch: str | None = None,
    state: TrialState = "trial",
    reason: str = "",
) -> Trial:
    """Begin a trial of a lesson, or of several as one bundle.

    Raises:
        ConflictError: one of the same subject stands.
    """
    trial_id = new_id("trl", now)
    kind: SubjectKind = "lesson" if len(lessons) == 1 else "bundle"
    trial = Trial(
        id=trial_id,
        memory_store_id=store_id,
        subject=Subject(kind, tuple(lesson.id for lesson in lessons), lesson_version(lessons)),
        state=state,
        salt=new_id("salt", now),
        policy=policy,
        guardrails=await measure_guardrails(connection, policy.guardrails, lessons[0].scope),
        batch=batch or trial_id,
        title="; ".join(lesson.advice for lesson in lessons),
        created_at=now,
        created_by=by,
        reason=reason,
    )
    await insert_trial(connection, trial)
    return trial


async def try_lesson(
    connection: Connection, store_id: str, lesson_id: str, policy: LivePolicy, now: datetime, by: str
) -> TrialRow:
    """Begin a trial of a lesson that is there, whatever became of it before; an adopted one gets a hidden share.

    Raises:
        NotFoundError: the store has no such lesson.
        ConflictError: it is in a trial, alone or with others.
    """
    lessons = await read_lessons(connection, store_id, [lesson_id])
    if not lessons:
        raise NotFoundError(f"memory store {store_id} has no lesson {lesson_id!r}; see reverie memory list {store_id}")
    for known in await trials_of_lesson(connection, store_id, lesson_id):
        if known.state in STANDING:
            raise ConflictError(f"lesson {lesson_id} is in a trial already ({known.id}); end that first")
    # One whose document a person deleted is shown to nobody, and is tried as if it had not been adopted.
    stands = lessons[0].status == "adopted" and await are_documents(connection, store_id, [lesson_id])
    state: TrialState = "adopted" if stands else "trial"
    trial = await begin_trial(connection, store_id, lessons, policy, now, by=by, state=state)
    if state == "trial":
        await set_status(connection, store_id, lessons, "trial", f"tried live as {trial.id}, begun by a person")
    return await read_trial(connection, trial.id)


async def try_advice(
    connection: Connection,
    store_id: str,
    advice: str,
    scope: Scope,
    policy: LivePolicy,
    now: datetime,
    by: str,
) -> TrialRow:
    """Begin a trial of advice that a person gives; it has no evidence but what the trial will show.

    Raises:
        ConflictError: the same advice is in a trial.
    """
    lesson = Lesson(
        id=derived_id("lsn", store_id, "advice", advice, scope.agent or "", scope.task_family or ""),
        kind="best_practice",
        scope=scope,
        behaviour=f"advice:{hashlib.sha256(advice.encode()).hexdigest()[:12]}",
        effect=Effect(0.0, -1.0, 1.0),
        q_value=1.0,
        strata_informative=0,
        sessions_with=0,
        sessions_without=0,
        evidence=(),
        status="trial",
        reason="given by a person",
        do=advice,
    )
    # Where it was given before, the lesson stands as it was left: it may be adopted, and have its document.
    if not await read_lessons(connection, store_id, [lesson.id]):
        await insert_lesson(connection, store_id, lesson)
    return await try_lesson(connection, store_id, lesson.id, policy, now, by)
