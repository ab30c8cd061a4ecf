"""A dream's result, from what its steps found and what was planned for the store."""

from collections.abc import Sequence
from typing import Any

from reverie.assist.budget import usage_report
from reverie.assist.consultation import Consultation
from reverie.assist.wording import ModelWording, with_theme_names
from reverie.dreams.consolidation import Consolidation
from reverie.dreams.dream import (
    DreamRequest,
    DreamResult,
    LabelledRow,
    LabelSummary,
    OutcomeSummary,
    PatternRow,
    PlaceboCounts,
    SessionCounts,
    StageTime,
    StrataSummary,
    TrendPoint,
)
from reverie.dreams.preference import Preference
from reverie.jobs.found import Found
from reverie.language_model import ModelPrice
from reverie.lessons.lesson import Effect, Lesson
from reverie.mining.few_labels import LabelledClaim, LabelledClaims
from reverie.mining.finding import Finding, Hypothesis
from reverie.mining.mine import MiningResult, OutcomeResult
from reverie.mining.outcome import Outcome
from reverie.overview.friction import FrictionReport
from reverie.storage.learning.digests import TrendRow
from reverie.storage.learning.dreams import DreamRow


def dream_result(
    dream: DreamRow,
    lessons: Sequence[Lesson],
    plan: Consolidation,
    found: Found,
    counts: SessionCounts,
    *,
    stages: Sequence[StageTime],
    revision: int | None,
    trend: Sequence[TrendRow],
    friction: FrictionReport,
    preferences: tuple[Preference, ...],
    price: ModelPrice | None,
) -> DreamResult:
    """What a dream that has been written down answers."""
    mined, asked, own = found.mined, found.consultation, found.own_words
    return DreamResult(
        dream_id=dream.id,
        status="completed",
        sessions=counts,
        tested=mined.tested,
        placebo=PlaceboCounts(mined.placebo_runs, mined.placebo_lessons),
        lessons=(*lessons, *plan.retired),
        patterns=tuple(_pattern_row(finding, mined.split_by, mined.outcome) for finding in mined.findings),
        outcomes=tuple(_outcome_summary(result, mined) for result in mined.outcomes),
        left_out=mined.left_out,
        changes=plan.changes,
        seconds=round(sum(stage.seconds for stage in stages), 3),
        store=dream.memory_store_id if dream.request.clone else dream.request.store,
        where=dream.request.where,
        revision=revision,
        strata=_strata_summary(mined),
        trend=_trend(trend),
        stages=tuple(stages),
        started_at=dream.created_at,
        overview=with_theme_names(found.overview, found.words.themes) if found.overview else None,
        usage=_usage(asked, own, price),
        notes=(
            *_notes_on_request(dream.request, asked),
            *(asked.proposals.notes if asked else ()),
            *(own.notes if own else ()),
            *plan.notes,
        ),
        proposals=found.judgement.verdicts,
        implicit=mined.implicit,
        labelled=_label_summary(mined.labelled) if mined.labelled else None,
        friction=friction,
        preferences=preferences,
    )


def _strata_summary(mined: MiningResult) -> StrataSummary:
    return StrataSummary(
        by=mined.strata_by,
        strata=mined.strata,
        informative=mined.informative,
        variants=mined.variants,
        detectable_effect=mined.detectable_effect,
        note=mined.note,
    )


def _usage(consultation: Consultation | None, wording: ModelWording | None, price: ModelPrice | None) -> dict[str, Any]:
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


def _label_summary(told: LabelledClaims) -> LabelSummary:
    auc = told.calibration.auc
    return LabelSummary(
        labels=told.labels,
        sessions=told.sessions,
        proxy=told.proxy,
        auc=Effect(auc.value, auc.low, auc.high, "AUC") if auc else None,
        claims=tuple(_labelled_row(claim) for claim in told.claims),
        note=told.note,
    )


def _labelled_row(claim: LabelledClaim) -> LabelledRow:
    effect, h = claim.effect, claim.hypothesis
    return LabelledRow(
        situation=_situation_words(h),
        behaviour=h.label,
        proxy_effect=claim.proxy_effect,
        effect=Effect(effect.effect, effect.low, effect.high) if effect else None,
        alone=Effect(*effect.alone) if effect else None,
        width=effect.width if effect else None,
        proxy_helped=effect is not None and effect.proxy_weight > 0,
        q_value=claim.q_value,
        verdict=claim.verdict,
        reason=claim.reason,
    )


def _situation_words(h: Hypothesis) -> str:
    return f"{h.situation_text} (category {h.category})" if h.category else h.situation_text


def _pattern_row(finding: Finding, split_by: str, outcome: Outcome) -> PatternRow:
    deciding, on_reward, parts, h = finding.deciding, finding.on_reward, finding.parts, finding.hypothesis
    return PatternRow(
        situation=_situation_words(h),
        behaviour=h.label,
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
