"""The learning policy of each store; what is not set has its default."""

from contextlib import suppress

import msgspec

from reverie.dreams.policy import DreamPolicy, policy_settings
from reverie.errors import InputError, NotFoundError
from reverie.storage.memory.stores import find_store
from reverie.storage.postgres.database import Connection


async def read_policy(conn: Connection, store_id: str) -> DreamPolicy:
    """The store's policy.

    Raises:
        NotFoundError: there is no such store.
    """
    row = await (await conn.execute("SELECT policy::text FROM memory_stores WHERE id = %s", [store_id])).fetchone()
    if row is None:
        raise NotFoundError(f"there is no memory store {store_id!r}")
    return msgspec.convert(policy_settings(row[0]), DreamPolicy)


async def find_policy(conn: Connection, store: str) -> DreamPolicy:
    """The policy of the store with this name or id; the defaults where there is no such store yet.

    Raises:
        ConflictError: several stores have the name.
    """
    with suppress(NotFoundError):
        return await read_policy(conn, (await find_store(conn, store)).id)
    return DreamPolicy()


async def write_policy(conn: Connection, store_id: str, policy: bytes) -> DreamPolicy:
    """Set the store's policy from JSON, such as ``{"mining": {"least_effect": 0.1}}``; the rest takes its default.

    Raises:
        InputError: the JSON names an unknown setting, or gives one a value of another type.
    """
    try:
        settings = policy_settings(policy)
        chosen = msgspec.convert(settings, DreamPolicy)
    except msgspec.DecodeError as error:
        raise InputError(f"policy: {error}") from error
    await conn.execute(
        "UPDATE memory_stores SET policy = %s::jsonb WHERE id = %s", [msgspec.json.encode(settings).decode(), store_id]
    )
    return chosen
