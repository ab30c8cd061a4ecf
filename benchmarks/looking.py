"""How long people wait for what they look at: lists of sessions and what went on, by how many sessions there are.

``python benchmarks/looking.py 1000 100000`` prints one JSON document: milliseconds, the median of seven.
"""

import asyncio
import json
import statistics
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psycopg

from reverie.jobs.activity import report_activity
from reverie.sessions.segment import parse_segment
from reverie.settings import Settings
from reverie.storage.learning.session_summaries import find_sessions, read_facts, read_fields
from reverie.storage.postgres.database import Connection, open_database
from reverie.storage.postgres.embedded import acquire_server, release_server
from reverie.storage.postgres.migrate import migrate

PAGE = 51
EXPRESSIONS = (
    "",
    "agent = 'agent3' and reward < 0.2",
    "user_id = 'user77'",
    "metadata.run = '77'",
    "score.none > 1",
)
"""The last two are of fields without an index: the worst that the language can ask."""
_SESSIONS = """
    INSERT INTO sessions (id, source, agent, model, task_id, task_category, user_id, started_at, imported_at, metadata,
        event_count, content_sha256, reward)
    SELECT 's' || n, 'chat', 'agent' || mod(n, 7), 'model' || mod(n, 5), 'task' || mod(n, 4000), 'kind' || mod(n, 12),
        'user' || mod(n, 3000), now() - mod(n, 30) * interval '1 day' - mod(n, 1440) * interval '1 minute', now(),
        jsonb_build_object('branch', 'b' || mod(n, 9), 'run', n::text), 4, '',
        CASE WHEN mod(n, 3) = 0 THEN NULL ELSE mod(n, 11) / 10.0 END
    FROM generate_series(1, %s) n
"""
_EVENTS = """
    INSERT INTO events (session_key, sequence, type, payload)
    SELECT key, e, CASE e WHEN 0 THEN 'user.message' ELSE 'agent.message' END,
        jsonb_build_object('content', repeat('word ', 40))
    FROM sessions, generate_series(0, 3) e
"""
_DIGESTS = """
    INSERT INTO digests (session_key, version, event_count, opening, steps, codes, sequences, first_steps, errors,
        input_tokens, output_tokens, implicit)
    SELECT key, 7, 4, '', 6, filled, filled, filled, mod(key, 3), 1000, 200, mod(key, 10) / 10.0
    FROM sessions, LATERAL (SELECT convert_to(repeat(md5(key::text), 12), 'UTF8') AS filled) AS arrays
"""


async def _milliseconds(ask: Callable[[], Awaitable[Any]]) -> float:
    taken = []
    for _ in range(7):
        begun = time.perf_counter()
        await ask()
        taken.append(time.perf_counter() - begun)
    return round(statistics.median(taken) * 1000, 1)


async def _looked_at(connection: Connection) -> dict[str, float]:
    now = datetime.now(UTC)
    measured = {
        "activity of 30 days": await _milliseconds(lambda: report_activity(connection, 30, None, now)),
        "fields": await _milliseconds(lambda: read_fields(connection)),
        "facts of one": await _milliseconds(lambda: read_facts(connection, "s500")),
    }
    for where in EXPRESSIONS:
        segment = parse_segment(where)
        measured[f"page of {where or 'all'}"] = await _milliseconds(
            lambda segment=segment: find_sessions(connection, segment, None, PAGE)  # type: ignore[misc]
        )
    return measured


async def _measure(home: Path, url: str, sessions: int) -> dict[str, float]:
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(_SESSIONS, [sessions])
        connection.execute(_EVENTS)
        connection.execute(_DIGESTS)
        connection.execute("VACUUM ANALYZE")
    async with open_database(Settings(home=home, database_url=url)) as database, database.connection() as looking:
        return await _looked_at(looking)


def main() -> None:
    """Measure with as many sessions as the arguments say."""
    sizes = [int(text) for text in sys.argv[1:]] or [1_000, 100_000]
    with tempfile.TemporaryDirectory(prefix="reverie-looking-") as home:
        server = acquire_server(Path(home) / "postgres")
        found = {}
        for size in sizes:
            with psycopg.connect(server.url("postgres"), autocommit=True) as connection:
                connection.execute(f"CREATE DATABASE looking_{size}".encode())
            migrate(server.url(f"looking_{size}"))
            found[f"{size:,} sessions"] = asyncio.run(_measure(Path(home), server.url(f"looking_{size}"), size))
        release_server(server)
    sys.stdout.write(json.dumps(found, indent=2) + "\n")


if __name__ == "__main__":
    main()
