"""Sessions and memory brought from a Managed Agents server, here one of ours, and memory brought back."""

import asyncio
import os
import sys
from asyncio.subprocess import PIPE
from collections.abc import AsyncIterator
from typing import Any

import msgspec
import pytest
import pytest_asyncio
from anthropic import AsyncAnthropic

from reverie import AsyncClient
from reverie.clock import SystemClock
from reverie.errors import ConflictError, NotFoundError
from reverie.ids import event_id
from reverie.jobs import pull_anthropic
from reverie.jobs.pulling import Source
from reverie.jobs.push_anthropic import PushedMemory, Pushing, push
from reverie.memory.memory import Edit
from reverie.sessions.event import text_of
from reverie.settings import Settings
from reverie.storage.memory.memories import apply_edits, list_memories
from reverie.storage.memory.stores import create_store, find_store
from reverie.storage.postgres.database import Database, open_database
from reverie.storage.sessions.transcripts import read_transcript
from tests.api.conftest import Server


@pytest_asyncio.fixture
async def here(settings: Settings, other_database_url: str) -> AsyncIterator[Source]:
    """Another installation, which brings things from the server."""
    own = msgspec.structs.replace(settings, database_url=other_database_url)
    async with open_database(own) as database:
        yield Source(database, own, SystemClock(), pull_anthropic.WAY, "https://hosted", "managed-agents")


def text(given: str) -> list[dict[str, str]]:
    return [{"type": "text", "text": given}]


async def begin(client: AsyncAnthropic) -> str:
    environment = await client.beta.environments.create(name="e", config={"type": "cloud"})
    agent = await client.beta.agents.create(name="desk", model="some-model")
    metadata = {"task_id": "t-1", "user_id": "u-1", "channel": "mail"}
    session = await client.beta.sessions.create(agent=agent.id, environment_id=environment.id, metadata=metadata)
    return session.id


async def pulled(client: AsyncAnthropic, here: Source) -> tuple[int, int, int]:
    """Sessions that are new, longer, and as before."""
    summary, unchanged = await pull_anthropic.pull_sessions(client, here, None, lambda _: None)
    assert summary.errors == [] and summary.warnings == []
    return summary.sessions.created, summary.sessions.extended, unchanged


async def test_sessions_are_brought_once_and_again_when_they_go_on(reverie: AsyncClient, here: Source) -> None:
    client: Any = reverie.sdk
    first, second = await begin(client), await begin(client)
    asked: Any = {"type": "user.message", "content": text("Where is order 7?")}
    await client.beta.sessions.events.send(first, events=[asked])
    use = {"type": "agent.tool_use", "name": "bash", "input": {"command": "ls"}}
    (call,) = await reverie.record(first, [use])
    assert await pulled(client, here) == (2, 0, 0)
    assert await pulled(client, here) == (0, 0, 2)
    answer = {"type": "agent.tool_result", "tool_use_id": call["id"], "content": text("a b")}
    await reverie.record(first, [answer, {"type": "agent.message", "content": text("On its way.")}])
    assert await pulled(client, here) == (0, 1, 1)
    async with here.database.connection() as connection:
        found = await read_transcript(connection, first)
        assert (await read_transcript(connection, second)).events == ()
    told = [(event.type, text_of(event)) for event in found.events if event.type.startswith(("user.m", "agent."))]
    assert told == [
        ("user.message", "Where is order 7?"),
        ("agent.tool_use", ""),
        ("agent.tool_result", "a b"),
        ("agent.message", "On its way."),
    ]
    place = next(n for n, event in enumerate(found.events) if event.type == "agent.tool_use")
    result = next(event for event in found.events if event.type == "agent.tool_result")
    assert result.payload["tool_use_id"] == event_id(first, place) and result.payload["name"] == "bash"
    one = found.session
    assert (one.source, one.agent, one.model, one.task_id, one.user_id) == (
        *("managed-agents", "desk", "some-model", "t-1", "u-1"),
    )
    assert one.metadata["channel"] == "mail"


async def contents(database: Database, store: str) -> dict[str, str | None]:
    async with database.connection() as connection:
        found = await list_memories(connection, (await find_store(connection, store)).id, with_content=True)
    return {memory.path: memory.content for memory in found}


async def write(database: Database, store: str, *edits: Edit) -> None:
    async with database.connection() as connection:
        found = await find_store(connection, store)
        now = SystemClock().now()
        await apply_edits(connection, found.id, edits, act="write", actor="user", reason="test", now=now)


async def test_memories_are_brought_when_they_changed_there_and_what_was_written_here_stays(
    client: AsyncAnthropic, here: Source
) -> None:
    store = await client.beta.memory_stores.create(name="support")
    memories = client.beta.memory_stores.memories
    one = await memories.create(store.id, path="/a.md", content="There.")
    await memories.create(store.id, path="/b.md", content="B.")

    async def pull() -> list[int]:
        done = await pull_anthropic.pull_stores(client, here, [], lambda _: None)
        return [each.memories for each in done]

    assert await pull() == [2]
    await write(here.database, "support", Edit("/b.md", "Better here.", "test"), Edit("/own.md", "Own.", "test"))
    await memories.update(one.id, memory_store_id=store.id, content="There, later.")
    assert (await pull(), await pull()) == ([1], [0])
    assert await contents(here.database, "support") == {
        "/a.md": "There, later.",
        "/b.md": "Better here.",
        "/own.md": "Own.",
    }
    assert await pull_anthropic.pull_stores(client, here, ["other"], lambda _: None) == ()


async def test_a_push_says_what_it_would_do_and_touches_nothing_that_is_not_its_own(
    client: AsyncAnthropic, here: Source
) -> None:
    async with here.database.connection() as connection:
        own = await create_store(connection, "support", "", {}, SystemClock().now())
    await write(here.database, "support", Edit("/a.md", "A", "test"), Edit("/b.md", "B", "test"))
    pushing = Pushing(client, here.database, here.clock, "https://hosted", own)
    assert [(one.path, one.act) for one in (await push(pushing, None, apply=False)).memories] == [
        ("/a.md", "create"),
        ("/b.md", "create"),
    ]
    assert [store async for store in client.beta.memory_stores.list()] == []
    done = await push(pushing, None, apply=True)
    assert (await push(pushing, None, apply=True)).memories == ()
    memories = client.beta.memory_stores.memories
    theirs = await memories.create(done.to, path="/theirs.md", content="Theirs")
    there = {one.path: one async for one in memories.list(done.to) if one.type == "memory"}
    await memories.update(there["/b.md"].id, memory_store_id=done.to, content="Changed there")
    await write(
        here.database,
        "support",
        *(Edit("/a.md", "A2", "test"), Edit("/b.md", "B2", "test"), Edit("/theirs.md", "Mine", "test")),
    )
    assert (await push(pushing, done.to, apply=True)).memories == (
        PushedMemory("/a.md", "update"),
        PushedMemory("/b.md", "keep", "it was changed there since"),
        PushedMemory("/theirs.md", "keep", "it was not written from here"),
    )
    await write(here.database, "support", *(Edit(path, None, "test") for path in ("/a.md", "/b.md", "/theirs.md")))
    acts = [(one.path, one.act) for one in (await push(pushing, "support", apply=True)).memories]
    assert acts == [("/a.md", "delete"), ("/b.md", "keep")]
    left = {one.path async for one in memories.list(done.to) if one.type == "memory"}
    assert left == {"/b.md", "/theirs.md"} and theirs.path in left


async def test_a_store_there_that_is_not_one_is_told(client: AsyncAnthropic, here: Source) -> None:
    async with here.database.connection() as connection:
        own = await create_store(connection, "support", "", {}, SystemClock().now())
    pushing = Pushing(client, here.database, here.clock, "https://hosted", own)
    with pytest.raises(NotFoundError, match="there is no memory store 'nowhere' there"):
        await push(pushing, "nowhere", apply=False)
    for _ in range(2):
        await client.beta.memory_stores.create(name="support")
    with pytest.raises(ConflictError, match="give --to an id"):
        await push(pushing, None, apply=False)


async def commanded(here: Source, *arguments: str, **variables: str) -> tuple[int, str, str]:
    """The exit code of ``reverie``, what it prints, and what it says is wrong."""
    unset = ("ANTHROPIC_API_KEY", "REVERIE_API_KEY", "LANGFUSE_PUBLIC_KEY", "LANGFUSE_SECRET_KEY")
    environment = {name: value for name, value in os.environ.items() if name not in unset}
    environment |= {"DATABASE_URL": str(here.settings.database_url), "REVERIE_HOME": str(here.settings.home)}
    command = [sys.executable, "-m", "reverie.cli.main", *arguments]
    process = await asyncio.create_subprocess_exec(*command, stdout=PIPE, stderr=PIPE, env=environment | variables)
    out, err = await process.communicate()
    return process.returncode or 0, out.decode(), err.decode()


async def test_the_commands_say_what_they_did_and_what_they_lack(
    server: Server, client: AsyncAnthropic, here: Source
) -> None:
    await begin(client)
    store = await client.beta.memory_stores.create(name="support")
    await client.beta.memory_stores.memories.create(store.id, path="/a.md", content="There.")
    key = await server.key("write")
    place = ("anthropic", "--url", server.url)
    code, out, err = await commanded(here, "pull", *place, "--since", "1d", REVERIE_API_KEY=key)
    assert (code, err) == (0, "")
    assert out.startswith("1 session new, 0 longer, 0 as before, 0 failed; 0 events, 0 scores\nsupport: 1 memory new")
    await write(here.database, "support", Edit("/b.md", "Here.", "test"))
    code, out, err = await commanded(here, "push", "anthropic", "support", "--url", server.url, REVERIE_API_KEY=key)
    assert (code, out) == (
        0,
        f"create  /b.md\nsupport → {store.id}: 1 memory to change; --apply does it, 1 the same\n",
    )
    for arguments, told in (
        (("pull", "anthropic"), "ANTHROPIC_API_KEY is not set"),
        (("pull", "langfuse"), "LANGFUSE_PUBLIC_KEY and LANGFUSE_SECRET_KEY are not set"),
        (("pull", *place, "--since", "soon"), "--since"),
        (("push", *place), "make a key on the server"),
    ):
        code, out, err = await commanded(here, *arguments)
        assert (code, out) == (1, "") and told in err and "Traceback" not in err
