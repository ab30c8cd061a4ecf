"""A watch killed with kill -9, wherever it was, loses nothing: the next one goes on, and nothing is there twice."""

import json
import os
import subprocess
import sys
from pathlib import Path

import psycopg
import pytest

SESSIONS = 30
COMMAND = """
import sys
from reverie.cli import ledger, watching
from reverie.cli.main import main

stop_at, written = sys.argv[1], []
add = ledger.Ledger.add

def dying_add(self, files):
    written.append(files)
    if len(written) == 2 and stop_at == "before the ledger":
        print("here", flush=True)
        sys.stdin.readline()
    add(self, files)
    if len(written) == 2:
        print("here", flush=True)
        sys.stdin.readline()

if __name__ == "__main__":
    watching.MOST_FILES = 10
    ledger.Ledger.add = dying_add
    main(["watch", sys.argv[2], "--quiet", "0"])
"""


@pytest.mark.parametrize("moment", ["before the ledger", "after the ledger"])
def test_a_killed_watch_loses_nothing_and_doubles_nothing(moment: str, database_url: str, tmp_path: Path) -> None:
    logs = tmp_path / "logs"
    logs.mkdir()
    for number in range(SESSIONS):
        session = {"id": f"s{number}", "messages": [{"role": "user", "content": "hello"}]}
        (logs / f"{number:02}.jsonl").write_text(json.dumps(session) + "\n")
    environment = {**os.environ, "DATABASE_URL": database_url, "REVERIE_HOME": str(tmp_path / "home")}
    killed = [sys.executable, "-c", COMMAND, moment, str(logs)]
    with subprocess.Popen(killed, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment) as watching:
        assert watching.stdout is not None
        while watching.stdout.readline() != b"here\n":
            assert watching.poll() is None
        watching.kill()
    again = [sys.executable, "-m", "reverie.cli.main", "watch", str(logs), "--once", "--json"]
    finished = subprocess.run(again, env=environment, capture_output=True, text=True, check=True)
    changes = [json.loads(line)["summary"]["sessions"] for line in finished.stdout.splitlines()]
    assert sum(change["created"] for change in changes) == 10
    assert sum(change["unchanged"] for change in changes) == (10 if moment == "before the ledger" else 0)
    with psycopg.connect(database_url) as connection:
        assert connection.execute("SELECT count(*), count(DISTINCT id) FROM sessions").fetchone() == (
            SESSIONS,
            SESSIONS,
        )
