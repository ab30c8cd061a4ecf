"""Routers learn from the outcomes of sessions, and report what they know."""

from collections.abc import Sequence
from datetime import datetime

import msgspec

from reverie.errors import NotFoundError
from reverie.runtime.delegation import roster
from reverie.storage.live.delegations import (
    ScoredDraw,
    count_chosen,
    outcomes_digest,
    routed_coordinators,
    scored_draws,
)
from reverie.storage.live.routing_policies import read_policy, write_policy
from reverie.storage.postgres.database import Connection, Database
from reverie.storage.service.agents import read_agent, snapshot_agent
from reverie.teams.draw_log import RoutingWish, read_wish
from reverie.teams.off_policy import LoggedDraw, policy_value
from reverie.teams.routing import UNKNOWN, RoutingPolicy, RoutingRules, learn, probabilities, utility
from reverie.teams.routing_report import RoutingReport
from reverie.teams.routing_table import routing_table


async def learn_all(database: Database, now: datetime) -> None:
    """Bring what the routers of a workspace know up to date."""
    async with database.connection() as connection:
        agents = await routed_coordinators(connection)
    for agent_id in agents:
        async with database.connection() as connection:
            await learn_routing(connection, agent_id, now)


async def learn_routing(connection: Connection, agent_id: str, now: datetime) -> None:
    """Make a router's policy of all outcomes that there are now, where they are others than before.

    It is made anew, so that scores that come late, are corrected or are erased with their session count as they stand.
    """
    rules = _rules(await _wish(connection, agent_id))
    learned_from = f"{await outcomes_digest(connection, agent_id)} {msgspec.json.encode(rules).decode()}"
    stored, draws = await read_policy(connection, agent_id), await scored_draws(connection, agent_id)
    if learned_from == stored.learned_from or not (draws or stored.version):
        return
    policy = RoutingPolicy(rules)
    for one in _logged(draws, rules):
        policy = learn(policy, one.family, one.agent, one.worth)
    await write_policy(connection, agent_id, msgspec.json.encode(policy), learned_from, now)


async def report_routing(connection: Connection, agent_id: str) -> RoutingReport:
    """How a coordinator's router stands.

    Raises:
        NotFoundError: there is no such agent.
    """
    agent = await read_agent(connection, agent_id)
    names = tuple(roster(await snapshot_agent(connection, agent_id, agent)))
    wish = read_wish(agent.definition["metadata"])
    stored = await read_policy(connection, agent_id)
    policy = msgspec.json.decode(stored.policy, type=RoutingPolicy)
    draws = _logged(await scored_draws(connection, agent_id), _rules(wish))
    chosen = await count_chosen(connection, agent_id)
    families = sorted({*policy.cells, *(family for family, _ in chosen), *(one.family for one in draws)})
    coming = {family: probabilities(policy, family, names) for family in families or [UNKNOWN]} if names else {}
    return RoutingReport(
        agent_id=agent_id,
        is_on=wish.is_on,
        version=stored.version,
        learned_at=stored.learned_at,
        agents=names,
        draws=len(draws),
        mean=sum(one.worth for one in draws) / len(draws) if draws else None,
        even=policy_value(draws, [1 / len(one.chances) for one in draws]),
        cells=routing_table(draws, chosen, coming),
    )


async def _wish(connection: Connection, agent_id: str) -> RoutingWish:
    try:
        return read_wish((await read_agent(connection, agent_id)).definition["metadata"])
    except NotFoundError:
        return RoutingWish()


def _rules(wish: RoutingWish) -> RoutingRules:
    return RoutingRules(cost_weight=wish.cost_weight, seconds_weight=wish.seconds_weight)


def _logged(draws: Sequence[ScoredDraw], rules: RoutingRules) -> list[LoggedDraw]:
    return [
        LoggedDraw(
            one.family, one.agent, one.chances, utility(rules, one.reward, one.cost_usd, one.seconds), one.session
        )
        for one in draws
    ]
