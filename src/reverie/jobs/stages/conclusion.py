"""The last stage: from findings to lessons, one revision of each store and the result, in one transaction."""

import asyncio
import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

import msgspec

from reverie.display_name import numbered
from reverie.dreams.consolidation import Consolidation, plan_dream
from reverie.dreams.dream import (
    DreamResult,
    SessionCounts,
    StageTime,
    WrittenStore,
)
from reverie.dreams.policy import DreamPolicy
from reverie.dreams.request import segment_of
from reverie.jobs.dream_result import dream_result
from reverie.jobs.found import read_found
from reverie.jobs.friction import read_friction
from reverie.jobs.self_changes import propose_guidance
from reverie.jobs.stages.shares import Share, share_out
from reverie.jobs.stages.stage import Stage
from reverie.jobs.trial_entry import enter_trials
from reverie.language_model import ModelPrice
from reverie.lessons.document import lesson_path
from reverie.lessons.lesson import Lesson
from reverie.memory.tiers import Confirmation, Document
from reverie.mining.finding import Hypothesis
from reverie.mining.mine import MiningResult
from reverie.storage.learning.digests import count_dated, read_trend
from reverie.storage.learning.dreams import (
    DreamRow,
    check_inputs,
    complete_dream,
    count_untrusted,
    lock_open_dream,
    read_result,
    read_standing_lessons,
    write_lessons,
    write_wealth,
)
from reverie.storage.memory.memories import apply_edits
from reverie.storage.memory.stores import read_store
from reverie.storage.memory.uses import read_documents, record_confirmation
from reverie.storage.postgres.database import Connection
from reverie.storage.service.teams import read_team
from reverie.teams.membership import UNTRUSTED

_Confirmed = tuple[str, str, Confirmation]
"""A lesson's path, who says so, and in which stretch of time it was borne out."""


async def conclude_dream(stage: Stage, counts: SessionCounts, stages: Sequence[StageTime]) -> None:
    """Propose lessons, pass the gate, write one revision and the result."""
    runtime = stage.runtime
    async with stage.opened() as dream:
        price = runtime.budget.price
        await conclude(dream.connection, dream.row, counts, stages, runtime.policy, runtime.clock.now(), price)


async def conclude(
    connection: Connection,
    dream: DreamRow,
    counts: SessionCounts,
    stages: Sequence[StageTime],
    policy: DreamPolicy,
    now: datetime,
    price: ModelPrice | None = None,
) -> DreamResult:
    """Propose lessons, pass the gate, write one revision and the result; all of it or nothing.

    A team's dream does so for every store of the team: where one gate stops it, nothing is written to any.

    What a model said is read, not asked for; ``price`` is what its tokens cost. Running it again after it succeeded
    returns the result that was written.

    Raises:
        DreamError: the gate stopped the dream.
    """
    if not await lock_open_dream(connection, dream.id):
        return await read_result(connection, dream.id)
    await check_inputs(connection, dream)
    found = await read_found(connection, dream)
    shares = await share_out(connection, dream, found, policy)
    # Before any store is locked: whoever decides a trial locks the trial first.
    entered = [await _enter(connection, dream, share, now) for share in shares]
    written = [await _write(connection, dream, one, now) for one in entered]
    segment = segment_of(dream.request)
    friction, preferences = await read_friction(connection, segment, dream.last_session_key)
    own = next(one for one in written if one.share.store_id == dream.memory_store_id)
    others = [one for one in written if one is not own]
    result = dream_result(
        dream,
        [*own.share.lessons, *(x for one in others for x in (*one.share.lessons, *one.plan.retired))],
        own.plan,
        found,
        msgspec.structs.replace(counts, dated=await count_dated(connection, segment, dream.last_session_key)),
        stages=stages,
        revision=own.revision,
        trend=await read_trend(connection, segment, dream.last_session_key),
        friction=friction,
        preferences=preferences,
        price=price,
    )
    result = await _with_team(connection, dream, result, written)
    await complete_dream(connection, result, now)
    return result


@dataclass(frozen=True)
class _Entered:
    """A share whose lessons have gone into trials, and the adopted ones that stood before."""

    share: Share
    active: Sequence[Lesson]


@dataclass(frozen=True)
class _Written:
    """A share that is in its store."""

    share: Share
    plan: Consolidation
    revision: int | None
    """None where nothing had to change."""


async def _enter(connection: Connection, dream: DreamRow, share: Share, now: datetime) -> _Entered:
    """Take what the dream would newly adopt into trials, where the store has any."""
    standing = await read_standing_lessons(connection, dream, share.store_id)
    lessons = await enter_trials(
        connection, share.store_id, dream.id, share.lessons, standing, share.policy.live, now, offered=share.offered
    )
    active = [lesson for lesson in standing if lesson.status == "adopted"]
    return _Entered(dataclasses.replace(share, lessons=lessons), active)


async def _write(connection: Connection, dream: DreamRow, entered: _Entered, now: datetime) -> _Written:
    """Pass the store's gate, and write its revision and lessons with what is left of the budget for false ones."""
    share, lessons, mined = entered.share, entered.share.lessons, entered.share.mined
    confirmations = _confirmations(dream, lessons, mined)
    documents = await read_documents(connection, share.store_id)
    # Beside the event loop: it compares every note with every other.
    plan = await asyncio.to_thread(
        plan_dream,
        *(lessons, entered.active, documents, _by_path(confirmations), share.merged, share.policy.memory, now),
    )
    await _confirm(connection, share.store_id, confirmations, documents, plan)
    adopted = [lesson for lesson in lessons if lesson.status == "adopted"]
    revision = await apply_edits(
        connection,
        share.store_id,
        plan.edits,
        act="dream",
        actor=dream.id,
        reason=_reason(adopted, mined),
        source_session_ids=sorted({e.session_id for lesson in adopted for e in lesson.evidence}),
        created_by=dream.writer,
        now=now,
    )
    await write_lessons(connection, share.store_id, dream.id, [*lessons, *plan.retired])
    await write_wealth(connection, share.store_id, mined.wealth)
    await propose_guidance(connection, share.store_id, dream.id, now)
    return _Written(share, plan, None if revision is None else revision.number)


async def _with_team(
    connection: Connection, dream: DreamRow, result: DreamResult, written: Sequence[_Written]
) -> DreamResult:
    """The result with what was not learnt from and, of a joint dream, with what went into which store."""
    notes = [*result.notes, *(note for one in written for note in one.share.notes)]
    count = await count_untrusted(connection, dream.request, dream.last_session_key)
    if count:
        kept = "its agent's private store alone" if dream.request.team else "a private store alone"
        notes.append(f"{count:,} sessions are marked {UNTRUSTED}: what they say stays in {kept}")
    if dream.request.team is None:
        return msgspec.structs.replace(result, notes=tuple(notes))
    team = await read_team(connection, dream.request.team)
    if len(written) == 1 and any(member.memory_store_id for member in team.members):
        notes.append("no session has a score, so agents were not judged by themselves: private stores are as they were")
    stores = [await _told(connection, one) for one in written]
    placed = tuple(place for one in written for place in one.share.placed)
    return msgspec.structs.replace(result, notes=tuple(notes), team=team.name, stores=tuple(stores), placed=placed)


async def _told(connection: Connection, written: _Written) -> WrittenStore:
    share, statuses = written.share, [lesson.status for lesson in written.share.lessons]
    return WrittenStore(
        share.store_id,
        (await read_store(connection, share.store_id)).name,
        share.agent,
        written.revision,
        len(written.plan.changes),
        statuses.count("adopted"),
        statuses.count("trial"),
    )


def _reason(adopted: Sequence[Lesson], mined: MiningResult) -> str:
    told = f"{numbered(len(adopted), 'lesson')} {'holds' if len(adopted) == 1 else 'hold'}"
    if mined.implicit:
        return f"{told} for the implicit outcome; no session has a score"
    return f"{told} in {numbered(mined.scored, 'scored session')}"


async def _confirm(
    connection: Connection,
    store_id: str,
    confirmations: Sequence[_Confirmed],
    documents: Sequence[Document],
    plan: Consolidation,
) -> None:
    """Record what was borne out, but not of documents that a person has made their own."""
    written = {edit.path for edit in plan.edits if edit.lesson_id is not None}
    foreign = {document.path for document in documents if not document.is_lesson} - written
    for path, source, confirmation in confirmations:
        if path not in foreign:
            await record_confirmation(connection, store_id, path, source, confirmation)


def _by_path(confirmations: Sequence[_Confirmed]) -> dict[str, list[Confirmation]]:
    grouped: dict[str, list[Confirmation]] = {}
    for path, _, confirmation in confirmations:
        grouped.setdefault(path, []).append(confirmation)
    return grouped


def _confirmations(dream: DreamRow, lessons: Sequence[Lesson], mined: MiningResult) -> list[_Confirmed]:
    """For each adopted lesson the stretches of time that bore it out; tiers rest on them."""
    findings = {(mined.outcome.name, *_key(finding.hypothesis)): finding for finding in mined.findings}
    for result in mined.outcomes:
        findings |= {(result.outcome.name, *_key(finding.hypothesis)): finding for finding in result.findings}
    confirmed = []
    for lesson in lessons:
        finding = findings.get((lesson.outcome, lesson.scope.task_family, lesson.behaviour))
        if lesson.status != "adopted" or finding is None:
            continue
        for number, window in enumerate(finding.windows):
            began, ended = (datetime.fromtimestamp(at, UTC) for at in (window.began_at, window.ended_at))
            source = f"{dream.id}:{number}"
            confirmed.append((lesson_path(lesson), source, Confirmation(began, ended, window.strata)))
    return confirmed


def _key(hypothesis: Hypothesis) -> tuple[str | None, str]:
    """Task family and label: what a lesson and its finding have in common."""
    return hypothesis.category, hypothesis.label
