"""API keys, environment keys and session tokens: made, looked up by their secret, revoked. Kept as hashes only."""

import hashlib
import secrets
from datetime import datetime, timedelta
from typing import Literal, LiteralString

import msgspec
from psycopg.rows import class_row

from reverie.errors import NotFoundError
from reverie.ids import new_id
from reverie.storage.postgres.database import Connection

KeyRole = Literal["admin", "write", "read", "worker", "session"]
"""``worker``: an environment's key; ``session``: a token for one piece of work on one session."""

_COLUMNS = "id, workspace_id, role, name, environment_id, session_id, work_id, created_at, expires_at, revoked_at"


class ApiKey(msgspec.Struct, frozen=True):
    """A key, without its secret."""

    id: str
    workspace_id: str
    role: KeyRole
    name: str
    environment_id: str | None
    session_id: str | None
    work_id: str | None
    created_at: datetime
    expires_at: datetime | None = None
    revoked_at: datetime | None = None


class KeyScope(msgspec.Struct, frozen=True):
    """What a key is good for."""

    workspace_id: str
    role: KeyRole
    environment_id: str | None = None
    session_id: str | None = None
    work_id: str | None = None
    expires_at: datetime | None = None


def expiry(days: int | None, now: datetime) -> datetime | None:
    """When a key ends that is good for so many days; None: never."""
    return None if days is None else now + timedelta(days=days)


async def create_key(connection: Connection, name: str, scope: KeyScope, now: datetime) -> tuple[ApiKey, str]:
    """Make a key; its secret is returned once, here."""
    secret = f"sk-reverie-{scope.role}-{secrets.token_urlsafe(32)}"
    key = ApiKey(
        id=new_id("apikey", now),
        workspace_id=scope.workspace_id,
        role=scope.role,
        name=name,
        environment_id=scope.environment_id,
        session_id=scope.session_id,
        work_id=scope.work_id,
        created_at=now,
        expires_at=scope.expires_at,
    )
    await connection.execute(
        f"INSERT INTO public.api_keys ({_COLUMNS}, secret_sha256) VALUES ({', '.join(['%s'] * 11)})",
        [*msgspec.structs.astuple(key), _hash(secret)],
    )
    return key, secret


async def find_key(connection: Connection, secret: str, now: datetime) -> ApiKey | None:
    """The key with this secret, unless it has been revoked or has expired."""
    async with connection.cursor(row_factory=class_row(ApiKey)) as cursor:
        await cursor.execute(
            f"SELECT {_COLUMNS} FROM public.api_keys WHERE secret_sha256 = %s AND revoked_at IS NULL "
            "AND (expires_at IS NULL OR expires_at > %s)",
            [_hash(secret), now],
        )
        return await cursor.fetchone()


async def list_keys(connection: Connection, workspace_id: str) -> list[ApiKey]:
    """A workspace's keys, oldest first, without the tokens of single pieces of work."""
    async with connection.cursor(row_factory=class_row(ApiKey)) as cursor:
        await cursor.execute(
            f"SELECT {_COLUMNS} FROM public.api_keys WHERE workspace_id = %s AND role <> 'session' "
            "ORDER BY created_at, id",
            [workspace_id],
        )
        return await cursor.fetchall()


async def list_environment_keys(
    connection: Connection, environment_id: str, *, before: tuple[datetime, str] | None, limit: int
) -> list[ApiKey]:
    """An environment's keys, newest first, that come after the position ``before``."""
    return await _newest(connection, "environment_id = %(of)s AND role = 'worker'", environment_id, before, limit)


async def list_newest_keys(
    connection: Connection, workspace_id: str, *, before: tuple[datetime, str] | None, limit: int
) -> list[ApiKey]:
    """A workspace's keys that people and programs show, newest first, that come after the position ``before``."""
    of_people = "workspace_id = %(of)s AND role IN ('admin', 'write', 'read')"
    return await _newest(connection, of_people, workspace_id, before, limit)


async def _newest(
    connection: Connection, condition: LiteralString, of: str, before: tuple[datetime, str] | None, limit: int
) -> list[ApiKey]:
    async with connection.cursor(row_factory=class_row(ApiKey)) as cursor:
        await cursor.execute(
            f"""
            SELECT {_COLUMNS} FROM public.api_keys
            WHERE {condition}
                AND (%(at)s::timestamptz IS NULL OR (created_at, id) < (%(at)s, %(id)s))
            ORDER BY created_at DESC, id DESC LIMIT %(limit)s
            """,
            {
                "of": of,
                "at": before[0] if before else None,
                "id": before[1] if before else None,
                "limit": limit,
            },
        )
        return await cursor.fetchall()


async def delete_work_tokens(connection: Connection, work_id: str) -> None:
    """End the tokens of a piece of work."""
    await connection.execute("DELETE FROM public.api_keys WHERE work_id = %s", [work_id])


async def revoke_key(
    connection: Connection,
    workspace_id: str,
    key_id: str,
    now: datetime,
    *,
    environment_id: str | None = None,
    of_people: bool = False,
) -> ApiKey:
    """End a key for good; doing it again changes nothing.

    Args:
        environment_id: the environment whose key it has to be.
        of_people: whether it has to be one that no environment has.

    Raises:
        NotFoundError: the workspace has no such key.
    """
    async with connection.cursor(row_factory=class_row(ApiKey)) as cursor:
        await cursor.execute(
            "UPDATE public.api_keys SET revoked_at = coalesce(revoked_at, %s) WHERE id = %s AND workspace_id = %s "
            "AND (%s::text IS NULL OR environment_id = %s) AND (NOT %s OR environment_id IS NULL) "
            f"AND role <> 'session' RETURNING {_COLUMNS}",
            [now, key_id, workspace_id, environment_id, environment_id, of_people],
        )
        key = await cursor.fetchone()
    if key is None:
        raise NotFoundError(f"there is no key {key_id!r} in this {'environment' if environment_id else 'workspace'}")
    return key


def _hash(secret: str) -> bytes:
    return hashlib.sha256(secret.encode()).digest()
