"""What a trial's assignments and their outcomes add up to: a fold in their order, kept and gone on with."""

from collections.abc import Sequence
from datetime import datetime, timedelta

import msgspec

from reverie.statistics.capital import Capital
from reverie.statistics.change_detection import Detector
from reverie.statistics.sample_ratio import Ratio
from reverie.statistics.trial_score import trial_score
from reverie.trials.trial import Assignment, Guardrail

UNSCORED = "unscored"


class Arm(msgspec.Struct, frozen=True):
    """The sessions of one arm."""

    sessions: int = 0
    scored: int = 0
    reward: float = 0.0
    """Sum over those with a score."""

    @property
    def mean(self) -> float | None:
        """Mean reward; it is not compared as it stands, the score is."""
        return self.reward / self.scored if self.scored else None

    def add(self, assignment: Assignment) -> "Arm":
        """With one session more."""
        scored = assignment.reward is not None
        return Arm(self.sessions + 1, self.scored + scored, self.reward + (assignment.reward or 0.0))


class Tally(msgspec.Struct, frozen=True):
    """Sums over the unbroken prefix of resolved sessions, and the detector, which knows their order."""

    resolved_through: int = 0
    """The last assignment of the prefix."""
    rows: int = 0
    """Assignments in it; fewer are left where a session was deleted."""
    checked_through: int = 0
    """Up to here what was counted was held against the sessions as they are; 0 where a round of that was ended."""
    shown: Arm = Arm()
    hidden: Arm = Arm()
    capital: Capital = Capital()
    ratio: Ratio = Ratio()
    detector: Detector = Detector()
    guardrails: tuple[Capital, ...] = ()
    """By the trial's guardrails: on how much more of each there is than its margin allows."""

    @property
    def sessions(self) -> int:
        """Sessions counted."""
        return self.shown.sessions + self.hidden.sessions

    @property
    def scored(self) -> int:
        """Those with a score: the others are no sessions without an effect, and say nothing of its size."""
        return self.shown.scored + self.hidden.scored


def fold(
    tally: Tally,
    assignments: Sequence[Assignment],
    guardrails: Sequence[Guardrail],
    deadline: timedelta,
    now: datetime,
) -> Tally:
    """Go on with the assignments that follow the prefix, in their order, until one whose outcome is not known yet."""
    resolved = []
    for assignment in assignments:
        if assignment.order <= tally.resolved_through:
            continue
        if not is_resolved(assignment, deadline, now):
            break
        resolved.append(assignment)
    return _with(tally, resolved, guardrails) if resolved else tally


def is_resolved(assignment: Assignment, deadline: timedelta, now: datetime) -> bool:
    """Whether the session has its score, or will have none."""
    return assignment.reward is not None or now >= assignment.eligible_at + deadline


def score_of(assignment: Assignment, reward: float | None) -> float:
    """The score of a session; without a reward it says nothing."""
    if reward is None:
        return 0.0
    return trial_score(assignment.shown, assignment.share, reward, assignment.predicted)


def _with(tally: Tally, resolved: Sequence[Assignment], guardrails: Sequence[Guardrail]) -> Tally:
    tally = msgspec.structs.replace(tally, resolved_through=resolved[-1].order, rows=tally.rows + len(resolved))
    counted = [one for one in resolved if one.counted]
    scores, shares = [score_of(one, one.reward) for one in counted], [one.share for one in counted]
    shown, hidden, detector = tally.shown, tally.hidden, tally.detector
    for one, score in zip(counted, scores, strict=True):
        shown, hidden = (shown.add(one), hidden) if one.shown else (shown, hidden.add(one))
        detector = detector.add(score, one.share)
    sums = tally.guardrails or (Capital(),) * len(guardrails)
    return msgspec.structs.replace(
        tally,
        shown=shown,
        hidden=hidden,
        capital=tally.capital.add_all(scores, shares),
        ratio=tally.ratio.add_all([(one.shown, one.share, one.reward is None) for one in counted]),
        detector=detector,
        guardrails=tuple(
            _guarded(capital, guardrail, counted) for capital, guardrail in zip(sums, guardrails, strict=True)
        ),
    )


def _guarded(capital: Capital, guardrail: Guardrail, counted: Sequence[Assignment]) -> Capital:
    scores, shares = [], []
    for one in counted:
        value = float(one.reward is None) if guardrail.measure == UNSCORED else one.measures.get(guardrail.measure)
        if value is None:
            continue
        share = min(value / guardrail.ceiling, 1.0)
        more = trial_score(one.shown, one.share, share, guardrail.mean) - guardrail.margin
        # Made smaller, so that it stays within what a score can be; its sign, and so what is tested, is the same.
        scores.append(more / (1 + guardrail.margin * min(one.share, 1 - one.share)))
        shares.append(one.share)
    return capital.add_all(scores, shares) if scores else capital
