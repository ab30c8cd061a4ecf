"""The slot of a store: whoever holds it dreams for the store, and nobody else does."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from psycopg import AsyncConnection

from reverie.storage.postgres.database import Connection

# A machine that is gone without a word must not hold a slot for hours; a Unix socket needs none of this.
_NOTICE_DEATH = """
SELECT set_config('tcp_keepalives_idle', '10', false), set_config('tcp_keepalives_interval', '5', false),
    set_config('tcp_keepalives_count', '4', false)
"""


@asynccontextmanager
async def hold_slot(url: str, store_id: str) -> AsyncIterator[Connection | None]:
    """Hold a store's dream slot for as long as the context lasts; None when a living process has it.

    The connection is outside of any pool: the lock lives exactly as long as it does.
    """
    async with await AsyncConnection.connect(url, autocommit=True) as connection:
        await connection.execute(_NOTICE_DEATH)
        yield connection if await lock_slot(connection, store_id) else None


async def lock_slot(connection: Connection, store_id: str) -> bool:
    """Take the store's dream slot for as long as ``connection`` lives; False when a living process holds it.

    An advisory lock ends with its connection, so a killed process never keeps the slot.
    """
    query = "SELECT pg_try_advisory_lock(hashtextextended('dream of ' || %s, 0))"
    row = await (await connection.execute(query, [store_id])).fetchone()
    return bool(row and row[0])
