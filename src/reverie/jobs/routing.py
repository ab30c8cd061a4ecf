"""Routers learn from the outcomes of sessions, and report what they know."""

import asyncio
from collections.abc import Mapping, Sequence
from datetime import datetime

import msgspec

from reverie.errors import NotFoundError
from reverie.runtime.delegation import roster
from reverie.storage.live.cross_checks import levels_of, read_scored
from reverie.storage.live.delegations import (
    ScoredDraw,
    count_chosen,
    outcomes_digest,
    routed_coordinators,
    scored_draws,
)
from reverie.storage.live.routing_policies import keep_policies, read_policy, write_policy
from reverie.storage.live.self_changes import change_of_trial, standing_trial
from reverie.storage.postgres.database import Connection, Database
from reverie.storage.service.agents import read_agent, snapshot_agent
from reverie.teams.draw_log import RoutingWish, read_wish
from reverie.teams.off_policy import LoggedDraw, policy_value
from reverie.teams.reliability import record
from reverie.teams.replay import forecast
from reverie.teams.routing import UNKNOWN, RoutingPolicy, RoutingRules, learn, probabilities, rules_of, utility
from reverie.teams.routing_report import PolicyForecast, RoutingReport
from reverie.teams.routing_table import routing_table


async def learn_all(database: Database, now: datetime) -> None:
    """Bring what the routers of a workspace know up to date."""
    async with database.connection() as connection:
        agents = await routed_coordinators(connection)
    for agent_id in agents:
        async with database.connection() as connection:
            await learn_routing(connection, agent_id, now)


async def learn_routing(connection: Connection, agent_id: str, now: datetime) -> None:
    """Make a router's policies of all outcomes that there are now, where they are others than before.

    There is one for each way to learn of the agent's versions that draw. They are made anew, so that scores that come
    late, are corrected or are erased with their session count as they stand.
    """
    wishes = {wish.learned_by: wish for wish in await _wishes(connection, agent_id)}
    await keep_policies(connection, agent_id, wishes)
    learned_from = await outcomes_digest(connection, agent_id)
    stored = {by: await read_policy(connection, agent_id, by) for by in wishes}
    stale = [by for by in wishes if stored[by].learned_from != f"{learned_from} {by}"]
    if not stale:
        return
    draws = await scored_draws(connection, agent_id)
    for by in stale:
        if draws or stored[by].version:
            rules = rules_of(wishes[by])
            policy = RoutingPolicy(rules)
            for one in _logged(draws, rules):
                policy = learn(policy, one.family, one.agent, one.worth)
            encoded = msgspec.json.encode(policy)
            await write_policy(connection, agent_id, by, encoded, f"{learned_from} {by}", now)


async def value_routing(
    connection: Connection, agent_id: str, metadata: Mapping[str, str], changed: Mapping[str, str]
) -> PolicyForecast | None:
    """What a coordinator's router would have earned by other metadata.

    None where the coordinator itself chooses before or after: what it would have chosen has no probability.

    Raises:
        InputError: the metadata cannot be.
    """
    before, after = read_wish(metadata), read_wish(changed)
    if not (before.is_on and after.is_on):
        return None
    rules = rules_of(after)
    draws = _logged(await scored_draws(connection, agent_id), rules)
    return await asyncio.to_thread(forecast, draws, rules)


async def report_routing(connection: Connection, agent_id: str) -> RoutingReport:
    """How a coordinator's router stands.

    Raises:
        NotFoundError: there is no such agent.
    """
    agent = await read_agent(connection, agent_id)
    names = tuple(roster(await snapshot_agent(connection, agent_id, agent)))
    wish = read_wish(agent.definition["metadata"])
    stored = await read_policy(connection, agent_id, wish.learned_by)
    policy = msgspec.structs.replace(msgspec.json.decode(stored.policy, type=RoutingPolicy), rules=rules_of(wish))
    scored = await scored_draws(connection, agent_id)
    draws = _logged(scored, policy.rules)
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
        own=sum(one.is_own for one in scored),
        mean=sum(one.worth for one in draws) / len(draws) if draws else None,
        even=policy_value(draws, [1 / len(one.chances) for one in draws]),
        cells=routing_table(draws, chosen, coming),
        checks=tuple(
            [record(await read_scored(connection, one), one) for one in await levels_of(connection, agent_id)]
        ),
    )


async def _wishes(connection: Connection, agent_id: str) -> list[RoutingWish]:
    """What the versions of an agent ask for that new sessions may get."""
    versions: set[int | None] = {None}
    trial = await standing_trial(connection, agent_id)
    if trial is not None:
        change = await change_of_trial(connection, trial.id)
        versions |= {change.base_version, change.candidate_version}
    try:
        agents = [await read_agent(connection, agent_id, version) for version in versions]
    except NotFoundError:
        return [RoutingWish()]
    return [read_wish(agent.definition["metadata"]) for agent in agents]


def _logged(draws: Sequence[ScoredDraw], rules: RoutingRules) -> list[LoggedDraw]:
    return [
        LoggedDraw(
            one.family, one.agent, one.chances, utility(rules, one.reward, one.cost_usd, one.seconds), one.session
        )
        for one in draws
    ]
