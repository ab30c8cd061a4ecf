"""The embedded server: started on demand, shared, stopped by its last user, recovered after a kill."""

import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import psycopg
import pytest

from reverie.errors import DatabaseError
from reverie.settings import Settings
from reverie.storage.postgres import embedded
from reverie.storage.postgres.database import open_database
from reverie.storage.postgres.embedded import EmbeddedServer, acquire_server, release_server
from reverie.testing.patience import PATIENCE_SECONDS

COMMAND = """
import asyncio, sys
from pathlib import Path
from reverie.settings import Settings
from reverie.storage.postgres.database import open_database

async def main():
    async with open_database(Settings(home=Path(sys.argv[1]))) as database:
        async with database.connection() as connection:
            await connection.execute("INSERT INTO metrics VALUES (%s, 'maximize', '', 0, 1, 1, NULL)", [sys.argv[2]])
        print("open", flush=True)
        sys.stdin.readline()

asyncio.run(main())
"""


def start_command(home: Path, name: str) -> subprocess.Popen[str]:
    """A process that writes one row, says so, and ends when told to."""
    return subprocess.Popen(
        [sys.executable, "-c", COMMAND, str(home), name], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )


def server_listens(home: Path) -> bool:
    with socket.socket(socket.AF_UNIX) as client:
        return client.connect_ex(str(home / "postgres" / ".s.PGSQL.5432")) == 0


def postmaster(home: Path) -> int:
    return int((home / "postgres" / "postmaster.pid").read_text().splitlines()[0])


def answer(server: EmbeddedServer) -> int:
    with psycopg.connect(server.url("postgres")) as connection:
        row = connection.execute("SELECT 42").fetchone()
    assert row is not None
    return int(row[0])


async def metric_names(home: Path) -> list[str]:
    async with open_database(Settings(home=home)) as database, database.connection() as connection:
        return [row[0] async for row in await connection.execute("SELECT name FROM metrics ORDER BY name")]


async def test_two_commands_started_at_once_on_a_fresh_home_share_a_server(home: Path) -> None:
    fresh = home / "not yet there"
    commands = [start_command(fresh, "a"), start_command(fresh, "b")]
    for command in commands:
        command.communicate("\n", timeout=PATIENCE_SECONDS)
    assert [command.returncode for command in commands] == [0, 0]
    assert not server_listens(fresh)
    assert await metric_names(fresh) == ["a", "b"]


def test_the_last_user_stops_the_server(home: Path) -> None:
    first, second = acquire_server(home), acquire_server(home)
    release_server(first)
    assert answer(second) == 42
    release_server(second)
    assert not server_listens(home)


async def test_a_killed_command_leaves_nothing_that_the_next_one_does_not_mend(home: Path) -> None:
    command = start_command(home, "kept")
    assert command.stdout is not None
    assert command.stdout.readline() == "open\n"
    command.kill()
    command.communicate()
    assert server_listens(home)
    assert await metric_names(home) == ["kept"]
    assert not server_listens(home)


async def test_a_killed_server_is_started_again_with_its_data(home: Path) -> None:
    command = start_command(home, "kept")
    assert command.stdout is not None
    assert command.stdout.readline() == "open\n"
    os.kill(postmaster(home), signal.SIGKILL)
    command.kill()
    command.communicate()
    assert await metric_names(home) == ["kept"]


def test_a_process_number_given_to_another_program_is_not_taken_for_the_server(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(embedded, "SILENT_SECONDS", 0.05)
    release_server(acquire_server(home))
    data = home / "postgres"
    (data / "postmaster.pid").write_text(f"{os.getpid()}\n{data}\n1700000000\n5432\n{data}\n\n 1 2\nready   \n")
    server = acquire_server(home)
    assert answer(server) == 42
    release_server(server)


def test_a_first_start_cut_short_is_begun_again(home: Path) -> None:
    unfinished = home / "postgres.unfinished"
    unfinished.mkdir()
    (unfinished / "PG_VERSION").write_text("18\n")
    server = acquire_server(home)
    assert answer(server) == 42
    release_server(server)


def test_a_home_too_deep_for_a_socket_has_it_elsewhere(home: Path) -> None:
    server = acquire_server(home / ("deep" * 30))
    assert answer(server) == 42
    release_server(server)
    assert not server.socket_folder.exists()


def test_a_home_that_cannot_be_written_is_a_clear_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(DatabaseError, match=r"file/home.*set REVERIE_HOME"):
        acquire_server(tmp_path / "file" / "home")


def test_data_of_another_postgresql_is_a_clear_error(home: Path) -> None:
    (home / "postgres").mkdir()
    (home / "postgres" / "PG_VERSION").write_text("16\n")
    with pytest.raises(DatabaseError, match="PostgreSQL 16"):
        acquire_server(home)


def test_a_server_that_does_not_start_says_what_its_log_says(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(embedded.SERVER_OPTIONS, "shared_buffers", "much")
    with pytest.raises(DatabaseError, match=r"does not start.*shared_buffers"):
        acquire_server(home)
