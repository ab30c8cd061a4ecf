"""How often checks that agreed as much were right, from those that were scored.

Models that err together agree as well as models that are right (Kim et al. 2025: 60 % of the time where both err), so
agreement is never shown as certainty. It is calibrated: by how many agreed, who they were, and the family of the task.
Checks by other models say nothing of these, so the models are never pooled; families are, with shrinkage.
"""

from collections.abc import Iterable, Sequence
from statistics import NormalDist
from typing import Literal

import msgspec

from reverie.statistics.quantity import wilson

SettledBy = Literal["vote", "judge", "none"]
LEAST_CHECKS = 20
"""Scored checks by the same models at the same agreement, without which nothing is said."""
PRIOR_WEIGHT = 4.0
"""What the wider circle counts in the narrower one, in checks: the weight that routing gives an agent's mean."""
_QUANTILE = NormalDist().inv_cdf(0.975)


class Level(msgspec.Struct, frozen=True, order=True):
    """How far those who were asked agreed."""

    agreeing: int
    """With the answer that won."""
    asked: int
    settled_by: SettledBy
    models: tuple[str, ...]
    """Of those who gave the answer that won, sorted; one that was asked twice is there twice."""


class ScoredCheck(msgspec.Struct, frozen=True):
    """A check whose answer was scored."""

    level: Level
    family: str
    """``''``: of no known one."""
    correct: float
    """In [0, 1]."""


class CheckRecord(msgspec.Struct, frozen=True):
    """What became of the checks of one level of agreement, in all families of tasks together."""

    level: Level
    scored: int
    reliability: "Reliability | None"
    """None: not calibrated yet."""


class Reliability(msgspec.Struct, frozen=True):
    """How often such an answer is right, with a 95 % interval."""

    value: float
    low: float
    high: float
    checks: int
    """Scored checks by these models at this agreement."""
    of_family: int
    """Those of them in this family."""


def level_of(models: Iterable[str], asked: int, settled_by: SettledBy) -> Level:
    """How far they agreed; ``models`` are of those who gave the answer that won."""
    agreeing = tuple(sorted(models))
    return Level(len(agreeing), asked, settled_by, agreeing)


def reliability(history: Sequence[ScoredCheck], level: Level, family: str) -> Reliability | None:
    """How often an answer that was agreed on like this is right; None: not calibrated yet.

    The family's mean is drawn to that of the same models at the same agreement in all families, which is drawn to one
    half, each with :data:`PRIOR_WEIGHT`; the interval is Wilson's, of as many checks as the family has, plus the
    prior's.
    """
    alike = [check for check in history if check.level == level]
    if len(alike) < LEAST_CHECKS or level.settled_by == "none":
        return None
    everywhere = _drawn([check.correct for check in alike], 0.5)
    own = [check.correct for check in alike if check.family == family]
    value = _drawn(own, everywhere) if len(own) < len(alike) else everywhere
    low, high = wilson(value, len(own) + PRIOR_WEIGHT, _QUANTILE)
    return Reliability(value, low, high, len(alike), len(own))


def record(history: Sequence[ScoredCheck], level: Level) -> CheckRecord:
    """What became of the checks of a level, whatever the family."""
    pooled = [ScoredCheck(check.level, "", check.correct) for check in history if check.level == level]
    return CheckRecord(level, len(pooled), reliability(pooled, level, ""))


def _drawn(values: Sequence[float], prior: float) -> float:
    return (sum(values) + PRIOR_WEIGHT * prior) / (len(values) + PRIOR_WEIGHT)
