"""The server under load: appends, lists, streams, memory, replicas, start, as one JSON document on standard output.

    python benchmarks/server.py [--sessions 100000] [--streams 1000] [--seconds 5] [--clients 16]

Servers are processes on one embedded PostgreSQL in a folder of its own; clients are processes too, each with one
connection, so that neither side waits for the other's interpreter. Everything shares this machine, which is named.
"""

import argparse
import asyncio
import json
import os
import platform
import statistics
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ProcessPoolExecutor
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, fields
from functools import partial
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import httpx2
from psycopg import AsyncConnection

from reverie.clock import SystemClock
from reverie.settings import Settings
from reverie.storage.postgres.database import open_database
from reverie.storage.postgres.workspaces import DEFAULT_WORKSPACE
from reverie.storage.service.api_keys import KeyScope, create_key
from reverie.testing.server_process import ServerProcess, running_server

MESSAGE = {"type": "agent.message", "content": [{"type": "text", "text": "The order was sent on Monday. " * 8}]}
START = {"events": [{"type": "session.status_running"}]}
BATCH = 500
LISTS = 200
STARTS = 5
Filter = list[tuple[str, str | int | float | bool | None]]
"""Query parameters of a list."""
FAN_OUT = 50
"""Events whose way to all streams is timed."""


@dataclass(frozen=True, slots=True)
class Sizes:
    """How much of what."""

    sessions: int = 100_000
    streams: int = 1_000
    seconds: float = 5.0
    clients: int = 16


def say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def spread(seconds: list[float]) -> dict[str, float]:
    """Median and 99th percentile, in milliseconds."""
    percentiles = statistics.quantiles(seconds, n=100, method="inclusive")
    return {"p50_ms": round(percentiles[49] * 1e3, 2), "p99_ms": round(percentiles[98] * 1e3, 2)}


def client_of(url: str, secret: str) -> httpx2.AsyncClient:
    limits = httpx2.Limits(max_connections=None, max_keepalive_connections=None)
    return httpx2.AsyncClient(base_url=url, headers={"x-api-key": secret}, timeout=60, limits=limits)


async def post(client: httpx2.AsyncClient, path: str, body: object) -> Any:
    answer = await client.post(path, json=body)
    answer.raise_for_status()
    return answer.json()


async def make_home(client: httpx2.AsyncClient) -> dict[str, str]:
    """An agent and an environment, as a session's creation names them."""
    agent = await post(client, "/v1/agents", {"name": "bench", "model": "any-model"})
    environment = await post(client, "/v1/environments", {"name": "bench"})
    return {"agent": agent["id"], "environment_id": environment["id"]}


async def warm(url: str, secret: str) -> float:
    """Make, record and list once, which loads what a server loads when it is first needed; seconds that it took."""
    began = time.perf_counter()
    async with client_of(url, secret) as client:
        session_id = (await post(client, "/v1/sessions", await make_home(client)))["id"]
        await post(client, f"/v1/sessions/{session_id}/record", START)
        (await client.get("/v1/sessions")).raise_for_status()
    return time.perf_counter() - began


def append_for(seconds: float, batch: int, url: str, secret: str, session_id: str) -> list[float]:
    """One client's appends, one after another, for as long: how long each took. Runs in a process of its own."""
    taken, body = [], {"events": [MESSAGE] * batch}
    with httpx2.Client(base_url=url, headers={"x-api-key": secret}, timeout=60) as client:
        until = time.perf_counter() + seconds
        while (began := time.perf_counter()) < until:
            client.post(f"/v1/sessions/{session_id}/record", json=body).raise_for_status()
            taken.append(time.perf_counter() - began)
    return taken


async def measure_appends(
    pool: ProcessPoolExecutor, urls: list[str], secret: str, clients: int, seconds: float, batch: int = 1
) -> dict[str, Any]:
    """Appends of many clients at once, each to a session of its own, spread over the servers."""
    for url in urls:
        await warm(url, secret)
    async with client_of(urls[0], secret) as client:
        home = await make_home(client)
        sessions = [(await post(client, "/v1/sessions", home))["id"] for _ in range(clients)]
        for session_id in sessions:
            await post(client, f"/v1/sessions/{session_id}/record", START)
    loop = asyncio.get_running_loop()
    work = [
        loop.run_in_executor(pool, partial(append_for, seconds, batch, urls[i % len(urls)], secret, session_id))
        for i, session_id in enumerate(sessions)
    ]
    taken = [one for each in await asyncio.gather(*work) for one in each]
    return {
        "clients": clients,
        "servers": len(urls),
        "events_a_request": batch,
        "events_per_second": round(len(taken) * batch / seconds),
        **spread(taken),
    }


async def fill_sessions(settings: Settings, secret: str, url: str, count: int) -> str:
    """Copies of one live session's rows, ``count`` of them, by COPY; the id of the agent that a tenth of them has."""
    async with client_of(url, secret) as client:
        home = await make_home(client)
        made = (await post(client, "/v1/sessions", home))["id"]
    assert settings.database_url is not None
    async with await AsyncConnection.connect(settings.database_url) as connection:
        columns = await _columns(connection, "sessions", without="key")
        live_columns = await _columns(connection, "live_sessions", without="session_key")
        await connection.execute("CREATE TEMPORARY TABLE ids (id text, number bigint)")
        async with connection.cursor().copy("COPY ids FROM STDIN") as copy:
            for number in range(count):
                await copy.write_row((f"sesn_bench{number:018}", number))
        await connection.execute(
            f"INSERT INTO sessions (id, imported_at, {columns}) "
            f"SELECT i.id, s.imported_at - i.number * interval '1 s', {_of('s', columns)} "
            "FROM ids i, sessions s WHERE s.id = %s".encode(),
            [made],
        )
        await connection.execute(
            f"INSERT INTO live_sessions (session_key, agent_id, {live_columns}) "
            "SELECT n.key, CASE WHEN i.number %% 10 = 0 THEN l.agent_id ELSE 'agent_other' END, "
            f"{_of('l', live_columns)} FROM ids i JOIN sessions n ON n.id = i.id, "
            "live_sessions l JOIN sessions s ON s.key = l.session_key WHERE s.id = %s".encode(),
            [made],
        )
    async with await AsyncConnection.connect(settings.database_url, autocommit=True) as connection:
        await connection.execute("ANALYZE sessions, live_sessions")
    return home["agent"]


async def _columns(connection: AsyncConnection, table: str, without: str) -> str:
    """The table's columns but its key and those that are set anew."""
    rows = await connection.execute(
        "SELECT attname FROM pg_attribute WHERE attrelid = %s::regclass AND attnum > 0 AND NOT attisdropped", [table]
    )
    left_out = (without, "id", "imported_at", "agent_id")
    return ", ".join(name for (name,) in await rows.fetchall() if name not in left_out)


def _of(table: str, columns: str) -> str:
    return ", ".join(f"{table}.{name}" for name in columns.split(", "))


async def measure_lists(settings: Settings, secret: str, url: str, count: int) -> dict[str, Any]:
    """Pages of sessions by filter among many."""
    began = time.perf_counter()
    agent_id = await fill_sessions(settings, secret, url, count)
    filled = time.perf_counter() - began
    filters: dict[str, Filter] = {
        "newest": [],
        "by_agent": [("agent_id", agent_id)],
        "by_status": [("statuses[]", "idle")],
        "by_agent_and_status_that_none_has": [("agent_id", agent_id), ("statuses[]", "running")],
        "by_creation": [("created_at[lt]", "2026-01-01T00:00:00Z"), ("order", "asc")],
    }
    async with client_of(url, secret) as client:
        spreads = {name: await _timed_lists(client, query) for name, query in filters.items()}
    return {"sessions": count, "filled_seconds": round(filled, 2), "page_of_20": spreads}


async def _timed_lists(client: httpx2.AsyncClient, query: Filter) -> dict[str, float]:
    taken = []
    for _ in range(LISTS):
        began = time.perf_counter()
        (await client.get("/v1/sessions", params=query)).raise_for_status()
        taken.append(time.perf_counter() - began)
    return spread(taken)


@asynccontextmanager
async def open_streams(client: httpx2.AsyncClient, session_id: str, count: int) -> AsyncIterator[list[httpx2.Response]]:
    """Streams of one session, open by the time this gives them."""
    async with AsyncExitStack() as stack:
        path = f"/v1/sessions/{session_id}/events/stream"
        yield [await stack.enter_async_context(client.stream("GET", path)) for _ in range(count)]


async def measure_fan_out(process: ServerProcess, secret: str, streams: int) -> dict[str, Any]:
    """How long an event takes from its append to the first and the last of many streams, and what they weigh."""
    await warm(process.url, secret)
    async with client_of(process.url, secret) as client:
        session_id = (await post(client, "/v1/sessions", await make_home(client)))["id"]
        await post(client, f"/v1/sessions/{session_id}/record", START)
        before = megabytes(process.process.pid)
        async with open_streams(client, session_id, streams) as opened:
            weight = megabytes(process.process.pid)
            arrivals: asyncio.Queue[float] = asyncio.Queue()
            readers = [asyncio.create_task(_note_arrivals(stream, arrivals)) for stream in opened]
            first, last = [], []
            for _ in range(FAN_OUT):
                began = time.perf_counter()
                await post(client, f"/v1/sessions/{session_id}/record", {"events": [MESSAGE]})
                times = [await arrivals.get() - began for _ in range(streams)]
                first.append(min(times))
                last.append(max(times))
            for reader in readers:
                reader.cancel()
            await asyncio.gather(*readers, return_exceptions=True)
    return {
        "streams": streams,
        "to_the_first": spread(first),
        "to_the_last": spread(last),
        "server_megabytes": {"without_streams": before, "with_streams": weight},
        "kilobytes_a_stream": round((weight - before) * 1024 / streams, 1),
    }


async def _note_arrivals(stream: httpx2.Response, arrivals: asyncio.Queue[float]) -> None:
    async for line in stream.aiter_lines():
        if line == "event: agent.message":
            arrivals.put_nowait(time.perf_counter())


def megabytes(pid: int) -> float:
    """Resident size of a process."""
    pages = int(Path(f"/proc/{pid}/statm").read_text(encoding="ascii").split()[1])
    return round(pages * os.sysconf("SC_PAGE_SIZE") / 1e6, 1)


async def measure_start(start: Callable[[], Any], secret: str) -> dict[str, Any]:
    """Seconds from the command to the first request taken, on a database that is there and running; and of the first
    five requests after it."""
    ready, first = [], []
    for _ in range(STARTS):
        began = time.perf_counter()
        with start() as server:
            ready.append(time.perf_counter() - began)
            first.append(await warm(server.url, secret))
    return {
        "times": STARTS,
        "median_seconds": round(statistics.median(ready), 2),
        "most_seconds": round(max(ready), 2),
        "first_five_requests_median_seconds": round(statistics.median(first), 2),
    }


async def measure(folder: Path, sizes: Sizes) -> dict[str, Any]:
    home = Settings(home=folder / "home", workers=1)
    async with open_database(home) as database:
        settings = Settings(home=home.home, database_url=database.url, workers=1)
        async with database.connection() as connection:
            scope = KeyScope(DEFAULT_WORKSPACE, "admin")
        start = partial(running_server, settings, folder / "log")
        with start():
            pass  # makes the default workspace, which a key needs
        async with database.connection() as connection:
            secret = (await create_key(connection, "bench", scope, SystemClock().now()))[1]
        return {
            "machine": {"cpus": os.cpu_count(), "python": platform.python_version(), "system": platform.platform()},
            "ready_warm": await measure_start(start, secret),
            **await _measure_running(settings, secret, start, sizes),
        }


async def _measure_running(settings: Settings, secret: str, start: Callable[[], Any], sizes: Sizes) -> dict[str, Any]:
    clients, seconds = sizes.clients, sizes.seconds
    measured: dict[str, Any] = {}
    with ProcessPoolExecutor(clients, get_context("spawn")) as pool, start() as one:
        await asyncio.gather(
            *(asyncio.get_running_loop().run_in_executor(pool, time.sleep, 0.5) for _ in range(clients))
        )
        say(f"appends of {clients} clients")
        measured["appends"] = await measure_appends(pool, [one.url], secret, clients, seconds)
        with start() as two:
            say("appends on two servers")
            measured["appends_on_two_servers"] = await measure_appends(
                pool, [one.url, two.url], secret, clients, seconds
            )
        say("appends in batches")
        measured["batch_appends"] = await measure_appends(pool, [one.url], secret, 4, seconds, BATCH)
    with start() as fresh:
        say(f"{sizes.streams:,} streams")
        measured["fan_out"] = await measure_fan_out(fresh, secret, sizes.streams)
        say(f"lists among {sizes.sessions:,} sessions")
        measured["lists"] = await measure_lists(settings, secret, fresh.url, sizes.sessions)
    return measured


def measured(quick: bool) -> dict[str, Any]:
    """The document; ``quick`` measures smaller sizes for a shorter time."""
    return _document(Sizes(sessions=10_000, streams=200, seconds=2.0) if quick else Sizes())


def _document(sizes: Sizes) -> dict[str, Any]:
    with tempfile.TemporaryDirectory(prefix="reverie-bench-") as name:
        folder = Path(name)
        folder.chmod(0o755)  # a server of root's runs as a user of its own, which must find its way in
        return asyncio.run(measure(folder, sizes))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for field in fields(Sizes):
        parser.add_argument(f"--{field.name}", type=type(field.default), default=field.default)
    print(json.dumps(_document(Sizes(**vars(parser.parse_args()))), indent=2))


if __name__ == "__main__":
    main()
