"""Agents: versioned definitions of who does the work."""

from collections.abc import Collection
from typing import Any

from typing_extensions import TypedDict

from reverie.agents.definition import changed_definition, new_definition, shown_definition
from reverie.agents.multiagent import pin, references
from reverie.api.endpoint import Call, Endpoint
from reverie.api.metadata import check_metadata, patch_metadata
from reverie.api.pages import decode_cursor, decode_position, envelope, page_of
from reverie.api.wire_type import WireType
from reverie.errors import ConflictError, StateError
from reverie.ids import new_id
from reverie.storage.service import agents as table
from reverie.storage.service.agents import AgentVersion

_TYPES = "anthropic.types.beta"
_AGENT = WireType(f"{_TYPES}.beta_managed_agents_agent:BetaManagedAgentsAgent")


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


async def create(call: Call) -> dict[str, Any]:
    """Make an agent; its version is 1."""
    definition = new_definition(call.body, check_metadata(call.body.get("metadata") or {}))
    definition = await _pinned(call, definition, call.body, None)
    agent = AgentVersion(new_id("agent", call.now), 1, definition, call.now, call.now)
    await table.insert_agent(call.connection, agent)
    call.resource_id = agent.id
    call.notify("agent.created", agent.id)
    return wire_agent(agent)


async def _pinned(
    call: Call, definition: dict[str, Any], given: Collection[str], own: tuple[str, int] | None
) -> dict[str, Any]:
    """The definition with what it refers to in the fields that were given held at the versions of now."""
    pinned = dict(definition)
    if "skills" in given:
        pinned["skills"] = await table.pin_skills(call.connection, definition["skills"])
    if "multiagent" in given:
        known = await table.read_references(call.connection, references(definition["multiagent"]))
        pinned["multiagent"] = pin(definition["multiagent"], known, own)
    return pinned


async def retrieve(call: Call) -> dict[str, Any]:
    """One agent, as it is now or as a version has it."""
    return wire_agent(await table.read_agent(call.connection, call.path["agent_id"], call.query.get("version")))


async def list_all(call: Call) -> dict[str, Any]:
    """Agents, newest first."""
    limit = call.query.get("limit", 20)
    rows = await table.list_agents(
        call.connection,
        before=decode_position(call.query.get("page")),
        since=call.query.get("created_at_gte"),
        until=call.query.get("created_at_lte"),
        include_archived=call.query.get("include_archived", False),
        limit=limit + 1,
    )
    shown, next_page = page_of(rows, limit, lambda row: (row.created_at, row.id))
    return envelope([wire_agent(row) for row in shown], next_page)


async def list_versions(call: Call) -> dict[str, Any]:
    """Every version of an agent, newest first."""
    limit, page = call.query.get("limit", 20), call.query.get("page")
    agent = await table.read_agent(call.connection, call.path["agent_id"])
    before = decode_cursor(page, tuple[int])[0] if page is not None else None
    rows = await table.list_versions(call.connection, agent.id, before=before, limit=limit + 1)
    shown, next_page = page_of(rows, limit, lambda row: (row.version,))
    return envelope([wire_agent(row) for row in shown], next_page)


async def update(call: Call) -> dict[str, Any]:
    """Change an agent: a new version, unless nothing would change."""
    body = call.body
    present = await table.read_agent(call.connection, call.path["agent_id"], lock=True)
    if "version" in body and body["version"] != present.version:
        raise ConflictError(
            f"agent {present.id} is at version {present.version}, not {body['version']}; read it and try again"
        )
    if present.archived:
        raise StateError(f"agent {present.id} is archived; make another one", code="agent_archived")
    metadata = patch_metadata(present.definition["metadata"], body.get("metadata"))
    definition = changed_definition(present.definition, body, metadata)
    definition = await _pinned(call, definition, body, (present.id, present.version))
    if definition == present.definition:
        return wire_agent(present)
    changed = AgentVersion(present.id, present.version + 1, definition, present.created_at, call.now)
    await table.add_version(call.connection, changed)
    call.notify("agent.updated", changed.id)
    return wire_agent(changed)


async def archive(call: Call) -> dict[str, Any]:
    """Archive an agent, and its deployments, for good; doing it again changes nothing."""
    agent, deployments = await table.archive_agent(call.connection, call.path["agent_id"], call.now)
    if agent.archived_at == call.now:
        call.notify("agent.archived", agent.id)
    for deployment in deployments:
        call.notify("deployment.archived", deployment)
    return wire_agent(agent)


_ONE = "/v1/agents/{agent_id}"
ENDPOINTS = (
    Endpoint(
        "agents.create",
        "POST",
        "/v1/agents",
        create,
        "Make an agent.",
        body=WireType(f"{_TYPES}.agent_create_params:AgentCreateParams"),
        answer=_AGENT,
    ),
    Endpoint(
        "agents.list",
        "GET",
        "/v1/agents",
        list_all,
        "List agents, newest first.",
        query=WireType(f"{_TYPES}.agent_list_params:AgentListParams"),
        answer=_AGENT,
        is_list=True,
    ),
    Endpoint(
        "agents.retrieve",
        "GET",
        _ONE,
        retrieve,
        "Read an agent, or a version of it.",
        query=WireType(f"{_TYPES}.agent_retrieve_params:AgentRetrieveParams"),
        answer=_AGENT,
    ),
    Endpoint(
        "agents.update",
        "POST",
        _ONE,
        update,
        "Change an agent: a new version, unless nothing would change.",
        body=WireType(f"{_TYPES}.agent_update_params:AgentUpdateParams"),
        answer=_AGENT,
    ),
    Endpoint("agents.archive", "POST", f"{_ONE}/archive", archive, "Archive an agent.", answer=_AGENT),
    Endpoint(
        "agents.versions.list",
        "GET",
        f"{_ONE}/versions",
        list_versions,
        "List the versions of an agent, newest first.",
        query=WireType(f"{__name__}:AgentVersionListParams"),
        answer=_AGENT,
        is_list=True,
    ),
)
