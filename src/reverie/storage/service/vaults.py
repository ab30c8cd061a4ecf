"""Vaults and their credentials in the database; secrets come and go sealed."""

from datetime import datetime
from typing import Any

import msgspec
from psycopg.errors import UniqueViolation
from psycopg.rows import class_row
from psycopg.types.json import Jsonb

from reverie.errors import ConflictError, NotFoundError
from reverie.storage.postgres.database import Connection
from reverie.storage.postgres.newest_first import Position, list_newest
from reverie.storage.postgres.one_row import read_one

_VAULT = "id, display_name, metadata, created_at, updated_at, archived_at"
_CREDENTIAL = "id, vault_id, display_name, metadata, mcp_server_url, auth, sealed, created_at, updated_at, archived_at"


class Vault(msgspec.Struct, frozen=True):
    """A set of credentials that sessions may be given."""

    id: str
    display_name: str
    metadata: dict[str, str]
    created_at: datetime
    updated_at: datetime
    archived_at: datetime | None = None


class Credential(msgspec.Struct, frozen=True):
    """What a session authenticates to one MCP server with."""

    id: str
    vault_id: str
    display_name: str | None
    metadata: dict[str, str]
    mcp_server_url: str
    auth: dict[str, Any]
    """What may be shown of it."""
    sealed: str | None
    """Its secrets; None once they are purged."""
    created_at: datetime
    updated_at: datetime
    archived_at: datetime | None = None


async def insert_vault(connection: Connection, vault: Vault) -> None:
    """Record a new vault."""
    await connection.execute(
        f"INSERT INTO vaults ({_VAULT}) VALUES (%s, %s, %s, %s, %s, %s)",
        [
            vault.id,
            vault.display_name,
            Jsonb(vault.metadata),
            vault.created_at,
            vault.updated_at,
            vault.archived_at,
        ],
    )


async def read_vault(connection: Connection, vault_id: str, *, lock: bool = False, hold: bool = False) -> Vault:
    """One vault; until the transaction ends nobody else changes it (``lock``), or nobody at all (``hold``).

    Raises:
        NotFoundError: there is none.
    """
    missing = NotFoundError(f"there is no vault {vault_id!r}", code="vault_not_found")
    query = f"{_VAULT} FROM vaults WHERE id = %s"
    return await read_one(connection, Vault, query, [vault_id], missing, lock=lock, hold=hold)


async def list_vaults(
    connection: Connection, *, before: Position | None, include_archived: bool, limit: int
) -> list[Vault]:
    """Vaults, newest first, that come after the position ``before``."""
    conditions = [] if include_archived else ["archived_at IS NULL"]
    selected = f"{_VAULT} FROM vaults"
    return await list_newest(connection, Vault, selected, before=before, limit=limit, conditions=conditions)


async def update_vault(connection: Connection, vault: Vault) -> None:
    """Replace what may change of a vault."""
    await connection.execute(
        "UPDATE vaults SET display_name = %s, metadata = %s, updated_at = %s WHERE id = %s",
        [vault.display_name, Jsonb(vault.metadata), vault.updated_at, vault.id],
    )


async def archive_vault(connection: Connection, vault_id: str, now: datetime) -> list[str]:
    """Archive a locked vault with its credentials, and purge their secrets; gives the credentials it archived."""
    await connection.execute("UPDATE vaults SET archived_at = %s, updated_at = %s WHERE id = %s", [now, now, vault_id])
    rows = await connection.execute(
        "UPDATE vault_credentials SET archived_at = %s, updated_at = %s, sealed = NULL"
        " WHERE vault_id = %s AND archived_at IS NULL RETURNING id",
        [now, now, vault_id],
    )
    return [credential_id for (credential_id,) in await rows.fetchall()]


async def delete_vault(connection: Connection, vault_id: str) -> None:
    """Delete a vault with its credentials.

    Raises:
        NotFoundError: there is none.
    """
    await read_vault(connection, vault_id, lock=True)
    await connection.execute("DELETE FROM vaults WHERE id = %s", [vault_id])


async def count_credentials(connection: Connection, vault_id: str) -> int:
    """How many credentials of a vault are in use."""
    row = await connection.execute(
        "SELECT count(*) FROM vault_credentials WHERE vault_id = %s AND archived_at IS NULL", [vault_id]
    )
    ((count,),) = await row.fetchall()
    return int(count)


async def insert_credential(connection: Connection, credential: Credential) -> None:
    """Record a new credential.

    Raises:
        ConflictError: the vault has one for the same server.
    """
    try:
        await connection.execute(
            f"INSERT INTO vault_credentials ({_CREDENTIAL}) VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s)",
            [
                credential.id,
                credential.vault_id,
                credential.display_name,
                Jsonb(credential.metadata),
                credential.mcp_server_url,
                Jsonb(credential.auth),
                credential.sealed,
                credential.created_at,
                credential.updated_at,
                credential.archived_at,
            ],
        )
    except UniqueViolation as error:
        raise ConflictError(
            f"vault {credential.vault_id} has a credential for {credential.mcp_server_url}; change or archive that one"
        ) from error


async def read_credential(
    connection: Connection, vault_id: str, credential_id: str, *, lock: bool = False
) -> Credential:
    """One credential of a vault, locked until the transaction ends where asked for.

    Raises:
        NotFoundError: the vault has none of this id.
    """
    missing = NotFoundError(f"vault {vault_id} has no credential {credential_id!r}")
    query = f"{_CREDENTIAL} FROM vault_credentials WHERE id = %s AND vault_id = %s"
    return await read_one(connection, Credential, query, [credential_id, vault_id], missing, lock=lock)


async def list_credentials(
    connection: Connection, vault_id: str, *, before: Position | None, include_archived: bool, limit: int
) -> list[Credential]:
    """A vault's credentials, newest first, that come after the position ``before``."""
    conditions = ["vault_id = %(vault)s", *([] if include_archived else ["archived_at IS NULL"])]
    return await list_newest(
        connection,
        Credential,
        f"{_CREDENTIAL} FROM vault_credentials",
        before=before,
        limit=limit,
        conditions=conditions,
        parameters={"vault": vault_id},
    )


async def match_credential(connection: Connection, vault_ids: list[str], mcp_server_url: str) -> Credential | None:
    """The credential for a server: that of the first vault, in the order given, which has one."""
    async with connection.cursor(row_factory=class_row(Credential)) as cursor:
        await cursor.execute(
            f"""
            SELECT {_CREDENTIAL} FROM vault_credentials
            WHERE vault_id = ANY (%(vaults)s) AND mcp_server_url = %(url)s AND archived_at IS NULL
            ORDER BY array_position(%(vaults)s, vault_id) LIMIT 1
            """,
            {"vaults": vault_ids, "url": mcp_server_url},
        )
        return await cursor.fetchone()


async def update_credential(connection: Connection, credential: Credential) -> None:
    """Replace what may change of a credential."""
    await connection.execute(
        "UPDATE vault_credentials SET display_name = %s, metadata = %s, auth = %s, sealed = %s, updated_at = %s,"
        " archived_at = %s WHERE id = %s",
        [
            credential.display_name,
            Jsonb(credential.metadata),
            Jsonb(credential.auth),
            credential.sealed,
            credential.updated_at,
            credential.archived_at,
            credential.id,
        ],
    )


async def delete_credential(connection: Connection, credential_id: str) -> None:
    """Delete a credential with its secrets."""
    await connection.execute("DELETE FROM vault_credentials WHERE id = %s", [credential_id])
