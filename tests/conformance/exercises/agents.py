"""Agents and their versions."""

from anthropic.types.beta import BetaManagedAgentsCustomToolParams

from tests.conformance.world import World

LOOK_UP: BetaManagedAgentsCustomToolParams = {
    "type": "custom",
    "name": "look_up",
    "description": "Looks up an order.",
    "input_schema": {"type": "object", "properties": {"order": {"type": "string"}}, "required": ["order"]},
}
"""A tool that the user's own program runs."""


async def create(world: World) -> None:
    agent = await world.client.beta.agents.create(
        name="clerk",
        model={"id": "any-model", "effort": "high"},
        system="Be brief.",
        tools=[{"type": "agent_toolset_20260401"}, LOOK_UP],
        mcp_servers=[],
        metadata={"team": "desk"},
    )
    assert (agent.version, agent.name, agent.metadata) == (1, "clerk", {"team": "desk"})
    assert agent.model.effort is not None and agent.model.effort.type == "high"


async def retrieve(world: World) -> None:
    agent_id = await world.agent(system="first")
    await world.client.beta.agents.update(agent_id, system="second")
    assert (await world.client.beta.agents.retrieve(agent_id)).system == "second"
    assert (await world.client.beta.agents.retrieve(agent_id, version=1)).system == "first"


async def update(world: World) -> None:
    agent_id = await world.agent(description="old", metadata={"a": "1", "b": "2"})
    agent = await world.client.beta.agents.update(agent_id, version=1, description=None, metadata={"a": None})
    assert (agent.version, agent.description, agent.metadata) == (2, None, {"b": "2"})


async def list_all(world: World) -> None:
    agent_id = await world.agent()
    page = await world.client.beta.agents.list(created_at_gte="2020-01-01T00:00:00+00:00", include_archived=True)
    assert page.data[0].id == agent_id


async def archive(world: World) -> None:
    agent = await world.client.beta.agents.archive(await world.agent())
    assert agent.archived_at is not None


async def list_versions(world: World) -> None:
    agent_id = await world.agent()
    await world.client.beta.agents.update(agent_id, name="head clerk")
    page = await world.client.beta.agents.versions.list(agent_id)
    assert [(agent.version, agent.name) for agent in page.data] == [(2, "head clerk"), (1, "clerk")]


EXERCISES = {
    "agents.create": create,
    "agents.retrieve": retrieve,
    "agents.update": update,
    "agents.list": list_all,
    "agents.archive": archive,
    "agents.versions.list": list_versions,
}
