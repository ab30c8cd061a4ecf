"""Outcomes besides the reward: what a session took (seconds, tokens, money) and single metrics.

Every outcome is compared on a scale on which higher is better and differences mean the same everywhere, and given in
its own unit. Seconds, tokens and money have heavy tails, and what saves, saves a share: their scale is −ln, so that a
difference is a ratio of geometric means (Limpert, Stahel & Abbt 2001). A metric's scale is its range, from 0 (worst) to
1 (best), as in the reward; a few wild values count no more than its ends.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from math import exp, expm1, inf, log1p

import msgspec
import numpy as np

from reverie.mining.policy import MiningPolicy
from reverie.outcomes.metric import REWARD_METRIC, Metric, normalized
from reverie.statistics.corpus import Floats, Ints
from reverie.statistics.quantity import Estimate

SIZES = ("seconds", "tokens", "cost_usd")
"""What digests know of every session that says so: the less, the better."""
_LEAST_SHARE = 0.5
"""Of the scored sessions that must have a size before it is looked at without being asked for."""


class Outcome(msgspec.Struct, frozen=True):
    """Something sessions are compared on."""

    name: str
    metric: Metric | None = None
    """How a metric is measured; None for seconds, tokens and money."""

    @property
    def grows(self) -> bool:
        """Whether long sessions have more of it, so that whatever takes time goes with it."""
        return self.metric is None or self.metric.direction == "minimize"

    @property
    def unit(self) -> str:
        """What effects are given in, in words; positive is better."""
        return f"share of {self.name} saved" if self.metric is None else self.name

    @property
    def bound(self) -> float:
        """Where intervals on the scale are cut off: at the largest difference of rewards; others are not cut."""
        return 1.0 if self == REWARD else inf

    def scaled(self, values: Floats) -> Floats:
        """``values`` on the scale of comparison; NaN where nothing is known: zero seconds or tokens say nothing."""
        if self.metric is None:
            return -np.log(np.where(values > 0, values, np.nan))
        metric = self.metric
        return np.array([normalized(metric, value) if np.isfinite(value) else np.nan for value in values], np.float64)

    def to_unit(self, effect: float) -> float:
        """A difference on the scale in the outcome's own unit: the share saved, or by how much a metric is better."""
        return -expm1(-effect) if self.metric is None else effect * (self.metric.high - self.metric.low)

    def in_unit(self, estimate: Estimate) -> Estimate:
        """An estimate in the outcome's own unit, with the geometric mean or the mean of the two kinds of sessions."""
        return msgspec.structs.replace(
            estimate,
            effect=self.to_unit(estimate.effect),
            low=self.to_unit(estimate.low),
            high=self.to_unit(estimate.high),
            reward_with=self.level(estimate.reward_with),
            reward_without=self.level(estimate.reward_without),
        )

    def level(self, scaled: float) -> float:
        """A mean on the scale as seconds, tokens, money (their geometric mean) or a value of the metric."""
        if self.metric is None:
            return exp(-scaled)
        share = scaled if self.metric.direction == "maximize" else 1.0 - scaled
        return self.metric.low + share * (self.metric.high - self.metric.low)

    def format_effect(self, effect: float, places: int = 2) -> str:
        """A difference as a change of the outcome itself: ``+0.20`` in a metric, ``-20%`` in what a session took."""
        if self.metric is None:
            return f"{expm1(-effect):+.0%}"
        sign = 1.0 if self.metric.direction == "maximize" else -1.0
        return f"{sign * self.to_unit(effect):+.{places}f}"

    def format_margin(self, half: float) -> str:
        """Half the width of an interval on the scale, in words: ``5%``, ``0.12``."""
        return f"{expm1(half):.0%}" if self.metric is None else f"{self.to_unit(half):.2f}"

    def least_effect(self, policy: MiningPolicy) -> float:
        """The smallest difference on the scale that is worth advising on."""
        return -log1p(-policy.least_saving) if self.metric is None else policy.least_effect

    def least_effect_in_unit(self, policy: MiningPolicy) -> float:
        """The smallest difference worth advising on, in the outcome's own unit."""
        return self.to_unit(self.least_effect(policy))

    def format_least_effect(self, policy: MiningPolicy) -> str:
        """The smallest difference worth advising on, in words: ``5%``, ``0.1``."""
        return f"{policy.least_saving:.0%}" if self.metric is None else f"{self.least_effect_in_unit(policy):g}"


REWARD = Outcome(REWARD_METRIC, Metric(REWARD_METRIC))
IMPLICIT = Outcome("implicit_outcome", Metric("implicit_outcome"))
"""What signals say where nobody scored the sessions: from 0 to 1, and never called success."""


@dataclass(frozen=True, slots=True, eq=False)
class Measures:
    """What is known of each session of a corpus besides its reward."""

    values: Mapping[str, Floats] = field(default_factory=dict)
    """By size or metric, in its own unit; NaN where a session does not say."""
    metrics: Sequence[Metric] = ()
    """Those that are defined; one that is not is taken to run from 0 to 1, higher being better."""

    def at(self, sessions: Ints) -> "Measures":
        """The measures of the sessions at these positions, in their order."""
        return Measures({name: values[sessions] for name, values in self.values.items()}, self.metrics)


NOTHING_MEASURED = Measures()


def outcomes_to_mine(policy: MiningPolicy, measures: Measures) -> list[Outcome]:
    """The outcomes that the policy names; where it says nothing, the sizes that half of the sessions have.

    The reward is not among them: it is mined anyway.
    """
    if policy.outcomes is None:
        known = {name: np.nan_to_num(measures.values[name]) > 0 for name in SIZES if name in measures.values}
        return [Outcome(name) for name, flags in known.items() if flags.size and flags.mean() >= _LEAST_SHARE]
    return [outcome_named(name, measures) for name in policy.outcomes if name != REWARD_METRIC]


def outcome_named(name: str, measures: Measures) -> Outcome:
    """The outcome of this name: seconds, tokens or money, else the metric as it is defined, or from 0 to 1."""
    if name in SIZES:
        return Outcome(name)
    return Outcome(name, next((metric for metric in measures.metrics if metric.name == name), Metric(name)))
