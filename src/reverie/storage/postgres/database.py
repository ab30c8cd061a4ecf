"""The open database: embedded in the home folder by default, external by ``DATABASE_URL``."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Any
from urllib.parse import parse_qsl, quote, urlencode, urlsplit, urlunsplit

import msgspec
import psycopg
from psycopg import AsyncConnection, sql
from psycopg.types.json import set_json_dumps, set_json_loads
from psycopg_pool import AsyncConnectionPool

from reverie.cancellation import cancellations, heed_cancellation
from reverie.errors import DatabaseError
from reverie.lazy_modules import load_module
from reverie.settings import Settings
from reverie.storage.postgres.embedded import acquire_server, release_server
from reverie.storage.postgres.schema import VERSION_TABLE, known_revisions

DATABASE_NAME = "reverie"
CONNECT_SECONDS = 10
MOST_CONNECTIONS = 8

DEFAULT_SCHEMA = "public"
"""Where the default workspace lives, and what belongs to the whole installation: workspaces and keys."""

Connection = AsyncConnection[tuple[Any, ...]]


class PooledConnection(AsyncConnection[tuple[Any, ...]]):
    """A connection that knows which workspace it looks at."""

    schema = DEFAULT_SCHEMA

    async def look_at(self, schema: str) -> None:
        """Find unqualified names in ``schema`` from now on."""
        if schema != self.schema:
            await self.execute("SELECT set_config('search_path', %s, false)", [schema])
            await self.commit()
            self.schema = schema


class Database(msgspec.Struct, frozen=True):
    """A migrated database, its connection pool, and the workspace that is looked at.

    Each workspace is a PostgreSQL schema with tables of its own, so that no query can reach another's rows.
    """

    url: str
    """A libpq URL that starts with ``postgresql://``; a connection made with it looks at this workspace too."""
    pool: AsyncConnectionPool[PooledConnection]
    schema: str = DEFAULT_SCHEMA

    @asynccontextmanager
    async def connection(self) -> AsyncIterator[Connection]:
        """A connection in a transaction: committed at the end, rolled back on error. Times come back in UTC."""
        before = cancellations()
        async with self.pool.connection() as connection:
            heed_cancellation(before)  # whoever waits for the task's end would do so for ever
            await connection.look_at(self.schema)
            yield connection

    @asynccontextmanager
    async def statements(self) -> AsyncIterator[Connection]:
        """A connection whose statements are each a transaction of their own: for one of them, cheaper."""
        async with self.connection() as connection:
            await connection.commit()  # of nothing, mostly
            await connection.set_autocommit(True)
            try:
                yield connection
            finally:
                await connection.set_autocommit(False)

    async def check(self) -> None:
        """See that it answers.

        Raises:
            psycopg.OperationalError: it does not.
        """
        async with self.connection() as connection:
            await connection.execute("SELECT 1")

    def of_schema(self, schema: str) -> "Database":
        """The same database with another workspace looked at."""
        return Database(workspace_url(self.url, schema), self.pool, schema)


def workspace_url(url: str, schema: str) -> str:
    """``url`` for connections that look at ``schema``."""
    if schema == DEFAULT_SCHEMA:
        return url
    address = urlsplit(url)
    parameters = dict(parse_qsl(address.query))
    parameters["options"] = f"{parameters.get('options', '')} -csearch_path={schema}".strip()
    # quote, not quote_plus: libpq takes a plus sign for itself.
    return urlunsplit(address._replace(query=urlencode(parameters, quote_via=quote)))


@asynccontextmanager
async def open_database(settings: Settings, most_connections: int = MOST_CONNECTIONS) -> AsyncIterator[Database]:
    """Open the database, starting the embedded server and migrating the schema where needed.

    Raises:
        DatabaseError: the server cannot be started or reached, or the database was made by a newer Reverie.
    """
    if settings.database_url is not None:
        async with _open_url(libpq_url(settings.database_url), most_connections) as database:
            yield database
        return
    acquiring = asyncio.ensure_future(asyncio.to_thread(acquire_server, settings.home))
    try:
        server = await asyncio.shield(acquiring)
    except asyncio.CancelledError:
        # A start cannot be broken off half-way; what it started is stopped again.
        await asyncio.to_thread(release_server, await acquiring)
        raise
    try:
        await _create_if_missing(server.url("postgres"))
        async with _open_url(server.url(DATABASE_NAME), most_connections) as database:
            yield database
    finally:
        await asyncio.to_thread(release_server, server)


@asynccontextmanager
async def _open_url(url: str, most_connections: int) -> AsyncIterator[Database]:
    await ensure_schema(url)
    pool = AsyncConnectionPool(
        url,
        connection_class=PooledConnection,
        min_size=1,
        max_size=most_connections,
        open=False,
        configure=_configure,
    )
    async with pool:
        yield Database(url, pool)


async def _configure(connection: Connection) -> None:
    await connection.execute("SET TIME ZONE 'UTC'")
    await connection.execute(f"SET search_path TO {DEFAULT_SCHEMA}")
    await connection.commit()
    set_json_loads(msgspec.json.decode, connection)
    set_json_dumps(msgspec.json.encode, connection)


def libpq_url(url: str) -> str:
    """The address as libpq takes it.

    Raises:
        DatabaseError: it is none of PostgreSQL.
    """
    scheme, separator, rest = url.partition("://")
    if not separator or scheme not in ("postgresql", "postgres", "postgresql+psycopg"):
        raise DatabaseError("DATABASE_URL must start with 'postgresql://'")
    return f"postgresql://{rest}"


async def connect(url: str) -> Connection:
    """A connection whose statements are each a transaction of their own.

    Raises:
        DatabaseError: the database cannot be reached.
    """
    try:
        return await AsyncConnection.connect(url, autocommit=True, connect_timeout=CONNECT_SECONDS)
    except psycopg.Error as error:
        raise DatabaseError(f"cannot reach the database: {str(error).strip()}") from error


async def _create_if_missing(maintenance_url: str) -> None:
    async with await connect(maintenance_url) as connection:
        query = "SELECT 1 FROM pg_database WHERE datname = %s"
        if await (await connection.execute(query, [DATABASE_NAME])).fetchone():
            return
        # Two commands that start at once may both come here; the slower one finds it made.
        with suppress(psycopg.errors.DuplicateDatabase, psycopg.errors.UniqueViolation):
            await connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(DATABASE_NAME)))


async def ensure_schema(url: str) -> None:
    """Bring the workspace that ``url`` looks at to the schema revision that this code knows.

    Raises:
        DatabaseError: it cannot be reached, or was made by a newer Reverie.
    """
    known = known_revisions()
    revision = await schema_revision(url)
    if revision == known[-1]:
        return
    if revision is not None and revision not in known:
        raise DatabaseError(
            f"the database has schema {revision}, made by a newer Reverie; this one knows up to {known[-1]}: upgrade it"
        )
    await migrate_schema(url)


async def migrate_schema(url: str) -> None:
    """Run the migrations that the workspace that ``url`` looks at is behind by."""
    await asyncio.to_thread(load_module("reverie.storage.postgres.migrate").migrate, url)


async def schema_revision(url: str) -> str | None:
    """The revision of the schema that ``url`` looks at; None where there is none.

    Raises:
        DatabaseError: the database cannot be reached.
    """
    async with await connect(url) as connection:
        query = sql.SQL("SELECT version_num FROM {}").format(sql.Identifier(VERSION_TABLE))
        try:
            row = await (await connection.execute(query)).fetchone()
        except psycopg.errors.UndefinedTable:
            return None
    return row[0] if row else None


@asynccontextmanager
async def telling_database_errors() -> AsyncIterator[None]:
    """For a part of the work that may fail while the rest goes on.

    Raises:
        DatabaseError: the database failed.
    """
    try:
        yield
    except psycopg.Error as error:
        raise database_error(error) from error


def database_error(error: psycopg.Error) -> DatabaseError:
    """What a user is told."""
    return DatabaseError(f"the database failed: {str(error).strip()}; what was committed is kept")
