"""A database made by an earlier version is migrated, read and used as if it had been made today."""

import lzma
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import psycopg
import pytest

from reverie.clock import SystemClock
from reverie.library import AsyncReverie
from reverie.settings import Settings
from reverie.storage.learning.lessons import list_lessons
from reverie.storage.live.creation import send_events
from reverie.storage.memory.stores import find_store
from reverie.storage.postgres.database import open_database
from reverie.storage.postgres.embedded import EmbeddedServer
from reverie.storage.postgres.migrate import migrate
from reverie.storage.service.seals import seal_history
from reverie.storage.service.verification import verify_history

DUMPS = sorted((Path(__file__).parent / "databases").glob("*.sql.xz"))
WAITS = "sesn_0VcLCGoGePSPw11YLVFJnIwk"
NOW = datetime(2026, 12, 1, tzinfo=UTC)


@pytest.fixture(params=DUMPS, ids=lambda path: path.name)
def older_url(request: pytest.FixtureRequest, database_server: EmbeddedServer) -> Iterator[str]:
    """The address of a database as an earlier version left it."""
    name = f"older_{request.param.name.partition('.')[0]}"
    with psycopg.connect(database_server.url("postgres"), autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}".encode())
        with psycopg.connect(database_server.url(name)) as older:
            older.execute(lzma.decompress(request.param.read_bytes()))
        yield database_server.url(name)
        connection.execute(f"DROP DATABASE {name} WITH (FORCE)".encode())


async def test_what_an_earlier_version_stored_is_read_and_used(older_url: str, tmp_path: Path) -> None:
    migrate(older_url)
    settings = Settings(home=tmp_path, database_url=older_url, workers=1)
    async with open_database(settings) as database:
        home = AsyncReverie(database, settings, SystemClock())
        paths = {memory.path for memory in await home.memories("desk")}
        assert {"/notes/deploys.md", "/ravi/profile.md", "/lessons/mine.md"} < paths
        hits = await home.recall("desk", "which order tool to call first")
        assert any(hit.path.startswith("/lessons/") for hit in hits)
        async with database.connection() as connection:
            store = await find_store(connection, "desk")
            lessons = await list_lessons(connection, store.id, status="adopted", kind=None, after=None, limit=100)
            session, _ = await send_events(connection, WAITS, [{"type": "user.interrupt"}], NOW)
        verified = next(row.lesson for row in lessons if row.lesson.behaviour == "call:verify_identity")
        assert verified.statement.startswith("Call `verify_identity`.")
        assert verified.effect.low > 0
        assert session.id == WAITS
        result = await home.dream("desk")
        assert result.sessions.read == 1002


async def test_the_history_of_an_earlier_version_is_hashed_and_can_be_sealed(older_url: str, tmp_path: Path) -> None:
    migrate(older_url)
    settings = Settings(home=tmp_path, database_url=older_url, workers=1)
    async with open_database(settings) as database:
        unsealed = await verify_history(database)
        assert unsealed.clean and unsealed.unsealed == unsealed.rows > 0
        sealing = await seal_history(database, settings, NOW, 0)
        assert sum(seal.count for seal in sealing.seals) == unsealed.rows
        sealed = await verify_history(database)
        assert (sealed.clean, sealed.rows, sealed.unsealed) == (True, unsealed.rows, 0)
