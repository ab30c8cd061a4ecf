"""Who is drawn for a task that a coordinator leaves to the router."""

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from reverie.lazy_modules import load_module
from reverie.runtime.delegation import DrawnAgent, Router, roster
from reverie.runtime.live_state import LiveState
from reverie.runtime.role import roles_in
from reverie.runtime.role_task import is_left_open
from reverie.runtime.thread_queue import waiting_seconds
from reverie.storage.live.delegations import mean_seconds
from reverie.storage.live.routing_policies import read_policy
from reverie.storage.live.sessions import LiveSession
from reverie.storage.postgres.database import Connection
from reverie.storage.service.agents import read_metadata
from reverie.teams.draw_log import LoggedChoice, chance_of, read_wish
from reverie.turns.desk import ToolCall


async def with_metadata(connection: Connection, agent: Mapping[str, Any]) -> Mapping[str, Any]:
    """A session's own agent with the metadata of its version, where it may call others in."""
    if not roster(agent):
        return agent
    return {**agent, "metadata": await read_metadata(connection, agent["id"], agent["version"])}


async def find_router(
    connection: Connection, session: LiveSession, agent: Mapping[str, Any], call: ToolCall
) -> Router | None:
    """What draws an agent for a call that leaves it open; None where it does not, or routing is off."""
    if call.tool.name != "create_agent" or not is_left_open(call.input):
        return None
    wish = read_wish(agent.get("metadata") or {})
    if not wish.is_on:
        return None
    stored = await read_policy(connection, agent["id"], wish.learned_by)
    routing = await asyncio.to_thread(load_module, "reverie.teams.routing")
    policy = msgspec.structs.replace(
        msgspec.json.decode(stored.policy, type=routing.RoutingPolicy), rules=routing.rules_of(wish)
    )
    roles = roles_in(agent)
    role = roles.find(str(call.input.get("role")))
    family = session.metadata.get("task_category") or (role.name if role is not None else routing.UNKNOWN)
    lasting = await mean_seconds(connection, agent["id"]) if roles.most_running else {}

    def draw(thread_id: str, agents: Sequence[str], state: LiveState) -> DrawnAgent:
        waiting = {
            name: waiting_seconds(state, name, most, lasting[name])
            for name, most in roles.most_running.items()
            if name in lasting
        }
        choice = routing.draw(policy, family, agents, chance_of(thread_id), waiting)
        return DrawnAgent(choice.agent, LoggedChoice(family, choice.chances, stored.version))

    return draw
