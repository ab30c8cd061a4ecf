"""Turns of agents under load, as one JSON document on standard output: the loop beside its two appends alone, the
overhead of a turn, takeover after a kill, memory of idle sessions, attaching to a long session.

    python benchmarks/agents.py [--sessions 200] [--seconds 10] [--idle 300] [--events 10000]

The model is scripted and takes 50 ms. Figures that the machine decides are given as ratios to something measured in
the same run, by the same process.
"""

import argparse
import asyncio
import json
import os
import statistics
import tempfile
import time
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any
from unittest.mock import patch

import httpx2
from psycopg import AsyncConnection, AsyncCursor
from psycopg.pq import TransactionStatus
from server import client_of, megabytes, post

from reverie.cli.progress import progress_line
from reverie.clock import SystemClock
from reverie.language_model import ModelPrice, ModelUsage
from reverie.models.router import RoutedModel
from reverie.runtime.writer import record
from reverie.settings import Settings
from reverie.storage.live.creation import create_session, send_events
from reverie.storage.live.log import LogFilter, apply_transition, read_log
from reverie.storage.live.sessions import read_session
from reverie.storage.postgres.announcement import CHANNEL, listen
from reverie.storage.postgres.database import Database, open_database
from reverie.testing.fake_models import FakeModels, say
from reverie.testing.patience import PATIENCE_SECONDS
from reverie.testing.server_process import ServerProcess, running_server
from reverie.turn_model import BlockBegun, TextPiece, TurnPiece, TurnReply, TurnRequest
from reverie.turns.service import run_turns

MODEL_SECONDS = 0.05
ROUNDS = 5
"""Of the loop and its appends in turn; ratios are their medians."""
TEXT = "The order was sent on Monday. " * 8
MESSAGE = {"type": "user.message", "content": [{"type": "text", "text": "Where is it?"}]}
_USAGE = ModelUsage(input_tokens=100, output_tokens=60)
_START = [{"type": "span.model_request_start"}]
_END: list[dict[str, Any]] = [
    {"type": "agent.message", "content": [{"type": "text", "text": TEXT}]},
    {"type": "span.model_request_end", "model_usage": {"input_tokens": 100, "output_tokens": 60}},
    {"type": "session.status_idle", "stop_reason": {"type": "end_turn"}},
]
_CLOCK = SystemClock()


@dataclass(frozen=True, slots=True)
class Sizes:
    """How much of what."""

    sessions: int = 200
    seconds: float = 10.0
    idle: int = 300
    events: int = 10_000


class ScriptedModel:
    """Says the same after 50 ms."""

    provider = model = "scripted"

    async def stream(self, _request: TurnRequest) -> AsyncIterator[TurnPiece]:
        await asyncio.sleep(MODEL_SECONDS)
        yield BlockBegun(0, "text")
        yield TextPiece(0, TEXT)
        yield TurnReply(({"type": "text", "text": TEXT},), "end_turn", _USAGE, "scripted", "scripted")


class ScriptedModels:
    """One model for all ids."""

    any = True
    _routed = RoutedModel(ScriptedModel(), ModelPrice(1.0, 1.0))

    def find(self, _model_id: str) -> RoutedModel:
        return self._routed


@asynccontextmanager
async def loop_running(database: Database) -> AsyncIterator[None]:
    task = asyncio.create_task(run_turns(database, _CLOCK, ScriptedModels()))
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


class Watcher:
    """Sends messages and knows when their turns have ended."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._heard: dict[str, asyncio.Semaphore] = {}
        """One for each session: its turns must not overlap."""

    @asynccontextmanager
    async def open(self) -> AsyncIterator["Watcher"]:
        async with listen(self._database.url, CHANNEL) as connection:

            async def hear() -> None:
                async for notice in connection.notifies():
                    if (heard := self._heard.get(notice.payload)) is not None:
                        heard.release()

            task = asyncio.create_task(hear())
            try:
                yield self
            finally:
                task.cancel()
                await asyncio.gather(task, return_exceptions=True)

    async def turn(self, session_id: str) -> None:
        """One turn of the loop, from its message to its end, which is the third append."""
        heard = self._heard[session_id] = asyncio.Semaphore(0)
        await send(self._database, session_id)
        await _thrice(heard)

    async def appends(self, session_id: str) -> None:
        """The message and the two appends of such a turn, by nobody's loop, heard of as a turn is."""
        heard = self._heard[session_id] = asyncio.Semaphore(0)
        await send(self._database, session_id)
        await append(self._database, session_id, _START)
        await asyncio.sleep(MODEL_SECONDS)
        await append(self._database, session_id, _END)
        await _thrice(heard)


async def _thrice(heard: asyncio.Semaphore) -> None:
    async with asyncio.timeout(PATIENCE_SECONDS):
        for _ in range(3):
            await heard.acquire()


async def send(database: Database, session_id: str) -> None:
    async with database.connection() as connection:
        await send_events(connection, session_id, [MESSAGE], _CLOCK.now())


async def append(database: Database, session_id: str, events: list[dict[str, Any]]) -> float:
    """Record events as the loop's transactions do; how long it took."""
    began, now = time.perf_counter(), _CLOCK.now()
    async with database.connection() as connection:
        await apply_transition(connection, session_id, lambda state: record(state, events, now), now)
    return time.perf_counter() - began


Turn = Callable[[str], Awaitable[None]]


async def statements_of(sessions: list[str], turn: Turn) -> float:
    """What a turn asks of the database: statements, and begins and ends of transactions."""
    counts: Counter[str] = Counter()
    execute, commit = AsyncCursor.execute, AsyncConnection.commit

    async def counted_execute(self: Any, *arguments: Any, **options: Any) -> Any:
        counts["statements"] += 1
        return await execute(self, *arguments, **options)

    async def counted_commit(self: Any) -> None:
        counts["commits"] += self.info.transaction_status != TransactionStatus.IDLE
        await commit(self)

    with patch.object(AsyncCursor, "execute", counted_execute), patch.object(AsyncConnection, "commit", counted_commit):
        await asyncio.gather(*map(turn, sessions))
    return round((counts["statements"] + 2 * counts["commits"]) / len(sessions), 1)


async def rate(sessions: list[str], seconds: float, turn: Turn) -> tuple[float, float]:
    """Of sessions side by side, each one turn after another: turns a second, and seconds of this process's a turn."""
    until, done, worked = time.perf_counter() + seconds, 0, time.process_time()

    async def one(session_id: str) -> None:
        nonlocal done
        while time.perf_counter() < until:
            await turn(session_id)
            done += 1

    began = time.perf_counter()
    await asyncio.gather(*(one(session_id) for session_id in sessions))
    return done / (time.perf_counter() - began), (time.process_time() - worked) / done


async def measure_rates(database: Database, looped: list[str], plain: list[str], seconds: float) -> dict[str, Any]:
    """The loop's turns beside the appends of such turns alone, by turns; the client's message is in both."""

    pairs, work = [], []
    async with Watcher(database).open() as watcher:
        await rate(plain, 1.0, watcher.appends)  # statements are prepared, caches filled
        for _ in range(ROUNDS):
            async with loop_running(database):
                one, one_work = await rate(looped, seconds, watcher.turn)
            other, other_work = await rate(plain, seconds, watcher.appends)
            pairs.append((one, other))
            work.append((one_work, other_work))
        async with loop_running(database):
            asked = await statements_of(looped, watcher.turn)
        asked_alone = await statements_of(plain, watcher.appends)
    await all_idle(database, looped)
    ratios = [one / other for one, other in pairs]
    return {
        "sessions": len(looped),
        "turns_per_second": [round(one, 1) for one, _ in pairs],
        "appends_alone_turns_per_second": [round(other, 1) for _, other in pairs],
        "ratio": round(statistics.median(ratios), 2),
        "aim": ">= 0.6",
        "processor_ms_a_turn": [round(one * 1e3, 2) for one, _ in work],
        "processor_ms_of_the_appends": [round(other * 1e3, 2) for _, other in work],
        "processor_ratio": round(statistics.median(other / one for one, other in work), 2),
        "statements_a_turn": asked,
        "statements_of_the_appends": asked_alone,
    }


async def measure_overhead(
    database: Database, looped: list[str], plain: list[str], per_second: float, seconds: float
) -> dict[str, Any]:
    """What a turn takes besides the model, from message to idle, beside one append under the same load."""
    overheads: list[float] = []
    taken: list[float] = []
    tasks = set()
    free = asyncio.Queue[tuple[str, str]]()
    for pair in zip(looped, plain, strict=True):
        free.put_nowait(pair)
    async with loop_running(database), Watcher(database).open() as watcher:

        async def turn() -> None:
            began = time.perf_counter()
            session_id, other = await free.get()  # a session is in one turn at a time; waiting for one counts
            waited = time.perf_counter() - began
            taken.append(await append(database, other, _START))
            began = time.perf_counter()
            await watcher.turn(session_id)
            overheads.append(waited + time.perf_counter() - began - MODEL_SECONDS)
            free.put_nowait((session_id, other))

        began = time.perf_counter()
        for number in range(int(per_second * seconds)):
            await asyncio.sleep(max(0.0, began + number / per_second - time.perf_counter()))
            tasks.add(asyncio.create_task(turn()))
        await asyncio.gather(*tasks)
    p99, append_p99 = (statistics.quantiles(times, n=100, method="inclusive")[98] for times in (overheads, taken))
    return {
        "turns_per_second": round(per_second, 1),
        "overhead_p50_ms": round(statistics.median(overheads) * 1e3, 1),
        "overhead_p99_ms": round(p99 * 1e3, 1),
        "append_p50_ms": round(statistics.median(taken) * 1e3, 1),
        "append_p99_ms": round(append_p99 * 1e3, 1),
        "p99_ratio": round(p99 / append_p99, 2),
        "aim": "<= 4",
    }


async def make_sessions(database: Database, url: str, count: int, **metadata: str) -> list[str]:
    """Ids of fresh sessions of a fresh agent."""
    async with client_of(url, "none") as client:
        agent = await post(client, "/v1/agents", {"name": "bench", "model": "any"})
        environment = await post(client, "/v1/environments", {"name": "bench"})
    body = {"agent": agent["id"], "environment_id": environment["id"], "metadata": metadata}
    async with database.connection() as connection:
        return [(await create_session(connection, body, _CLOCK.now())).id for _ in range(count)]


async def all_idle(database: Database, sessions: list[str]) -> None:
    query = (
        "SELECT count(*) FROM sessions s JOIN live_sessions l ON l.session_key = s.key"
        " WHERE s.id = ANY (%s) AND l.status = 'idle'"
    )
    while True:
        async with database.connection() as connection:
            row = await (await connection.execute(query, [sessions])).fetchone()
        if row is not None and row[0] == len(sessions):
            return
        await asyncio.sleep(0.05)


async def run_once(database: Database, sessions: list[str]) -> None:
    """A turn of each."""
    for session_id in sessions:
        await send(database, session_id)
    await all_idle(database, sessions)


async def measure_memory(database: Database, server: ServerProcess, idle: int) -> dict[str, Any]:
    """What idle sessions weigh in the process that ran their turns, without and with a stream of each."""
    await run_once(database, await make_sessions(database, server.url, 50))
    before = megabytes(server.process.pid)
    sessions = await make_sessions(database, server.url, idle)
    await run_once(database, sessions)
    detached = megabytes(server.process.pid)
    async with client_of(server.url, "none") as client, AsyncExitStack() as stack:
        for session_id in sessions:
            await stack.enter_async_context(client.stream("GET", f"/v1/sessions/{session_id}/events/stream"))
        attached = megabytes(server.process.pid)
    return {
        "sessions": idle,
        "server_megabytes": {"before": before, "idle": detached, "idle_with_streams": attached},
        "kilobytes_a_session": round((detached - before) * 1e3 / idle, 1),
        "kilobytes_a_session_with_a_stream": round((attached - before) * 1e3 / idle, 1),
        "aim": "<= 50",
    }


async def measure_attach(database: Database, server: ServerProcess, events: int) -> dict[str, Any]:
    """Reading a long session as a worker that attaches does, a thousand at a time, beside reading its rows."""
    (session_id,) = await make_sessions(database, server.url, 1, reverie_runtime="external")
    said = _END[0]
    for _ in range(events // 500):
        await append(database, session_id, [said] * 500)
    began = time.perf_counter()
    async with database.connection() as connection:
        session = await read_session(connection, session_id)
        count = len(await read_log(connection, session.key, LogFilter(), limit=2 * events))
    rows = time.perf_counter() - began
    async with client_of(server.url, "none") as client:
        began = time.perf_counter()
        arrivals = [time.perf_counter() - began async for _ in pages(client, session_id)]
    return {
        "events": count,
        "rows_seconds": round(rows, 3),
        "first_ratio": round(arrivals[0] / rows, 2),
        "last_ratio": round(arrivals[-1] / rows, 2),
    }


async def pages(client: httpx2.AsyncClient, session_id: str) -> AsyncIterator[Any]:
    query: dict[str, str] = {"limit": "1000"}
    while True:
        answer = await client.get(f"/v1/sessions/{session_id}/events", params=query)
        answer.raise_for_status()
        page = answer.json()
        yield page
        if not page.get("next_page"):
            return
        query["page"] = page["next_page"]


async def measure_takeover(database: Database, one: ServerProcess, sessions: list[str]) -> dict[str, Any]:
    """From the kill of one of two servers, in the middle of turns, until all turns have ended."""
    owners = "SELECT count(DISTINCT owner) FROM turn_leases WHERE owner IS NOT NULL"
    both = False
    while not both:
        # One of them may take all turns that come at once, so that there is nobody to take over from.
        await all_idle(database, sessions)
        for session_id in sessions:
            await send(database, session_id)
        async with database.connection() as connection:
            row = await (await connection.execute(owners)).fetchone()
        both = row is not None and row[0] > 1
    began = time.perf_counter()
    one.kill()
    await all_idle(database, sessions)
    return {"turns": len(sessions), "seconds_to_the_last_end": round(time.perf_counter() - began, 1), "aim": "<= 25"}


async def measure(folder: Path, sizes: Sizes, tell: Callable[[str], None]) -> dict[str, Any]:
    home = Settings(home=folder / "home", workers=1)
    measured: dict[str, Any] = {}
    async with open_database(home) as database:
        settings = Settings(home=home.home, database_url=database.url, workers=1)
        tell("sessions are made")
        with running_server(settings, folder / "log", "--no-key", "--no-agents") as server:
            looped = await make_sessions(database, server.url, sizes.sessions)
            plain = await make_sessions(database, server.url, sizes.sessions, reverie_runtime="external")
        tell("turns a second")
        measured["rates"] = await measure_rates(database, looped, plain, sizes.seconds)
        half = statistics.median(measured["rates"]["turns_per_second"]) / 2
        tell("overhead of a turn")
        measured["overhead"] = await measure_overhead(database, looped, plain, half, 2 * sizes.seconds)
        with running_server(settings, folder / "log", "--no-key") as server:
            tell("memory of idle sessions")
            measured["memory"] = await measure_memory(database, server, sizes.idle)
            tell("attaching to a long session")
            measured["attach"] = await measure_attach(database, server, sizes.events)
            with running_server(settings, folder / "log", "--no-key") as other:
                tell("takeover")
                measured["takeover"] = await measure_takeover(database, other, looped[:64])
    return measured


def measured(quick: bool) -> dict[str, Any]:
    """The document; ``quick`` measures smaller sizes for a shorter time."""
    return _document(Sizes(sessions=50, seconds=3.0, idle=100) if quick else Sizes())


def _document(sizes: Sizes) -> dict[str, Any]:
    with (
        tempfile.TemporaryDirectory(prefix="reverie-bench-") as name,
        FakeModels(lambda _request: say(TEXT), latency=1.0) as models,
        progress_line("agents:") as tell,
    ):
        folder = Path(name)
        folder.chmod(0o755)  # a server of root's runs as a user of its own, which must find its way in
        os.environ |= {"REVERIE_MODEL": "anthropic:any", "REVERIE_MODEL_URL": models.url}
        return asyncio.run(measure(folder, sizes, tell))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for field in fields(Sizes):
        parser.add_argument(f"--{field.name}", type=type(field.default), default=field.default)
    print(json.dumps(_document(Sizes(**vars(parser.parse_args()))), indent=2))


if __name__ == "__main__":
    main()
