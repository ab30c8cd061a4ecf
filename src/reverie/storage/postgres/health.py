"""Looks at the database without changing anything: nothing is made and nothing is migrated."""

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime
from pathlib import Path

import msgspec
import psycopg

from reverie.clock import Clock
from reverie.errors import DatabaseError
from reverie.settings import Settings
from reverie.storage.postgres.database import DATABASE_NAME, connect, libpq_url, schema_revision
from reverie.storage.postgres.embedded import acquire_server, release_server
from reverie.storage.postgres.postgres_program import binaries
from reverie.storage.postgres.schema import known_revisions


class DatabaseHealth(msgspec.Struct, frozen=True):
    """What a look at the database shows."""

    server_version: str
    revision: str | None
    """Of the schema; None where it was never made."""
    known: str
    """The newest revision that this Reverie knows."""
    behind: bool
    """Whether the next command migrates it."""
    clock_ahead: float
    """Seconds by which the database's clock is ahead of this machine's."""


def was_made(settings: Settings) -> bool:
    """Whether there is a database to look at; an external one is taken to be there."""
    return settings.database_url is not None or (settings.home / "postgres").is_dir()


def missing_programs(programs: tuple[str, ...] = ("initdb", "pg_ctl", "postgres")) -> list[str]:
    """Programs of the embedded PostgreSQL that are not there or cannot be run.

    Raises:
        DatabaseError: its package is missing.
    """
    folder: Path = binaries()
    return [program for program in programs if not os.access(folder / program, os.X_OK)]


async def examine(settings: Settings, clock: Clock) -> DatabaseHealth:
    """Look at the database, which has to have been made.

    Raises:
        DatabaseError: it cannot be started or reached, or is of a newer Reverie.
    """
    known = known_revisions()
    async with _address(settings) as url:
        revision = await schema_revision(url)
        async with await connect(url) as connection:
            query = "SELECT current_setting('server_version'), clock_timestamp()"
            before = clock.now()
            row = await (await connection.execute(query)).fetchone()
            after = clock.now()
    if revision is not None and revision not in known:
        raise DatabaseError(f"the database has schema {revision}, made by a newer Reverie; upgrade this one")
    assert row is not None
    server_version, at = row
    middle = before + (after - before) / 2
    ahead = (_aware(at) - middle).total_seconds()
    return DatabaseHealth(str(server_version), revision, known[-1], revision != known[-1], ahead)


def _aware(at: datetime) -> datetime:
    return at.astimezone()


@asynccontextmanager
async def _address(settings: Settings) -> AsyncIterator[str]:
    if settings.database_url is not None:
        yield libpq_url(settings.database_url)
        return
    server = await asyncio.to_thread(acquire_server, settings.home)
    try:
        async with await connect(server.url("postgres")) as connection:
            made = "SELECT 1 FROM pg_database WHERE datname = %s"
            if await (await connection.execute(made, [DATABASE_NAME])).fetchone() is None:
                raise DatabaseError("the server runs and holds no database yet; the next import makes it")
        yield server.url(DATABASE_NAME)
    except psycopg.Error as error:
        raise DatabaseError(f"the database failed: {str(error).strip()}") from error
    finally:
        await asyncio.to_thread(release_server, server)
