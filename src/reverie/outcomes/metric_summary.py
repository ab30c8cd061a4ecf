"""How the stored sessions stand on a metric."""

import msgspec

from reverie.outcomes.metric import Metric


class MetricSummary(msgspec.Struct, frozen=True):
    """One metric over all sessions that have a score for it."""

    metric: Metric
    defined: bool
    """False for a score name that sources brought along and nobody defined."""
    sessions: int
    """Sessions with a score."""
    mean: float | None
    """Mean score, in the metric's unit."""
    on_target: float | None
    """Share of scored sessions that reach the target, 0 to 1; None without a target or scores."""
    mean_reward: float | None
    """Mean reward of the scored sessions."""
