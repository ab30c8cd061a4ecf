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
    for assignment in assignments:
        if assignment.order <= tally.resolved_through:
            continue
        if not is_resolved(assignment, deadline, now):
            break
        tally = _with(tally, assignment, guardrails)
    return tally


def is_resolved(assignment: Assignment, deadline: timedelta, now: datetime) -> bool:
    """Whether the session has its score, or will have none."""
    return assignment.reward is not None or now >= assignment.eligible_at + deadline


def score_of(assignment: Assignment, reward: float | None) -> float:
    """The score of a session; without a reward it says nothing."""
    if reward is None:
        return 0.0
    return trial_score(assignment.shown, assignment.share, reward, assignment.predicted)


def _with(tally: Tally, assignment: Assignment, guardrails: Sequence[Guardrail]) -> Tally:
    tally = msgspec.structs.replace(tally, resolved_through=assignment.order, rows=tally.rows + 1)
    if not assignment.counted:
        return tally
    score, share = score_of(assignment, assignment.reward), assignment.share
    sums = tally.guardrails or (Capital(),) * len(guardrails)
    arm = "shown" if assignment.shown else "hidden"
    ratio = tally.ratio.add_assignment(assignment.shown, share)
    return msgspec.structs.replace(
        tally,
        capital=tally.capital.add(score, share),
        detector=tally.detector.add(score, share),
        ratio=ratio.add_outcome(assignment.shown, share, assignment.reward is None),
        guardrails=tuple(
            _guarded(capital, guardrail, assignment) for capital, guardrail in zip(sums, guardrails, strict=True)
        ),
        **{arm: getattr(tally, arm).add(assignment)},
    )


def _guarded(capital: Capital, guardrail: Guardrail, assignment: Assignment) -> Capital:
    if guardrail.measure == UNSCORED:
        value: float | None = float(assignment.reward is None)
    else:
        value = assignment.measures.get(guardrail.measure)
    if value is None:
        return capital
    share = min(value / guardrail.ceiling, 1.0)
    more = trial_score(assignment.shown, assignment.share, share, guardrail.mean) - guardrail.margin
    # Made smaller, so that it stays within what a score can be; its sign, and so what is tested, is the same.
    stake = min(assignment.share, 1 - assignment.share)
    return capital.add(more / (1 + guardrail.margin * stake), assignment.share)
