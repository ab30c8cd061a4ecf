"""Who is given a task: Thompson sampling over a roster, by family of tasks, with every probability logged.

Each agent of each family has a Beta distribution of its utility (Thompson 1933; Russo et al. 2018). Its prior is the
agent's own mean over all families, worth :data:`PRIOR_WEIGHT` outcomes, so that what is learned of an agent in one
family is a guess in another. Old outcomes count less with each new one, since agents, models and tasks change. A share
of the draws is even over the roster, so that every choice has a probability that something can be learned from.

The probability of a draw is calculated, not counted: P(agent i has the largest of independent Beta variables) is
∫ f_i(x) Π_j F_j(x) dx, by Gauss–Legendre quadrature over the quantiles of i.
"""

from collections.abc import Mapping, Sequence

import msgspec
import numpy as np

from reverie.statistics.corpus import Floats
from reverie.statistics.distributions import beta_cdf, beta_quantile
from reverie.teams.draw_log import FLOOR, FORGETTING, RoutingWish

PRIOR_WEIGHT = 4.0
"""Outcomes that an agent's mean over all families counts for in one."""
_NODES, _WEIGHTS = np.polynomial.legendre.leggauss(48)
_QUANTILES, _SHARES = (_NODES + 1) / 2, _WEIGHTS / 2
UNKNOWN = ""
"""The family of tasks of no known one: drawn evenly, and nothing is learned of it."""


class Cell(msgspec.Struct, frozen=True):
    """What is remembered of an agent in a family: discounted utility that was had, and that was missed."""

    had: float = 0.0
    missed: float = 0.0

    @property
    def weight(self) -> float:
        """Outcomes, the older counting less."""
        return self.had + self.missed


class RoutingRules(msgspec.Struct, frozen=True):
    """What routing aims at, and how fast it learns and forgets."""

    floor: float = FLOOR
    """Share of the draws that is even over the roster, 0 < floor ≤ 1."""
    forgetting: float = FORGETTING
    """What an outcome counts after the next one of its family, 0 < forgetting ≤ 1."""
    cost_weight: float = 0.0
    """Utility that a US dollar takes away."""
    seconds_weight: float = 0.0
    """Utility that a second takes away, waiting included."""


def rules_of(wish: RoutingWish) -> RoutingRules:
    """The rules that an agent's metadata asks for."""
    return RoutingRules(wish.floor, wish.forgetting, wish.cost_weight, wish.seconds_weight)


class RoutingPolicy(msgspec.Struct, frozen=True):
    """What a team's router knows."""

    rules: RoutingRules = RoutingRules()
    cells: Mapping[str, Mapping[str, Cell]] = {}
    """By family, by agent. An agent that has left the roster keeps its cells, and is not drawn."""
    outcomes: int = 0
    """Learned from."""


class Choice(msgspec.Struct, frozen=True):
    """A draw, as it is logged."""

    agent: str
    chances: Mapping[str, float]
    """The probability of each agent of the roster, given all that was known when it was drawn."""


def utility(rules: RoutingRules, reward: float, cost_usd: float = 0.0, seconds: float = 0.0) -> float:
    """What an outcome is worth, in [0, 1]: the reward less what it cost."""
    return min(max(reward - rules.cost_weight * cost_usd - rules.seconds_weight * seconds, 0.0), 1.0)


def probabilities(
    policy: RoutingPolicy, family: str, agents: Sequence[str], waiting: Mapping[str, float] | None = None
) -> dict[str, float]:
    """With which probability each agent of the roster is drawn for a task; they sum to 1.

    Args:
        agents: the roster, without repeats.
        waiting: seconds that a task would wait for an agent, by name.

    Raises:
        ValueError: the roster is empty, or names an agent twice.
    """
    if not agents or len(set(agents)) != len(agents):
        raise ValueError(f"a roster has at least one agent and none twice, not {list(agents)}")
    even = 1 / len(agents)
    if family == UNKNOWN or len(agents) == 1:
        return dict.fromkeys(agents, even)
    later = np.array([policy.rules.seconds_weight * (waiting or {}).get(agent, 0.0) for agent in agents])
    best = _best(np.array([beliefs(policy, family, agent) for agent in agents]), later)
    floor = policy.rules.floor
    return {agent: (1 - floor) * float(share) + floor * even for agent, share in zip(agents, best, strict=True)}


def draw(
    policy: RoutingPolicy,
    family: str,
    agents: Sequence[str],
    at: float,
    waiting: Mapping[str, float] | None = None,
) -> Choice:
    """The agent that is given a task.

    Args:
        at: what chance says, even over [0, 1).

    Raises:
        ValueError: the roster is empty, or names an agent twice.
    """
    chances = probabilities(policy, family, agents, waiting)
    passed = 0.0
    for agent, probability in chances.items():
        passed += probability
        if at < passed:
            return Choice(agent, chances)
    return Choice(agents[-1], chances)  # what rounding left over


def learn(policy: RoutingPolicy, family: str, agent: str, worth: float) -> RoutingPolicy:
    """The policy with one outcome more.

    Args:
        worth: its :func:`utility`.

    Raises:
        ValueError: it lies outside [0, 1]. NaN is outside.
    """
    if not 0 <= worth <= 1:
        raise ValueError(f"the utility {worth} of an outcome must lie in [0, 1]")
    if family == UNKNOWN:
        return policy
    kept = policy.rules.forgetting
    row = {who: Cell(cell.had * kept, cell.missed * kept) for who, cell in policy.cells.get(family, {}).items()}
    before = row.get(agent, Cell())
    row[agent] = Cell(before.had + worth, before.missed + 1 - worth)
    return msgspec.structs.replace(policy, cells={**policy.cells, family: row}, outcomes=policy.outcomes + 1)


def beliefs(policy: RoutingPolicy, family: str, agent: str) -> tuple[float, float]:
    """The parameters (a, b) of the Beta distribution of an agent's utility in a family."""
    known = [row[agent] for row in policy.cells.values() if agent in row]
    mean = (1 + sum(cell.had for cell in known)) / (2 + sum(cell.weight for cell in known))
    cell = policy.cells.get(family, {}).get(agent, Cell())
    return PRIOR_WEIGHT * mean + cell.had, PRIOR_WEIGHT * (1 - mean) + cell.missed


def _best(parameters: Floats, later: Floats) -> Floats:
    """The probability of each of k Beta variables, less what is taken off it, to be the largest.

    Args:
        parameters: k × 2.
        later: k, taken off each variable.
    """
    a, b = parameters[:, 0], parameters[:, 1]
    values = beta_quantile(_QUANTILES[:, None], a, b)  # nodes × k
    shifted = values[:, :, None] - later[:, None] + later  # nodes × i × j
    below = beta_cdf(np.clip(shifted, 0, 1), a, b)
    below[:, np.arange(a.size), np.arange(a.size)] = 1
    chance = np.maximum(_SHARES @ below.prod(axis=2), 0)
    total = float(chance.sum())
    return chance / total if total > 0 else np.full(a.size, 1 / a.size)
