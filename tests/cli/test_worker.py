"""``reverie worker`` as a process: it serves sessions, stops in good order, runs nothing twice when it is killed."""

import asyncio
import os
import signal
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from anthropic import AsyncAnthropic

from reverie.memory.memory import Edit
from reverie.storage.live.lost_calls import MAY_HAVE_RUN
from reverie.storage.memory.memories import apply_edits
from reverie.testing.patience import PATIENCE_SECONDS
from reverie.turns.isolation import choose_isolation
from tests.api.conftest import Server, client, server
from tests.turns.scripted import MODEL, ScriptedTurnModel, call, calls, say, turns_run
from tests.turns.test_turn import at_rest, send

__all__ = ["client", "server"]
_PAUSE = PATIENCE_SECONDS / 6_000
TOOLS = [{"type": "agent_toolset_20260401"}]


@asynccontextmanager
async def working(server: Server, environment_id: str, folder: Path, isolation: str = "none") -> AsyncIterator[Process]:
    """A worker process for as long as the context lasts; it has said that it works."""
    key = await server.key("worker", environment_id=environment_id)
    command = [sys.executable, "-m", "reverie.cli.main", "worker", "--environment", environment_id]
    process = await asyncio.create_subprocess_exec(
        *command,
        *("--workdir", str(folder), "--isolation", isolation),
        env={**os.environ, "REVERIE_WORKER_KEY": key, "REVERIE_URL": server.url, "MY_SECRET": "do-not-tell"},
        stdout=PIPE,
    )
    try:
        assert process.stdout is not None
        assert (b"NOT isolated" in await process.stdout.readline()) == (isolation == "none")
        yield process
    finally:
        if process.returncode is None:
            process.terminate()
        await process.wait()


async def session_of(client: AsyncAnthropic, environment: Any = None, resources: Any = ()) -> tuple[str, str]:
    """Ids of a session and of its self-hosted environment."""
    made = environment or await client.beta.environments.create(name="place", config={"type": "self_hosted"})
    agent = await client.beta.agents.create(name="clerk", model=MODEL, tools=TOOLS)  # type: ignore[arg-type]
    session = await client.beta.sessions.create(agent=agent.id, environment_id=made.id, resources=resources)
    return session.id, made.id


async def ended(client: AsyncAnthropic, session_id: str) -> list[Any]:
    """All events once the agent has ended its turn."""
    async with asyncio.timeout(PATIENCE_SECONDS):
        while True:
            events = await at_rest(client, session_id)
            if events and events[-1].type == "session.status_idle" and events[-1].stop_reason.type == "end_turn":
                return events
            await asyncio.sleep(_PAUSE)


async def written(file: Path) -> None:
    """Wait until a command has begun."""
    async with asyncio.timeout(PATIENCE_SECONDS):
        while not os.path.exists(file):  # noqa: ASYNC110, ASYNC240, PTH110
            await asyncio.sleep(_PAUSE)


def results(events: list[Any]) -> list[tuple[str, bool]]:
    found = [event for event in events if event.type == "user.tool_result"]
    return [(event.content[0].text, bool(event.is_error)) for event in found]


async def test_a_worker_does_a_task_on_disk_without_the_secrets_of_its_own(
    server: Server, client: AsyncAnthropic, tmp_path: Path
) -> None:
    steps = [
        call("write", 1, file_path="numbers.txt", content="3\n1\n2\n"),
        call("bash", 2, command="sort numbers.txt > sorted.txt; env; tr '\\0' '\\n' < /proc/$PPID/environ"),
        calls(("read", 3, {"file_path": "sorted.txt"}), ("read", 4, {"file_path": "../../../../../etc/passwd"})),
    ]
    session_id, environment_id = await session_of(client)
    async with (
        turns_run(server.service, ScriptedTurnModel(*steps, say("Done."))),
        working(server, environment_id, tmp_path / "work"),
    ):
        await send(client, session_id, "Sort")
        events = await ended(client, session_id)
    _, (shown, _), *rest = results(events)
    assert "HOME=" in shown and "sk-reverie" not in shown and "do-not-tell" not in shown
    assert rest[0] == ("1\n2\n3\n", False) and rest[1][1]
    assert list((tmp_path / "work").iterdir()) == []


async def test_a_command_whose_worker_was_killed_is_never_run_again_and_the_agent_is_told(
    server: Server, client: AsyncAnthropic, tmp_path: Path
) -> None:
    count = tmp_path / "count"
    model = ScriptedTurnModel(call("bash", 1, command=f"echo x >> {count}; sleep 1000"), say("I looked."))
    session_id, environment_id = await session_of(client)
    async with turns_run(server.service, model):
        async with working(server, environment_id, tmp_path / "one") as process:
            await send(client, session_id, "Do it once")
            await written(count)
            process.kill()
        await lapse(server, environment_id)
        async with working(server, environment_id, tmp_path / "two"):
            events = await ended(client, session_id)
    assert results(events) == [(MAY_HAVE_RUN, True)]
    assert count.read_text() == "x\n"


async def test_sigterm_lets_the_command_that_runs_come_to_its_end(
    server: Server, client: AsyncAnthropic, tmp_path: Path
) -> None:
    begun, go_on = tmp_path / "begun", tmp_path / "go on"
    command = f"touch {begun}; until [ -e '{go_on}' ]; do sleep 0.05; done; echo finished"
    session_id, environment_id = await session_of(client)
    async with turns_run(server.service, ScriptedTurnModel(call("bash", 1, command=command), say("Done."))):
        async with working(server, environment_id, tmp_path / "one") as process:
            await send(client, session_id, "Go")
            await written(begun)
            process.send_signal(signal.SIGTERM)
            go_on.touch()
            assert await process.wait() == 0
        events = await ended(client, session_id)
    assert results(events) == [("finished", False)]


async def test_a_lesson_that_a_worker_reads_where_it_is_mounted_counts_as_shown(
    server: Server, client: AsyncAnthropic
) -> None:
    store = await client.beta.memory_stores.create(name="Notes")
    now = server.service.clock.now()
    async with server.service.database.connection() as connection:
        lesson = Edit("/ask.md", "Ask first.", "", lesson_id="lsn_1")
        await apply_edits(connection, store.id, [lesson], act="dream", actor="drm_1", reason="", now=now)
    session_id, _ = await session_of(client, resources=[{"type": "memory_store", "memory_store_id": store.id}])
    async with turns_run(
        server.service, ScriptedTurnModel(call("read", file_path="/mnt/memory/notes/ask.md"), say("."))
    ):
        await send(client, session_id, "Go")
        (use,) = [event for event in await at_rest(client, session_id) if event.type == "agent.tool_use"]
        answer: Any = {"type": "user.tool_result", "tool_use_id": use.id, "content": [{"type": "text", "text": "."}]}
        await client.beta.sessions.events.send(session_id, events=[answer])
        await ended(client, session_id)
    async with server.service.database.connection() as connection:
        row = await connection.execute("SELECT subject, mechanism FROM exposures WHERE subject = 'lsn_1'")
        assert await row.fetchall() == [("lsn_1", "mount")]


async def lapse(server: Server, environment_id: str) -> None:
    """As if the lease of a worker that is gone had run out."""
    async with server.service.database.connection() as connection:
        await connection.execute(
            "UPDATE work_items SET lease_expires_at = now() - interval '1 s'"
            " WHERE environment_id = %s AND state IN ('starting', 'active')",
            [environment_id],
        )


@pytest.mark.parametrize(("setting", "answered"), [({}, ["bash"]), ({"on_lost_worker": "rerun"}, [])])
async def test_calls_that_may_have_changed_something_are_answered_when_a_lease_lapses(
    server: Server, client: AsyncAnthropic, setting: dict[str, str], answered: list[str]
) -> None:
    environment = await client.beta.environments.create(name="p", config={"type": "self_hosted"}, metadata=setting)
    session_id, environment_id = await session_of(client, environment)
    wanted = calls(("bash", 1, {"command": "ls"}), ("read", 2, {"file_path": "a"}))
    async with (
        server.client(await server.key("worker", environment_id=environment_id)) as worker,
        turns_run(server.service, ScriptedTurnModel(wanted, say("Done."))),
    ):
        await send(client, session_id, "Go")
        await at_rest(client, session_id)
        item = await worker.beta.environments.work.poll(environment_id)
        assert item is not None
        await worker.beta.environments.work.ack(item.id, environment_id=environment_id)
        await worker.beta.environments.work.heartbeat(
            item.id, environment_id=environment_id, expected_last_heartbeat="NO_HEARTBEAT"
        )
        await lapse(server, environment_id)
        again = await worker.beta.environments.work.poll(environment_id)
        events = await at_rest(client, session_id)
    assert again is not None and again.id == item.id
    names = {event.id: event.name for event in events if event.type == "agent.tool_use"}
    assert [names[e.tool_use_id] for e in events if e.type == "user.tool_result" and e.is_error] == answered


@pytest.mark.skipif(choose_isolation("auto")[0] == "none", reason="no bwrap")
async def test_under_bwrap_memory_is_mounted_without_rights_to_mnt_and_comes_back(
    server: Server, client: AsyncAnthropic, tmp_path: Path
) -> None:
    store = await client.beta.memory_stores.create(name="Notes")
    await client.beta.memory_stores.memories.create(store.id, path="/old.md", content="known")
    resources: Any = [{"type": "memory_store", "memory_store_id": store.id}]
    command = f"cat /mnt/memory/notes/old.md; echo learned > /mnt/memory/notes/new.md; ls {tmp_path} /home"
    session_id, environment_id = await session_of(client, resources=resources)
    async with (
        turns_run(server.service, ScriptedTurnModel(call("bash", 1, command=command), say("Done."))),
        working(server, environment_id, tmp_path / "work", isolation="bwrap") as worker,
    ):
        await send(client, session_id, "Go")
        events = await ended(client, session_id)
        worker.terminate()
        await worker.wait()
    ((text, _),) = results(events)
    assert text.startswith("known") and text.count("No such file") == 2
    listed = client.beta.memory_stores.memories.list(store.id, view="full")
    assert {memory.path: memory.content async for memory in listed if memory.type == "memory"} == {
        "/old.md": "known",
        "/new.md": "learned\n",
    }
