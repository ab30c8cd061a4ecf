"""Programs of their own: they end, are killed, and load no more than they need."""

import os
import signal
import subprocess
import sys
from pathlib import Path

from reverie.testing.patience import PATIENCE_SECONDS
from tests.architecture.test_imports import DATABASE, STATISTICS, loaded_by
from tests.recorder.conftest import Desk, Shelf, told

BEGUN = """
import os, pathlib, reverie
session = reverie.record(url="http://127.0.0.1:9", agent="desk").__enter__()
session.user("Hello")
spool = pathlib.Path(os.environ["REVERIE_SPOOL"])
while not any(b"Hello" in path.read_bytes() for path in spool.rglob("*.open")):
    pass
"""


def run(code: str, spool: Path) -> int:
    environment = {**os.environ, "REVERIE_SPOOL": str(spool)}
    return subprocess.run([sys.executable, "-c", code], env=environment, timeout=PATIENCE_SECONDS).returncode


def taken_over(spool: Path) -> list[tuple[str, str]]:
    """What the next program for the same server sends."""
    (folder,) = spool.iterdir()
    desk = Desk(folder, Shelf())
    with desk.record(agent="next"):
        pass
    found = [one for one in desk.arrived() if one.session.agent == "desk"]
    desk.end()
    return told(found[0])


def test_a_program_that_is_killed_leaves_what_it_had_recorded_to_the_next(tmp_path: Path) -> None:
    code = run(f"{BEGUN}\nos.kill(os.getpid(), 9)", tmp_path)
    assert (code, taken_over(tmp_path)) == (-signal.SIGKILL, [("user.message", "Hello")])


def test_a_program_that_ends_while_the_server_is_away_leaves_its_sessions_to_the_next(tmp_path: Path) -> None:
    code = run(f"{BEGUN}\nsession.assistant('Bye')\nraise SystemExit(3)", tmp_path)
    assert (code, taken_over(tmp_path)) == (3, [("user.message", "Hello"), ("agent.message", "Bye")])


def test_a_program_that_records_to_a_server_loads_no_statistics_and_no_database(tmp_path: Path) -> None:
    statement = (
        "import os, reverie, anthropic\n"
        f"os.environ['REVERIE_SPOOL'] = {str(tmp_path)!r}\n"
        "with reverie.record(url='http://127.0.0.1:9') as session:\n"
        "    session.wrap(anthropic.Anthropic(api_key='any', base_url='http://127.0.0.1:9'))\n"
        "reverie.flush_recordings(1)"
    )
    loaded = loaded_by(statement)
    assert loaded & (STATISTICS | DATABASE | {"re2", "sqlglot", "mcp"}) == set() and "reverie" in loaded
