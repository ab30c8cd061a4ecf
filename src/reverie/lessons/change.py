"""What advice changes in an outcome besides the reward, in a sentence."""

from reverie.mining.finding import Finding
from reverie.mining.outcome import Outcome
from reverie.statistics.quantity import Estimate

_TOOK = {"seconds": ("took", "time"), "tokens": ("used", "tokens"), "cost_usd": ("cost", "")}


def state_change(finding: Finding, outcome: Outcome) -> str:
    """How sessions that did it differ from others of the same task, with the interval, and what became of their reward.

    ``finding`` is in the outcome's own unit, as mining gives it.
    """
    estimate = finding.deciding
    if estimate is None:
        return "Nothing can be said about how sessions that did it differ from others of the same task."
    change = _share(estimate, *_TOOK[outcome.name]) if outcome.metric is None else _difference(estimate, outcome)
    return f"Sessions that did it {change}{_reward(finding)}."


def _share(estimate: Estimate, verb: str, what: str) -> str:
    """The share saved is given as it is; what takes more, takes ``-saved`` more."""
    less = estimate.effect >= 0
    comparison = "more" if not less else "fewer" if what == "tokens" else "less"
    near, far = (estimate.low, estimate.high) if less else (-estimate.high, -estimate.low)
    size = estimate.effect if less else -estimate.effect
    return (
        f"{verb} {size:.0%} {comparison} {what}".rstrip() + f" than others of the same task ({near:.0%} to {far:.0%})"
    )


def _difference(estimate: Estimate, outcome: Outcome) -> str:
    sign = -1.0 if outcome.metric is not None and outcome.metric.direction == "minimize" else 1.0
    low, high = sorted((sign * estimate.low, sign * estimate.high))
    direction = "higher" if sign * estimate.effect >= 0 else "lower"
    size = abs(estimate.effect)
    return f"had a `{outcome.name}` {size:.2f} {direction} than others of the same task ({low:+.2f} to {high:+.2f})"


def _reward(finding: Finding) -> str:
    """What the same behaviour does to the reward; adopted advice does not cost any that matters."""
    effect = finding.on_reward
    if effect is None:
        return ""
    numbers = f"{effect.effect:+.2f}, {effect.low:+.2f} to {effect.high:+.2f}"
    if finding.verdict != "adopted":
        return f"; their reward differed by {numbers}"
    gain = "a worse" if finding.deciding is not None and finding.deciding.effect >= 0 else "a better"
    return f" without {gain} reward ({numbers})"
