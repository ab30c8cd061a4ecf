"""What another way to route would have drawn, had it learned of the same draws: for its value before it is tried.

Each probability follows from the draws before it alone, so that weighting by new over logged probability
(:mod:`reverie.teams.off_policy`) estimates without bias what such policies would have earned on these tasks, were
outcomes known at once (Dudík, Langford & Li 2011 of policies that were fixed; here each is fixed by the past). What it
would have drawn later, having drawn otherwise earlier, is not known: a trial tells that.
"""

from collections.abc import Sequence

from reverie.teams.off_policy import LoggedDraw, policy_value
from reverie.teams.routing import RoutingPolicy, RoutingRules, learn, probabilities
from reverie.teams.routing_report import PolicyForecast


def replayed(draws: Sequence[LoggedDraw], rules: RoutingRules) -> list[float]:
    """With which probability a router of other rules would have drawn each task's agent, having learned of the earlier.

    Args:
        draws: with outcomes, oldest first; their worth is by the new rules.
    """
    policy, new = RoutingPolicy(rules), []
    for one in draws:
        new.append(probabilities(policy, one.family, tuple(one.chances))[one.agent])
        policy = learn(policy, one.family, one.agent, one.worth)
    return new


def forecast(draws: Sequence[LoggedDraw], rules: RoutingRules) -> PolicyForecast:
    """What other rules would have earned on logged draws, whose worth is by these rules."""
    earned = sum(one.worth for one in draws) / len(draws) if draws else None
    return PolicyForecast(earned, policy_value(draws, replayed(draws, rules)))
