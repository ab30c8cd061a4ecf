"""Opening a database: connections, schema, refusals."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import psycopg
import pytest
from alembic.config import Config
from alembic.script import ScriptDirectory

from reverie.errors import DatabaseError
from reverie.settings import Settings
from reverie.storage.postgres.database import Database, open_database
from reverie.storage.postgres.migrate import migrate
from reverie.storage.postgres.schema import MIGRATIONS, VERSION_TABLE, known_revisions

INSERT_SESSION = (
    "INSERT INTO sessions (id, source, imported_at, event_count, content_sha256) VALUES ('s', 'chat', now(), 1, '')"
)


async def count_sessions(database: Database) -> int:
    async with database.connection() as connection:
        row = await (await connection.execute("SELECT count(*) FROM sessions")).fetchone()
    assert row is not None
    return int(row[0])


async def test_a_connection_commits_at_the_end(database: Database) -> None:
    async with database.connection() as connection:
        await connection.execute(INSERT_SESSION)
    assert await count_sessions(database) == 1


async def test_a_connection_rolls_back_on_error(database: Database) -> None:
    with pytest.raises(ZeroDivisionError):
        async with database.connection() as connection:
            await connection.execute(INSERT_SESSION)
            raise ZeroDivisionError
    assert await count_sessions(database) == 0


async def test_an_event_cannot_be_changed(database: Database) -> None:
    async with database.connection() as connection:
        await connection.execute(INSERT_SESSION)
        await connection.execute("INSERT INTO events SELECT key, 0, NULL, 'user.message', NULL, '{}' FROM sessions")
    with pytest.raises(psycopg.errors.RaiseException, match="append-only"):
        async with database.connection() as connection:
            await connection.execute("UPDATE events SET type = 'agent.message'")


async def test_times_come_back_in_utc_wherever_the_server_is(database_url: str, settings: Settings) -> None:
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute(f"ALTER DATABASE {connection.info.dbname} SET TimeZone = 'Asia/Kathmandu'")
    async with open_database(settings) as database, database.connection() as connection:
        row = await (await connection.execute("SELECT timestamptz '2026-01-02 03:04Z'")).fetchone()
    assert row is not None
    assert row[0].isoformat() == "2026-01-02T03:04:00+00:00"


async def test_an_empty_database_is_migrated_and_a_migrated_one_left_alone(settings: Settings) -> None:
    assert settings.database_url is not None
    with psycopg.connect(settings.database_url) as connection:
        connection.execute("DROP SCHEMA public CASCADE")
        connection.execute("CREATE SCHEMA public")
    for _ in range(2):
        async with open_database(settings) as database:
            assert await count_sessions(database) == 0
    migrate(settings.database_url)


def test_the_files_name_the_newest_revision_as_the_migration_tool_sees_it() -> None:
    configuration = Config()
    configuration.set_main_option("script_location", str(MIGRATIONS))
    assert ScriptDirectory.from_config(configuration).get_heads() == known_revisions()[-1:]


async def test_a_database_of_a_newer_version_is_refused(settings: Settings) -> None:
    assert settings.database_url is not None
    with psycopg.connect(settings.database_url) as connection:
        connection.execute(f"UPDATE {VERSION_TABLE} SET version_num = '9999'".encode())
    with pytest.raises(DatabaseError, match=r"schema 9999.*newer"):
        async with open_database(settings):
            pass


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("postgresql://postgres@/reverie?host=/nowhere", "cannot reach the database"),
        ("mysql://root@localhost/reverie", "must start with 'postgresql://'"),
    ],
)
async def test_an_external_database_that_cannot_be_used_is_a_clear_error(url: str, reason: str, tmp_path: Path) -> None:
    with pytest.raises(DatabaseError, match=reason):
        async with open_database(Settings(home=tmp_path, database_url=url)):
            pass


class DroppingPool:
    """Drops a cancellation that comes together with the connection, as ``asyncio.wait_for`` of Python 3.11 does."""

    def __init__(self) -> None:
        self.asked = asyncio.Event()

    @asynccontextmanager
    async def connection(self) -> AsyncIterator[None]:
        self.asked.set()
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            yield


async def test_a_task_that_is_cancelled_while_it_waits_for_a_connection_ends_though_the_pool_drops_it() -> None:
    pool: Any = DroppingPool()
    reached: list[str] = []

    async def use() -> None:
        async with Database("postgresql://nowhere", pool).connection():
            reached.append("the connection")

    task = asyncio.create_task(use())
    await pool.asked.wait()
    task.cancel()
    await asyncio.wait([task])
    assert task.cancelled() and reached == []


async def test_each_statement_may_be_a_transaction_of_its_own(database: Database) -> None:
    async with database.statements() as connection:
        await connection.execute(INSERT_SESSION)
        assert await count_sessions(database) == 1
    async with database.connection() as connection:
        assert not connection.autocommit
