"""Whom agents call in, over their latest sessions."""

import msgspec

from reverie.api.endpoint import endpoint
from reverie.api.records import AgentTeam, TeamMember
from reverie.api.request_context import RequestContext
from reverie.api.wire_type import RecordType
from reverie.storage.live.called_in import read_team
from reverie.storage.service.agents import read_agent


@endpoint(
    "agents.team.retrieve",
    "GET",
    "/v1/agents/{agent_id}/team",
    answer=RecordType(AgentTeam),
    extension=True,
)
async def retrieve(context: RequestContext) -> AgentTeam:
    """Read whom an agent called in, in its latest sessions, and how those sessions went."""
    agent = await read_agent(context.connection, context.path["agent_id"])
    told = await read_team(context.connection, agent.id)
    called = tuple(TeamMember(**msgspec.structs.asdict(one)) for one in told.called_in)
    return AgentTeam(agent.id, told.sessions, told.sessions_alone, told.mean_reward, told.mean_reward_alone, called)
