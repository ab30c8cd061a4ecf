"""Sessions, their events, resources and threads."""

import asyncio
from typing import Any

from anthropic import beta_async_tool

from tests.conformance.exercises.agents import LOOK_UP
from tests.conformance.world import END_TURN, IDLE, World, message, said

_USE = {"type": "agent.custom_tool_use", "name": "look_up", "input": {"order": "7"}}


async def create(world: World) -> None:
    session = await world.client.beta.sessions.create(
        agent={"type": "agent", "id": await world.agent(), "version": 1},
        environment_id=await world.environment(),
        title="Refund",
        metadata={"customer": "c1"},
        resources=[{"type": "memory_store", "memory_store_id": await world.store(), "access": "read_only"}],
    )
    assert (session.status, session.title, session.agent.version) == ("idle", "Refund", 1)
    assert session.resources[0].type == "memory_store"
    assert session.resources[0].mount_path == "/mnt/memory/notes"


async def retrieve(world: World) -> None:
    session_id = await world.session(initial_events=[message("hello")])
    session = await world.client.beta.sessions.retrieve(session_id)
    assert (session.id, session.status, session.archived_at) == (session_id, "running", None)


async def list_all(world: World) -> None:
    agent_id = await world.agent()
    session_id = await world.session(agent=agent_id)
    page = await world.client.beta.sessions.list(
        agent_id=agent_id, agent_version=1, statuses=["idle", "running"], created_at_gt="2020-01-01T00:00:00+00:00"
    )
    assert ([session.id for session in page.data], page.prev_page) == ([session_id], None)


async def update(world: World) -> None:
    session_id = await world.session(metadata={"a": "1", "b": "2"})
    session = await world.client.beta.sessions.update(session_id, title="Named", metadata={"a": None, "c": "3"})
    assert (session.title, session.metadata) == ("Named", {"b": "2", "c": "3"})


async def archive(world: World) -> None:
    session = await world.client.beta.sessions.archive(await world.session())
    assert (session.status, session.archived_at is None) == ("terminated", False)


async def delete(world: World) -> None:
    session_id = await world.session()
    deleted = await world.client.beta.sessions.delete(session_id)
    assert (deleted.id, deleted.type) == (session_id, "session_deleted")


async def send_events(world: World) -> None:
    session_id = await world.session()
    sent = await world.client.beta.sessions.events.send(session_id, events=[message("hello")])
    assert sent.data is not None
    assert [event.type for event in sent.data] == ["user.message"]


async def list_events(world: World) -> None:
    session_id = await world.session(initial_events=[message("hello")])
    await world.record(session_id, said("hi"), END_TURN)
    page = await world.client.beta.sessions.events.list(
        session_id, types=["user.message", "agent.message"], order="asc", limit=1000
    )
    assert [event.type for event in page.data] == ["user.message", "agent.message"]


async def stream_events(world: World) -> None:
    session_id = await world.session()
    seen = []
    stream = await world.client.beta.sessions.events.stream(session_id)
    async with stream:
        await world.client.beta.sessions.events.send(session_id, events=[message("hello")])
        await world.record(session_id, said("hi"), END_TURN)
        async for event in stream:
            seen.append(event.type)
            if event.type == "session.status_idle":
                break
    assert seen.count("user.message") == 2
    assert "agent.message" in seen


async def tool_runner(world: World) -> None:
    session_id = await world.session(agent=await world.agent(tools=[LOOK_UP]), initial_events=[message("Order 7?")])
    await world.record(session_id, _USE, IDLE)
    runner = world.client.beta.sessions.events.tool_runner(session_id, tools=[look_up], max_idle=0.2)
    calls = []
    async for call in runner:
        calls.append((call.name, call.posted, call.is_error))
        await world.record(session_id, said("It is on its way."), END_TURN)
    assert calls == [("look_up", True, False)]


@beta_async_tool
async def look_up(order: str) -> str:
    """Looks up an order."""
    await asyncio.sleep(0)
    return f"order {order}: sent"


async def add_resource(world: World) -> None:
    resource = await _added_file(world, await world.session())
    assert resource.mount_path == "/mnt/session/uploads/data.csv"


async def list_resources(world: World) -> None:
    session_id = await world.session()
    added = await _added_file(world, session_id)
    page = await world.client.beta.sessions.resources.list(session_id, limit=10)
    assert [getattr(resource, "id", None) for resource in page.data] == [added.id]


async def retrieve_resource(world: World) -> None:
    session_id = await world.session()
    added = await _added_file(world, session_id)
    resource = await world.client.beta.sessions.resources.retrieve(added.id, session_id=session_id)
    assert resource == added


async def update_resource(world: World) -> None:
    repository = {"type": "github_repository", "url": "https://github.com/o/r", "authorization_token": "t1"}
    session_id = await world.session(resources=[repository])
    (made,) = (await world.client.beta.sessions.resources.list(session_id)).data
    assert made.type == "github_repository"
    resource = await world.client.beta.sessions.resources.update(
        made.id, session_id=session_id, authorization_token="t2"
    )
    assert "t2" not in resource.to_json()


async def delete_resource(world: World) -> None:
    session_id = await world.session()
    added = await _added_file(world, session_id)
    deleted = await world.client.beta.sessions.resources.delete(added.id, session_id=session_id)
    assert (deleted.id, deleted.type) == (added.id, "session_resource_deleted")


async def list_threads(world: World) -> None:
    page = await world.client.beta.sessions.threads.list(await world.session(), statuses=["idle"], limit=10)
    assert [thread.parent_thread_id for thread in page.data] == [None]


async def retrieve_thread(world: World) -> None:
    session_id = await world.session()
    thread_id = await _primary_thread(world, session_id)
    thread = await world.client.beta.sessions.threads.retrieve(thread_id, session_id=session_id)
    assert (thread.id, thread.session_id, thread.status) == (thread_id, session_id, "idle")


async def archive_thread(world: World) -> None:
    session_id, child_id = await session_with_child(world)
    thread = await world.client.beta.sessions.threads.archive(child_id, session_id=session_id)
    assert thread.archived_at is not None


async def list_thread_events(world: World) -> None:
    session_id, child_id = await session_with_child(world)
    page = await world.client.beta.sessions.threads.events.list(child_id, session_id=session_id)
    assert "from the child" in page.data[-2].to_json() + page.data[-1].to_json()


async def stream_thread_events(world: World) -> None:
    session_id = await world.session()
    thread_id = await _primary_thread(world, session_id)
    stream = await world.client.beta.sessions.threads.events.stream(thread_id, session_id=session_id)
    async with stream:
        await world.client.beta.sessions.events.send(session_id, events=[message("hello")])
        async for event in stream:
            if event.type == "user.message":
                break


async def session_with_child(world: World) -> tuple[str, str]:
    """A coordinator's session, and a thread of it that has spoken and is idle."""
    helper = await world.agent(name="helper")
    coordinator = await world.agent(multiagent={"type": "coordinator", "agents": [helper]})
    session_id = await world.session(agent=coordinator, initial_events=[message("hello")])
    await world.record(session_id, {"type": "session.thread_created", "agent_name": "helper"})
    threads = (await world.client.beta.sessions.threads.list(session_id)).data
    (child,) = [thread for thread in threads if thread.parent_thread_id is not None]
    idle = {
        "type": "session.thread_status_idle",
        "session_thread_id": child.id,
        "agent_name": "helper",
        "stop_reason": {"type": "end_turn"},
    }
    await world.record(session_id, said("from the child"), idle, thread_id=child.id)
    return session_id, child.id


async def _primary_thread(world: World, session_id: str) -> str:
    page = await world.client.beta.sessions.threads.list(session_id)
    return next(thread.id for thread in page.data if thread.parent_thread_id is None)


async def _added_file(world: World, session_id: str) -> Any:
    file = await world.client.beta.files.upload(file=("data.csv", b"a\n1\n", "text/csv"))
    return await world.client.beta.sessions.resources.add(
        session_id, type="file", file_id=file.id, mount_path="/data.csv"
    )


EXERCISES = {
    "sessions.create": create,
    "sessions.retrieve": retrieve,
    "sessions.list": list_all,
    "sessions.update": update,
    "sessions.archive": archive,
    "sessions.delete": delete,
    "sessions.events.send": send_events,
    "sessions.events.list": list_events,
    "sessions.events.stream": stream_events,
    "sessions.events.tool_runner": tool_runner,
    "sessions.resources.add": add_resource,
    "sessions.resources.list": list_resources,
    "sessions.resources.retrieve": retrieve_resource,
    "sessions.resources.update": update_resource,
    "sessions.resources.delete": delete_resource,
    "sessions.threads.list": list_threads,
    "sessions.threads.retrieve": retrieve_thread,
    "sessions.threads.archive": archive_thread,
    "sessions.threads.events.list": list_thread_events,
    "sessions.threads.events.stream": stream_thread_events,
}
