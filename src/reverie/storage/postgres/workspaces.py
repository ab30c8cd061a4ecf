"""Workspaces: each a PostgreSQL schema with tables of its own; the default one is where every command works."""

from datetime import datetime

import msgspec
from psycopg import sql
from psycopg.rows import class_row

from reverie.errors import ConflictError, InputError, NotFoundError
from reverie.ids import derived_id, new_id
from reverie.storage.postgres.database import (
    DEFAULT_SCHEMA,
    Connection,
    Database,
    ensure_schema,
    migrate_schema,
    workspace_url,
)

DEFAULT_WORKSPACE = derived_id("wrkspc", "default")
_DEFAULT_NAME = "default"
_MOST_NAME_CHARACTERS = 64


class Workspace(msgspec.Struct, frozen=True):
    """A set of sessions, agents and memories that no key of another workspace can reach."""

    id: str
    name: str
    schema: str
    created_at: datetime
    archived_at: datetime | None = None


async def ensure_default_workspace(connection: Connection, now: datetime) -> None:
    """Record the default workspace."""
    await connection.execute(
        "INSERT INTO public.workspaces (id, name, schema, created_at) VALUES (%s, %s, %s, %s) ON CONFLICT DO NOTHING",
        [DEFAULT_WORKSPACE, _DEFAULT_NAME, DEFAULT_SCHEMA, now],
    )


async def create_workspace(database: Database, name: str, now: datetime) -> Workspace:
    """Make a workspace with empty tables.

    Raises:
        InputError: the name is empty or too long.
        ConflictError: the name is taken.
    """
    if not 1 <= len(name) <= _MOST_NAME_CHARACTERS:
        raise InputError(f"workspace name: {len(name)} characters; give 1 to {_MOST_NAME_CHARACTERS}")
    id_ = new_id("wrkspc", now)
    # In lower case, as PostgreSQL reads the names in a search path.
    workspace = Workspace(id_, name, f"workspace_{id_.removeprefix('wrkspc_').lower()}", now)
    async with database.connection() as connection:
        await ensure_default_workspace(connection, now)
        taken = await connection.execute("SELECT FROM public.workspaces WHERE name = %s", [name])
        if await taken.fetchone() is not None:
            raise ConflictError(f"there is a workspace named {name!r} already; choose another name")
        await connection.execute(sql.SQL("CREATE SCHEMA IF NOT EXISTS {}").format(sql.Identifier(workspace.schema)))
    # Its tables are there before its name is: a workspace that can be found is whole.
    await migrate_schema(workspace_url(database.url, workspace.schema))
    async with database.connection() as connection:
        await connection.execute(
            "INSERT INTO public.workspaces (id, name, schema, created_at) VALUES (%s, %s, %s, %s)",
            [workspace.id, workspace.name, workspace.schema, now],
        )
    return workspace


async def list_workspaces(connection: Connection) -> list[Workspace]:
    """All workspaces, oldest first."""
    async with connection.cursor(row_factory=class_row(Workspace)) as cursor:
        await cursor.execute(
            "SELECT id, name, schema, created_at, archived_at FROM public.workspaces ORDER BY created_at, id"
        )
        return await cursor.fetchall()


async def find_workspace(connection: Connection, name_or_id: str) -> Workspace:
    """The workspace with this name or id.

    Raises:
        NotFoundError: there is none; the message names those that there are.
    """
    known = await list_workspaces(connection)
    for workspace in known:
        if name_or_id in (workspace.id, workspace.name):
            return workspace
    names = ", ".join(workspace.name for workspace in known)
    raise NotFoundError(f"no workspace has the name or id {name_or_id!r}; there are: {names}")


async def workspace_here(connection: Connection) -> str:
    """The id of the workspace that the connection looks at."""
    row = await connection.execute("SELECT id FROM public.workspaces WHERE schema = current_schema()")
    found = await row.fetchone()
    return DEFAULT_WORKSPACE if found is None else str(found[0])


async def ensure_workspaces(database: Database, now: datetime) -> None:
    """Bring every workspace's tables to the schema that this code knows.

    Raises:
        DatabaseError: one was made by a newer Reverie.
    """
    async with database.connection() as connection:
        await ensure_default_workspace(connection, now)
        workspaces = await list_workspaces(connection)
    for workspace in workspaces:
        await ensure_schema(workspace_url(database.url, workspace.schema))
