"""What an agent's session reaches of memory with the token of its work."""

from collections.abc import AsyncIterator
from dataclasses import dataclass

import pytest
import pytest_asyncio
from anthropic import AsyncAnthropic, NotFoundError, PermissionDeniedError

from reverie.storage.postgres.workspaces import DEFAULT_WORKSPACE
from reverie.storage.service.api_keys import KeyScope, create_key
from tests.api.conftest import Server


@dataclass(frozen=True)
class Run:
    """A session with one store to write and one to read, and a client with its token."""

    session: str
    writable: str
    readable: str
    agent: AsyncAnthropic


@pytest_asyncio.fixture
async def run(server: Server, client: AsyncAnthropic) -> AsyncIterator[Run]:
    """A session that runs in an environment of the user's own."""
    writable, readable = [(await client.beta.memory_stores.create(name=name)).id for name in ("w", "r")]
    agent = await client.beta.agents.create(name="desk", model="any-model")
    environment = await client.beta.environments.create(name="e", config={"type": "self_hosted"})
    session = await client.beta.sessions.create(
        agent=agent.id,
        environment_id=environment.id,
        resources=[
            {"type": "memory_store", "memory_store_id": writable, "access": "read_write"},
            {"type": "memory_store", "memory_store_id": readable, "access": "read_only"},
        ],
    )
    scope = KeyScope(DEFAULT_WORKSPACE, "session", environment_id=environment.id, session_id=session.id)
    async with server.service.database.connection() as connection:
        _, secret = await create_key(connection, "token", scope, server.service.clock.now())
    async with server.client(secret) as holder:
        yield Run(session.id, writable, readable, holder)


async def test_what_a_session_writes_is_kept_in_its_name(client: AsyncAnthropic, run: Run) -> None:
    made = await run.agent.beta.memory_stores.memories.create(run.writable, path="/a", content="learnt")
    await run.agent.beta.memory_stores.memories.update(made.id, memory_store_id=run.writable, content="more")
    await run.agent.beta.memory_stores.memories.delete(made.id, memory_store_id=run.writable)
    by_session = client.beta.memory_stores.memory_versions.list(run.writable, session_id=run.session)
    assert [version.operation async for version in by_session] == ["deleted", "modified", "created"]


async def test_a_session_only_reads_what_it_may_only_read(client: AsyncAnthropic, run: Run) -> None:
    made = await client.beta.memory_stores.memories.create(run.readable, path="/a", content="known")
    read = await run.agent.beta.memory_stores.memories.retrieve(made.id, memory_store_id=run.readable)
    assert read.content == "known"
    with pytest.raises(NotFoundError):
        await run.agent.beta.memory_stores.memories.create(run.readable, path="/b", content="")
    with pytest.raises(NotFoundError):
        await run.agent.beta.memory_stores.memories.delete(made.id, memory_store_id=run.readable)


async def test_a_session_reaches_no_other_store_and_no_store_as_a_whole(client: AsyncAnthropic, run: Run) -> None:
    other = (await client.beta.memory_stores.create(name="other")).id
    with pytest.raises(NotFoundError):
        await run.agent.beta.memory_stores.memories.list(other)
    with pytest.raises(PermissionDeniedError):
        await run.agent.beta.memory_stores.delete(run.writable)
    with pytest.raises(PermissionDeniedError):
        await run.agent.beta.memory_stores.memory_versions.list(run.writable)
