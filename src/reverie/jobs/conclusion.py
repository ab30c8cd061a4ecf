"""The end of a dream: from findings to lessons, one revision and the result, in one transaction."""

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import msgspec

from reverie.dreams.budget import usage_report
from reverie.dreams.consolidation import plan_dream
from reverie.dreams.consultation import Consultation, Judgement, with_standing
from reverie.dreams.dream import (
    DreamRequest,
    DreamResult,
    OutcomeSummary,
    PatternRow,
    PlaceboCounts,
    SessionCounts,
    StageTime,
    StrataSummary,
    TrendPoint,
)
from reverie.dreams.policy import DreamPolicy
from reverie.dreams.proposal_verdict import state_checks
from reverie.dreams.wording import Wording, with_theme_names, with_wording
from reverie.language_model import ModelPrice
from reverie.lessons.conflicts import join_outcomes, settle_conflicts
from reverie.lessons.document import lesson_path
from reverie.lessons.lesson import Effect, Lesson
from reverie.lessons.priority import propose_priorities
from reverie.lessons.proposal import behaviour_label, propose_lesson, stored_situation, worth_a_lesson
from reverie.memory.tiers import Confirmation
from reverie.patterns.attribution import Attribution, attribute_failure
from reverie.patterns.finding import Finding, Hypothesis
from reverie.patterns.mine import MiningResult
from reverie.patterns.other_outcomes import OutcomeResult
from reverie.patterns.outcome import REWARD, Outcome
from reverie.patterns.segment import WeakSegment
from reverie.storage.consultations import latest_wording, read_contribution, standing_proposals
from reverie.storage.database import Connection
from reverie.storage.digests import TrendRow, count_dated, measure_segment, proving_sequences, read_trend
from reverie.storage.dreams import (
    DreamRow,
    check_inputs,
    complete_dream,
    lock_open_dream,
    read_findings,
    read_overview,
    read_result,
    standing_lessons,
    write_lessons,
    write_stream,
)
from reverie.storage.memory import apply_edits
from reverie.storage.sessions import read_transcripts
from reverie.storage.store_clone import store_origin
from reverie.storage.uses import read_documents, record_confirmation

_Confirmed = tuple[str, str, Confirmation]
"""A lesson's path, who says so, and in which stretch of time it was borne out."""


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
    segment = dream.request.segment()
    dated = await count_dated(connection, segment, dream.last_session_key)
    mined = await read_findings(connection, dream.id)
    overview = await read_overview(connection, dream.id)
    consultation = await read_contribution(connection, dream.id, Consultation)
    judgement = await read_contribution(connection, dream.id, Judgement) or Judgement()
    own = await read_contribution(connection, dream.id, Wording)
    # Without a model, words found earlier stay as long as what they say is still found.
    wording = own or await latest_wording(connection, dream)
    lessons = with_wording(await propose_lessons(connection, dream, policy), wording.advice)
    confirmations = _confirmations(dream, lessons, mined)
    standing = await standing_lessons(connection, dream)
    documents = await read_documents(connection, dream.memory_store_id)
    fresh: dict[str, list[Confirmation]] = {}
    for path, _, confirmation in confirmations:
        fresh.setdefault(path, []).append(confirmation)
    merged = own.merged if own else ()
    # Beside the event loop: it compares every note with every other.
    plan = await asyncio.to_thread(plan_dream, lessons, standing, documents, fresh, merged, policy.memory, now)
    foreign = {d.path for d in documents if not d.is_lesson} - {e.path for e in plan.edits if e.lesson_id is not None}
    for path, source, confirmation in confirmations:
        if path not in foreign:
            await record_confirmation(connection, dream.memory_store_id, path, source, confirmation)
    adopted = [lesson for lesson in lessons if lesson.status == "adopted"]
    revision = await apply_edits(
        connection,
        dream.memory_store_id,
        plan.edits,
        act="dream",
        actor=dream.id,
        reason=f"{len(adopted)} lessons hold in {mined.scored} scored sessions",
        source_session_ids=sorted({e.session_id for lesson in adopted for e in lesson.evidence}),
        created_by=dream.writer,
        now=now,
    )
    await write_lessons(connection, dream.memory_store_id, dream.id, [*lessons, *plan.retired])
    await write_stream(connection, dream.memory_store_id, mined.stream)
    result = DreamResult(
        dream_id=dream.id,
        status="completed",
        sessions=msgspec.structs.replace(counts, dated=dated),
        tested=mined.tested,
        placebo=PlaceboCounts(mined.placebo_runs, mined.placebo_lessons),
        lessons=(*lessons, *plan.retired),
        patterns=tuple(_pattern_row(finding, mined.split_by, REWARD) for finding in mined.findings),
        outcomes=tuple(_outcome_summary(result, mined) for result in mined.outcomes),
        changes=plan.changes,
        seconds=round(sum(stage.seconds for stage in stages), 3),
        store=dream.memory_store_id if dream.request.clone else dream.request.store,
        where=dream.request.where,
        revision=revision.number if revision else None,
        strata=_strata_summary(mined),
        trend=_trend(await read_trend(connection, segment, dream.last_session_key)),
        stages=tuple(stages),
        started_at=dream.created_at,
        overview=with_theme_names(overview, wording.themes) if overview else None,
        usage=_usage(consultation, own, price),
        notes=(
            *_notes_on_request(dream.request, consultation),
            *(consultation.proposals.notes if consultation else ()),
            *(own.notes if own else ()),
            *plan.notes,
        ),
        proposals=judgement.verdicts,
    )
    await complete_dream(connection, result, now)
    return result


def _strata_summary(mined: MiningResult) -> StrataSummary:
    return StrataSummary(
        by=mined.strata_by,
        strata=mined.strata,
        informative=mined.informative,
        variants=mined.variants,
        detectable_effect=mined.detectable_effect,
        note=mined.note,
    )


def _usage(consultation: Consultation | None, wording: Wording | None, price: ModelPrice | None) -> dict[str, Any]:
    if consultation is None or not consultation.model:
        return {}
    return usage_report(consultation.model, wording.spent if wording else consultation.spent, price)


def _notes_on_request(request: DreamRequest, consultation: Consultation | None) -> list[str]:
    """Where a dream could not do what it was asked to."""
    asked = consultation.model if consultation else ""
    notes = []
    if request.model is not None and request.model != asked:
        used = f"the server's own model, {asked}, was asked" if asked else "no model was asked"
        notes.append(f"the request named the model {request.model}; {used}")
    if request.instructions is not None:
        steers = "were passed on to the model that looks for behaviours" if asked else "steered nothing without a model"
        notes.append(f"the instructions {steers}")
    return notes


async def propose_lessons(connection: Connection, dream: DreamRow, policy: DreamPolicy) -> list[Lesson]:
    """The lessons that the dream's findings amount to, in our own words."""
    mined = await read_findings(connection, dream.id)
    overview = await read_overview(connection, dream.id)
    judgement = await read_contribution(connection, dream.id, Judgement) or Judgement()
    consultation = await read_contribution(connection, dream.id, Consultation)
    proposals = with_standing(await standing_proposals(connection, dream), consultation)
    about = [(finding, REWARD) for finding in mined.findings]
    about += [(finding, result.outcome) for result in mined.outcomes for finding in result.findings]
    chosen = [(finding, outcome) for finding, outcome in about if worth_a_lesson(finding)]
    wanted = [
        (session_id, stored_situation(finding.hypothesis.situation), finding.hypothesis.name)
        for finding, _ in chosen
        for session_id in (*finding.supporting, *finding.contrary)
    ]
    proving = {**await proving_sequences(connection, wanted), **judgement.proving_sequences()}
    size = await measure_segment(connection, dream.request.segment(), dream.last_session_key)
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
    stated = state_checks(lessons, proposals.proposals)
    wanted_kinds = [lesson for lesson in stated if lesson.kind in policy.lesson_kinds]
    return settle_conflicts(join_outcomes(wanted_kinds))


async def _blame(connection: Connection, segments: Sequence[WeakSegment]) -> dict[str, Attribution]:
    """The step that each failed example of a weak segment is traced to, by session id."""
    failed = {session_id for segment in segments for session_id in segment.example_session_ids}
    transcripts = await read_transcripts(connection, sorted(failed))
    traced = await asyncio.to_thread(lambda: [(t.session.id, attribute_failure(t)) for t in transcripts])
    return {session_id: blamed for session_id, blamed in traced if blamed is not None}


def _confirmations(dream: DreamRow, lessons: Sequence[Lesson], mined: MiningResult) -> list[_Confirmed]:
    """For each adopted lesson the stretches of time that bore it out; tiers rest on them."""
    findings = {(REWARD.name, *_key(finding.hypothesis)): finding for finding in mined.findings}
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
    return hypothesis.category, behaviour_label(hypothesis)


def _outcome_summary(result: OutcomeResult, mined: MiningResult) -> OutcomeSummary:
    detectable = result.detectable_effect
    return OutcomeSummary(
        name=result.outcome.name,
        unit=result.outcome.unit,
        sessions=result.sessions,
        tested=result.tested,
        placebo=PlaceboCounts(mined.placebo_runs, result.placebo_lessons),
        detectable_effect=detectable,
        patterns=tuple(_pattern_row(finding, mined.split_by, result.outcome) for finding in result.findings),
        note=result.note,
    )


def _pattern_row(finding: Finding, split_by: str, outcome: Outcome) -> PatternRow:
    deciding, on_reward, parts, h = finding.deciding, finding.on_reward, finding.parts, finding.hypothesis
    return PatternRow(
        situation=f"{h.situation} (category {h.category})" if h.category else h.situation,
        behaviour=behaviour_label(h),
        kind=h.kind,
        effect=Effect(deciding.effect, deciding.low, deciding.high, outcome.unit) if deciding else None,
        q_value=finding.q_value,
        strata_informative=finding.strata_informative(split_by),
        sessions_with=sum(part.sessions_with for part in parts),
        sessions_without=sum(part.sessions_without for part in parts),
        verdict=finding.verdict if finding.verdict != "refused" else finding.reason,
        naive_effect=finding.naive_effect,
        on_reward=Effect(on_reward.effect, on_reward.low, on_reward.high) if on_reward else None,
    )


def _trend(rows: Sequence[TrendRow]) -> tuple[TrendPoint, ...]:
    """Stretches are named by the day they begin on, within one day by the time (UTC)."""
    named = "%Y-%m-%d" if len({row.start.date() for row in rows}) > 1 else "%H:%M"
    points = []
    for row in rows:
        half = 1.96 * row.deviation / row.scored**0.5 if row.deviation is not None and row.scored > 1 else None
        mean = row.mean_reward
        points.append(
            TrendPoint(
                label=row.start.strftime(named),
                sessions=row.sessions,
                scored=row.scored,
                mean_reward=mean,
                low=max(mean - half, 0.0) if mean is not None and half is not None else None,
                high=min(mean + half, 1.0) if mean is not None and half is not None else None,
            )
        )
    return tuple(points)
