"""Memory stores: made, found by name or id, described anew, archived, deleted."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime

from psycopg.rows import class_row
from psycopg.types.json import Jsonb

from reverie.errors import ConflictError, NotFoundError, StoreArchivedError
from reverie.ids import new_id
from reverie.memory.memory import MemoryStore
from reverie.memory.store import check_store
from reverie.storage.postgres.act import record_erasure
from reverie.storage.postgres.database import Connection

_ID_PREFIX = "memstore"
_FIRST_STORE = "`reverie dream --store NAME` makes one with what it learns, `reverie memory create NAME` an empty one"
_COLUMNS = "id, name, description, metadata, created_at, updated_at, archived_at, revision, memory_count"


async def create_store(
    conn: Connection, name: str, description: str, metadata: Mapping[str, str], now: datetime
) -> MemoryStore:
    """Make an empty store; names need not be unique.

    Raises:
        InputError: the name, description or metadata break their rules.
    """
    check_store(name, description, metadata)
    store = MemoryStore(new_id(_ID_PREFIX, now), name, description, dict(metadata), now, now)
    await conn.execute(
        "INSERT INTO memory_stores (id, name, description, metadata, created_at, updated_at)"
        " VALUES (%s, %s, %s, %s, %s, %s)",
        [store.id, name, description, Jsonb(store.metadata), now, now],
    )
    return store


async def find_store(conn: Connection, name_or_id: str) -> MemoryStore:
    """The store with this id, or else the only store with this name that is not archived.

    Raises:
        NotFoundError: there is none; the message names the stores that there are.
        ConflictError: several stores have the name; the message lists their ids.
    """
    found = await _select_stores(
        conn,
        "WHERE id = %(sought)s OR (name = %(sought)s AND archived_at IS NULL) ORDER BY id <> %(sought)s, id",
        {"sought": name_or_id},
    )
    if not found:
        known = _names(await list_stores(conn))
        there = f"the stores are: {known}" if known else f"there are none yet; {_FIRST_STORE}"
        raise NotFoundError(f"no memory store has the name or id {name_or_id!r}; {there}")
    if len(found) > 1 and found[0].id != name_or_id:
        ids = ", ".join(store.id for store in found)
        raise ConflictError(f"{len(found)} memory stores are named {name_or_id!r}; give one of their ids: {ids}")
    return found[0]


async def choose_store(conn: Connection, name_or_id: str | None) -> MemoryStore:
    """The store that :func:`find_store` finds; without a name, the only one there is. Archived ones do not count.

    Raises:
        NotFoundError: there is no such store, or none at all.
        ConflictError: several stores could be meant; the message lists them.
    """
    if name_or_id is not None:
        return await find_store(conn, name_or_id)
    stores = await list_stores(conn)
    if not stores:
        raise NotFoundError("there is no memory store yet; make one with: reverie memory create NAME")
    if len(stores) > 1:
        raise ConflictError(f"there are {len(stores)} memory stores; name one of: {_names(stores)}")
    return stores[0]


async def list_stores(
    conn: Connection,
    *,
    include_archived: bool = False,
    created_from: datetime | None = None,
    created_to: datetime | None = None,
    before: tuple[datetime, str] | None = None,
    limit: int | None = None,
) -> list[MemoryStore]:
    """The stores made between two moments, both included, that come after the position ``before``, newest first."""
    return await _select_stores(
        conn,
        """
        WHERE (archived_at IS NULL OR %(all)s)
            AND (%(from)s::timestamptz IS NULL OR created_at >= %(from)s)
            AND (%(to)s::timestamptz IS NULL OR created_at <= %(to)s)
            AND (%(at)s::timestamptz IS NULL OR (created_at, id) < (%(at)s, %(id)s))
        ORDER BY created_at DESC, id DESC LIMIT %(limit)s
        """,
        {
            "all": include_archived,
            "from": created_from,
            "to": created_to,
            "at": before[0] if before else None,
            "id": before[1] if before else None,
            "limit": limit,
        },
    )


async def read_store(conn: Connection, store_id: str) -> MemoryStore:
    """The store with this id.

    Raises:
        NotFoundError: there is none.
    """
    return await _read_store(conn, store_id, "")


async def ensure_store(conn: Connection, name: str, now: datetime) -> MemoryStore:
    """The store that :func:`find_store` finds, made where there is none of this name.

    Raises:
        NotFoundError: ``name`` looks like a store's id, and there is no such store.
        ConflictError: several stores have the name.
        InputError: the name breaks its rules.
    """
    async with conn.transaction():
        # Two callers that find no store would else both make one, and the name would be of no use afterwards.
        await conn.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", [f"memory store {name}"])
        try:
            return await find_store(conn, name)
        except NotFoundError:
            if name.startswith(f"{_ID_PREFIX}_"):
                raise
            return await create_store(conn, name, "", {}, now)


async def archive_store(conn: Connection, store_id: str, now: datetime) -> MemoryStore:
    """Make the store read-only for good; archiving it again changes nothing.

    Raises:
        NotFoundError: there is no such store.
    """
    store = await lock_store(conn, store_id)
    if store.archived_at is not None:
        return store
    await conn.execute("UPDATE memory_stores SET archived_at = %s, updated_at = %s WHERE id = %s", [now, now, store_id])
    return await lock_store(conn, store_id)


async def lock_store(conn: Connection, store_id: str) -> MemoryStore:
    """The store, locked against other writers until the transaction ends.

    Raises:
        NotFoundError: there is no such store.
    """
    return await _read_store(conn, store_id, "FOR UPDATE")


async def hold_stores(conn: Connection, store_ids: Iterable[str]) -> dict[str, MemoryStore]:
    """The stores by id, kept as they are until the transaction ends; others may hold them too.

    Raises:
        NotFoundError: one of them is not there.
    """
    # Always in the same order, so that nobody waits in a circle.
    return {store_id: await _read_store(conn, store_id, "FOR SHARE") for store_id in sorted(set(store_ids))}


async def describe_store(
    conn: Connection, store: MemoryStore, name: str, description: str, metadata: Mapping[str, str], now: datetime
) -> MemoryStore:
    """Change what describes a store; where nothing changes, the time of its last change does not either.

    Raises:
        InputError: the name, description or metadata break their rules.
        StoreArchivedError: the store is archived.
    """
    if store.archived_at is not None:
        raise StoreArchivedError(f"memory store {store.name!r} ({store.id}) is archived; it cannot be changed")
    check_store(name, description, metadata)
    if (name, description, metadata) == (store.name, store.description, store.metadata):
        return store
    await conn.execute(
        "UPDATE memory_stores SET name = %s, description = %s, metadata = %s, updated_at = %s WHERE id = %s",
        [name, description, Jsonb(dict(metadata)), now, store.id],
    )
    return await read_store(conn, store.id)


async def delete_store(conn: Connection, store_id: str, now: datetime) -> None:
    """Delete a store with its memories, their versions and lessons; its dreams stay on record.

    An act of the audit log says that its history was erased.

    Raises:
        NotFoundError: there is no such store.
    """
    await lock_store(conn, store_id)
    erased = {table: await _entries(conn, table, store_id) for table in ("store_revisions", "memory_versions")}
    decisions = (
        "SELECT number FROM trial_decisions WHERE trial_id IN (SELECT id FROM trials WHERE memory_store_id = %s)"
    )
    erased["trial_decisions"] = [number for (number,) in await (await conn.execute(decisions, [store_id])).fetchall()]
    await record_erasure(conn, store_id, erased, now)
    await conn.execute("UPDATE briefings SET text = '' WHERE memory_store_ids @> ARRAY[%s::text]", [store_id])
    await conn.execute("DELETE FROM memory_stores WHERE id = %s", [store_id])


async def _entries(conn: Connection, table: str, store_id: str) -> list[int]:
    query = f"SELECT entry FROM {table} WHERE memory_store_id = %s ORDER BY entry"
    return [entry for (entry,) in await (await conn.execute(query.encode(), [store_id])).fetchall()]


async def _read_store(conn: Connection, store_id: str, clause: str) -> MemoryStore:
    found = await _select_stores(conn, f"WHERE id = %(id)s {clause}", {"id": store_id})
    if not found:
        raise NotFoundError(f"there is no memory store {store_id!r}")
    return found[0]


def _names(stores: Sequence[MemoryStore]) -> str:
    return ", ".join(sorted({store.name for store in stores}))


async def _select_stores(conn: Connection, clauses: str, parameters: Mapping[str, object]) -> list[MemoryStore]:
    async with conn.cursor(row_factory=class_row(MemoryStore)) as cursor:
        await cursor.execute(f"SELECT {_COLUMNS} FROM memory_stores {clauses}", parameters)
        return await cursor.fetchall()
