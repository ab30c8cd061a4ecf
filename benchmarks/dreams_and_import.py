"""Speed and memory of imports and dreams, as one JSON document.

Everything runs on an embedded PostgreSQL in a temporary home, on synthetic support-desk sessions. Figures are ratios
within this run where they can be; absolute ones depend on the machine, which is named.
"""

import asyncio
import itertools
import json
import os
import platform
import resource
import statistics
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from reverie.clock import SystemClock
from reverie.dreams.dream import DreamRequest, DreamResult
from reverie.dreams.policy import DreamPolicy
from reverie.jobs.dream_runtime import Runtime
from reverie.jobs.engine import dream
from reverie.settings import Settings
from reverie.storage.postgres.database import Database, open_database
from reverie.storage.sessions.import_summary import ImportOptions
from reverie.storage.sessions.ingest import import_sessions
from reverie.testing.worlds import support_desk, write_world

SEED = 11
REPEATS = 3


def say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


async def timed(work: Callable[[], Awaitable[Any]]) -> float:
    began = time.perf_counter()
    await work()
    return time.perf_counter() - began


def peak_megabytes() -> dict[str, float]:
    """Largest resident size so far of this process and of any one worker process."""
    scale = 1024 if sys.platform != "darwin" else 1024 * 1024
    own, children = (
        resource.getrusage(who).ru_maxrss / scale for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
    )
    return {"main": round(own, 1), "largest_worker": round(children, 1)}


async def import_file(database: Database, settings: Settings, path: Path) -> int:
    summary = await import_sessions(database, settings, [path], ImportOptions(), SystemClock(), lambda _: None)
    assert summary.sessions.failed == 0, summary.errors[:3]
    return summary.events


async def copy_same_rows(database: Database, rows_file: Path) -> float:
    """Seconds of a raw COPY of the imported event rows into an empty table with the same columns, key and reference."""
    async with database.connection() as connection:
        with rows_file.open("wb") as output:
            async with connection.cursor().copy("COPY events TO STDOUT") as copy:
                async for block in copy:
                    output.write(block)
        await connection.execute("CREATE TABLE same_rows (LIKE events INCLUDING ALL)")
        await connection.execute("ALTER TABLE same_rows ADD FOREIGN KEY (session_key) REFERENCES sessions")

    async def load() -> None:
        async with database.connection() as connection:
            with rows_file.open("rb") as rows:
                async with connection.cursor().copy("COPY same_rows FROM STDIN") as copy:
                    while block := rows.read(1 << 20):
                        await copy.write(block)

    seconds = await timed(load)
    async with database.connection() as connection:
        await connection.execute("DROP TABLE same_rows")
    return seconds


async def empty(database: Database) -> None:
    async with database.connection() as connection:
        await connection.execute("TRUNCATE sessions, memory_stores CASCADE")
    async with database.pool.connection() as connection:
        await connection.set_autocommit(True)
        await connection.execute("VACUUM ANALYZE")
        await connection.set_autocommit(False)


async def measure_import(database: Database, settings: Settings, folder: Path, sessions: int) -> dict[str, Any]:
    path = folder / "import.jsonl"
    write_world(support_desk(SEED, sessions=sessions), path)
    ratios, rates, copies = [], [], []
    for _ in range(REPEATS):
        await empty(database)
        began = time.perf_counter()
        events = await import_file(database, settings, path)
        seconds = time.perf_counter() - began
        copied = await copy_same_rows(database, folder / "rows.copy")
        rates.append(events / seconds)
        copies.append(events / copied)
        ratios.append(copied / seconds)
    return {
        "sessions": sessions,
        "events": events,
        "file_megabytes": round(path.stat().st_size / 1e6, 1),
        "redaction": settings.redaction,
        "events_per_second": round(statistics.median(rates)),
        "copy_rows_per_second": round(statistics.median(copies)),
        "ratio_to_copy": {"median": round(statistics.median(ratios), 3), "all": [round(r, 3) for r in ratios]},
        "aim": ">= 0.25",
    }


def processor_seconds() -> float:
    """Of this process and of workers that have ended, without the database's."""
    return sum(os.times()[:4])


async def run_dream(database: Database, settings: Settings) -> tuple[DreamResult, float, float]:
    """A dream, its seconds, and those of processors."""
    runtime = Runtime(database, settings, DreamPolicy(), SystemClock(), lambda *_: None)
    began, used = time.perf_counter(), processor_seconds()
    result = await dream(runtime, DreamRequest("bench"))
    return result, time.perf_counter() - began, processor_seconds() - used


async def measure_dream(database: Database, settings: Settings, folder: Path, sessions: int) -> dict[str, Any]:
    await empty(database)
    tasks = max(100, sessions // 20)
    lines = support_desk(SEED, sessions=sessions + sessions // 100, tasks=tasks)
    whole, rest = folder / "first.jsonl", folder / "rest.jsonl"
    with whole.open("w") as first, rest.open("w") as second:
        for number, line in enumerate(lines.lines):
            (first if number < sessions else second).write(json.dumps(line) + "\n")
    await import_file(database, settings, whole)
    first_result, first_seconds, first_used = await run_dream(database, settings)
    await import_file(database, settings, rest)
    second_result, second_seconds, second_used = await run_dream(database, settings)
    stages = {stage.stage: round(stage.seconds, 2) for stage in first_result.stages}
    return {
        "sessions": first_result.sessions.read,
        "seconds": round(first_seconds, 2),
        "stages": stages,
        "digested_per_second": round(first_result.sessions.new / max(stages["digest"], 1e-9)),
        "patterns_tested": first_result.tested,
        "second": {
            "new": second_result.sessions.new,
            "seconds": round(second_seconds, 2),
            "stages": {stage.stage: round(stage.seconds, 2) for stage in second_result.stages},
            "ratio_to_first": round(second_seconds / first_seconds, 3),
            # Where others use the machine, this one is told from the rest.
            "processor_ratio_to_first": round(second_used / first_used, 3),
            "aim": "<= 0.05",
        },
    }


def growth(dreams: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Seconds per session of each size against the size before: 1 is linear."""
    return [
        {
            "from": small["sessions"],
            "to": large["sessions"],
            "seconds_per_session_ratio": round(
                (large["seconds"] / large["sessions"]) / (small["seconds"] / small["sessions"]), 3
            ),
        }
        for small, large in itertools.pairwise(dreams)
    ]


async def measure(folder: Path, sizes: list[int], import_size: int) -> dict[str, Any]:
    settings = Settings(home=folder / "home", workers=os.cpu_count() or 1)
    async with open_database(settings) as database:
        say(f"import of {import_size:,} sessions, {REPEATS} times")
        imported = await measure_import(database, settings, folder, import_size)
        dreams = []
        for size in sizes:
            say(f"dream over {size:,} sessions")
            dreams.append(await measure_dream(database, settings, folder, size))
    return {
        "machine": {"cpus": os.cpu_count(), "python": platform.python_version(), "system": platform.platform()},
        "seed": SEED,
        "import": imported,
        "dreams": dreams,
        "growth": growth(dreams),
        "peak_megabytes": peak_megabytes(),
    }


def measured(quick: bool) -> dict[str, Any]:
    """The document; ``quick`` leaves out the largest size."""
    sizes = [1_000, 10_000] if quick else [1_000, 10_000, 100_000]
    with tempfile.TemporaryDirectory(prefix="reverie-bench-") as name:
        folder = Path(name)
        folder.chmod(0o755)  # a server of root's runs as a user of its own, which must find its way in
        return asyncio.run(measure(folder, sizes, 5_000))
