"""Agents that change themselves: the bounds of it, what was asked for, and taking it back."""

from typing import Any

import msgspec

from reverie.agents.bounds import bounds_document, read_bounds_document
from reverie.agents.merge_patch import merged
from reverie.agents.self_change import changes_routing, require_changeable
from reverie.api import on_demand
from reverie.api.endpoint import endpoint
from reverie.api.metadata import check_metadata
from reverie.api.pages import answer_page
from reverie.api.pipeline import finish
from reverie.api.records import (
    AgentBounds,
    AgentBoundsParams,
    SelfChange,
    SelfChangeListParams,
    SelfChangeParams,
)
from reverie.api.request_context import RequestContext
from reverie.api.wire_type import RecordType, SdkType
from reverie.errors import BoundsError, InputError
from reverie.jobs.reverts import revert
from reverie.jobs.self_changes import Asked, propose
from reverie.storage.live.self_changes import SelfChangeRow, list_changes, read_change
from reverie.storage.postgres.act import record_act
from reverie.storage.service.agent_bounds import StoredBounds, read_bounds, write_bounds
from reverie.storage.service.agents import AgentVersion, read_agent

_BOUNDS = "/v1/agents/{agent_id}/bounds"
_CHANGES = "/v1/agents/{agent_id}/self_changes"
_CHANGE = RecordType(SelfChange)
_REFUSED = "agents.self_changes.refuse"
_FIELDS = SdkType("beta.AgentUpdateParams")


@endpoint("agents.bounds.retrieve", "GET", _BOUNDS, answer=RecordType(AgentBounds), extension=True)
async def retrieve_bounds(context: RequestContext) -> AgentBounds:
    """Read within which bounds an agent may change itself."""
    agent = await read_agent(context.connection, context.path["agent_id"])
    return _wire_bounds(await read_bounds(context.connection, agent.id))


@endpoint(
    "agents.bounds.set",
    "POST",
    _BOUNDS,
    body=RecordType(AgentBoundsParams),
    answer=RecordType(AgentBounds),
    role="admin",
    extension=True,
)
async def set_bounds(context: RequestContext) -> AgentBounds:
    """Set within which bounds an agent may change itself.

    A new version; a parameter that is left out may not change.
    """
    bounds = read_bounds_document(context.body["bounds"])
    agent_id, by = context.path["agent_id"], context.key.id
    return _wire_bounds(await write_bounds(context.connection, agent_id, bounds, by, context.now))


@endpoint(
    "agents.self_changes.list",
    "GET",
    _CHANGES,
    query=RecordType(SelfChangeListParams),
    answer=_CHANGE,
    is_list=True,
    extension=True,
)
async def list_all(context: RequestContext) -> dict[str, Any]:
    """List the changes that were asked for of an agent, newest first."""
    agent = await read_agent(context.connection, context.path["agent_id"])
    return await answer_page(
        context.query, _wire, lambda before, limit: list_changes(context.connection, agent.id, before, limit)
    )


@endpoint("agents.self_changes.retrieve", "GET", f"{_CHANGES}/{{change_id}}", answer=_CHANGE, extension=True)
async def retrieve(context: RequestContext) -> SelfChange:
    """Read a change of an agent."""
    return _wire(await read_change(context.connection, context.path["agent_id"], context.path["change_id"]))


@endpoint(
    "agents.self_changes.create",
    "POST",
    _CHANGES,
    body=RecordType(SelfChangeParams),
    answer=_CHANGE,
    extension=True,
    transaction=False,
)
async def create(context: RequestContext) -> SelfChange:
    """Ask for a change of an agent within its bounds.

    It is tried as a version that is not the agent's until outcomes, or a person, adopt it. What is outside of the
    bounds is refused by name; the audit log keeps that it was asked for.
    """
    agent_id = context.path["agent_id"]
    await _FIELDS.prepare()
    try:
        async with context.database.connection() as connection:
            context.open_connection = connection
            change = await _propose(context)
            await finish(context, "agents.self_changes.create")
    except InputError as error:
        # All else of the request is gone; that it was made stays.
        parameter = error.parameter if isinstance(error, BoundsError) else "patch"
        details = {"parameter": parameter, "told": str(error)}
        async with context.database.connection() as connection:
            await record_act(connection, context.actor, _REFUSED, agent_id, context.request_id, context.now, details)
        raise
    return _wire(change)


async def _propose(context: RequestContext) -> SelfChangeRow:
    patch, agent_id = context.body["patch"], context.path["agent_id"]
    require_changeable(patch)
    agent = await read_agent(context.connection, agent_id)
    wished = merged(agent.definition, patch)
    # What is checked is what the SDK's types let through, so that no field of them can be of another kind.
    body = _FIELDS.read_json(msgspec.json.encode({field: wished.get(field) for field in patch}))
    metadata = check_metadata(body.pop("metadata", agent.definition["metadata"]) or {})
    reason = context.body["reason"] + await _valued(context, agent, metadata)
    asked = Asked(context.key.id, reason, tuple(context.body.get("lesson_ids") or ()))
    return await propose(context.connection, agent_id, body, metadata, asked, context.now)


async def _valued(context: RequestContext, agent: AgentVersion, metadata: dict[str, str]) -> str:
    """What another routing would have earned on logged draws; empty of a change of something else, or out of bounds.

    Raises:
        BoundsError: it cannot be told, or is surely less than what was earned.
    """
    before = agent.definition["metadata"]
    bounds = (await read_bounds(context.connection, agent.id)).bounds
    if bounds.routing is None or not changes_routing(before, metadata):
        return ""
    value = await on_demand.load(lambda: on_demand.value_routing)
    forecast = await value(context.connection, agent.id, before, metadata)
    if forecast is None:
        return "; not valued before: what a coordinator itself would choose has no probability"
    if forecast.objection:
        raise BoundsError("routing", forecast.objection)
    return f"; {forecast.told}"


@endpoint("agents.self_changes.revert", "POST", f"{_CHANGES}/{{change_id}}/revert", answer=_CHANGE, extension=True)
async def take_back(context: RequestContext) -> SelfChange:
    """Take a change back.

    An adopted one by a new version of the agent, one in trial by ending it.
    """
    agent_id, change_id = context.path["agent_id"], context.path["change_id"]
    change, notices = await revert(context.connection, agent_id, change_id, context.key.id, context.now)
    context.notices.extend(notices)
    return _wire(change)


def _wire_bounds(stored: StoredBounds) -> AgentBounds:
    return AgentBounds(
        stored.agent_id, stored.version, bounds_document(stored.bounds), stored.created_at, stored.created_by
    )


def _wire(change: SelfChangeRow) -> SelfChange:
    fields = {name: getattr(change, name) for name in SelfChange.__struct_fields__ if hasattr(change, name)}
    return SelfChange(**fields, derived_from=change.base_version)
