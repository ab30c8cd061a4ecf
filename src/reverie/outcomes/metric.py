"""User-defined measures of a session, and the reward they add up to."""

from collections.abc import Iterable, Mapping
from typing import Literal

import msgspec

from reverie.errors import MetricError
from reverie.sessions.session import REWARD_METRIC as REWARD_METRIC


class Metric(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A named measure of a session."""

    name: str
    direction: Literal["maximize", "minimize"] = "maximize"
    unit: str = ""
    low: float = 0.0
    """The value worth 0 (or 1, when minimised)."""
    high: float = 1.0
    """The value worth 1 (or 0, when minimised)."""
    weight: float = 1.0
    """Share in the reward, relative to the other metrics a session has scores for; 0 keeps it out."""
    target: float | None = None
    """The value the owner wants reached; reported, not part of the reward."""

    def __post_init__(self) -> None:
        if not self.low < self.high:
            raise MetricError(f"metric {self.name!r}: low {self.low} must be below high {self.high}")
        if self.weight < 0:
            raise MetricError(f"metric {self.name!r}: weight {self.weight} must not be negative")


def normalized(metric: Metric, value: float) -> float:
    """``value`` on the metric's range as 0 (worst) to 1 (best); values outside the range are clipped."""
    share = (value - metric.low) / (metric.high - metric.low)
    share = min(1.0, max(0.0, share))
    return share if metric.direction == "maximize" else 1.0 - share


def score_notes(scores: Mapping[str, float], metrics: Iterable[Metric]) -> tuple[str, ...]:
    """What is not taken as it was given, of the scores of one session: a sentence each, by the name of the metric."""
    defined = {metric.name: metric for metric in metrics}
    notes = ((name, _note(defined.get(name), name, value)) for name, value in sorted(scores.items()))
    return tuple(f"{name} {note}" for name, note in notes if note is not None)


def _note(metric: Metric | None, name: str, value: float) -> str | None:
    if metric is None and not 0 <= value <= 1:
        return (
            f"{value:g} is kept, and no part of the reward: nobody said what it is worth, and it is outside 0 to 1; "
            f"reverie metric define {name} --low LOW --high HIGH"
        )
    if metric is None or metric.weight == 0 or metric.low <= value <= metric.high:
        return None
    end = metric.low if value < metric.low else metric.high
    return f"{value:g} counts as {end:g} in the reward: the metric goes from {metric.low:g} to {metric.high:g}"


def reward_of(scores: Mapping[str, float], metrics: Iterable[Metric]) -> float | None:
    """The session's reward in [0, 1], or None when nothing can be said.

    The weighted mean over the *defined* metrics the session has scores for. Without any such score, the
    built-in ``reward`` score counts; without that, the mean of undefined scores that lie in [0, 1].
    """
    weighed = [(m.weight, normalized(m, scores[m.name])) for m in metrics if m.weight > 0 and m.name in scores]
    if weighed:
        return sum(w * v for w, v in weighed) / sum(w for w, _ in weighed)
    if REWARD_METRIC in scores:
        return min(1.0, max(0.0, scores[REWARD_METRIC]))
    defined = {m.name for m in metrics}
    implicit = [v for name, v in scores.items() if name not in defined and 0.0 <= v <= 1.0]
    return sum(implicit) / len(implicit) if implicit else None
