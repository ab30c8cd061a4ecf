"""What a session is shown of memory, with those lessons in it that its draw says, whoever runs the session."""

import hashlib
from collections.abc import Sequence
from datetime import datetime

from reverie.ids import new_id
from reverie.memory.briefing_size import USUAL_SIZE, BriefingSize
from reverie.runtime.briefing import Briefing, BriefingItem, compose, fits, lesson_text, without
from reverie.storage.live.assignments import Candidate, assign, contaminating, predict_reward
from reverie.storage.live.briefings import lesson_items, memory_items, note_items
from reverie.storage.live.session_views import read_views
from reverie.storage.live.trials import TrialRow, insert_trial, standing_trials
from reverie.storage.live.tried_lessons import read_lessons
from reverie.storage.memory.policies import read_policy
from reverie.storage.memory.recall import recall
from reverie.storage.postgres.database import Connection
from reverie.trials.policy import LivePolicy
from reverie.trials.trial import Subject, Trial

_MOST_RECALLED = 8
LONGEST_QUERY = 2_000


async def make_guidance(
    connection: Connection,
    store_ids: Sequence[str],
    candidate: Candidate,
    query: str,
    now: datetime,
    size: BriefingSize = USUAL_SIZE,
) -> Briefing:
    """The briefing for a session from its stores; whoever is eligible for a trial is drawn, and the draw is recorded.

    Eligible is who would be shown the subject in a briefing with everything in it; a hidden one leaves its place empty.

    Args:
        query: the opening message, cut to :data:`LONGEST_QUERY`.
    """
    if not store_ids:
        return Briefing("", ())
    for store_id in store_ids:
        await _ensure_holdout(connection, store_id, now)
    trials = _taking_part(await standing_trials(connection, store_ids, lock=True), candidate)
    items: list[BriefingItem] = []
    for store_id in store_ids:
        items += await _items(connection, store_id, candidate, query, now)
        items += await _tried_items(connection, store_id, trials, candidate)
    whole = compose(items, size)
    return without(whole, await _draw(connection, whole, trials, candidate, now))


def _taking_part(trials: Sequence[TrialRow], candidate: Candidate) -> list[TrialRow]:
    """The trials that a session may be in: as many as the store allows, each session others."""

    def turn(trial: TrialRow) -> tuple[bool, bytes]:
        return trial.subject.kind != "memory", hashlib.sha256(f"{trial.id} {candidate.reference}".encode()).digest()

    taken: dict[str | None, int] = {}
    chosen = []
    for trial in sorted(trials, key=turn):
        place = taken.get(trial.memory_store_id, 0)
        if trial.subject.kind == "memory" or place < trial.policy.most_in_a_session:
            taken[trial.memory_store_id] = place + (trial.subject.kind != "memory")
            chosen.append(trial)
    return sorted(chosen, key=lambda trial: trial.id)


async def _items(
    connection: Connection, store_id: str, candidate: Candidate, query: str, now: datetime
) -> list[BriefingItem]:
    # Lessons come by their scope already, and need no place among what is recalled.
    hits = await recall(connection, store_id, query, _MOST_RECALLED, now=now, asker=None) if query else ()
    return [
        *await note_items(connection, store_id),
        *await lesson_items(connection, store_id, candidate.agent, candidate.task_family),
        *await memory_items(connection, store_id, [hit.memory_id for hit in hits]),
    ]


async def _tried_items(
    connection: Connection, store_id: str, trials: Sequence[TrialRow], candidate: Candidate
) -> list[BriefingItem]:
    """Lessons that are in trial and so no documents, with their trial's version."""
    versions = {
        lesson_id: trial.subject.version
        for trial in trials
        if trial.memory_store_id == store_id and trial.state == "trial" and trial.subject.kind in ("lesson", "bundle")
        for lesson_id in trial.subject.ids
    }
    lessons = await read_lessons(connection, store_id, list(versions))
    agent, family = candidate.agent, candidate.task_family
    return [
        BriefingItem(
            "lesson",
            lesson.id,
            versions[lesson.id],
            store_id,
            lesson_text(lesson, lesson.advice, agent, family),
            lesson.effect.low,
        )
        for lesson in lessons
        if fits(lesson.scope, agent, family)
    ]


async def _draw(
    connection: Connection, whole: Briefing, trials: Sequence[TrialRow], candidate: Candidate, now: datetime
) -> set[str]:
    """Draw for the trials that a session is eligible for; the subjects that it does without."""
    views = {} if candidate.session_key is None else await read_views(connection, candidate.session_key)
    subjects: dict[str | None, set[str]] = {}
    for one in whole.shown:
        subjects.setdefault(one.item.memory_store_id, set()).add(one.item.subject)
    notes = [one.item.version for one in whole.shown if one.item.kind != "lesson"]
    heard = await contaminating(connection, notes) if trials and notes else set()
    hidden: set[str] = set()
    predicted = await predict_reward(connection, candidate) if trials else None
    for trial in trials:
        there = subjects.get(trial.memory_store_id, set())
        about = there if trial.subject.kind == "memory" else there & set(trial.subject.ids)
        if not about:
            continue
        share, contaminated = views.get(trial.id), trial.id in heard
        shown = await assign(
            connection, trial, candidate, now, share=share, contaminated=contaminated, predicted=predicted
        )
        if not shown:
            hidden |= about
    return hidden


async def _ensure_holdout(connection: Connection, store_id: str, now: datetime) -> None:
    """Begin the trial of a store's whole memory where its policy holds a share of sessions out, and it has none."""
    policy = (await read_policy(connection, store_id)).live
    if policy.memory_holdout == 0 or policy.mode == "off":
        return
    row = await connection.execute(
        "SELECT FROM trials WHERE memory_store_id = %s AND kind = 'memory' AND state IN ('trial', 'frozen')", [store_id]
    )
    if await row.fetchone() is None:
        await insert_trial(connection, holdout_trial(store_id, policy, now))


def holdout_trial(store_id: str, policy: LivePolicy, now: datetime) -> Trial:
    """The trial that asks whether a store's memory helps at all."""
    trial_id = new_id("trl", now)
    return Trial(
        id=trial_id,
        memory_store_id=store_id,
        subject=Subject("memory", (store_id,)),
        state="trial",
        salt=new_id("salt", now),
        policy=policy,
        guardrails=(),
        batch=trial_id,
        title="all that this store shows",
        created_at=now,
        created_by="auto",
    )
