"""Workers of self-hosted environments: the queue, and the SDK's own worker on it."""

import asyncio
import os
from uuid import uuid4

import pytest
from anthropic import APIStatusError, BadRequestError, ConflictError, NotFoundError

from tests.conformance.attempts import attempts
from tests.conformance.exercises.work import bash_use, serve_one_tool_use, taken_work, worker_client
from tests.conformance.world import IDLE, World, message


async def test_an_empty_poll_is_none(world: World) -> None:
    """Measured on the SDK: 200 with the body ``null``; a 204 would crash the SDK's worker."""
    environment_id = await world.environment("self_hosted")
    key = await world.served.key("worker", environment_id=environment_id)
    async with world.served.client(key) as client, world.served.http(key) as http:
        assert await client.beta.environments.work.poll(environment_id, block_ms=1) is None
        answer = await http.get(f"/v1/environments/{environment_id}/work/poll?block_ms=1")
        assert (answer.status_code, answer.content) == (200, b"null")
        with pytest.raises(BadRequestError):
            await client.beta.environments.work.poll(environment_id, block_ms=0)


async def test_a_waiting_poll_hears_of_work_that_comes(world: World) -> None:
    """``block_ms`` up to 999."""
    environment_id = await world.environment("self_hosted")
    async with world.served.client(await world.served.key("worker", environment_id=environment_id)) as client:
        polling = asyncio.create_task(client.beta.environments.work.poll(environment_id, block_ms=999))
        session_id = await world.session(environment_id=environment_id, initial_events=[message("begin")])
        work = await polling or await client.beta.environments.work.poll(environment_id)
    assert work is not None and work.data.id == session_id


async def test_a_heartbeat_on_another_holders_beat_is_a_412_in_one_attempt(world: World) -> None:
    """The body tells the present state, for the worker to log."""
    async with taken_work(world) as (client, environment_id, work_id):
        beat = client.beta.environments.work.heartbeat
        first = await beat(work_id, environment_id=environment_id, expected_last_heartbeat="NO_HEARTBEAT")
    async with attempts(world.served) as (client, sent):
        with pytest.raises(APIStatusError) as refused:
            await client.beta.environments.work.heartbeat(
                work_id, environment_id=environment_id, expected_last_heartbeat="NO_HEARTBEAT"
            )
    assert (refused.value.status_code, len(sent)) == (412, 1)
    assert isinstance(refused.value.body, dict)
    details = refused.value.body["error"]["details"]
    assert details["error_code"] == "heartbeat_precondition_failed"
    assert details["current_state"]["last_heartbeat"] == first.last_heartbeat


async def test_stopping_twice_is_a_conflict(world: World) -> None:
    """Without force the worker confirms; with force it is over at once; then 409."""
    async with taken_work(world) as (client, environment_id, work_id):
        stop = client.beta.environments.work.stop
        assert (await stop(work_id, environment_id=environment_id)).state == "stopping"
        assert (await stop(work_id, environment_id=environment_id, force=True)).state == "stopped"
        with pytest.raises(ConflictError):
            await stop(work_id, environment_id=environment_id, force=True)


async def test_an_environments_key_reaches_no_other_environment(world: World) -> None:
    other = await world.environment("self_hosted")
    async with worker_client(world) as (client, _, _):
        with pytest.raises(NotFoundError):
            await client.beta.environments.work.poll(other)


async def test_files_are_refused_in_self_hosted_environments(world: World) -> None:
    """Memory stores alone are mounted there."""
    environment_id = await world.environment("self_hosted")
    file = await world.client.beta.files.upload(file=("a.txt", b"a", "text/plain"))
    with pytest.raises(BadRequestError):
        await world.session(environment_id=environment_id, resources=[{"type": "file", "file_id": file.id}])


@pytest.mark.skipif(not os.access("/mnt", os.W_OK), reason="the SDK's worker mounts stores under /mnt/memory")
async def test_the_sdks_worker_serves_a_session_with_memory_and_its_writes_are_the_sessions(world: World) -> None:
    """``EnvironmentWorker`` mounts the store, runs the tools and syncs what they wrote as ``session_actor``."""
    environment_id = await world.environment("self_hosted")
    store = await world.client.beta.memory_stores.create(name=f"conformance {uuid4().hex}")
    await world.client.beta.memory_stores.memories.create(store.id, path="/old.md", content="known")
    session_id = await world.session(
        environment_id=environment_id,
        initial_events=[message("Remember this.")],
        resources=[{"type": "memory_store", "memory_store_id": store.id, "access": "read_write"}],
    )
    session = await world.client.beta.sessions.retrieve(session_id)
    (mount,) = [resource.mount_path for resource in session.resources if resource.type == "memory_store"]
    await world.record(session_id, bash_use(f"cat {mount}/old.md; echo learned > {mount}/new.md"), IDLE)
    async with world.served.client(await world.served.key("worker", environment_id=environment_id)) as client:
        await serve_one_tool_use(world, client, session_id)
    listed = world.client.beta.memory_stores.memory_versions.list(store.id, session_id=session_id, view="full")
    (version,) = [version async for version in listed]
    assert (version.path, version.content) == ("/new.md", "learned\n")
    assert version.created_by is not None and version.created_by.type == "session_actor"
