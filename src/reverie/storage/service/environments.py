"""Environments in the database."""

from datetime import datetime
from typing import Any

import msgspec
from psycopg.types.json import Jsonb

from reverie.errors import NotFoundError, StateError
from reverie.storage.postgres.database import Connection
from reverie.storage.postgres.newest_first import Position, list_newest
from reverie.storage.postgres.one_row import read_one

_COLUMNS = "id, name, description, config, metadata, created_at, updated_at, archived_at"


class Environment(msgspec.Struct, frozen=True):
    """Where the tools of a session run."""

    id: str
    name: str
    description: str | None
    config: dict[str, Any]
    metadata: dict[str, str]
    created_at: datetime
    updated_at: datetime
    archived_at: datetime | None = None


async def insert_environment(connection: Connection, environment: Environment) -> None:
    """Record a new environment."""
    await connection.execute(
        f"INSERT INTO environments ({_COLUMNS}) VALUES (%s, %s, %s, %s, %s, %s, %s, %s)",
        [
            environment.id,
            environment.name,
            environment.description,
            Jsonb(environment.config),
            Jsonb(environment.metadata),
            environment.created_at,
            environment.updated_at,
            environment.archived_at,
        ],
    )


async def read_environment(
    connection: Connection, environment_id: str, *, lock: bool = False, hold: bool = False
) -> Environment:
    """One environment; until the transaction ends nobody else changes it (``lock``), or nobody at all (``hold``).

    Raises:
        NotFoundError: there is none.
    """
    missing = NotFoundError(f"there is no environment {environment_id!r}", code="environment_not_found")
    query = f"{_COLUMNS} FROM environments WHERE id = %s"
    return await read_one(connection, Environment, query, [environment_id], missing, lock=lock, hold=hold)


async def list_environments(
    connection: Connection, *, before: Position | None, include_archived: bool, limit: int
) -> list[Environment]:
    """Environments, newest first, that come after the position ``before``."""
    conditions = [] if include_archived else ["archived_at IS NULL"]
    selected = f"{_COLUMNS} FROM environments"
    return await list_newest(connection, Environment, selected, before=before, limit=limit, conditions=conditions)


async def update_environment(connection: Connection, environment: Environment) -> None:
    """Replace what may change of an environment."""
    await connection.execute(
        "UPDATE environments SET name = %s, description = %s, config = %s, metadata = %s, updated_at = %s"
        " WHERE id = %s",
        [
            environment.name,
            environment.description,
            Jsonb(environment.config),
            Jsonb(environment.metadata),
            environment.updated_at,
            environment.id,
        ],
    )


async def archive_environment(connection: Connection, environment_id: str, now: datetime) -> Environment:
    """Archive an environment unless it is archived already.

    Raises:
        NotFoundError: there is none.
    """
    await connection.execute(
        "UPDATE environments SET archived_at = %s, updated_at = %s WHERE id = %s AND archived_at IS NULL",
        [now, now, environment_id],
    )
    return await read_environment(connection, environment_id)


async def delete_environment(connection: Connection, environment_id: str) -> None:
    """Delete an environment.

    Raises:
        NotFoundError: there is none.
        StateError: sessions that are not archived use it.
    """
    await read_environment(connection, environment_id, lock=True)
    used = await connection.execute(
        "SELECT FROM live_sessions WHERE environment_id = %s AND archived_at IS NULL LIMIT 1", [environment_id]
    )
    if await used.fetchone() is not None:
        raise StateError(f"environment {environment_id} has sessions that are not archived; archive them first")
    await connection.execute("DELETE FROM environments WHERE id = %s", [environment_id])
