"""What the numbers of a trial say is to be done; doing it is for others."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

import msgspec

from reverie.statistics.capital import Capital
from reverie.statistics.confidence_sequence import confidence_sequence
from reverie.statistics.e_values import e_benjamini_hochberg
from reverie.trials.numbers import Numbers, in_words, writable
from reverie.trials.tally import Tally, is_resolved, score_of
from reverie.trials.trial import Act, Assignment, Trial

FREEZE_AT = 100.0
"""E-value at which the draw, or what is missing, is taken to be broken."""


class Verdict(msgspec.Struct, frozen=True):
    """What is to be done, if anything, and what would change that."""

    act: Act | None
    reason: str
    numbers: Numbers


def judge(
    trial: Trial,
    tally: Tally,
    ahead: Sequence[Assignment],
    now: datetime,
    batch: Mapping[str, float] | None = None,
) -> Verdict:
    """Judge a trial by its prefix and the sessions ahead of it.

    Args:
        ahead: assignments after the prefix, in their order.
        batch: e-values for a benefit of the other trials of its batch, by id, stopped ones as they stopped.
    """
    numbers = numbers_of(trial, tally, ahead, now)
    for rule in (_broken, _harmful, _over_a_guardrail, _beneficial, _over):
        act, reason = rule(trial, numbers, tally, batch or {}, now)
        if act is not None:
            return Verdict(act, reason, numbers)
    return Verdict(None, _waiting_for(trial, numbers), numbers)


def numbers_of(trial: Trial, tally: Tally, ahead: Sequence[Assignment], now: datetime) -> Numbers:
    """All that is shown of a trial."""
    capital = tally.capital
    low, high = confidence_sequence(tally.scored, capital.total, capital.squares)
    return Numbers(
        sessions=tally.sessions,
        shown=tally.shown.sessions,
        hidden=tally.hidden.sessions,
        waiting=len(ahead),
        missing=(
            tally.hidden.sessions - tally.hidden.scored,
            tally.shown.sessions - tally.shown.scored,
        ),
        reward_hidden=tally.hidden.mean,
        reward_shown=tally.shown.mean,
        effect=capital.total / tally.scored if tally.scored else None,
        low=low,
        high=high,
        e_benefit=writable(capital.e_benefit),
        e_harm=writable(max(capital.e_harm, against(capital, ahead, trial.deadline, now).e_harm)),
        e_assignment=writable(tally.ratio.e_assignment),
        e_missing=writable(tally.ratio.e_missing),
        detector=writable(tally.detector.value) if trial.state == "adopted" else None,
        guardrails={
            guardrail.measure: writable(sums.e_benefit)
            for guardrail, sums in zip(trial.guardrails, tally.guardrails or (), strict=False)
        },
    )


def batch_e_value(tally: Tally) -> float:
    """A trial's e-value among those of its batch: 0 while its interval is not above zero, which is asked besides."""
    low, _ = confidence_sequence(tally.scored, tally.capital.total, tally.capital.squares)
    return tally.capital.e_benefit if low > 0 else 0.0


def against(capital: Capital, ahead: Sequence[Assignment], deadline: timedelta, now: datetime) -> Capital:
    """The capital with the sessions ahead of the prefix, those that are open as bad for a rollback as they can be.

    What holds so holds whatever they will be, so that harm is seen before the slowest session has its score.
    """
    for assignment in ahead:
        if assignment.counted:
            reward = assignment.reward
            if not is_resolved(assignment, deadline, now):
                reward = 1.0 if assignment.shown else 0.0
            capital = capital.add(score_of(assignment, reward), assignment.share)
    return capital


_Rule = tuple[Act | None, str]


def _broken(_: Trial, numbers: Numbers, *__: Any) -> _Rule:
    if numbers.e_assignment >= FREEZE_AT:
        told = f"{numbers.shown} sessions were shown it and {numbers.hidden} not, which the draw does not explain"
        return (
            "freeze",
            f"{told} (e-value {in_words(numbers.e_assignment)}): see who is left out before trusting numbers",
        )
    if numbers.e_missing >= FREEZE_AT:
        hidden, shown = numbers.missing
        told = f"scores are missing in {shown} of {numbers.shown} shown and {hidden} of {numbers.hidden} other sessions"
        return "freeze", f"{told} (e-value {in_words(numbers.e_missing)}): what is missing is not by chance"
    return None, ""


def _harmful(trial: Trial, numbers: Numbers, *_: Any) -> _Rule:
    policy = trial.policy
    if trial.state == "adopted":
        if numbers.detector is not None and numbers.detector >= policy.run_length:
            return "roll_back", (
                f"it does harm by now: the detector stands at {in_words(numbers.detector)} of {policy.run_length:.0f} "
                f"after {numbers.sessions} sessions, {numbers.hidden} of which did without"
            )
        return None, ""
    if numbers.e_harm >= 1 / policy.alpha_harm:
        return "roll_back", (
            f"it does harm: {_effect(numbers)} in {numbers.sessions} sessions{_ahead(numbers)}, "
            f"e-value {in_words(numbers.e_harm)} against an effect of zero or more "
            f"({1 / policy.alpha_harm:.0f} is enough)"
        )
    return None, ""


def _ahead(numbers: Numbers) -> str:
    """What the evidence counts besides the prefix."""
    if not numbers.waiting:
        return ""
    return f" and {numbers.waiting} ahead of the first open one, where what is open counts against rolling back"


def _over_a_guardrail(trial: Trial, numbers: Numbers, *_: Any) -> _Rule:
    for guardrail in trial.guardrails:
        e_value = numbers.guardrails.get(guardrail.measure, 0.0)
        if e_value >= 1 / guardrail.alpha:
            more = guardrail.margin * guardrail.ceiling
            return "roll_back", (
                f"{guardrail.measure} rose by more than {more:.3g} a session (e-value {in_words(e_value)}, "
                f"{1 / guardrail.alpha:.0f} is enough)"
            )
    return None, ""


def _beneficial(trial: Trial, numbers: Numbers, _: Tally, batch: Mapping[str, float], now: datetime) -> _Rule:  # noqa: ARG001
    if trial.state == "adopted" or trial.subject.kind == "memory" or numbers.low <= 0:
        return None, ""
    e_values = [numbers.e_benefit, *(e_value for trial_id, e_value in batch.items() if trial_id != trial.id)]
    if e_benjamini_hochberg(e_values, trial.policy.benefit_fdr)[0]:
        return "adopt", (
            f"it helps: {_effect(numbers)} in {numbers.sessions} sessions, e-value {in_words(numbers.e_benefit)} among "
            f"{len(e_values)} tried together (false discovery rate {trial.policy.benefit_fdr:.0%})"
        )
    return None, ""


def _over(trial: Trial, numbers: Numbers, tally: Tally, batch: Mapping[str, float], now: datetime) -> _Rule:  # noqa: ARG001
    policy = trial.policy
    if trial.state == "adopted" or trial.subject.kind == "memory":
        return None, ""
    days = (now - trial.created_at).days
    at_end = numbers.sessions >= policy.horizon_exposures or days >= policy.horizon_days
    # What looks harmful is left to the test of harm, which is as quick, so that it is on record as what it is.
    looks_harmful = (numbers.effect or 0.0) <= -policy.least_effect
    if numbers.high < policy.least_effect and (at_end or not looks_harmful):
        told = "it does not help" if looks_harmful else "it does not matter"
        return "reject", f"{told}: {_effect(numbers)} in {numbers.sessions} sessions"
    if at_end:
        return "conclude", f"{_effect(numbers)} in {numbers.sessions} sessions over {days} days: that does not tell"
    return None, ""


def _effect(numbers: Numbers) -> str:
    if numbers.effect is None:
        return "no effect was measured"
    return f"effect {numbers.effect:+.3f} ({numbers.low:+.3f} to {numbers.high:+.3f}) in reward"


def _waiting_for(trial: Trial, numbers: Numbers) -> str:
    """What would change that nothing is done."""
    policy = trial.policy
    if trial.subject.kind == "memory":
        return f"{_effect(numbers)}: whether the store's memory helps at all; nothing is decided by it"
    if trial.state == "adopted":
        return f"rolled back where the detector, now at {numbers.detector or 0:.3g}, reaches {policy.run_length:.0f}"
    return (
        f"rolled back at an e-value of {1 / policy.alpha_harm:.0f} for harm (now {numbers.e_harm:.3g}), adopted where "
        f"the interval is above 0 and the batch allows it (e-value now {numbers.e_benefit:.3g}), ended after "
        f"{policy.horizon_exposures} sessions (now {numbers.sessions})"
    )
