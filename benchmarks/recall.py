"""Recall and writing at several sizes of store, as one JSON document on standard output.

    python benchmarks/recall.py [--sizes 2000 100000 1000000] [--queries 200] [--seed 1]

A memory has 60 words, drawn by Zipf's law (exponent 1.1) from 50,000; a query is four different words of a memory. The
database is an embedded one in a folder of its own, removed at the end. Times are wall times of one process.
"""

import argparse
import asyncio
import json
import os
import platform
import tempfile
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import numpy as np

from reverie.memory.memory import Edit
from reverie.settings import Settings
from reverie.storage.memory.memories import apply_edits
from reverie.storage.memory.policies import write_policy
from reverie.storage.memory.recall import recall
from reverie.storage.memory.stores import create_store
from reverie.storage.postgres.database import Connection, Database, open_database

WORDS_PER_MEMORY = 60
VOCABULARY = 50_000
BATCH = 50_000
NOW = datetime(2026, 1, 1, tzinfo=UTC)
INDEX_TABLES = ("memory_postings", "memories", "memory_versions")


def texts(count: int, rng: np.random.Generator) -> Iterator[list[str]]:
    """Batches of memories' contents."""
    weights = 1 / np.arange(1, VOCABULARY + 1) ** 1.1
    weights /= weights.sum()
    for start in range(0, count, BATCH):
        drawn = rng.choice(VOCABULARY, (min(BATCH, count - start), WORDS_PER_MEMORY), p=weights)
        yield [" ".join(f"w{word}" for word in row) for row in drawn]


async def fill(database: Database, store_id: str, count: int, rng: np.random.Generator) -> tuple[float, list[str]]:
    """Write the memories, a batch an act; returns the seconds taken and some queries' words."""
    seconds, samples, written = 0.0, [], 0
    for batch in texts(count, rng):
        edits = [Edit(f"/notes/n{written + i:07}x.md", text, "") for i, text in enumerate(batch)]
        samples += batch[:: max(1, len(batch) // 50)]
        began = time.perf_counter()
        async with database.connection() as conn:
            await apply_edits(conn, store_id, edits, act="import", actor="user", reason="benchmark", now=NOW)
        seconds += time.perf_counter() - began
        written += len(batch)
    return seconds, samples


async def time_queries(conn: Connection, store_id: str, queries: list[str]) -> list[float]:
    """Milliseconds of each query."""
    times = []
    for query in queries:
        began = time.perf_counter()
        hits = await recall(conn, store_id, query, 5, now=NOW)
        times.append(1_000 * (time.perf_counter() - began))
        assert hits
    return times


async def time_writes(conn: Connection, store_id: str, contents: list[str]) -> list[float]:
    """Milliseconds of single writes, each an act of its own."""
    times = []
    for number, content in enumerate(contents):
        began = time.perf_counter()
        edit = Edit(f"/more/{number}.md", content, "")
        await apply_edits(conn, store_id, [edit], act="write", actor="user", reason="benchmark", now=NOW)
        times.append(1_000 * (time.perf_counter() - began))
    return times


async def measure(database: Database, size: int, queries: int, rng: np.random.Generator) -> dict[str, object]:
    """One size: fill a store, query it, write some more."""
    async with database.connection() as conn:
        store_id = (await create_store(conn, f"of {size}", "", {}, NOW)).id
        await write_policy(conn, store_id, json.dumps({"memory": {"budget": {"most_memories": 2 * size}}}).encode())
    seconds, samples = await fill(database, store_id, size, rng)
    asked = [" ".join(rng.permutation(list(set(rng.choice(samples).split())))[:4]) for _ in range(queries)]
    async with database.connection() as conn:
        times = await time_queries(conn, store_id, asked)
        commonest = await time_queries(conn, store_id, ["w0 w1 w2 w3"] * 5)
        writes = await time_writes(conn, store_id, samples[:20])
        rows = await conn.execute(
            "SELECT name, pg_total_relation_size(name::regclass) FROM unnest(%s::text[]) AS name", [list(INDEX_TABLES)]
        )
        sizes: dict[str, int] = dict(await rows.fetchall())
    return {
        "memories": size,
        "written_per_second": round(size / seconds),
        "recall_ms": quantiles(times),
        "recall_commonest_ms": quantiles(commonest),
        "write_one_ms": quantiles(writes),
        "megabytes_of_all_so_far": {name: round(bytes_ / 1e6) for name, bytes_ in sizes.items()},
    }


def quantiles(times: list[float]) -> dict[str, float]:
    """Median and 95th percentile."""
    return {"p50": round(float(np.quantile(times, 0.5)), 1), "p95": round(float(np.quantile(times, 0.95)), 1)}


async def run(sizes: list[int], queries: int, seed: int) -> dict[str, object]:
    """Every size, in a database that is removed afterwards."""
    rng = np.random.default_rng(seed)
    with tempfile.TemporaryDirectory(prefix="reverie-benchmark-") as folder:
        async with open_database(Settings(home=Path(folder))) as database:
            results = [await measure(database, size, queries, rng) for size in sizes]
    machine = {"processors": os.cpu_count(), "platform": platform.platform(), "python": platform.python_version()}
    return {"seed": seed, "queries": queries, "machine": machine, "results": results}


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description="Speed of recall and writing.")
    parser.add_argument("--sizes", type=int, nargs="+", default=[2_000, 100_000])
    parser.add_argument("--queries", type=int, default=200)
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    print(json.dumps(asyncio.run(run(arguments.sizes, arguments.queries, arguments.seed)), indent=2))


if __name__ == "__main__":
    main()
