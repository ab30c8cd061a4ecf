"""The work queue of self-hosted environments. Workers hold an environment's key, administrators their own."""

import asyncio
import base64
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Literal

from anthropic import AsyncAnthropic

from tests.conformance.world import END_TURN, IDLE, World, message, said

BASH_RESULT: Literal["user.tool_result"] = "user.tool_result"


@asynccontextmanager
async def worker_client(world: World) -> AsyncIterator[tuple[AsyncAnthropic, str, str]]:
    """A client with an environment's key, the environment, and a session in it that waits for work."""
    environment_id = await world.environment("self_hosted")
    session_id = await world.session(environment_id=environment_id, initial_events=[message("begin")])
    key = await world.served.key("worker", world.workspace_id, environment_id)
    async with world.served.client(key) as client:
        yield client, environment_id, session_id


async def poll(world: World) -> None:
    async with worker_client(world) as (client, environment_id, session_id):
        work = await client.beta.environments.work.poll(environment_id, block_ms=999, anthropic_worker_id="w1")
        assert work is not None
        assert (work.data.id, work.state) == (session_id, "queued")
        assert work.secret is not None
        token = json.loads(base64.urlsafe_b64decode(work.secret + "=" * (-len(work.secret) % 4)))["sessions_token"]
    async with world.served.client(token) as client:
        assert (await client.beta.sessions.retrieve(session_id)).id == session_id


async def ack(world: World) -> None:
    async with worker_client(world) as (client, environment_id, _):
        work = await client.beta.environments.work.poll(environment_id)
        assert work is not None
        taken = await client.beta.environments.work.ack(work.id, environment_id=environment_id)
        assert (taken.state, taken.secret) == ("starting", None)


async def heartbeat(world: World) -> None:
    async with taken_work(world) as (client, environment_id, work_id):
        first = await client.beta.environments.work.heartbeat(
            work_id, environment_id=environment_id, expected_last_heartbeat="NO_HEARTBEAT", desired_ttl_seconds=30
        )
        again = await client.beta.environments.work.heartbeat(
            work_id, environment_id=environment_id, expected_last_heartbeat=first.last_heartbeat
        )
        assert (first.state, first.lease_extended, again.lease_extended) == ("active", True, True)


async def stop(world: World) -> None:
    async with taken_work(world) as (client, environment_id, work_id):
        stopped = await client.beta.environments.work.stop(work_id, environment_id=environment_id, force=True)
        assert stopped.state == "stopped"
        assert stopped.stopped_at is not None


async def stats(world: World) -> None:
    async with worker_client(world) as (client, environment_id, _):
        assert (await client.beta.environments.work.stats(environment_id)).depth == 1


async def list_all(world: World) -> None:
    async with worker_client(world) as (client, environment_id, session_id):
        page = await client.beta.environments.work.list(environment_id, limit=5)
        assert [work.data.id for work in page.data] == [session_id]


async def retrieve(world: World) -> None:
    async with taken_work(world) as (_, environment_id, work_id):
        work = await world.client.beta.environments.work.retrieve(work_id, environment_id=environment_id)
        assert (work.id, work.secret) == (work_id, None)


async def update(world: World) -> None:
    async with taken_work(world) as (_, environment_id, work_id):
        work = await world.client.beta.environments.work.update(
            work_id, environment_id=environment_id, metadata={"host": "h1"}
        )
        assert work.metadata == {"host": "h1"}


async def poller(world: World) -> None:
    async with worker_client(world) as (client, environment_id, session_id):
        items = client.beta.environments.work.poller(
            environment_id=environment_id, environment_key=client.api_key or "", drain=True
        )
        async for item in items:
            acknowledged = await client.beta.environments.work.retrieve(item.id, environment_id=environment_id)
            assert (item.data.id, acknowledged.state) == (session_id, "starting")
        page = await client.beta.environments.work.list(environment_id)
        assert page.data[0].state in ("stopping", "stopped")


async def worker(world: World) -> None:
    async with worker_client(world) as (client, _, session_id):
        await world.record(session_id, bash_use("echo from the worker"), IDLE)
        await serve_one_tool_use(world, client, session_id)
        page = await world.client.beta.sessions.events.list(session_id, types=[BASH_RESULT])
        assert "from the worker" in page.data[0].to_json()


async def serve_one_tool_use(world: World, client: AsyncAnthropic, session_id: str) -> None:
    """Have the SDK's worker serve a session that waits for one tool's result; then the agent ends its turn."""
    session = await world.client.beta.sessions.retrieve(session_id)
    serving = asyncio.create_task(_serve_one_item(client, session.environment_id))
    answering = asyncio.create_task(_answered(world, session_id))
    await asyncio.wait([serving, answering], return_when=asyncio.FIRST_COMPLETED)
    if answering.done():
        await world.record(session_id, said("Noted."), END_TURN)
    else:
        answering.cancel()
    await serving


async def _serve_one_item(client: AsyncAnthropic, environment_id: str) -> None:
    """Take the queued item and serve it until its session has been idle for a moment."""
    work = await client.beta.environments.work.poll(environment_id)
    assert work is not None
    await client.beta.environments.work.ack(work.id, environment_id=environment_id)
    with TemporaryDirectory(prefix="reverie worker ") as folder:
        runner = client.beta.environments.work.worker(
            environment_id=environment_id,
            environment_key=client.api_key,
            workdir=Path(folder),
            max_idle=0.2,
            memory_sync_interval=5,
        )
        await runner.handle_item(
            work_id=work.id, environment_id=environment_id, session_id=work.data.id, work_secret=work.secret
        )


async def _answered(world: World, session_id: str) -> None:
    """Wait until the session has a tool's result."""
    stream = await world.client.beta.sessions.events.stream(session_id)
    async with stream:
        page = await world.client.beta.sessions.events.list(session_id, types=[BASH_RESULT])
        if not page.data:
            async for event in stream:
                if event.type == BASH_RESULT:
                    return


@asynccontextmanager
async def taken_work(world: World) -> AsyncIterator[tuple[AsyncAnthropic, str, str]]:
    """A worker's client, its environment, and an item that it has taken."""
    async with worker_client(world) as (client, environment_id, _):
        work = await client.beta.environments.work.poll(environment_id)
        assert work is not None
        await client.beta.environments.work.ack(work.id, environment_id=environment_id)
        yield client, environment_id, work.id


def bash_use(command: str) -> dict[str, Any]:
    """The agent's call of a tool that the worker has."""
    return {
        "type": "agent.tool_use",
        "name": "bash",
        "input": {"command": command},
        "evaluated_permission": "allow",
    }


EXERCISES = {
    "environments.work.poll": poll,
    "environments.work.ack": ack,
    "environments.work.heartbeat": heartbeat,
    "environments.work.stop": stop,
    "environments.work.stats": stats,
    "environments.work.list": list_all,
    "environments.work.retrieve": retrieve,
    "environments.work.update": update,
    "environments.work.poller": poller,
    "environments.work.worker": worker,
}
