"""A trial as it is told to people and programs: no salt, so that nobody can tell beforehand what a session is shown."""

from datetime import datetime
from typing import Any

import msgspec

from reverie.trials.forecast import Forecast
from reverie.trials.numbers import Numbers
from reverie.trials.policy import LivePolicy, Mode
from reverie.trials.trial import Decision, Guardrail, Subject, TrialState


class TrialReport(msgspec.Struct, frozen=True, kw_only=True):
    """Where a trial stands."""

    id: str
    memory_store_id: str | None
    """None of an agent's version."""
    subject: Subject
    title: str
    """The advice, or the change, in words."""
    state: TrialState
    mode: Mode
    """Whether outcomes decide, as the store says now."""
    reason: str
    """Why it is in this state; empty of one that was begun and nothing else."""
    what_next: str
    """What would change that nothing is decided; empty of a trial that has ended."""
    numbers: Numbers
    """Since the present state began: what decided before is with the decisions."""
    contaminated: float | None
    """Share of the sessions without the subject that read notes of sessions with it; None of no session."""
    forecast: Forecast | None
    """Of a trial that goes on and may be decided."""
    proposal: dict[str, Any] | None
    """The decision that waits for a person, where the mode is ``ask``, or was only noted in ``observe``."""
    decisions: tuple[Decision, ...]
    """The oldest first."""
    policy: LivePolicy
    """As it was when the trial began."""
    guardrails: tuple[Guardrail, ...]
    batch: str
    """The dream whose lessons are adopted together, or the trial's own id."""
    created_at: datetime
    created_by: str
    """A dream's id, ``auto``, ``user`` or an API key's id."""
    decided_at: datetime | None


class CurvePoint(msgspec.Struct, frozen=True):
    """The effect after so many sessions."""

    sessions: int
    """Counted ones since the trial began."""
    adopted: bool
    """Whether the subject was adopted by then: the mean begins anew there."""
    effect: float
    """Mean score since the trial began, or since the subject was adopted: shown minus hidden, in reward."""
    low: float
    high: float
    """95 % asymptotic confidence sequence of the running mean effect."""


class TracedTrial(msgspec.Struct, frozen=True):
    """A trial with its effect over its sessions."""

    report: TrialReport
    points: tuple[CurvePoint, ...]
