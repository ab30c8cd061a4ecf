"""What the routers of coordinators know."""

import msgspec

from reverie.api import on_demand
from reverie.api.endpoint import endpoint
from reverie.api.records import AgentRouting
from reverie.api.request_context import RequestContext
from reverie.api.wire_type import RecordType


@endpoint("agents.routing", "GET", "/v1/agents/{agent_id}/routing", answer=RecordType(AgentRouting), extension=True)
async def retrieve(context: RequestContext) -> AgentRouting:
    """Read to whom a coordinator's tasks go when it leaves that open, and what is shown of it.

    By family of tasks and agent: counts, the mean with its interval, the probability of the next draw.
    """
    report = await on_demand.load(lambda: on_demand.report_routing)
    return AgentRouting(**msgspec.structs.asdict(await report(context.connection, context.path["agent_id"])))
