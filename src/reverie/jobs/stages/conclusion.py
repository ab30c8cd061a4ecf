"""The last stage: from findings to lessons, one revision and the result, in one transaction."""

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime

import msgspec

from reverie.assist.consultation import with_earlier
from reverie.assist.judgement import state_checks
from reverie.assist.wording import with_wording
from reverie.display_name import numbered
from reverie.dreams.consolidation import Consolidation, plan_dream
from reverie.dreams.dream import (
    DreamResult,
    SessionCounts,
    StageTime,
)
from reverie.dreams.policy import DreamPolicy
from reverie.dreams.request import segment_of
from reverie.jobs.dream_result import dream_result
from reverie.jobs.found import Found, read_found
from reverie.jobs.friction import read_friction
from reverie.jobs.quotes import quote_examples, sessions_to_quote
from reverie.jobs.self_changes import propose_guidance
from reverie.jobs.stages.stage import Stage
from reverie.jobs.trial_entry import enter_trials
from reverie.language_model import ModelPrice
from reverie.lessons.conflicts import join_outcomes, settle_conflicts
from reverie.lessons.document import lesson_path
from reverie.lessons.lesson import Lesson
from reverie.lessons.priority import propose_priorities
from reverie.lessons.proposal import digested_situation, propose_lesson, worth_a_lesson
from reverie.memory.memory import Revision
from reverie.memory.tiers import Confirmation, Document
from reverie.mining.attribution import Attribution, attribute_failure
from reverie.mining.finding import Hypothesis
from reverie.mining.mine import MiningResult
from reverie.overview.overview import WeakSegment
from reverie.storage.learning.consultations import earlier_proposals
from reverie.storage.learning.digests import count_dated, measure_segment, proving_sequences, read_trend
from reverie.storage.learning.dreams import (
    DreamRow,
    check_inputs,
    complete_dream,
    lock_open_dream,
    read_result,
    read_standing_lessons,
    write_lessons,
    write_wealth,
)
from reverie.storage.memory.clone import store_origin
from reverie.storage.memory.memories import apply_edits
from reverie.storage.memory.uses import read_documents, record_confirmation
from reverie.storage.postgres.database import Connection
from reverie.storage.sessions.transcripts import read_transcripts

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

    What a model said is read, not asked for; ``price`` is what its tokens cost. Running it again after it succeeded
    returns the result that was written.

    Raises:
        DreamError: the gate stopped the dream.
    """
    if not await lock_open_dream(connection, dream.id):
        return await read_result(connection, dream.id)
    await check_inputs(connection, dream)
    found = await read_found(connection, dream)
    proposed = with_wording(await propose_lessons(connection, dream, found, policy), found.words.advice)
    standing = await read_standing_lessons(connection, dream)
    # Before the store is locked: whoever decides a trial locks the trial first.
    lessons = await enter_trials(connection, dream.memory_store_id, dream.id, proposed, standing, policy.live, now)
    confirmations = _confirmations(dream, lessons, found.mined)
    active_lessons = [lesson for lesson in standing if lesson.status == "adopted"]
    documents = await read_documents(connection, dream.memory_store_id)
    merged = found.own_words.merged if found.own_words else ()
    # Beside the event loop: it compares every note with every other.
    plan = await asyncio.to_thread(
        plan_dream, lessons, active_lessons, documents, _by_path(confirmations), merged, policy.memory, now
    )
    await _confirm(connection, dream, confirmations, documents, plan)
    revision = await _write_memory(connection, dream, lessons, plan, found.mined, now)
    await propose_guidance(connection, dream.memory_store_id, dream.id, now)
    segment = segment_of(dream.request)
    friction, preferences = await read_friction(connection, segment, dream.last_session_key)
    result = dream_result(
        dream,
        lessons,
        plan,
        found,
        msgspec.structs.replace(counts, dated=await count_dated(connection, segment, dream.last_session_key)),
        stages=stages,
        revision=revision.number if revision else None,
        trend=await read_trend(connection, segment, dream.last_session_key),
        friction=friction,
        preferences=preferences,
        price=price,
    )
    await complete_dream(connection, result, now)
    return result


async def _write_memory(
    connection: Connection,
    dream: DreamRow,
    lessons: Sequence[Lesson],
    plan: Consolidation,
    mined: MiningResult,
    now: datetime,
) -> Revision | None:
    """Write the planned edits as one revision, and the lessons with what is left of the budget for false ones."""
    adopted = [lesson for lesson in lessons if lesson.status == "adopted"]
    revision = await apply_edits(
        connection,
        dream.memory_store_id,
        plan.edits,
        act="dream",
        actor=dream.id,
        reason=_reason(adopted, mined),
        source_session_ids=sorted({e.session_id for lesson in adopted for e in lesson.evidence}),
        created_by=dream.writer,
        now=now,
    )
    await write_lessons(connection, dream.memory_store_id, dream.id, [*lessons, *plan.retired])
    await write_wealth(connection, dream.memory_store_id, mined.wealth)
    return revision


def _reason(adopted: Sequence[Lesson], mined: MiningResult) -> str:
    told = f"{numbered(len(adopted), 'lesson')} {'holds' if len(adopted) == 1 else 'hold'}"
    if mined.implicit:
        return f"{told} for the implicit outcome; no session has a score"
    return f"{told} in {numbered(mined.scored, 'scored session')}"


async def _confirm(
    connection: Connection,
    dream: DreamRow,
    confirmations: Sequence[_Confirmed],
    documents: Sequence[Document],
    plan: Consolidation,
) -> None:
    """Record what was borne out, but not of documents that a person has made their own."""
    written = {edit.path for edit in plan.edits if edit.lesson_id is not None}
    foreign = {document.path for document in documents if not document.is_lesson} - written
    for path, source, confirmation in confirmations:
        if path not in foreign:
            await record_confirmation(connection, dream.memory_store_id, path, source, confirmation)


def _by_path(confirmations: Sequence[_Confirmed]) -> dict[str, list[Confirmation]]:
    grouped: dict[str, list[Confirmation]] = {}
    for path, _, confirmation in confirmations:
        grouped.setdefault(path, []).append(confirmation)
    return grouped


async def propose_lessons(connection: Connection, dream: DreamRow, found: Found, policy: DreamPolicy) -> list[Lesson]:
    """The lessons that the dream's findings amount to, in our own words."""
    mined, overview = found.mined, found.overview
    proposals = with_earlier(await earlier_proposals(connection, dream), found.consultation)
    about = [(finding, mined.outcome) for finding in mined.findings]
    about += [(finding, result.outcome) for result in mined.outcomes for finding in result.findings]
    chosen = [(finding, outcome) for finding, outcome in about if worth_a_lesson(finding)]
    wanted = [
        (session_id, digested_situation(finding.hypothesis.situation).text, finding.hypothesis.name_text)
        for finding, _ in chosen
        for session_id in (*finding.supporting, *finding.contrary)
    ]
    proving = {**await proving_sequences(connection, wanted), **found.judgement.proving_sequences()}
    size = await measure_segment(connection, segment_of(dream.request), dream.last_session_key)
    agent = (size.agents[0] or None) if len(size.agents) == 1 else None
    # A clone's lessons keep their ids, and so their documents.
    store_id = await store_origin(connection, dream.memory_store_id)
    lessons = [
        propose_lesson(f, store_id=store_id, agent=agent, split_by=mined.split_by, proving=proving, outcome=outcome)
        for f, outcome in chosen
    ]
    if overview is not None:
        blamed = await _blame(connection, overview.weak_segments)
        lessons += propose_priorities(overview.weak_segments, store_id=store_id, agent=agent, blamed=blamed)
    lessons = await _with_examples(connection, lessons)
    stated = state_checks(lessons, proposals.proposals)
    wanted_kinds = [lesson for lesson in stated if lesson.kind in policy.lesson_kinds]
    return settle_conflicts(join_outcomes(wanted_kinds))


async def _with_examples(connection: Connection, lessons: Sequence[Lesson]) -> list[Lesson]:
    """Lessons that stand, with the moves themselves: only the few sessions that show them are read."""
    wanted = {session_id for lesson in lessons for session_id in sessions_to_quote(lesson)}
    transcripts = {t.session.id: t for t in await read_transcripts(connection, sorted(wanted))}
    return [quote_examples(lesson, transcripts) for lesson in lessons]


async def _blame(connection: Connection, segments: Sequence[WeakSegment]) -> dict[str, Attribution]:
    """The step that each failed example of a weak segment is traced to, by session id."""
    failed = {session_id for segment in segments for session_id in segment.example_session_ids}
    transcripts = await read_transcripts(connection, sorted(failed))
    traced = await asyncio.to_thread(lambda: [(t.session.id, attribute_failure(t)) for t in transcripts])
    return {session_id: blamed for session_id, blamed in traced if blamed is not None}


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
