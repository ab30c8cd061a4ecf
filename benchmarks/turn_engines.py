"""What may hand out the turns of live sessions, measured side by side: one JSON document on standard output.

    python benchmarks/turn_engines.py [--sessions 200] [--turns 6] [--rounds 3] [--only throughput,takeover,…]

Candidates: ``dbos`` (a queue item a turn), ``procrastinate`` (a job a turn, under a lock a session; ``…_unlocked``
without the lock), ``leases`` (a row a turn, claimed by SKIP LOCKED), and as the denominator ``appends``: the two short
transactions of a turn with nobody handing out anything. Procrastinate is no dependency: it is left out unless the
environment that this runs in has it (``pip install procrastinate``).

A turn is what the loop does to the log: lock the session, compare turn and owner, insert five events, NOTIFY; wait for
a scripted model; the same again, in whose transaction the next turn is handed over. Workers are processes on one
embedded PostgreSQL in a folder of its own, and everything shares this machine. Rounds interleave the candidates.
"""

import argparse
import asyncio
import importlib
import importlib.util
import json
import logging
import os
import platform
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections import Counter, defaultdict
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass, field
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import Any, Protocol

import uvloop
from dbos import DBOS
from psycopg import AsyncConnection
from psycopg.types.json import Jsonb

from reverie.settings import Settings
from reverie.storage.postgres.database import Connection, Database, open_database

HEARTBEAT = 5.0
TTL = 20.0
SWEEP = 2.0
POLL = 0.2
"""Seconds between looks of DBOS at its queue, as dreams have it."""
FETCH = 1.0
"""Seconds between looks of Procrastinate that no notification asked for; 5 by its default."""
PATIENCE = 90.0
TEXT = "The order was sent on Monday. " * 8
BEGINS = ("session.status_running", "user.message", "span.model_request_start")
ENDS = ("agent.thinking", "agent.message", "agent.tool_use", "span.model_request_end", "session.status_idle")
LEASES = """
CREATE TABLE turn_leases (
    session_key bigint NOT NULL REFERENCES sessions ON DELETE CASCADE,
    thread_id text NOT NULL DEFAULT '',
    turn bigint NOT NULL,
    owner text,
    -- -infinity: nobody has it.
    expires_at timestamptz NOT NULL DEFAULT '-infinity',
    attempt integer NOT NULL DEFAULT 0,
    waiting_since timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (session_key, thread_id)
) WITH (fillfactor = 50, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 1000);
CREATE INDEX turn_leases_by_expiry ON turn_leases (expires_at, waiting_since)
"""


LOCK = 41_870_000
MOST_AT_ONCE = 16
"""Leases that one claim takes, so that processes share what comes at once."""
BREATH = 0.01
"""Seconds between claims at least, so that notifications that come together ask once."""
FREE_OF_THE_DEAD = """
UPDATE turn_leases SET owner = NULL, expires_at = '-infinity' WHERE owner IS NOT NULL AND NOT EXISTS (
    SELECT FROM pg_locks WHERE locktype = 'advisory' AND classid = %s AND objid = owner::oid AND granted
    AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
)
"""


class StaleError(Exception):
    """The turn is over, or another owner has it."""


@dataclass
class Bench:
    """What a worker runs turns with."""

    database: Database
    engine: "Engine"
    log: int
    latency: float
    turns: int
    room: int
    grace: float
    sweeps: bool
    share: tuple[int, int]
    owner: str = field(default_factory=lambda: f"{os.getpid()}")
    stop: asyncio.Event = field(default_factory=asyncio.Event)

    def note(self, kind: str, key: int = 0, turn: int = 0) -> None:
        """One line, written whole, so that it outlives a kill."""
        os.write(self.log, f"{time.monotonic()} {kind} {key} {turn} {os.getpid()}\n".encode())

    async def run(self, key: int, turn: int) -> None:
        """One turn, to its end; nothing when it is not ours."""
        self.note("begin", key, turn)
        kind = "cut"
        try:
            async with self.database.connection() as connection:
                await append(connection, key, turn, self.owner, BEGINS, begins=True)
            if self.latency:
                await asyncio.sleep(self.latency)
            async with self.database.connection() as connection:
                await append(connection, key, turn, self.owner, ENDS, begins=False)
                if turn < self.turns:
                    await self.engine.hand_over(connection, key, turn + 1)
                else:
                    await self.engine.complete(connection, key)
            kind = "end"
        except StaleError:
            kind = "refused"
        finally:
            self.note(kind, key, turn)


async def append(
    connection: Connection, key: int, turn: int, owner: str, types: Sequence[str], *, begins: bool
) -> None:
    """As ``storage/resources/session_log.py`` appends, without what decides; the last one ends the turn."""
    async with connection.pipeline():
        await connection.execute("SELECT FROM sessions WHERE key = %s FOR UPDATE", [key])
        cursor = await connection.execute(
            "SELECT s.event_count, l.turn, l.turn_owner FROM sessions s JOIN live_sessions l ON l.session_key = s.key"
            " WHERE s.key = %s",
            [key],
        )
        found = await cursor.fetchone()
    assert found is not None
    count, at, holder = found
    if at != turn or (not begins and holder != owner):
        raise StaleError
    rows = [{"sequence": count + i, "type": type_, "payload": {"text": TEXT}} for i, type_ in enumerate(types)]
    async with connection.pipeline():
        await connection.execute(
            "INSERT INTO events (session_key, sequence, type, at, payload) SELECT %s, x.sequence, x.type, now(),"
            " x.payload FROM jsonb_to_recordset(%s) AS x (sequence integer, type text, payload jsonb)",
            [key, Jsonb(rows)],
        )
        await connection.execute("UPDATE sessions SET event_count = event_count + %s WHERE key = %s", [len(rows), key])
        await connection.execute(
            "UPDATE live_sessions SET turn = %s, turn_owner = %s, updated_at = now() WHERE session_key = %s",
            [turn if begins else turn + 1, owner if begins else None, key],
        )
        await connection.execute("SELECT pg_notify('reverie_session', %s)", [f"sesn_{key}"])


class Engine(Protocol):
    """Who hands turns out."""

    tables: tuple[str, ...]

    async def prepare(self, url: str) -> None:
        """Make the engine's tables."""

    async def hand_over(self, connection: Connection, key: int, turn: int) -> None:
        """Make a turn known, in the transaction that makes it due."""

    async def complete(self, connection: Connection, key: int) -> None:
        """Say, in the transaction that ends it, that a turn has ended and none follows."""

    async def work(self, bench: Bench) -> None:
        """Run turns until told to stop."""


class Appends:
    """Nobody hands out anything: each process runs the turns of its share of the sessions."""

    tables: tuple[str, ...] = ()

    async def prepare(self, url: str) -> None: ...

    async def hand_over(self, connection: Connection, key: int, turn: int) -> None: ...

    async def complete(self, connection: Connection, key: int) -> None: ...

    async def work(self, bench: Bench) -> None:
        async with await AsyncConnection.connect(bench.database.url, autocommit=True) as listening:
            await listening.execute("LISTEN go")
            bench.note("ready")
            async for _ in listening.notifies(stop_after=1):
                pass
        async with bench.database.connection() as connection:
            keys = [key for (key,) in await (await connection.execute("SELECT key FROM sessions")).fetchall()]
        part, parts = bench.share
        await asyncio.gather(*(self._session(bench, key) for key in keys if key % parts == part))
        await bench.stop.wait()

    async def _session(self, bench: Bench, key: int) -> None:
        for turn in range(1, bench.turns + 1):
            await bench.run(key, turn)


class Leases:
    """One row a turn; SKIP LOCKED to claim, one UPDATE renews all of a process, NOTIFY wakes.

    With sweeps, an advisory lock on the listening connection says that the process lives; without, only the time does.
    """

    tables: tuple[str, ...] = ("turn_leases",)

    def __init__(self) -> None:
        self._running: dict[int, asyncio.Task[None]] = {}
        self._wake = asyncio.Event()

    async def prepare(self, url: str) -> None:
        async with await AsyncConnection.connect(url, autocommit=True) as connection:
            for statement in LEASES.split(";"):
                await connection.execute(statement.encode())

    async def hand_over(self, connection: Connection, key: int, turn: int) -> None:
        async with connection.pipeline():
            await connection.execute(
                "INSERT INTO turn_leases (session_key, turn) VALUES (%s, %s) ON CONFLICT (session_key, thread_id)"
                " DO UPDATE SET turn = excluded.turn, owner = NULL, expires_at = '-infinity', attempt = 0,"
                " waiting_since = clock_timestamp()",
                [key, turn],
            )
            await connection.execute("NOTIFY turns")

    async def complete(self, connection: Connection, key: int) -> None:
        await connection.execute("DELETE FROM turn_leases WHERE session_key = %s AND thread_id = ''", [key])

    async def work(self, bench: Bench) -> None:
        claiming = asyncio.create_task(self._claim(bench))
        # These go on until the last turn has ended: without them others would take what still runs.
        holding = [asyncio.create_task(holder(bench)) for holder in (self._listen, self._renew)]
        await bench.stop.wait()
        claiming.cancel()
        if self._running:
            await asyncio.wait(self._running.values(), timeout=bench.grace)
        for task in self._running.values():
            task.cancel()
        await asyncio.gather(*self._running.values(), return_exceptions=True)
        for task in holding:
            task.cancel()
        await asyncio.gather(claiming, *holding, return_exceptions=True)
        async with bench.database.connection() as connection:
            await connection.execute(
                "UPDATE turn_leases SET owner = NULL, expires_at = '-infinity' WHERE owner = %s", [bench.owner]
            )
            await connection.execute("NOTIFY turns")

    async def _listen(self, bench: Bench) -> None:
        async with await AsyncConnection.connect(bench.database.url, autocommit=True) as connection:
            await connection.execute("SELECT pg_advisory_lock(%s, %s)", [LOCK, os.getpid()])
            await connection.execute("LISTEN turns")
            bench.note("ready")
            swept = time.monotonic()
            while True:
                async for _ in connection.notifies(timeout=SWEEP, stop_after=1):
                    pass
                if bench.sweeps and time.monotonic() - swept > SWEEP:
                    swept = time.monotonic()
                    await connection.execute(FREE_OF_THE_DEAD, [LOCK])
                self._wake.set()

    async def _renew(self, bench: Bench) -> None:
        while True:
            await asyncio.sleep(HEARTBEAT)
            asked = dict(self._running)
            if not asked:
                continue
            async with bench.database.connection() as connection:
                # Only what is being run: a lease that was claimed and then dropped must lapse by itself.
                rows = await connection.execute(
                    "WITH renewed AS (UPDATE turn_leases SET expires_at = now() + %(ttl)s * interval '1 s'"
                    " WHERE owner = %(owner)s AND session_key = ANY (%(keys)s))"
                    " SELECT session_key FROM turn_leases WHERE session_key = ANY (%(keys)s) AND owner <> %(owner)s",
                    {"ttl": TTL, "owner": bench.owner, "keys": list(asked)},
                )
                lost = [key for (key,) in await rows.fetchall()]
            for key in lost:
                if self._running.get(key) is asked[key]:
                    asked[key].cancel()

    async def _claim(self, bench: Bench) -> None:
        while True:
            self._wake.clear()
            room = min(bench.room - len(self._running), MOST_AT_ONCE)
            claimed = await self._claimed(bench, room) if room else []
            for key, turn in claimed:
                task = self._running[key] = asyncio.create_task(bench.run(key, turn))
                task.add_done_callback(partial(self._forget, key))  # also of a task that never began
            if not claimed:
                await self._wake.wait()
            await asyncio.sleep(BREATH)

    async def _claimed(self, bench: Bench, room: int) -> list[tuple[int, int]]:
        async with bench.database.connection() as connection:
            rows = await connection.execute(
                "UPDATE turn_leases AS l SET owner = %(owner)s, expires_at = now() + %(ttl)s * interval '1 s',"
                " attempt = attempt + 1 FROM ("
                "   SELECT session_key, thread_id FROM turn_leases WHERE expires_at < now()"
                "   AND NOT session_key = ANY (%(mine)s)"
                "   ORDER BY expires_at, waiting_since LIMIT %(room)s FOR UPDATE SKIP LOCKED"
                " ) AS free WHERE l.session_key = free.session_key AND l.thread_id = free.thread_id"
                " RETURNING l.session_key, l.turn",
                {"owner": bench.owner, "ttl": TTL, "room": room, "mine": list(self._running)},
            )
            return [(key, turn) for key, turn in await rows.fetchall()]

    def _forget(self, key: int, task: asyncio.Task[None]) -> None:
        del self._running[key]
        self._wake.set()
        if not task.cancelled() and (error := task.exception()) is not None:
            say(f"turn of session {key} was cut off: {error!r}")  # its lease lapses


class Procrastinate:
    """A job a turn; the sweep asks for stalled jobs and retries them, which no worker does by itself."""

    tables: tuple[str, ...] = (
        "procrastinate_jobs",
        "procrastinate_events",
        "procrastinate_workers",
        "procrastinate_periodic_defers",
    )

    def __init__(self, *, locked: bool) -> None:
        self._locked = locked

    async def prepare(self, url: str) -> None:
        schema: str = importlib.import_module("procrastinate.schema").SchemaManager.get_schema()
        async with await AsyncConnection.connect(url, autocommit=True) as connection:
            await connection.execute(schema.encode())

    async def hand_over(self, connection: Connection, key: int, turn: int) -> None:
        await connection.execute(
            "SELECT procrastinate_defer_jobs_v1(ARRAY[ROW('turns', 'turn', 0, %s, %s, %s, NULL)"
            "::procrastinate_job_to_defer_v1])",
            [str(key) if self._locked else None, f"{key}:{turn}", Jsonb({"key": key, "turn": turn})],
        )

    async def complete(self, connection: Connection, key: int) -> None: ...

    async def work(self, bench: Bench) -> None:
        library = importlib.import_module("procrastinate")
        app = library.App(connector=library.PsycopgConnector())
        retry = library.RetryStrategy(max_attempts=100, wait=0)

        @app.task(name="turn", queue="turns", retry=retry)  # type: ignore[untyped-decorator]
        async def turn_task(key: int, turn: int) -> None:
            await bench.run(key, turn)

        async with app.open_async(bench.database.pool):
            working = asyncio.create_task(self._serve(app, bench))
            sweeping = asyncio.create_task(self._sweep(app)) if bench.sweeps else None
            await asyncio.sleep(1.0)
            bench.note("ready")
            await bench.stop.wait()
            working.cancel()
            with suppress(asyncio.CancelledError):
                await working
            if sweeping:
                sweeping.cancel()

    async def _serve(self, app: Any, bench: Bench) -> None:
        app_errors = (importlib.import_module("procrastinate").exceptions.ConnectorException, OSError)
        while not bench.stop.is_set():
            try:
                await app.run_worker_async(
                    queues=["turns"],
                    concurrency=bench.room,
                    fetch_job_polling_interval=FETCH,
                    update_heartbeat_interval=HEARTBEAT,
                    stalled_worker_timeout=TTL,
                    shutdown_graceful_timeout=bench.grace,
                    delete_jobs="successful",
                    install_signal_handlers=False,
                )
            except app_errors as error:  # a worker ends with the first query that fails; it is begun anew, and told
                bench.note(f"worker-ended:{type(error).__name__}")
            else:
                bench.note("worker-ended")
            await asyncio.sleep(0.5)

    async def _sweep(self, app: Any) -> None:
        errors = importlib.import_module("procrastinate").exceptions.ConnectorException
        while True:
            await asyncio.sleep(SWEEP)
            for job in await app.job_manager.get_stalled_jobs(seconds_since_heartbeat=TTL):
                with suppress(errors):  # another process was faster
                    await app.job_manager.retry_job(job)


class Dbos:
    """A queue item a turn, one partition a session. That a process died is found by a lock of ours: it has nothing."""

    tables: tuple[str, ...] = (
        "dbos.workflow_status",
        "dbos.workflow_input",
        "dbos.operation_outputs",
        "dbos.workflow_output",
    )

    async def prepare(self, url: str) -> None:
        await asyncio.to_thread(DBOS.migrate, url.replace("postgresql:", "postgresql+psycopg:", 1))

    async def hand_over(self, connection: Connection, key: int, turn: int) -> None:
        await connection.execute(
            "SELECT dbos.enqueue_workflow('turn', 'turns', ARRAY[%s::json, %s::json], workflow_id => %s,"
            " app_version => '1', queue_partition_key => %s)",
            [str(key), str(turn), f"{key}:{turn}", str(key)],
        )

    async def complete(self, connection: Connection, key: int) -> None: ...

    async def work(self, bench: Bench) -> None:
        @DBOS.workflow(name="turn")
        async def turn_workflow(key: int, turn: int) -> None:
            await bench.run(key, turn)

        logging.getLogger("dbos").addHandler(logging.NullHandler())
        DBOS(
            config={
                "name": "reverie",
                "system_database_url": bench.database.url.replace("postgresql:", "postgresql+psycopg:", 1),
                "run_migrations": False,
                "application_version": "1",
                "executor_id": bench.owner,
                "log_level": "CRITICAL",
                "console_log_level": "CRITICAL",
            }
        )
        DBOS.listen_queues(["turns"])
        DBOS.launch()
        await DBOS.register_queue_async(
            "turns", worker_concurrency=bench.room, partition_concurrency=1, polling_interval_sec=POLL
        )
        async with await AsyncConnection.connect(bench.database.url, autocommit=True) as alive:
            await alive.execute("SELECT pg_advisory_lock(%s, %s)", [LOCK, os.getpid()])
            sweeping = asyncio.create_task(self._sweep(bench)) if bench.sweeps else None
            await asyncio.sleep(1.5)  # it looks for new queues every second
            bench.note("ready")
            await bench.stop.wait()
            if sweeping:
                sweeping.cancel()
            await asyncio.to_thread(DBOS.destroy, workflow_completion_timeout_sec=int(bench.grace))

    async def _sweep(self, bench: Bench) -> None:
        async with await AsyncConnection.connect(bench.database.url, autocommit=True) as connection:
            while True:
                await asyncio.sleep(SWEEP)
                rows = await connection.execute(
                    "SELECT DISTINCT executor_id FROM dbos.workflow_status"
                    " WHERE status = 'PENDING' AND executor_id <> %s",
                    [bench.owner],
                )
                for (executor,) in await rows.fetchall():
                    lock = [LOCK, int(executor)]
                    free = await (await connection.execute("SELECT pg_try_advisory_lock(%s, %s)", lock)).fetchone()
                    if free and free[0]:
                        await asyncio.to_thread(DBOS._recover_pending_workflows, [executor])
                        await connection.execute("SELECT pg_advisory_unlock(%s, %s)", lock)


ENGINES: dict[str, Callable[[], Engine]] = {
    "appends": Appends,
    "leases": Leases,
    "procrastinate": lambda: Procrastinate(locked=True),
    "procrastinate_unlocked": lambda: Procrastinate(locked=False),
    "dbos": Dbos,
}


@dataclass(frozen=True)
class Line:
    """What a worker noted."""

    at: float
    kind: str
    key: int
    turn: int
    pid: int


@dataclass
class Stage:
    """The database, and the workers' log of one run."""

    database: Database
    log: Path
    sessions: int

    def lines(self) -> list[Line]:
        """What has been noted so far."""
        found = []
        for text in self.log.read_text().splitlines():
            at, kind, key, turn, pid = text.split()
            found.append(Line(float(at), kind, int(key), int(turn), int(pid)))
        return found

    async def until(self, true: Callable[[list[Line]], bool], seconds: float = PATIENCE) -> bool:
        """Wait until the log says so; False when it does not in time."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            if true(self.lines()):
                return True
            await asyncio.sleep(0.1)
        return False

    async def reset(self) -> None:
        """The sessions as they were, and no work for anybody."""
        self.log.write_text("")
        tables = [table for engine in ENGINES.values() for table in engine().tables]
        async with self.database.connection() as connection:
            for table in dict.fromkeys(tables):
                found = await (await connection.execute("SELECT to_regclass(%s)", [table])).fetchone()
                if found and found[0]:
                    await connection.execute(f"TRUNCATE {table} CASCADE".encode())
            await connection.execute("TRUNCATE events")
            await connection.execute("UPDATE sessions SET event_count = 0")
            await connection.execute("UPDATE live_sessions SET turn = 1, turn_owner = NULL")
        async with await AsyncConnection.connect(self.database.url, autocommit=True) as connection:
            await connection.execute("VACUUM sessions, live_sessions")

    async def hand_over(self, engine: Engine, keys: Sequence[int], turn: int = 1) -> float:
        """Make a turn of each session due; when that began."""
        began = time.monotonic()
        async with self.database.connection() as connection:
            for key in keys:
                await engine.hand_over(connection, key, turn)
        return began

    @contextmanager
    def workers(self, name: str, count: int, **options: object) -> Iterator[list[subprocess.Popen[bytes]]]:
        """Processes that run turns; ended with the context."""
        base = {"engine": name, "url": self.database.url, "log": self.log, "room": self.sessions, **options}
        processes = []
        for part in range(count):
            arguments = [f"--{key}={value}" for key, value in {**base, "part": part, "parts": count}.items()]
            processes.append(
                subprocess.Popen([sys.executable, __file__, "--worker", *arguments], stderr=self._errors())
            )
        try:
            yield processes
        finally:
            for process in processes:
                process.kill()
                process.wait()

    def _errors(self) -> int:
        return os.open(self.log.with_suffix(".err"), os.O_WRONLY | os.O_CREAT | os.O_APPEND)

    async def ready(self, count: int) -> None:
        """Wait until so many workers wait for turns."""
        if not await self.until(lambda lines: sum(line.kind == "ready" for line in lines) >= count):
            raise RuntimeError(f"workers did not start; see {self.log.with_suffix('.err')}")


def cpu_seconds(pids: Sequence[int]) -> float:
    """Processor time of processes, and of their children that have ended."""
    total = 0
    for pid in pids:
        with suppress(FileNotFoundError, ProcessLookupError):
            fields = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
            total += sum(int(ticks) for ticks in fields[11:15])
    return total / os.sysconf("SC_CLK_TCK")


def server_pids(home: Path) -> list[int]:
    """The database server and its children."""
    postmaster = (home / "postgres" / "postmaster.pid").read_text(encoding="ascii").splitlines()[0]
    children = Path(f"/proc/{postmaster}/task/{postmaster}/children").read_text(encoding="ascii").split()
    return [int(postmaster), *map(int, children)]


def ended(lines: list[Line]) -> int:
    return sum(line.kind == "end" for line in lines)


def overlaps(lines: list[Line], dead: dict[int, float]) -> int:
    """How often two processes ran one turn at once; what a killed process began ended with it.

    Turn n + 1 is handed over by the append that ends turn n, so it cannot begin before; the note of an end comes later.
    """
    intervals: dict[tuple[int, int], list[tuple[float, float]]] = defaultdict(list)
    opened: dict[tuple[int, int, int], float] = {}
    for line in lines:
        at = (line.key, line.turn, line.pid)
        if line.kind == "begin":
            opened[at] = line.at
        elif line.kind in ("end", "refused", "cut") and at in opened:
            intervals[line.key, line.turn].append((opened.pop(at), line.at))
    for (key, turn, pid), begun in opened.items():
        intervals[key, turn].append((begun, dead.get(pid, float("inf"))))
    count = 0
    for spans in intervals.values():
        spans.sort()
        count += sum(after[0] < before[1] for before, after in pairwise(spans))
    return count


def spread(seconds: list[float]) -> dict[str, float]:
    """Median and 99th percentile, in milliseconds."""
    percentiles = statistics.quantiles(seconds, n=100, method="inclusive")
    return {"p50_ms": round(percentiles[49] * 1e3, 1), "p99_ms": round(percentiles[98] * 1e3, 1)}


@dataclass(frozen=True)
class Run:
    """All turns of all sessions, once."""

    turns_per_second: float
    cpu_milliseconds: float
    """Processor time a turn, of the workers and the database: what the machine's load leaves alone."""
    at_once: int


async def run_all(stage: Stage, name: str, processes: int, latency: float, turns: int) -> Run:
    """All turns of all sessions, once."""
    engine = ENGINES[name]()
    await stage.reset()
    keys = range(1, stage.sessions + 1)
    with stage.workers(name, processes, latency=latency, turns=turns) as workers:
        await stage.ready(processes)
        home, pids = stage.log.parent / "home", [worker.pid for worker in workers]
        used = cpu_seconds([*pids, *server_pids(home)])
        began = await stage.hand_over(engine, keys)
        if name == "appends":
            async with await AsyncConnection.connect(stage.database.url, autocommit=True) as connection:
                await connection.execute("NOTIFY go")
        done = await stage.until(lambda lines: ended(lines) >= stage.sessions * turns, 600)
        used = cpu_seconds([*pids, *server_pids(home)]) - used
        lines = stage.lines()
    if not done:
        raise RuntimeError(f"{name}: {ended(lines)} of {stage.sessions * turns} turns ended in time")
    count = ended(lines)
    return Run(count / (max(line.at for line in lines) - began), used / count * 1e3, overlaps(lines, {}))


async def throughput(stage: Stage, names: Sequence[str], arguments: argparse.Namespace) -> list[dict[str, Any]]:
    """Turns of each candidate, and the ratio to the appends alone of the same round."""
    found = []
    for processes in (1, 2):
        for latency in map(float, arguments.latencies.split(",")):
            runs: dict[str, list[Run]] = defaultdict(list)
            for number in range(arguments.rounds):
                for name in [*names[number % len(names) :], *names[: number % len(names)]]:
                    say(f"{processes} processes, {latency} s, round {number + 1}: {name}")
                    runs[name].append(await run_all(stage, name, processes, latency, arguments.turns))
            found.append({"processes": processes, "model_seconds": latency, **_summary(runs)})
    return found


def _summary(runs: dict[str, list[Run]]) -> dict[str, Any]:
    rates = {name: [round(run.turns_per_second, 1) for run in found] for name, found in runs.items()}
    costs = {name: [round(run.cpu_milliseconds, 2) for run in found] for name, found in runs.items()}
    # Where processors are the limit, turns a second are as their inverse.
    speeds = {name: [1 / cost for cost in found] for name, found in costs.items()}
    others = [name for name in runs if name != "appends"]
    return {
        "turns_per_second": rates,
        "cpu_milliseconds_a_turn": costs,
        "ratio_to_appends": {name: _ratio(rates, name) for name in others},
        "ratio_to_appends_by_cpu": {name: _ratio(speeds, name) for name in others},
        "owners_of_one_turn_at_once": sum(run.at_once for found in runs.values() for run in found),
    }


def _ratio(rates: dict[str, list[float]], name: str) -> dict[str, float]:
    ratios = [mine / alone for mine, alone in zip(rates[name], rates["appends"], strict=True)]
    return {
        "median": round(statistics.median(ratios), 2),
        "least": round(min(ratios), 2),
        "most": round(max(ratios), 2),
    }


async def delay(stage: Stage, name: str) -> dict[str, Any]:
    """From a message to the beginning of its turn, and from the end of a turn to the one that it handed over."""
    engine = ENGINES[name]()
    await stage.reset()
    sent: dict[int, float] = {}
    with stage.workers(name, 1, latency=0.05, turns=1):
        await stage.ready(1)
        for key in range(1, min(100, stage.sessions) + 1):
            sent[key] = await stage.hand_over(engine, [key])
            await asyncio.sleep(0.1)
        await stage.until(lambda lines: ended(lines) >= len(sent))
        begun = {line.key: line.at for line in stage.lines() if line.kind == "begin"}
    await stage.reset()
    with stage.workers(name, 1, latency=0.05, turns=20):
        await stage.ready(1)
        await stage.hand_over(engine, [1])
        await stage.until(lambda lines: ended(lines) >= 20)
        lines = stage.lines()
    ends = {line.turn: line.at for line in lines if line.kind == "end"}
    begins = {line.turn: line.at for line in lines if line.kind == "begin"}
    follow = [begins[turn + 1] - at for turn, at in ends.items() if turn + 1 in begins]
    return {"message_to_turn": spread([begun[key] - at for key, at in sent.items()]), "turn_to_next": spread(follow)}


async def takeover(stage: Stage, name: str, *, sweeps: bool, seconds: float = PATIENCE) -> dict[str, Any]:
    """A process is killed in the middle of its turns while another lives."""
    engine = ENGINES[name]()
    await stage.reset()
    with stage.workers(name, 2, latency=3.0, turns=1, sweeps=int(sweeps)) as processes:
        await stage.ready(2)
        await stage.hand_over(engine, range(1, 41))
        await stage.until(lambda lines: len({line.key for line in lines if line.kind == "begin"}) == 40)
        begun = Counter(line.pid for line in stage.lines() if line.kind == "begin")
        one = max(processes, key=lambda process: begun[process.pid])
        one.kill()
        killed = time.monotonic()
        done = await stage.until(lambda lines: ended(lines) == 40, seconds)
        lines = stage.lines()
    lost = {line.key for line in lines if line.kind == "begin" and line.pid == one.pid}
    again = {line.key: line.at - killed for line in lines if line.kind == "begin" and line.at > killed}
    return {
        "turns_lost_with_the_process": len(lost),
        "taken_over": len(lost & again.keys()),
        "all_ended": done,
        "seconds_until_the_last_was_taken": round(max(again.values()), 1) if again else None,
        "owners_of_one_turn_at_once": overlaps(lines, {one.pid: killed}),
    }


async def zombie(stage: Stage, name: str) -> dict[str, Any]:
    """A process is stopped for longer than it may be silent, and goes on while another has its turn."""
    engine = ENGINES[name]()
    await stage.reset()
    with stage.workers(name, 2, latency=6.0, turns=2) as processes:
        await stage.ready(2)
        await stage.hand_over(engine, [1])
        await stage.until(lambda lines: any(line.kind == "begin" for line in lines))
        holder = stage.lines()[-1].pid
        os.kill(holder, signal.SIGSTOP)
        taken = await stage.until(lambda lines: any(line.kind == "begin" and line.pid != holder for line in lines), 60)
        os.kill(holder, signal.SIGCONT)
        await stage.until(lambda lines: ended(lines) == 2, 60)
        before = len(stage.lines())
        other = next(process for process in processes if process.pid != holder)
        other.kill()
        other.wait()
        await stage.hand_over(engine, [2, 3])
        serves = await stage.until(lambda lines: ended(lines[before:]) >= 2, 30)
        lines = stage.lines()
    first = [line for line in lines if line.key == 1 and line.turn == 1]
    return {
        "taken_over": taken,
        "ends_committed": ended(first),
        "refused_by_the_fence": sum(line.kind == "refused" for line in first),
        "cut_before_it_could_write": sum(line.kind == "cut" for line in first),
        "second_turn_ran": any(line.key == 1 and line.turn == 2 and line.kind == "end" for line in lines),
        "worker_loops_that_ended": [line.kind for line in lines if line.kind.startswith("worker-ended")],
        "the_woken_process_serves_again": serves,
    }


async def stopping(stage: Stage, name: str) -> dict[str, Any]:
    """SIGTERM in the middle of a turn: with time to finish it, and without."""
    engine = ENGINES[name]()
    found: dict[str, Any] = {}
    for kind, latency, grace in (("finishes", 2.0, 10.0), ("hands_back", 20.0, 1.0)):
        await stage.reset()
        with stage.workers(name, 2, latency=latency, turns=1, grace=grace) as processes:
            await stage.ready(2)
            await stage.hand_over(engine, [1])
            await stage.until(lambda lines: any(line.kind == "begin" for line in lines))
            holder = next(one for one in processes if one.pid == stage.lines()[-1].pid)
            holder.terminate()
            asked = time.monotonic()
            with suppress(subprocess.TimeoutExpired):
                await asyncio.to_thread(holder.wait, 30)
            left = time.monotonic() - asked
            await stage.until(lambda lines: ended(lines) == 1, 60)
            lines = stage.lines()
        others = [line.at - asked for line in lines if line.kind == "begin" and line.pid != holder.pid]
        found[kind] = {
            "seconds_until_it_left": round(left, 1),
            "turn_ended_by_itself": any(line.kind == "end" and line.pid == holder.pid for line in lines),
            "seconds_until_another_began": round(others[0], 1) if others else None,
        }
    return found


async def rest(stage: Stage, name: str) -> dict[str, Any]:
    """What a process that has nothing to do costs."""
    await stage.reset()
    with stage.workers(name, 1, latency=0.0, turns=1):
        await stage.ready(1)
        await asyncio.sleep(5)
        async with await AsyncConnection.connect(stage.database.url, autocommit=True) as connection:
            before, began = await _transactions(connection), time.monotonic()
            await asyncio.sleep(20)
            after, seconds = await _transactions(connection), time.monotonic() - began
            rows = await connection.execute(
                "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
            )
            held = await rows.fetchone()
    assert held is not None
    own = stage.database.pool.get_stats()["pool_size"]
    return {"transactions_per_second": round((after - before - 1) / seconds, 2), "connections": held[0] - own}


async def _transactions(connection: AsyncConnection) -> int:
    await asyncio.sleep(1.5)  # statistics are told about once a second
    row = await (
        await connection.execute("SELECT xact_commit FROM pg_stat_database WHERE datname = current_database()")
    ).fetchone()
    assert row is not None
    return int(row[0])


async def growth(stage: Stage, name: str, turns: int) -> dict[str, Any]:
    """What many turns leave behind in the engine's tables."""
    run = await run_all(stage, name, 1, 0.0, turns)
    rows: dict[str, int] = {}
    size = 0
    async with stage.database.connection() as connection:
        for table in ENGINES[name]().tables:
            found = await (await connection.execute("SELECT to_regclass(%s)", [table])).fetchone()
            if found and found[0]:
                count = await (
                    await connection.execute(
                        f"SELECT count(*), pg_total_relation_size('{table}') FROM {table}".encode()
                    )
                ).fetchone()
                assert count is not None
                rows[table], size = count[0], size + count[1]
    return {
        "turns": stage.sessions * turns,
        "turns_per_second": round(run.turns_per_second),
        "rows_left": rows,
        "megabytes": round(size / 1e6, 1),
    }


def say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


@asynccontextmanager
async def open_stage(folder: Path, sessions: int, names: Sequence[str]) -> AsyncIterator[Stage]:
    """A database with live sessions in a turn each, and the tables of every candidate."""
    async with open_database(Settings(home=folder / "home", workers=1)) as database:
        async with database.connection() as connection:
            await connection.execute("ALTER TABLE live_sessions ADD COLUMN turn_owner text")
            await connection.execute(
                "INSERT INTO sessions (id, source, imported_at, event_count, content_sha256)"
                " SELECT 'sesn_' || i, 'live', now(), 0, '' FROM generate_series(1, %s) AS i ORDER BY i",
                [sessions],
            )
            await connection.execute(
                "INSERT INTO live_sessions (session_key, status, environment_id, agent_id, agent_version, agent, turn,"
                " last_event_at, updated_at) SELECT key, 'running', 'env', 'agent', 1, '{}', 1, now(), now()"
                " FROM sessions"
            )
        for name in dict.fromkeys(name.partition("_")[0] for name in names):
            await ENGINES[name]().prepare(database.url)
        yield Stage(database, folder / "log", sessions)


async def measure(folder: Path, arguments: argparse.Namespace) -> dict[str, Any]:
    names = [name for name in arguments.engines.split(",") if name in ENGINES]
    if importlib.util.find_spec("procrastinate") is None:
        names = [name for name in names if not name.startswith("procrastinate")]
    engines = [name for name in names if name != "appends"]
    document: dict[str, Any] = {
        "machine": {"cpus": os.cpu_count(), "python": platform.python_version(), "system": platform.platform()},
        "seconds": {
            "heartbeat": HEARTBEAT,
            "ttl": TTL,
            "sweep": SWEEP,
            "dbos_poll": POLL,
            "procrastinate_fetch": FETCH,
        },
    }
    parts: dict[str, Callable[[Stage, str], Any]] = {
        "delay": delay,
        "takeover": lambda stage, name: takeover(stage, name, sweeps=True),
        "takeover_by_itself": lambda stage, name: takeover(stage, name, sweeps=False, seconds=45),
        "zombie": zombie,
        "stopping": stopping,
        "rest": rest,
        "growth": lambda stage, name: growth(stage, name, 50),
    }
    wanted = arguments.only.split(",") if arguments.only else ["throughput", *parts]
    async with open_stage(folder, arguments.sessions, names) as stage:
        if "throughput" in wanted:
            document["throughput"] = await throughput(stage, names, arguments)
        for part in (part for part in parts if part in wanted):
            document[part] = {}
            for name in engines:
                say(f"{part}: {name}")
                document[part][name] = await parts[part](stage, name)
    return document


async def work(arguments: argparse.Namespace) -> None:
    """A worker process."""
    log = os.open(arguments.log, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    settings = Settings(home=Path(arguments.log).parent, database_url=arguments.url, workers=1)
    async with open_database(settings) as database:
        engine = ENGINES[arguments.engine]()
        bench = Bench(
            database,
            engine,
            log,
            arguments.latency,
            arguments.turns,
            arguments.room,
            arguments.grace,
            bool(arguments.sweeps),
            (arguments.part, arguments.parts),
        )
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, bench.stop.set)
        await engine.work(bench)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sessions", type=int, default=200)
    parser.add_argument("--turns", type=int, default=6)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--latencies", default="0.05,0", help="seconds that the model takes, after commas")
    parser.add_argument("--engines", default=",".join(ENGINES), help="candidates, after commas")
    parser.add_argument("--only", default="", help="parts of the document, after commas")
    parser.add_argument("--worker", action="store_true", help=argparse.SUPPRESS)
    for name, type_, default in (
        *(("engine", str, ""), ("url", str, ""), ("log", str, ""), ("latency", float, 0.0), ("grace", float, 10.0)),
        *(("room", int, 200), ("sweeps", int, 1), ("part", int, 0), ("parts", int, 1)),
    ):
        parser.add_argument(f"--{name}", type=type_, default=default, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.worker:
        uvloop.run(work(arguments))
    else:
        with tempfile.TemporaryDirectory(prefix="reverie-turns-") as name:
            folder = Path(name)
            folder.chmod(0o755)  # a server of root's runs as a user of its own, which must find its way in
            print(json.dumps(asyncio.run(measure(folder, arguments)), indent=2))


if __name__ == "__main__":
    main()
