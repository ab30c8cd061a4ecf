"""Whom agents call in, over their latest sessions."""

import msgspec

from reverie.api.endpoint import endpoint
from reverie.api.records import AgentDelegations, DelegatedAgent
from reverie.api.request_context import RequestContext
from reverie.api.wire_type import RecordType
from reverie.storage.live.delegations import read_delegations
from reverie.storage.service.agents import read_agent


@endpoint(
    "agents.delegations.retrieve",
    "GET",
    "/v1/agents/{agent_id}/delegations",
    answer=RecordType(AgentDelegations),
    extension=True,
)
async def retrieve(context: RequestContext) -> AgentDelegations:
    """Read whom an agent called in, in its latest sessions, and how those sessions went."""
    agent = await read_agent(context.connection, context.path["agent_id"])
    told = await read_delegations(context.connection, agent.id)
    called = tuple(DelegatedAgent(**msgspec.structs.asdict(one)) for one in told.called_in)
    return AgentDelegations(
        agent.id, told.sessions, told.sessions_alone, told.mean_reward, told.mean_reward_alone, called
    )
