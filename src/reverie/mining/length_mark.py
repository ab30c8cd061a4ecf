"""Marks of long sessions: what goes with an outcome that grows, and is no choice, as who has more time does more."""

import numpy as np

from reverie.mining.comparison_group import pooled_comparison
from reverie.mining.decision import SETTING
from reverie.mining.finding import Finding, Hypothesis
from reverie.mining.layout import Layout
from reverie.mining.outcome import Outcome
from reverie.mining.policy import MiningPolicy
from reverie.mining.special import is_special
from reverie.statistics.contrast import q_values
from reverie.statistics.corpus import Floats
from reverie.statistics.distributions import normal_sf
from reverie.statistics.estimate import estimate, join_estimates

_MOST_MARKS = 20
_MARK = "a mark of long or short sessions: who has more time does more of everything, so only choices are tested"


def find_marks(layout: Layout, outcome: Outcome, values: Floats, policy: MiningPolicy) -> list[Finding]:
    """The strongest marks among what takes time to do, as refused findings on the outcome's scale."""
    hypotheses = [hypothesis for group in layout.growing for hypothesis in group.hypotheses]
    if not hypotheses:
        return []
    designs = [group.discovery for group in layout.growing]
    estimates = join_estimates([estimate(design, values[design.sessions]) for design in designs])
    q = q_values(2 * normal_sf(np.abs(estimates.z)), estimates.testable(policy.least_weight))
    found = np.flatnonzero(
        (np.nan_to_num(q, nan=1.0) <= policy.discovery_fdr)
        & (np.abs(estimates.effect) >= outcome.least_effect(policy))
        & np.array([_is_reported(hypothesis) for hypothesis in hypotheses], np.bool_)
    )
    pooled, _ = pooled_comparison(layout.growing, values)
    return [
        Finding(
            hypothesis=hypotheses[i],
            verdict="refused",
            reason=f"{outcome.name}: {_MARK}",
            naive_effect=float(pooled[i]),
            naive_significant=False,
            discovery=estimates.at(i, bound=outcome.bound),
            confirmation=None,
            q_discovery=float(q[i]),
            q_confirmation=None,
        )
        for i in found[np.argsort(-np.abs(estimates.z[found]), kind="stable")][:_MOST_MARKS].tolist()
    ]


def _is_reported(h: Hypothesis) -> bool:
    """General claims; of settings their first value is tested, so that they are no marks."""
    return not is_special(h) and h.name.family != SETTING
