"""Every list of the SDK: how to put items in it, and how to call it."""

from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from tests.conformance.exercises.deployments import deployment
from tests.conformance.exercises.dreams import dream
from tests.conformance.exercises.skills import new_version, skill
from tests.conformance.exercises.vaults import credential, vault
from tests.conformance.world import World, message

Make = Callable[[World, str], Awaitable[Any]]


@dataclass(frozen=True, slots=True)
class Listed:
    """A list of the SDK."""

    most: int
    """The largest limit."""
    make: Make
    """Adds an item under a parent."""
    parent: Callable[[World], Awaitable[str]] | None = None
    """Makes what the list is of; None where it is of the workspace."""
    parent_name: str | None = None
    """The keyword that the SDK takes the parent by, where it is not the first argument."""


async def _agent(world: World, _: str) -> None:
    await world.agent()


async def _environment(world: World, _: str) -> None:
    await world.environment()


async def _session(world: World, _: str) -> None:
    await world.session()


async def _store(world: World, _: str) -> None:
    await world.store()


async def _agent_version(world: World, agent_id: str) -> None:
    before = await world.client.beta.agents.retrieve(agent_id)
    await world.client.beta.agents.update(agent_id, name=f"{before.name}+")


async def _memory(world: World, store_id: str) -> None:
    listed = await world.client.beta.memory_stores.memory_versions.list(store_id, limit=100)
    await world.client.beta.memory_stores.memories.create(store_id, path=f"/m{len(listed.data)}", content="x")


async def _message(world: World, session_id: str) -> None:
    await world.client.beta.sessions.events.send(session_id, events=[message("more")])


async def _deployment(world: World, _: str) -> None:
    await deployment(world)


async def _deployment_parent(world: World) -> str:
    return (await deployment(world)).id


async def _run(world: World, deployment_id: str) -> None:
    await world.client.beta.deployments.run(deployment_id)


async def _dream(world: World, _: str) -> None:
    made = await dream(world)
    await world.client.beta.dreams.cancel(made.id)


async def _file(world: World, _: str) -> None:
    await world.client.beta.files.upload(file=("a.txt", b"a", "text/plain"))


async def _session_file(world: World, session_id: str) -> None:
    file = await world.client.beta.files.upload(file=("a.txt", b"a", "text/plain"))
    await world.client.beta.sessions.resources.add(session_id, type="file", file_id=file.id)


async def _skill(world: World, _: str) -> None:
    await skill(world)


async def _skill_parent(world: World) -> str:
    return (await skill(world)).id


async def _vault(world: World, _: str) -> None:
    await vault(world)


async def _credential(world: World, vault_id: str) -> None:
    listed = await world.client.beta.vaults.credentials.list(vault_id, limit=100)
    await credential(world, vault_id, server=f"https://mcp.example.com/{len(listed.data)}")


async def _work(world: World, environment_id: str) -> None:
    await world.session(environment_id=environment_id, initial_events=[message("begin")])


async def _self_hosted(world: World) -> str:
    return await world.environment("self_hosted")


async def _thread(world: World, session_id: str) -> None:
    await world.record(session_id, {"type": "session.thread_created", "agent_name": "helper"})


LISTS = {
    "agents": Listed(100, _agent),
    "agents.versions": Listed(100, _agent_version, World.agent),
    "environments": Listed(100, _environment),
    "environments.work": Listed(100, _work, _self_hosted),
    "sessions": Listed(100, _session),
    "sessions.events": Listed(1000, _message, World.session),
    "sessions.resources": Listed(1000, _session_file, World.session),
    "sessions.threads": Listed(1000, _thread, World.session),
    "memory_stores": Listed(100, _store),
    "memory_stores.memories": Listed(100, _memory, World.store),
    "memory_stores.memory_versions": Listed(100, _memory, World.store),
    "dreams": Listed(100, _dream),
    "deployments": Listed(100, _deployment),
    "deployment_runs": Listed(1000, _run, _deployment_parent, "deployment_id"),
    "files": Listed(1000, _file),
    "skills": Listed(1000, _skill),
    "skills.versions": Listed(1000, new_version, _skill_parent),
    "vaults": Listed(100, _vault),
    "vaults.credentials": Listed(100, _credential, vault),
}
"""By resource; each has a method ``list``."""


def items(world: World, name: str, parent: str, **query: Any) -> AsyncIterator[Any]:
    """The SDK's paginator of a list; awaited for a page, iterated for all pages."""
    resource: Any = world.client.beta
    for part in name.split("."):
        resource = getattr(resource, part)
    listed = LISTS[name]
    if listed.parent_name is not None:
        query[listed.parent_name] = parent
    positional = [parent] if listed.parent is not None and listed.parent_name is None else []
    paginator: AsyncIterator[Any] = resource.list(*positional, **query)
    return paginator
