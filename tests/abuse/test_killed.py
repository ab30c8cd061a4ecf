"""A server killed with kill -9 in the middle of writes: what it acknowledged is there, once, for lists and streams."""

import asyncio
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import httpx2
import pytest

from reverie.settings import Settings
from reverie.testing.server_process import running_server
from tests.conformance.served import Served
from tests.conformance.sse import raw_messages
from tests.conformance.world import World, message, said
from tests.database_pool import DatabasePool

WRITERS = 8
BEFORE_THE_KILL = 60


@pytest.fixture
def settings(database_pool: DatabasePool, tmp_path: Path) -> Iterator[Settings]:
    with database_pool.database() as url:
        yield Settings(home=tmp_path / "home", database_url=url, workers=1)


async def test_every_acknowledged_event_survives_a_kill_once(settings: Settings, tmp_path: Path) -> None:
    seen: list[str] = []
    with running_server(settings, tmp_path / "first", "--no-agents") as process:
        served = Served(process, settings)
        secret = await served.key()
        async with served.client(secret) as client, served.http(secret) as http:
            session_id = await World(served, client, http).session(initial_events=[message("begin")])
        acknowledged = await write_until_killed(served, secret, session_id, seen)
    with running_server(settings, tmp_path / "second", "--no-agents") as process:
        served = Served(process, settings)
        async with served.client(secret) as client, served.http(secret) as http:
            await follow_on(World(served, client, http), session_id, seen)
            stored = [event.id async for event in client.beta.sessions.events.list(session_id, limit=50)]
    assert len(acknowledged) >= BEFORE_THE_KILL
    assert len(set(stored)) == len(stored)
    assert [id_ for id_ in acknowledged if id_ not in stored] == []
    assert seen == stored


async def write_until_killed(served: Served, secret: str, session_id: str, seen: list[str]) -> list[str]:
    """Write from many clients while one follows; kill the server once enough is acknowledged, and what was."""
    acknowledged: list[str] = []
    enough = asyncio.Event()

    async def write(number: int) -> None:
        async with served.http(secret) as http:
            path = f"/v1/sessions/{session_id}/record"
            while True:
                answer = await http.post(path, json={"events": [said(f"writer {number}"), said("again")]})
                assert answer.status_code == 200, answer.text
                acknowledged.extend(event["id"] for event in answer.json()["data"])
                if len(acknowledged) >= BEFORE_THE_KILL:
                    enough.set()

    async def follow() -> None:
        async with served.client(secret) as client, served.http(secret) as http:
            await follow_on(World(served, client, http), session_id, seen, endless=True)

    tasks = [asyncio.create_task(write(number)) for number in range(WRITERS)] + [asyncio.create_task(follow())]
    await asyncio.wait([asyncio.create_task(enough.wait()), *tasks], return_when=asyncio.FIRST_COMPLETED)
    served.process.kill()
    for ended in await asyncio.gather(*tasks, return_exceptions=True):
        assert isinstance(ended, httpx2.TransportError), ended
    return acknowledged


async def follow_on(world: World, session_id: str, seen: list[str], *, endless: bool = False) -> None:
    """The documented way to follow: open the stream, list the history, take each event once."""
    async with raw_messages(world.http, f"/v1/sessions/{session_id}/events/stream") as messages:
        known = set(seen)
        history = [event async for event in world.client.beta.sessions.events.list(session_id)]
        seen.extend(event.id for event in history if event.id not in known and event.processed_at is not None)
        known = set(seen)
        if not endless:
            return
        with suppress(StopAsyncIteration):
            async for _, data in messages:
                if data["id"] not in known and data["processed_at"] is not None:
                    seen.append(data["id"])
