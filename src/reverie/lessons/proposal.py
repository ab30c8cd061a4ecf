"""From a finding to a lesson: what to do, when, and the numbers that decided."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

import msgspec

from reverie.digests.behaviour_name import SESSION, Situation
from reverie.digests.vocabulary import Phrase, describe
from reverie.display_name import shown_name
from reverie.ids import derived_id, event_id
from reverie.lessons.adjustment import adjust, advise
from reverie.lessons.change import state_change
from reverie.lessons.lesson import Adjustment, Effect, Evidence, Lesson, LessonKind, Scope
from reverie.lessons.parts import concrete_act, cut, told_instead
from reverie.mining.finding import Finding, Hypothesis
from reverie.mining.outcome import IMPLICIT, REWARD, Outcome
from reverie.statistics.quantity import Estimate

ProvingSequences = Mapping[tuple[str, str, str], int]
"""(session id, situation, behaviour name), as they are stored → sequence number of the event that proves it."""

_UNKNOWN = Effect(0.0, -1.0, 1.0)


def worth_a_lesson(finding: Finding) -> bool:
    """Found in discovery, or something a plain comparison would have believed: the rest are only tested patterns."""
    return finding.verdict != "refused" or finding.naive_significant or finding.q_confirmation is not None


def digested_situation(situation: Situation) -> Situation:
    """The situation that digests know a behaviour under; a setting's first use is made by mining."""
    return SESSION if situation.kind == "given" else situation


def propose_lesson(
    finding: Finding,
    *,
    store_id: str,
    agent: str | None,
    split_by: str,
    proving: ProvingSequences,
    outcome: Outcome = REWARD,
) -> Lesson:
    """The lesson a finding amounts to; it keeps the finding's verdict, so a refused one says why.

    ``agent`` is the agent all sessions belong to, or None; ``split_by`` says whether discovery and confirmation hold
    different tasks (their strata then add up). ``outcome`` is what the finding is about.
    """
    h, unit = finding.hypothesis, outcome.unit
    effect = _effect(finding.deciding, unit)
    phrase = describe(h.situation, h.name)
    positive = effect.estimate >= 0
    adjustment = adjust(finding.setting, positive=positive) if finding.setting else None
    parts = finding.parts
    reward_with, reward_without = _rewards(finding, outcome)
    return Lesson(
        id=_lesson_id(store_id, h, outcome, positive=positive),
        kind=_kind(h, positive=positive),
        when=_when(h, phrase),
        do=_act(concrete_act(finding, phrase.action), adjustment, positive=positive),
        instead_of=told_instead(finding),
        moment=h.situation,
        act=h.name,
        doing=positive,
        also=tuple(other.label for other in finding.also),
        numbers=_numbers(finding, outcome, effect),
        scope=Scope(agent=agent, task_family=h.category, condition=phrase.condition),
        behaviour=h.label,
        effect=effect,
        q_value=finding.q_value,
        strata_informative=finding.strata_informative(split_by),
        sessions_with=sum(part.sessions_with for part in parts),
        sessions_without=sum(part.sessions_without for part in parts),
        evidence=_evidence(finding.supporting, h, proving),
        status=finding.verdict,
        reason=finding.reason,
        counter_examples=_evidence(finding.contrary, h, proving),
        discovery=_effect(finding.discovery, unit),
        reward_with=reward_with,
        reward_without=reward_without,
        first_seen_at=_time(finding.first_seen),
        last_seen_at=_time(finding.last_seen),
        shadows=tuple(shadow.label for shadow in finding.shadows),
        outcome=outcome.name,
        adjustment=adjustment,
        implicit=outcome == IMPLICIT,
        on_reward=_effect(finding.on_reward, REWARD.unit) if finding.on_reward else None,
    )


def _lesson_id(store_id: str, h: Hypothesis, outcome: Outcome, *, positive: bool) -> str:
    direction = "helps" if positive else "harms"
    other = () if outcome == REWARD else (outcome.name,)
    return derived_id("lsn", store_id, h.category or "", h.situation_text, h.name_text, direction, *other)


def _rewards(finding: Finding, outcome: Outcome) -> tuple[float | None, float | None]:
    """Mean rewards with and without it.

    They are given of advice on other outcomes too, so that a reader sees what it does not cost.
    """
    parts = (finding.on_reward,) if finding.on_reward else finding.parts if outcome == REWARD else ()
    return (
        _mean([(part.sessions_with, part.reward_with) for part in parts]),
        _mean([(part.sessions_without, part.reward_without) for part in parts]),
    )


def _time(seconds: float | None) -> datetime | None:
    return None if seconds is None else datetime.fromtimestamp(seconds, UTC)


def _effect(estimate: Estimate | None, unit: str) -> Effect:
    if estimate is None:
        return msgspec.structs.replace(_UNKNOWN, unit=unit)
    return Effect(estimate.effect, estimate.low, estimate.high, unit)


def _mean(weighted: Sequence[tuple[int, float]]) -> float | None:
    total = sum(count for count, _ in weighted)
    return sum(count * value for count, value in weighted if count) / total if total else None


def _evidence(session_ids: Sequence[str], h: Hypothesis, proving: ProvingSequences) -> tuple[Evidence, ...]:
    shown = digested_situation(h.situation).text, h.name_text
    return tuple(
        Evidence(session_id, event_id(session_id, proving[session_id, *shown]))
        for session_id in session_ids
        if (session_id, *shown) in proving
    )


def _kind(h: Hypothesis, *, positive: bool) -> LessonKind:
    if h.name.family == "arg":
        return "heuristic_adjustment"
    in_trouble = h.situation.kind == "after"
    return "best_practice" if positive and not in_trouble else "failure_mitigation"


def _when(h: Hypothesis, phrase: Phrase) -> str:
    conditions = [f"the task is of the kind “{shown_name(h.category)}”" if h.category else "", phrase.condition or ""]
    return " and ".join(condition for condition in conditions if condition)


def _act(action: str, adjustment: Adjustment | None, *, positive: bool) -> str:
    if adjustment is not None:
        return advise(adjustment, positive=positive)
    return action if positive else cut(f"do not {action}")


def _numbers(finding: Finding, outcome: Outcome, effect: Effect) -> str:
    """What sessions that did it had more or less of, with intervals."""
    if outcome != REWARD:
        return state_change(finding, outcome)
    more = "more" if effect.estimate >= 0 else "less"
    size, near, far = abs(effect.estimate), *sorted((abs(effect.low), abs(effect.high)))
    between = f"{near:.2f} to {far:.2f}" if effect.low * effect.high > 0 else f"{effect.low:+.2f} to {effect.high:+.2f}"
    return f"Sessions that did it earned {size:.2f} {more} reward than others of the same task ({between})."
