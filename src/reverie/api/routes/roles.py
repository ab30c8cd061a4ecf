"""Roles of a coordinator: for what it calls agents in, as people declare it."""

from typing import Any

from reverie.api.endpoint import endpoint
from reverie.api.pages import Order, answer_page
from reverie.api.records import AgentRoles, AgentRolesParams, AgentRolesSetParams, ListParams
from reverie.api.request_context import RequestContext
from reverie.api.wire_type import RecordType
from reverie.runtime.delegation import roster
from reverie.runtime.role_file import check_roster, read_roles_document
from reverie.storage.live.roles import StoredRoles, list_roles, read_roles, write_roles
from reverie.storage.service.agents import read_agent, snapshot_agent

_ROLES = "/v1/agents/{agent_id}/roles"
_ANSWER = RecordType(AgentRoles)
_BY_VERSION = Order[StoredRoles](tuple[int], lambda row: (row.version,))


@endpoint("agents.roles.retrieve", "GET", _ROLES, query=RecordType(AgentRolesParams), answer=_ANSWER, extension=True)
async def retrieve(context: RequestContext) -> AgentRoles:
    """Read the roles of a coordinator that stand, or an earlier version of them."""
    agent = await read_agent(context.connection, context.path["agent_id"])
    return _wire(await read_roles(context.connection, agent.id, context.query.get("version")))


@endpoint(
    "agents.roles.versions.list",
    "GET",
    f"{_ROLES}/versions",
    query=RecordType(ListParams),
    answer=_ANSWER,
    is_list=True,
    extension=True,
)
async def list_versions(context: RequestContext) -> dict[str, Any]:
    """List every version of a coordinator's roles, newest first."""
    agent = await read_agent(context.connection, context.path["agent_id"])
    return await answer_page(
        context.query,
        _wire,
        lambda before, limit: list_roles(context.connection, agent.id, before, limit),
        _BY_VERSION,
    )


@endpoint(
    "agents.roles.set",
    "POST",
    _ROLES,
    body=RecordType(AgentRolesSetParams),
    answer=_ANSWER,
    role="admin",
    extension=True,
)
async def set_roles(context: RequestContext) -> AgentRoles:
    """Set the roles of a coordinator: a new version, which sessions that begin from now on keep to.

    The agents that they name have to be on its roster.
    """
    agent = await read_agent(context.connection, context.path["agent_id"])
    roles = read_roles_document(
        {name: context.body[name] for name in ("roles", "most_running") if name in context.body}
    )
    check_roster(roles, roster(await snapshot_agent(context.connection, agent.id, agent)))
    return _wire(await write_roles(context.connection, agent.id, roles, context.now))


def _wire(stored: StoredRoles) -> AgentRoles:
    document = stored.document
    return AgentRoles(
        stored.agent_id, stored.version, tuple(document["roles"]), dict(document["most_running"]), stored.created_at
    )
