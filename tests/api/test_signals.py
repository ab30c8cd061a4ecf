"""What systemd and Docker send ends a server as Ctrl-C does: exit code 0, and the embedded database stopped."""

import signal
import subprocess
import sys
import time
from pathlib import Path

import httpx2
import pytest

from reverie.settings import Settings
from reverie.testing.server_process import start_server


def database_runs(home: Path) -> bool:
    return (home / "postgres" / "postmaster.pid").exists()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_stops_the_server_and_its_database_while_a_stream_is_open(
    home: Path, tmp_path: Path, number: signal.Signals
) -> None:
    server = start_server(Settings(home=home, database_url=None, workers=1), tmp_path / "log", "--no-key")
    with httpx2.Client(base_url=server.url, timeout=60) as http:
        agent = http.post("/v1/agents", json={"name": "a", "model": "m"}).json()["id"]
        desk = http.post("/v1/environments", json={"name": "d"}).json()["id"]
        session = http.post("/v1/sessions", json={"agent": agent, "environment_id": desk}).json()["id"]
        with http.stream("GET", f"/v1/sessions/{session}/events/stream") as answer:
            assert next(answer.iter_lines()) == "event: ping"
            server.process.send_signal(number)
            assert server.process.wait(60) == 0
    assert not database_runs(home)
    assert server.process.stdout is not None
    server.process.stdout.close()


def test_a_signal_during_the_start_leaves_no_database_behind(home: Path, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "reverie.cli.main", "serve", "--port", "0", "--no-key"]
    environment = {"PATH": "/usr/bin:/bin", "REVERIE_HOME": str(home), "PYTHONPATH": ":".join(sys.path)}
    with (tmp_path / "log").open("wb") as log:
        process = subprocess.Popen(command, env=environment, stdout=log, stderr=log)
    until = time.monotonic() + 60
    while not (home / "server.lock").exists() and time.monotonic() < until:
        time.sleep(0.01)
    process.send_signal(signal.SIGTERM)
    assert process.wait(60) == 0, (tmp_path / "log").read_text()
    assert not database_runs(home)
