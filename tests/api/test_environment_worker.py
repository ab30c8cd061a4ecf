"""The official worker against the server: it serves sessions of a self-hosted environment as it would anywhere."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import httpx2
import pytest_asyncio
from anthropic import AsyncAnthropic

from reverie.testing.patience import PATIENCE_SECONDS
from tests.api.conftest import Server
from tests.api.test_session_events import HELLO, make_session, record

TOOLSET = [{"type": "agent_toolset_20260401"}]


class Workshop:
    """A session that runs in a self-hosted environment, and workers for it."""

    def __init__(self, server: Server, client: AsyncAnthropic, session: Any, folder: Path) -> None:
        self.server, self.client, self.session, self.folder = server, client, session, folder

    @asynccontextmanager
    async def working(self) -> AsyncIterator[None]:
        """A worker that is told to end when the context does."""
        environment_id = self.session.environment_id
        key = await self.server.key("worker", environment_id=environment_id)
        worker = self.client.beta.environments.work.worker(
            environment_id=environment_id, environment_key=key, workdir=self.folder, max_idle=None
        )
        task = asyncio.create_task(worker.run())
        try:
            yield
        finally:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task

    async def wait_for(self, is_met: Callable[[Any], bool]) -> Any:
        """The first event of the session's log and stream that meets a condition."""
        events = self.client.beta.sessions.events
        async with asyncio.timeout(PATIENCE_SECONDS), await events.stream(self.session.id) as stream:
            async for event in events.list(self.session.id):
                if is_met(event):
                    return event
            async for fresh in stream:
                if is_met(fresh):
                    return fresh
        raise AssertionError("the stream ended without it")

    async def states(self) -> list[str]:
        """The states of the session's pieces of work, latest first."""
        work = self.client.beta.environments.work
        return [item.state async for item in work.list(self.session.environment_id)]


@pytest_asyncio.fixture
async def workshop(server: Server, client: AsyncAnthropic, tmp_path: Path) -> Workshop:
    session = await make_session(client, environment={"type": "self_hosted"}, tools=TOOLSET, initial_events=HELLO)
    return Workshop(server, client, session, tmp_path)


async def use_bash(http: httpx2.AsyncClient, session_id: str, command: str) -> str:
    """Have the agent call for bash, and wait; gives the id of the call."""
    call, *_ = await record(
        http,
        session_id,
        {
            "type": "agent.tool_use",
            "name": "bash",
            "input": {"command": command},
            "evaluated_permission": "allow",
        },
        {"type": "session.status_idle"},
    )
    return str(call["id"])


async def test_the_official_worker_runs_the_tools_of_a_session(workshop: Workshop, http: httpx2.AsyncClient) -> None:
    async with workshop.working():
        call = await use_bash(http, workshop.session.id, "echo made here > made.txt; echo done")
        result = await workshop.wait_for(lambda event: getattr(event, "tool_use_id", None) == call)
        assert result.type == "user.tool_result"
        assert "done" in result.content[0].text
        assert await workshop.states() == ["active"]
        await record(http, workshop.session.id, {"type": "session.status_idle"})
    assert (workshop.folder / "made.txt").read_text() == "made here\n"
    assert await workshop.states() == ["stopped"]


async def test_a_session_whose_worker_ends_amid_its_work_is_given_to_the_next_one(
    workshop: Workshop, http: httpx2.AsyncClient
) -> None:
    async with workshop.working():
        first = await use_bash(http, workshop.session.id, "echo first")
        await workshop.wait_for(lambda event: getattr(event, "tool_use_id", None) == first)
    assert await workshop.states() == ["queued", "stopped"]
    async with workshop.server.service.database.connection() as connection:
        # Instead of waiting until an item that no worker acknowledged may be taken again.
        await connection.execute("UPDATE work_items SET polled_at = NULL")
    async with workshop.working():
        second = await use_bash(http, workshop.session.id, "echo second")
        await workshop.wait_for(lambda event: getattr(event, "tool_use_id", None) == second)
