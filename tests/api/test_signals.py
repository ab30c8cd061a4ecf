"""What systemd and Docker send ends a server as Ctrl-C does: exit code 0, and the embedded database stopped."""

import signal
import subprocess
import sys
from pathlib import Path

import httpx2
import pytest

from reverie.settings import Settings
from reverie.testing.patience import PATIENCE_SECONDS
from reverie.testing.server_process import start_server

COMMAND = """
from reverie.cli.main import main
from reverie.storage.postgres import embedded

ensure_running = embedded._ensure_running

def say_and_ensure_running(data):
    print("starting the database", flush=True)
    return ensure_running(data)

embedded._ensure_running = say_and_ensure_running
main()
"""


def database_runs(home: Path) -> bool:
    return (home / "postgres" / "postmaster.pid").exists()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_stops_the_server_and_its_database_while_a_stream_is_open(
    home: Path, tmp_path: Path, number: signal.Signals
) -> None:
    server = start_server(Settings(home=home, database_url=None, workers=1), tmp_path / "log", "--no-key")
    with httpx2.Client(base_url=server.url, timeout=PATIENCE_SECONDS) as http:
        agent = http.post("/v1/agents", json={"name": "a", "model": "m"}).json()["id"]
        desk = http.post("/v1/environments", json={"name": "d"}).json()["id"]
        session = http.post("/v1/sessions", json={"agent": agent, "environment_id": desk}).json()["id"]
        with http.stream("GET", f"/v1/sessions/{session}/events/stream") as answer:
            assert next(answer.iter_lines()) == "event: ping"
            server.process.send_signal(number)
            assert server.process.wait(PATIENCE_SECONDS) == 0
    assert not database_runs(home)
    assert server.process.stdout is not None
    server.process.stdout.close()


@pytest.mark.parametrize("ctrl_c", ["heard", "ignored"])
def test_a_signal_during_the_start_leaves_no_database_behind(home: Path, tmp_path: Path, ctrl_c: str) -> None:
    # A script's shell starts what it runs by "&" with Ctrl-C ignored.
    shell = ["sh", "-c", "trap '' INT; exec \"$@\"", "sh"] if ctrl_c == "ignored" else []
    command = [*shell, sys.executable, "-c", COMMAND, "serve", "--port", "0", "--no-key"]
    environment = {"PATH": "/usr/bin:/bin", "REVERIE_HOME": str(home), "PYTHONPATH": ":".join(sys.path)}
    with (
        (tmp_path / "log").open("wb") as log,
        subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=log) as process,
    ):
        assert process.stdout is not None
        assert process.stdout.readline() == b"starting the database\n"
        process.send_signal(signal.SIGTERM)
        try:
            assert process.wait(PATIENCE_SECONDS) == 0, (tmp_path / "log").read_text()
        finally:
            process.kill()
    assert not database_runs(home)
