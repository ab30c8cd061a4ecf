import asyncio
from datetime import UTC, datetime, timedelta

import pytest

from reverie.errors import MemoryPathError, NotFoundError, PreconditionError, StoreArchivedError
from reverie.memory.content import content_sha256
from reverie.memory.memory import Edit, Revision
from reverie.storage.memory.memories import apply_edits, list_memories, read_memory
from reverie.storage.memory.recall import recall
from reverie.storage.memory.revisions import list_revisions, list_versions
from reverie.storage.memory.stores import archive_store, create_store, find_store
from reverie.storage.postgres.database import Connection, Database
from reverie.testing.patience import PATIENCE_SECONDS

NOW = datetime(2026, 1, 1, tzinfo=UTC)
LATER = NOW + timedelta(days=1)


async def new_store(conn: Connection) -> str:
    return (await create_store(conn, "notes", "", {}, NOW)).id


async def put(conn: Connection, store_id: str, *edits: Edit, now: datetime = NOW) -> Revision | None:
    return await apply_edits(conn, store_id, edits, act="write", actor="user", reason="test", now=now)


async def test_one_act_makes_one_revision_that_says_who_and_why(database: Database) -> None:
    async with database.connection() as conn:
        store_id = await new_store(conn)
        await put(conn, store_id, Edit("/a", "1", ""), Edit("/b", "1", ""))
        revision = await apply_edits(
            conn,
            store_id,
            [Edit("/a", "2", "newer"), Edit("/b", None, "wrong"), Edit("/c", "", "empty")],
            act="import",
            actor="user",
            reason="tidied",
            source_session_ids=["sesn_1", "sesn_2"],
            created_by={"type": "user_actor", "user_id": "user_1"},
            now=LATER,
        )
        assert revision == Revision(store_id, 2, "import", "user", "tidied", ("sesn_1", "sesn_2"), LATER, 1, 1, 1)
        assert (await find_store(conn, store_id)).revision == 2
        versions = {version.path: version for version in await list_versions(conn, store_id) if version.revision == 2}
        assert (versions["/a"].reason, versions["/b"].content, versions["/c"].content) == ("newer", None, "")
        assert versions["/a"].created_by == {"type": "user_actor", "user_id": "user_1"}


async def test_a_changed_memory_keeps_its_id_and_its_birthday(database: Database) -> None:
    async with database.connection() as conn:
        store_id = await new_store(conn)
        await put(conn, store_id, Edit("/a", "é", ""))
        before = await read_memory(conn, store_id, "/a")
        await put(conn, store_id, Edit("/a", "new", ""), now=LATER)
        after = await read_memory(conn, store_id, before.id)
        assert (after.content, after.created_at, after.updated_at) == ("new", NOW, LATER)
        assert (before.content_size_bytes, before.content_sha256) == (2, content_sha256("é".encode()))
        assert after.memory_version_id != before.memory_version_id


async def test_edits_that_change_nothing_write_nothing(database: Database) -> None:
    async with database.connection() as conn:
        store_id = await new_store(conn)
        await put(conn, store_id, Edit("/a", "same", ""))
        assert await put(conn, store_id, Edit("/a", "same", ""), Edit("/gone", None, "")) is None
        assert await put(conn, store_id) is None
        assert len(await list_revisions(conn, store_id)) == len(await list_versions(conn, store_id)) == 1


async def test_a_refused_edit_takes_the_whole_act_with_it(database: Database) -> None:
    async with database.connection() as conn:
        store_id = await new_store(conn)
        with pytest.raises(PreconditionError):
            await put(conn, store_id, Edit("/a", "1", ""), Edit("/b", "1", "", content_sha256(b"read before")))
        assert await list_memories(conn, store_id) == []
        assert await list_revisions(conn, store_id) == []


async def test_a_dream_that_is_run_again_writes_its_revision_once(database: Database) -> None:
    async with database.connection() as conn:
        store_id = await new_store(conn)
        written = [
            await apply_edits(
                conn, store_id, [Edit("/a", content, "")], act="dream", actor="drm_1", reason="dreamt", now=NOW
            )
            for content in ("first", "second")
        ]
        assert written[0] == written[1]
        assert (await read_memory(conn, store_id, "/a")).content == "first"


async def test_an_archived_store_refuses_writes_and_lets_memories_go(database: Database) -> None:
    async with database.connection() as conn:
        store_id = await new_store(conn)
        await put(conn, store_id, Edit("/a", "1", ""))
        await archive_store(conn, store_id, LATER)
        with pytest.raises(StoreArchivedError, match="archived"):
            await put(conn, store_id, Edit("/b", "1", ""))
        await put(conn, store_id, Edit("/a", None, ""))
        assert await list_memories(conn, store_id) == []


async def test_writers_of_one_store_take_turns(database: Database) -> None:
    async with database.connection() as conn:
        store_id = await new_store(conn)

    async def write(number: int) -> Revision | None:
        async with database.connection() as conn:
            return await put(conn, store_id, Edit(f"/{number}", "mine", ""), Edit("/shared", str(number), ""))

    revisions = await asyncio.gather(*(write(number) for number in range(6)))
    assert sorted(revision.number for revision in revisions if revision) == [1, 2, 3, 4, 5, 6]
    async with database.connection() as conn:
        assert len(await list_memories(conn, store_id)) == 7


async def until_blocked(watching: Connection, other: Connection) -> None:
    """Return when ``other`` waits for a lock that ``watching`` holds."""
    query, pids = "SELECT %s = ANY(pg_blocking_pids(%s))", [watching.info.backend_pid, other.info.backend_pid]
    async with asyncio.timeout(PATIENCE_SECONDS):
        while await (await watching.execute(query, pids)).fetchone() != (True,):
            pass


async def test_a_second_writer_waits_and_then_sees_what_the_first_wrote(database: Database) -> None:
    async with database.connection() as first, database.connection() as second:
        store_id = await new_store(first)
        await put(first, store_id, Edit("/a", "1", ""))
        await first.commit()
        await put(first, store_id, Edit("/a", "2", ""))
        waiting = asyncio.create_task(put(second, store_id, Edit("/a", "3", "", content_sha256(b"1"))))
        await until_blocked(first, second)
        await first.commit()
        with pytest.raises(PreconditionError):
            await waiting


async def test_a_listing_keeps_to_whole_segments_and_byte_order(database: Database) -> None:
    async with database.connection() as conn:
        store_id = await new_store(conn)
        await put(conn, store_id, *(Edit(path, "text", "") for path in ("/b/é", "/b/Z", "/b/a_%", "/bc", "/B/x")))
        listed = await list_memories(conn, store_id, prefix="/b/")
        assert [(memory.path, memory.content) for memory in listed] == [
            ("/b/Z", None),
            ("/b/a_%", None),
            ("/b/é", None),
        ]
        full = await list_memories(conn, store_id, with_content=True)
        assert [memory.path for memory in full] == ["/B/x", "/b/Z", "/b/a_%", "/b/é", "/bc"]
        assert {memory.content for memory in full} == {"text"}
        with pytest.raises(MemoryPathError):
            await list_memories(conn, store_id, prefix="/b")


async def test_what_is_not_there_is_named(database: Database) -> None:
    async with database.connection() as conn:
        store_id = await new_store(conn)
        with pytest.raises(NotFoundError, match="/missing"):
            await read_memory(conn, store_id, "/missing")
        with pytest.raises(NotFoundError, match="memstore_missing"):
            await put(conn, "memstore_missing", Edit("/a", "1", ""))


async def test_one_act_lets_memories_change_places(database: Database) -> None:
    async with database.connection() as conn:
        store_id = await new_store(conn)
        await put(conn, store_id, Edit("/a", "first", ""), Edit("/b", "second", ""))
        first, second = [await read_memory(conn, store_id, path) for path in ("/a", "/b")]
        await put(
            conn,
            store_id,
            Edit("/b", "first", "", renamed_from="/a"),
            Edit("/a", "second", "", renamed_from="/b"),
            now=LATER,
        )
        moved = await read_memory(conn, store_id, first.id)
        assert (moved.path, moved.content, moved.updated_at) == ("/b", "first", LATER)
        assert (await read_memory(conn, store_id, second.id)).path == "/a"


async def test_a_renamed_memory_is_recalled_by_its_new_name(database: Database) -> None:
    async with database.connection() as conn:
        store_id = await new_store(conn)
        await put(conn, store_id, Edit("/refunds", "text", ""))
        await put(conn, store_id, Edit("/invoices", "text", "", renamed_from="/refunds"))
        assert await recall(conn, store_id, "refunds", 5, now=NOW) == ()
        assert [hit.path for hit in await recall(conn, store_id, "invoices", 5, now=NOW)] == ["/invoices"]
