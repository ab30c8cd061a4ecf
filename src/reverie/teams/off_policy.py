"""What a routing policy would have earned, told from what another one drew: inverse probability with an interval.

The self-normalised estimate Σ w·u / Σ w, w = new probability / logged probability (Hájek 1971; Swaminathan & Joachims
2015), with the delta method's variance over draws. It is a forecast to decide whether a trial is worth while, and no
proof: where the new policy chooses what the old one seldom drew, few draws carry it, and it says that it cannot tell.
"""

import math
from collections.abc import Mapping, Sequence

import msgspec
import numpy as np

from reverie.statistics.distributions import t_isf
from reverie.teams.routing_report import LEAST_EFFECTIVE, PolicyValue


class LoggedDraw(msgspec.Struct, frozen=True):
    """One draw and what came of it."""

    family: str
    agent: str
    chances: Mapping[str, float]
    """The probability of each agent of the roster, as logged."""
    worth: float
    """Utility in [0, 1]."""
    session: str = ""
    """Of the draw; draws of one session share an outcome. ``""``: each has its own."""

    @property
    def probability(self) -> float:
        """Of the agent that was drawn."""
        return self.chances[self.agent]


def policy_value(draws: Sequence[LoggedDraw], new: Sequence[float]) -> PolicyValue | None:
    """The value of a policy that would have drawn each task's agent with the probability ``new``; None of no draw.

    Raises:
        ValueError: the lengths differ, or a logged probability is not in (0, 1].
    """
    if len(draws) != len(new):
        raise ValueError(f"{len(draws)} draws have {len(new)} new probabilities")
    if not all(0 < one.probability <= 1 for one in draws):
        raise ValueError("a logged probability must lie above 0 and not above 1")
    weight = np.array([chance / one.probability for one, chance in zip(draws, new, strict=True)])
    worth = np.array([one.worth for one in draws])
    total = float(weight.sum())
    if total <= 0:
        return None
    estimate = float(weight @ worth) / total
    effective = total**2 / float(weight @ weight)
    error = math.sqrt(float((weight**2) @ ((worth - estimate) ** 2))) / total
    reach = float(t_isf(0.025, max(effective - 1, 1.0))) * error
    low, high = max(estimate - reach, 0.0), min(estimate + reach, 1.0)
    return PolicyValue(estimate, low, high, len(draws), effective, effective >= LEAST_EFFECTIVE)
