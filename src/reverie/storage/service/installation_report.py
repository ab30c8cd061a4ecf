"""What can be said of the database as a whole."""

import msgspec

from reverie.storage.postgres.database import Connection
from reverie.storage.postgres.schema import VERSION_TABLE


class DatabaseReport(msgspec.Struct, frozen=True):
    """The database that is open."""

    version: str
    """Of PostgreSQL."""
    migration: str
    """The latest that was applied to this workspace."""
    bytes: int
    """Of all workspaces together."""


async def report_database(connection: Connection) -> DatabaseReport:
    """The version, the latest migration and the size of the database."""
    row = await connection.execute(
        f"SELECT current_setting('server_version'), (SELECT max(version_num) FROM {VERSION_TABLE}),"
        " pg_database_size(current_database())".encode()
    )
    ((version, migration, size),) = await row.fetchall()
    return DatabaseReport(str(version).partition(" ")[0], migration, size)
