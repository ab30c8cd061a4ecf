"""Seals in the database: made over the rows that were added since the last ones, and listed.

Rows get their numbers before their transactions commit, so a lower number may become visible after a higher one. A
seal's last row is the highest one visible at a moment; then it waits, as ``CREATE INDEX CONCURRENTLY`` does, until
every transaction that could write to the table at that moment has ended. Who writes waits for nothing.
"""

import asyncio
import time
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta

import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from psycopg import sql

from reverie.settings import Settings
from reverie.storage.postgres.database import Connection, Database
from reverie.storage.postgres.sealed_table import SEALED_TABLES, SealedTable
from reverie.storage.postgres.workspaces import workspace_here
from reverie.storage.service.seal import FIRST_ROOT, Seal, chained_root, leaf
from reverie.storage.service.seal_file import opened_seal_file
from reverie.storage.service.seal_keys import key_id, open_signing_key

MOST_ROWS = 10_000
"""Of one seal."""
_LOOK_SECONDS = 0.05
"""Between two looks at whether those that were writing have ended."""
_COLUMNS = """
number, workspace_id, "table", first, last, count, made_at, key_id, encode(root, 'hex') AS root,
encode(signature, 'hex') AS signature
"""
_WRITERS = """
SELECT relation::regclass::text, virtualtransaction FROM pg_locks
WHERE locktype = 'relation' AND granted AND pid IS DISTINCT FROM pg_backend_pid()
    AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
    AND relation = ANY(%s::regclass[])
    AND mode NOT IN ('AccessShareLock', 'RowShareLock', 'ShareUpdateExclusiveLock', 'ShareLock', 'SIReadLock')
"""
_INSERT = """
INSERT INTO audit_seals (number, workspace_id, "table", first, last, count, made_at, key_id, root, signature, leaves)
VALUES (%s, %s, %s, %s, %s, %s, %s, %s, decode(%s, 'hex'), decode(%s, 'hex'), %s)
"""


class Sealing(msgspec.Struct, frozen=True):
    """What one round of sealing came to."""

    seals: tuple[Seal, ...]
    waiting: tuple[str, ...]
    """Tables left for the next round: somebody was still writing to them."""


async def seal_history(
    database: Database, settings: Settings, now: datetime, patience_seconds: float, due_after: timedelta | None = None
) -> Sealing:
    """Seal the rows of a workspace that no seal covers yet, and append the seals to the outside file.

    Args:
        patience_seconds: how long to wait for transactions that are still writing.
        due_after: when given, nothing is done while the newest seal is younger than that.

    Raises:
        SettingsError: the signing key or the outside file cannot be used.
    """
    key = await asyncio.to_thread(open_signing_key, settings)
    with opened_seal_file(settings.audit_seal_file) as append:
        async with database.connection() as connection:
            # Two that seal at once would make two chains.
            await connection.execute("LOCK TABLE audit_seals IN SHARE ROW EXCLUSIVE MODE")
            if due_after is not None and await _is_young(connection, now - due_after):
                return Sealing((), ())
            sealing = await _seal(
                connection, _Chain(await workspace_here(connection), now.astimezone(UTC), key), patience_seconds
            )
        if sealing.seals:
            await asyncio.to_thread(append, sealing.seals)
    return sealing


def check_seal_settings(settings: Settings) -> None:
    """See that the signing key and the outside file can be used, before anything relies on them.

    Raises:
        SettingsError: one of them cannot.
    """
    open_signing_key(settings)
    with opened_seal_file(settings.audit_seal_file):
        pass


class _Chain(msgspec.Struct, frozen=True):
    """What all seals of a round share."""

    workspace_id: str
    made_at: datetime
    key: Ed25519PrivateKey | None


async def _is_young(connection: Connection, since: datetime) -> bool:
    row = await connection.execute("SELECT FROM audit_seals WHERE made_at > %s LIMIT 1", [since])
    return await row.fetchone() is not None


async def _seal(connection: Connection, chain: _Chain, patience_seconds: float) -> Sealing:
    sealed = await _sealed_up_to(connection)
    ends = {table.name: await _newest(connection, table) for table in SEALED_TABLES}
    fresh = [table for table in SEALED_TABLES if ends[table.name] > sealed.get(table.name, 0)]
    waiting = await _wait_for_writers(connection, [table.name for table in fresh], patience_seconds)
    seals: list[Seal] = []
    for table in fresh:
        after = sealed.get(table.name, 0)
        while table.name not in waiting and (leaves := await _leaves(connection, table, after, ends[table.name])):
            seals.append(await _add_seal(connection, chain, table.name, leaves))
            after = seals[-1].last
    return Sealing(tuple(seals), tuple(table.name for table in fresh if table.name in waiting))


async def _sealed_up_to(connection: Connection) -> Mapping[str, int]:
    row = await connection.execute('SELECT "table", max(last) FROM audit_seals GROUP BY "table"')
    return dict(await row.fetchall())


async def _newest(connection: Connection, table: SealedTable) -> int:
    query = sql.SQL("SELECT coalesce(max({}), 0) FROM {}").format(
        sql.Identifier(table.number), sql.Identifier(table.name)
    )
    ((newest,),) = await (await connection.execute(query)).fetchall()
    return int(newest)


async def _wait_for_writers(connection: Connection, tables: Sequence[str], patience_seconds: float) -> set[str]:
    """Wait until all that write to the tables now have ended; those to which some still write after that long.

    A row's transaction locks the table before the row has its number, and until it has ended.
    """
    writers = await _writers(connection, tables)
    end = time.monotonic() + patience_seconds
    while writers and time.monotonic() < end:
        await asyncio.sleep(min(_LOOK_SECONDS, patience_seconds))
        writers &= await _writers(connection, tables)
    return {table for table, _ in writers}


async def _writers(connection: Connection, tables: Sequence[str]) -> set[tuple[str, str]]:
    """Tables with the transactions that hold a lock to write to them."""
    row = await connection.execute(_WRITERS, [list(tables)])
    return {(table.rpartition(".")[2].strip('"'), transaction) for table, transaction in await row.fetchall()}


async def _leaves(connection: Connection, table: SealedTable, after: int, last: int) -> list[tuple[int, bytes]]:
    query = sql.SQL("SELECT {0}, content_hash FROM {1} WHERE {0} > %s AND {0} <= %s ORDER BY {0} LIMIT %s").format(
        sql.Identifier(table.number), sql.Identifier(table.name)
    )
    return list(await (await connection.execute(query, [after, last, MOST_ROWS])).fetchall())


async def _add_seal(connection: Connection, chain: _Chain, table: str, rows: Sequence[tuple[int, bytes]]) -> Seal:
    row = await connection.execute("SELECT number, encode(root, 'hex') FROM audit_seals ORDER BY number DESC LIMIT 1")
    number, previous = await row.fetchone() or (0, FIRST_ROOT)
    signer = None if chain.key is None else key_id(chain.key.public_key())
    first, last = rows[0][0], rows[-1][0]
    unsigned = Seal(number + 1, chain.workspace_id, table, first, last, len(rows), chain.made_at, signer, "", None)
    leaves = b"".join(leaf(*one) for one in rows)
    root = chained_root(previous, unsigned, leaves)
    signature = None if chain.key is None else chain.key.sign(bytes.fromhex(root)).hex()
    seal = msgspec.structs.replace(unsigned, root=root, signature=signature)
    await connection.execute(_INSERT, [*msgspec.structs.astuple(seal), leaves])
    return seal


async def list_seals(connection: Connection, *, before: int | None, limit: int) -> list[Seal]:
    """Seals before number ``before``, newest first."""
    query = f"""
        SELECT {_COLUMNS} FROM audit_seals WHERE %(before)s::bigint IS NULL OR number < %(before)s
        ORDER BY number DESC LIMIT %(limit)s
    """
    row = await connection.execute(query.encode(), {"before": before, "limit": limit})
    return [Seal(*one) for one in await row.fetchall()]
