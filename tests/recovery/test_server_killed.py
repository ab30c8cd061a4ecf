"""Dreams outlive the servers that run them: killed, stopped or beside each other, each dream gives its one result."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx2
import psycopg
import pytest
import pytest_asyncio

from reverie.clock import SystemClock
from reverie.dreams.dream import DreamRequest
from reverie.dreams.policy import DreamPolicy
from reverie.errors import SlotBusyError
from reverie.ids import new_id
from reverie.jobs.dream_runtime import Runtime
from reverie.jobs.engine import dream
from reverie.settings import Settings
from reverie.storage.learning.dreams import insert_dream
from reverie.storage.postgres.database import Database
from reverie.testing.patience import PATIENCE_SECONDS
from tests.api.dream_desk import at_rest, everything, fill_desk, inputs, make_store, table_locked, waiting_for
from tests.recovery.served import ServerProcess, server_process

KILLS = {"while it reads sessions": "behaviours", "inside the last transaction": "store_revisions"}
"""When a server is ended, by the table that its dream waits for then."""


@pytest_asyncio.fixture
async def store(database: Database, settings: Settings, tmp_path: Path) -> AsyncIterator[str]:
    """A store beside the small desk's sessions."""
    yield await fill_desk(database, settings, tmp_path, tasks=60)


async def ask(server: ServerProcess, body: dict[str, Any]) -> str:
    """Ask for a dream of our own kind; its id."""
    async with httpx2.AsyncClient(base_url=server.url, timeout=PATIENCE_SECONDS) as http:
        answer = await http.post("/v1/dream_requests", json=body)
        assert answer.status_code == 200, answer.text
        return str(answer.json()["id"])


def rows(url: str, query: str) -> list[tuple[Any, ...]]:
    with psycopg.connect(url) as connection:
        return connection.execute(query.encode()).fetchall()


@pytest.mark.parametrize("table", KILLS.values(), ids=KILLS.keys())
@pytest.mark.parametrize("ending", ["kill", "stop"])
async def test_a_dream_whose_server_ends_is_finished_by_the_next(
    database: Database, store: str, table: str, ending: str
) -> None:
    url = database.url
    with table_locked(url, table), server_process(url) as first:
        dream_id = await ask(first, everything(store))
        await waiting_for(url, table)
        getattr(first, ending)()
    assert rows(url, "SELECT status FROM dreams") == [("running",)]
    with server_process(url) as second:
        async with second.client() as client:
            finished = await at_rest(client, url, dream_id)
    assert (finished.status, finished.outputs[0].memory_store_id) == ("completed", store)
    assert rows(url, "SELECT number, act FROM store_revisions ORDER BY 1") == [(1, "write"), (2, "dream")]
    assert rows(url, "SELECT path ^@ '/lessons/' FROM memories ORDER BY path") == [(True,), (False,)]


async def test_of_two_servers_one_runs_each_dream(database: Database, store: str) -> None:
    url = database.url
    with server_process(url) as first, server_process(url) as second:
        async with first.client() as one, second.client() as other:
            clients = [one, other, one, other]
            dreams = [await client.beta.dreams.create(inputs=inputs(store), model="m") for client in clients]
            statuses = [(await at_rest(other, url, dream.id)).status for dream in dreams]
    assert statuses == ["completed"] * 4
    told = "SELECT s.id, count(*) FROM events e JOIN sessions s ON s.key = e.session_key"
    once = rows(url, f"{told} WHERE s.source = 'dream' AND e.payload::text LIKE '%Writing lessons%' GROUP BY s.id")
    assert [count for _, count in once] == [1] * 4


async def test_a_dream_whose_server_lost_its_slot_and_goes_on_is_still_written_once(
    database: Database, store: str
) -> None:
    url = database.url
    with table_locked(url, "behaviours") as lock, server_process(url) as first, server_process(url) as second:
        dream_id = await ask(first, everything(store))
        await waiting_for(url, "behaviours")
        rows(url, "SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory' AND objsubid = 1")
        await waiting_for(url, "behaviours", count=2)
        lock.rollback()
        async with second.client() as client:
            finished = await at_rest(client, url, dream_id)
    assert (finished.status, finished.error) == ("completed", None)
    assert rows(url, "SELECT number, act FROM store_revisions ORDER BY 1") == [(1, "write"), (2, "dream")]


async def test_a_command_leaves_a_servers_dreams_alone_and_a_server_a_commands(
    database: Database, settings: Settings, store: str
) -> None:
    clock = SystemClock()
    others = await make_store(database, "others")
    async with database.connection() as connection:
        request = DreamRequest(store, clone=False)
        served = await insert_dream(connection, new_id("drm", clock.now()), store, request, clock.now(), served=True)
        cut_off = await insert_dream(connection, new_id("drm", clock.now()), others, DreamRequest(others), clock.now())
    runtime = Runtime(database, settings, DreamPolicy(), clock, lambda *_: None)
    with pytest.raises(SlotBusyError, match="asked for through the server"):
        await dream(runtime, DreamRequest("desk"))
    with server_process(database.url) as server:
        async with server.client() as client:
            assert (await at_rest(client, database.url, served.id)).status == "completed"
    assert rows(database.url, f"SELECT status FROM dreams WHERE id = '{cut_off.id}'") == [("pending",)]
    assert (await dream(runtime, DreamRequest(others))).dream_id == cut_off.id
