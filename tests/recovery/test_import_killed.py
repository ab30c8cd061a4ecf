"""An import killed with kill -9 leaves whole sessions only, and running it again completes it."""

import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import psycopg

from reverie.clock import ManualClock
from reverie.settings import Settings
from reverie.storage.postgres.database import Database
from reverie.storage.sessions.import_summary import ImportOptions
from reverie.storage.sessions.ingest import import_sessions
from reverie.testing.patience import PATIENCE_SECONDS
from tests.conftest import ChatFile

SESSIONS = 60
COMMAND = """
import asyncio, sys
from datetime import UTC, datetime
from pathlib import Path
from reverie.clock import ManualClock
from reverie.settings import Settings
from reverie.storage.sessions import ingest
from reverie.storage.sessions import store_batch
from reverie.storage.postgres.database import open_database
from reverie.storage.sessions.import_summary import ImportOptions

record_scores, calls = store_batch.record_scores, []

async def stop_in_the_third_batch(connection, scores):
    calls.append(scores)
    if len(calls) == 3:  # its sessions and events are written, nothing is committed
        print("mid batch", flush=True)
        sys.stdin.readline()
    return await record_scores(connection, scores)

async def main():
    ingest.BATCH_RECORDS = 10
    store_batch.record_scores = stop_in_the_third_batch
    settings = Settings(home=Path("unused"), database_url=sys.argv[1])
    async with open_database(settings) as database:
        clock = ManualClock(datetime(2026, 1, 1, tzinfo=UTC))
        await ingest.import_sessions(database, settings, [Path(sys.argv[2])], ImportOptions(), clock, lambda _: None)

if __name__ == "__main__":
    asyncio.run(main())
"""


def whole_sessions(url: str) -> int:
    """How many sessions are stored, each with all its events."""
    with psycopg.connect(url) as connection:
        counts = connection.execute(
            "SELECT s.event_count, count(e.sequence) FROM sessions s LEFT JOIN events e ON e.session_key = s.key "
            "GROUP BY s.key"
        ).fetchall()
        assert all(expected == present == 2 for expected, present in counts)
        assert connection.execute("SELECT count(*) FROM events").fetchone() == (2 * len(counts),)
    return len(counts)


def import_and_kill(url: str, file: Path) -> None:
    """Kill an import when two batches are stored and the third is written but not committed."""
    command = subprocess.Popen(
        [sys.executable, "-c", COMMAND, url, str(file)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    assert command.stdout is not None
    assert command.stdout.readline() == b"mid batch\n"
    command.kill()
    # The workers hold the other end of standard output, so this returns when they are gone too.
    command.communicate(timeout=PATIENCE_SECONDS)


async def test_a_killed_import_leaves_whole_sessions_and_is_completed_by_the_next(
    database: Database, settings: Settings, chat_file: ChatFile
) -> None:
    messages = [{"role": "user", "content": "hello"}, {"role": "assistant", "content": "hi"}]
    file = chat_file("a.jsonl", *({"id": f"s{i}", "messages": messages, "reward": 1} for i in range(SESSIONS)))
    import_and_kill(database.url, file)
    assert whole_sessions(database.url) == 20
    clock = ManualClock(datetime(2026, 1, 2, tzinfo=UTC))
    summary = await import_sessions(database, settings, [file], ImportOptions(), clock, lambda _: None)
    assert (summary.sessions.created, summary.sessions.unchanged) == (40, 20)
    assert whole_sessions(database.url) == SESSIONS
