import asyncio
from datetime import UTC, datetime

import pytest

from reverie.errors import ConflictError, InputError, NotFoundError
from reverie.memory.memory import MemoryStore
from reverie.storage.memory.stores import (
    archive_store,
    choose_store,
    create_store,
    ensure_store,
    find_store,
    list_stores,
)
from reverie.storage.postgres.database import Database

NOW = datetime(2026, 1, 1, tzinfo=UTC)
LATER = datetime(2026, 1, 2, tzinfo=UTC)


async def test_a_store_is_found_by_name_and_by_id(database: Database) -> None:
    async with database.connection() as conn:
        store = await create_store(conn, "notes", "for tests", {"team": "a"}, NOW)
        assert await find_store(conn, "notes") == store
        assert await find_store(conn, store.id) == store


async def test_an_unknown_name_is_answered_with_the_names_there_are(database: Database) -> None:
    async with database.connection() as conn:
        await create_store(conn, "notes", "", {}, NOW)
        with pytest.raises(NotFoundError, match="'note'; the stores are: notes"):
            await find_store(conn, "note")


async def test_where_there_is_no_store_an_unknown_name_is_answered_with_how_to_make_one(database: Database) -> None:
    async with database.connection() as conn:
        with pytest.raises(NotFoundError, match=r"'note'; there are none yet; .*`reverie memory create NAME`"):
            await find_store(conn, "note")


async def test_a_name_of_two_stores_is_answered_with_their_ids(database: Database) -> None:
    async with database.connection() as conn:
        stores = [await create_store(conn, "notes", "", {}, now) for now in (NOW, LATER)]
        with pytest.raises(ConflictError, match=f"{stores[0].id}, {stores[1].id}"):
            await find_store(conn, "notes")


async def test_an_archived_store_gives_up_its_name_but_not_its_id(database: Database) -> None:
    async with database.connection() as conn:
        old = await create_store(conn, "notes", "", {}, NOW)
        archived = await archive_store(conn, old.id, LATER)
        assert (archived.archived_at, archived.updated_at) == (LATER, LATER)
        new = await ensure_store(conn, "notes", LATER)
        assert await find_store(conn, "notes") == new
        assert await find_store(conn, old.id) == archived
        assert await list_stores(conn) == [new]
        assert await list_stores(conn, include_archived=True) == [new, archived]


async def test_archiving_again_changes_nothing(database: Database) -> None:
    async with database.connection() as conn:
        store = await create_store(conn, "notes", "", {}, NOW)
        archived = await archive_store(conn, store.id, NOW)
        assert await archive_store(conn, store.id, LATER) == archived


async def test_a_store_is_made_once_however_many_ask_at_once(database: Database) -> None:
    async def ensure() -> MemoryStore:
        async with database.connection() as conn:
            return await ensure_store(conn, "notes", NOW)

    stores = await asyncio.gather(*(ensure() for _ in range(4)))
    assert len({store.id for store in stores}) == 1


async def test_a_mistyped_id_makes_no_store(database: Database) -> None:
    async with database.connection() as conn:
        with pytest.raises(NotFoundError):
            await ensure_store(conn, "memstore_mistyped", NOW)
        assert await list_stores(conn) == []


async def test_a_store_that_breaks_the_rules_is_not_made(database: Database) -> None:
    async with database.connection() as conn:
        with pytest.raises(InputError, match="store name"):
            await ensure_store(conn, "", NOW)


async def test_without_a_name_the_only_store_is_chosen(database: Database) -> None:
    async with database.connection() as conn:
        with pytest.raises(NotFoundError, match="memory create"):
            await choose_store(conn, None)
        store = await create_store(conn, "one", "", {}, NOW)
        assert await choose_store(conn, None) == store
        await create_store(conn, "two", "", {}, NOW)
        with pytest.raises(ConflictError, match="one, two"):
            await choose_store(conn, None)
