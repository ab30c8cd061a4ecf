"""Agents: versioned definitions of who does the work."""

from collections.abc import Collection
from typing import Any

from typing_extensions import TypedDict

from reverie.agents.definition import changed_definition, new_definition, shown_definition
from reverie.agents.multiagent import pin, references
from reverie.api.endpoint import endpoint
from reverie.api.metadata import check_metadata, patch_metadata
from reverie.api.pages import Order, answer_page
from reverie.api.request_context import RequestContext
from reverie.api.wire_type import SdkType, WireType
from reverie.errors import ConflictError, StateError
from reverie.ids import new_id
from reverie.runtime.delegation import roster
from reverie.storage.service import agents as table
from reverie.storage.service.agents import AgentVersion
from reverie.teams.cross_check import METADATA, check_judge

_AGENT = SdkType("beta.BetaManagedAgentsAgent")
_ONE = "/v1/agents/{agent_id}"
_BY_VERSION = Order[AgentVersion](tuple[int], lambda row: (row.version,))


class AgentVersionListParams(TypedDict, total=False):
    """A page of an agent's versions. The SDK's type has the name of another list's, whose pages may be longer."""

    limit: int
    page: str


def wire_agent(agent: AgentVersion) -> dict[str, Any]:
    """An agent as it is answered."""
    return {
        "id": agent.id,
        "type": "agent",
        "version": agent.version,
        **shown_definition(agent.id, agent.version, agent.definition),
        "created_at": agent.created_at,
        "updated_at": agent.updated_at,
        "archived_at": agent.archived_at,
    }


@endpoint("agents.create", "POST", "/v1/agents", body=SdkType("beta.AgentCreateParams"), answer=_AGENT)
async def create(context: RequestContext) -> dict[str, Any]:
    """Make an agent.

    Its version is 1.
    """
    definition = new_definition(context.body, check_metadata(context.body.get("metadata") or {}))
    definition = await _pinned(context, definition, context.body, None)
    agent = AgentVersion(new_id("agent", context.now), 1, definition, context.now, context.now)
    await _check_judge(context, agent)
    await table.insert_agent(context.connection, agent)
    context.resource_id = agent.id
    context.notify("agent.created", agent.id)
    return wire_agent(agent)


async def _check_judge(context: RequestContext, agent: AgentVersion) -> None:
    """Accept an agent whose cross-checks are judged by one of its roster."""
    metadata = agent.definition.get("metadata") or {}
    if METADATA in metadata:
        check_judge(metadata, roster(await table.snapshot_agent(context.connection, agent.id, agent)))


async def _pinned(
    context: RequestContext, definition: dict[str, Any], given: Collection[str], own: tuple[str, int] | None
) -> dict[str, Any]:
    """The definition with what it refers to in the fields that were given held at the versions of now."""
    pinned = dict(definition)
    if "skills" in given:
        pinned["skills"] = await table.pin_skills(context.connection, definition["skills"])
    if "multiagent" in given:
        known = await table.read_references(context.connection, references(definition["multiagent"]))
        pinned["multiagent"] = pin(definition["multiagent"], known, own)
    return pinned


@endpoint("agents.retrieve", "GET", _ONE, query=SdkType("beta.AgentRetrieveParams"), answer=_AGENT)
async def retrieve(context: RequestContext) -> dict[str, Any]:
    """Read an agent, or a version of it."""
    return wire_agent(
        await table.read_agent(context.connection, context.path["agent_id"], context.query.get("version"))
    )


@endpoint("agents.list", "GET", "/v1/agents", query=SdkType("beta.AgentListParams"), answer=_AGENT, is_list=True)
async def list_all(context: RequestContext) -> dict[str, Any]:
    """List agents, newest first."""
    return await answer_page(
        context.query,
        wire_agent,
        lambda before, limit: table.list_agents(
            context.connection,
            before=before,
            since=context.query.get("created_at_gte"),
            until=context.query.get("created_at_lte"),
            include_archived=context.query.get("include_archived", False),
            limit=limit,
        ),
    )


@endpoint(
    "agents.versions.list",
    "GET",
    f"{_ONE}/versions",
    query=WireType(AgentVersionListParams),
    answer=_AGENT,
    is_list=True,
)
async def list_versions(context: RequestContext) -> dict[str, Any]:
    """List the versions of an agent, newest first."""
    agent = await table.read_agent(context.connection, context.path["agent_id"])
    return await answer_page(
        context.query,
        wire_agent,
        lambda before, limit: table.list_versions(context.connection, agent.id, before=before, limit=limit),
        _BY_VERSION,
    )


@endpoint("agents.update", "POST", _ONE, body=SdkType("beta.AgentUpdateParams"), answer=_AGENT)
async def update(context: RequestContext) -> dict[str, Any]:
    """Change an agent: a new version, unless nothing would change."""
    body = context.body
    present = await table.read_agent(context.connection, context.path["agent_id"], lock=True)
    if "version" in body and body["version"] != present.version:
        raise ConflictError(
            f"agent {present.id} is at version {present.version}, not {body['version']}; read it and try again"
        )
    if present.archived:
        raise StateError(f"agent {present.id} is archived; make another one", code="agent_archived")
    metadata = patch_metadata(present.definition["metadata"], body.get("metadata"))
    definition = changed_definition(present.definition, body, metadata)
    definition = await _pinned(context, definition, body, (present.id, present.version))
    if definition == present.definition:
        return wire_agent(present)
    version = await table.next_version(context.connection, present.id)
    changed = AgentVersion(present.id, version, definition, present.created_at, context.now)
    if not body.keys().isdisjoint(("metadata", "multiagent")):
        await _check_judge(context, changed)
    await table.add_version(context.connection, changed)
    context.notify("agent.updated", changed.id)
    return wire_agent(changed)


@endpoint("agents.archive", "POST", f"{_ONE}/archive", answer=_AGENT)
async def archive(context: RequestContext) -> dict[str, Any]:
    """Archive an agent.

    For good, with its deployments; doing it again changes nothing.
    """
    agent, deployments = await table.archive_agent(context.connection, context.path["agent_id"], context.now)
    if agent.archived_at == context.now:
        context.notify("agent.archived", agent.id)
    for deployment in deployments:
        context.notify("deployment.archived", deployment)
    return wire_agent(agent)
