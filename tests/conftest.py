"""A real PostgreSQL for every test: one server a test process, a database of its own for each test."""

import os
import tempfile
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any

import hypothesis
import msgspec
import psycopg
import pytest
import pytest_asyncio
from dbos import DBOS

from reverie.models import switch
from reverie.settings import Secret, Settings
from reverie.storage.postgres.database import Database, open_database
from reverie.storage.postgres.embedded import EmbeddedServer, acquire_server, release_server
from reverie.storage.postgres.migrate import migrate
from tests.database_pool import DatabasePool

# The ordinary suite looks at fewer examples; HYPOTHESIS_PROFILE=thorough looks at many.
hypothesis.settings.register_profile("ordinary", max_examples=40, deadline=None)
hypothesis.settings.register_profile("thorough", max_examples=1_000, deadline=None)
hypothesis.settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "ordinary"))

# No test, and no process that a test starts, can reach a language model on another machine.
os.environ[switch.VARIABLE] = "local"
os.environ.pop("REVERIE_MODEL", None)


@pytest.fixture
def home() -> Iterator[Path]:
    """An empty folder with a space in its path, for a server of the test's own."""
    # Not pytest's own folder: that is made private again by every run of pytest, and the server's user needs a way in.
    with tempfile.TemporaryDirectory(prefix="reverie home ") as folder:
        yield Path(folder)


@pytest.fixture(scope="session")
def database_server() -> Iterator[EmbeddedServer]:
    """The test process's server, with a migrated database named ``template`` to copy from, ready for dreams too."""
    with tempfile.TemporaryDirectory(prefix="reverie-tests-") as home:
        server = acquire_server(Path(home))
        with psycopg.connect(server.url("postgres"), autocommit=True) as connection:
            # These databases live for one test each: no crash of the machine is to be survived.
            for setting in ("fsync", "synchronous_commit", "full_page_writes"):
                connection.execute(f"ALTER SYSTEM SET {setting} = off")
            connection.execute("SELECT pg_reload_conf()")
            connection.execute("CREATE DATABASE template")
        migrate(server.url("template"))
        DBOS.migrate(server.url("template").replace("postgresql://", "postgresql+psycopg://", 1))
        yield server
        release_server(server)


@pytest.fixture(scope="session")
def database_pool(database_server: EmbeddedServer) -> DatabasePool:
    """Clean databases of the test process's server."""
    return DatabasePool(database_server)


@pytest.fixture
def database_url(database_pool: DatabasePool) -> Iterator[str]:
    """The address of a clean, migrated database."""
    with database_pool.database() as url:
        yield url


@pytest.fixture
def other_database_url(database_pool: DatabasePool) -> Iterator[str]:
    """The address of a second clean database."""
    with database_pool.database() as url:
        yield url


@pytest.fixture
def settings(database_url: str, tmp_path: Path) -> Settings:
    """Settings that name the fresh database; its home folder stays unused."""
    key = Secret("dGhlIHRlc3RzIGtlZXAgbm8gc2VjcmV0IGF0IGFsbC4=")
    return Settings(home=tmp_path / "home", database_url=database_url, workers=1, secret_keys=(key,))


@pytest_asyncio.fixture
async def database(settings: Settings) -> AsyncIterator[Database]:
    """The fresh database, open."""
    async with open_database(settings) as database:
        yield database


ChatFile = Callable[..., Path]


@pytest.fixture
def chat_file(tmp_path: Path) -> ChatFile:
    """Writes sessions, each a JSON object in the chat format, to a file of the given name."""

    def write(name: str, *sessions: dict[str, Any]) -> Path:
        path = tmp_path / name
        path.write_bytes(b"".join(msgspec.json.encode(session) + b"\n" for session in sessions))
        return path

    return write
