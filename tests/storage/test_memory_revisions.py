from datetime import UTC, datetime

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from reverie.errors import NotFoundError, StateError
from reverie.memory.memory import Edit, Revision
from reverie.storage.memory.memories import apply_edits, list_memories, read_memory, rollback
from reverie.storage.memory.revisions import (
    VersionFilter,
    list_current_versions,
    list_revisions,
    list_versions,
    read_revision,
    read_version,
    read_version_at,
    redact_version,
    snapshot,
)
from reverie.storage.memory.stores import archive_store, create_store
from reverie.storage.postgres.database import Connection, Database

NOW = datetime(2026, 1, 1, tzinfo=UTC)
LATER = datetime(2026, 1, 2, tzinfo=UTC)
ACTS = st.lists(
    st.dictionaries(st.sampled_from(["/a", "/b", "/c", "/d"]), st.sampled_from([None, "", "x", "y"]), min_size=1),
    min_size=1,
    max_size=5,
)


async def new_store(conn: Connection) -> str:
    return (await create_store(conn, "notes", "", {}, NOW)).id


async def put(conn: Connection, store_id: str, contents: dict[str, str | None]) -> Revision | None:
    edits = [Edit(path, content, "") for path, content in contents.items()]
    return await apply_edits(conn, store_id, edits, act="write", actor="user", reason="test", now=NOW)


@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(acts=ACTS, data=st.data())
async def test_any_revision_can_be_read_and_gone_back_to(
    database: Database, acts: list[dict[str, str | None]], data: st.DataObject
) -> None:
    async with database.connection() as conn:
        store_id = await new_store(conn)
        states: list[dict[str, str]] = [{}]
        for act in acts:
            if await put(conn, store_id, act) is not None:
                changed: dict[str, str | None] = {**states[-1], **act}
                states.append({path: content for path, content in changed.items() if content is not None})
        number = data.draw(st.integers(0, len(states) - 1))
        went_back = await rollback(conn, store_id, number, "test", NOW)
        assert [await snapshot(conn, store_id, revision) for revision in range(len(states))] == states
        memories = await list_memories(conn, store_id, with_content=True)
        assert {memory.path: memory.content for memory in memories} == states[number]
        assert (went_back is None) == (states[-1] == states[number])


async def test_a_rollback_is_a_revision_and_can_be_rolled_back(database: Database) -> None:
    async with database.connection() as conn:
        store_id = await new_store(conn)
        await put(conn, store_id, {"/a": "1", "/b": "1"})
        await put(conn, store_id, {"/a": "2", "/b": None})
        back = await rollback(conn, store_id, 1, "it was worse", LATER)
        assert back == Revision(store_id, 3, "rollback", "user", "back to revision 1: it was worse", (), LATER, 1, 1, 0)
        await rollback(conn, store_id, 2, "no, better", LATER)
        assert await snapshot(conn, store_id, 4) == {"/a": "2"}


async def test_memories_that_survive_a_rollback_keep_their_ids(database: Database) -> None:
    async with database.connection() as conn:
        store_id = await new_store(conn)
        await put(conn, store_id, {"/a": "1"})
        before = await read_memory(conn, store_id, "/a")
        await put(conn, store_id, {"/a": "2"})
        await rollback(conn, store_id, 1, "test", LATER)
        assert (await read_memory(conn, store_id, "/a")).id == before.id


async def test_a_rollback_takes_a_rename_back(database: Database) -> None:
    async with database.connection() as conn:
        store_id = await new_store(conn)
        await put(conn, store_id, {"/a": "1"})
        before = await read_memory(conn, store_id, "/a")
        renamed, taken = Edit("/b", "1", "", renamed_from="/a"), Edit("/a", "2", "", only_new=True)
        await apply_edits(conn, store_id, [renamed, taken], act="write", actor="user", reason="test", now=NOW)
        await rollback(conn, store_id, 1, "test", LATER)
        assert [(memory.id, memory.path) for memory in await list_memories(conn, store_id)] == [(before.id, "/a")]


async def test_a_revision_that_never_was_cannot_be_gone_back_to(database: Database) -> None:
    async with database.connection() as conn:
        store_id = await new_store(conn)
        with pytest.raises(NotFoundError, match="no revision 1"):
            await rollback(conn, store_id, 1, "test", NOW)


async def test_revisions_are_listed_newest_first_with_their_counts(database: Database) -> None:
    async with database.connection() as conn:
        store_id = await new_store(conn)
        await put(conn, store_id, {"/a": "1", "/b": "1"})
        await put(conn, store_id, {"/a": None, "/b": "2"})
        revisions = await list_revisions(conn, store_id)
        assert [(r.number, r.created, r.modified, r.deleted) for r in revisions] == [(2, 0, 1, 1), (1, 2, 0, 0)]
        assert await read_revision(conn, store_id, 1) == revisions[1]


async def test_versions_outlive_their_memory(database: Database) -> None:
    async with database.connection() as conn:
        store_id = await new_store(conn)
        await put(conn, store_id, {"/a": "1", "/b": "1"})
        memory = await read_memory(conn, store_id, "/a")
        await put(conn, store_id, {"/a": None})
        versions = await list_versions(conn, store_id, VersionFilter(memory_id=memory.id))
        assert [(version.operation, version.path, version.content) for version in versions] == [
            ("deleted", "/a", None),
            ("created", "/a", "1"),
        ]
        assert [version.path for version in await list_current_versions(conn, store_id)] == ["/b"]
        assert (await read_version_at(conn, store_id, 1, "/a")).content == "1"
        with pytest.raises(NotFoundError, match="at revision 2"):
            await read_version_at(conn, store_id, 2, "/a")


async def test_redaction_blanks_a_version_but_not_its_author(database: Database) -> None:
    async with database.connection() as conn:
        store_id = await new_store(conn)
        await put(conn, store_id, {"/secret": "password"})
        await put(conn, store_id, {"/secret": None})
        await archive_store(conn, store_id, NOW)
        (_, created) = await list_versions(conn, store_id)
        by = {"type": "user_actor", "user_id": "user_1"}
        redacted = await redact_version(conn, store_id, created.id, by, LATER)
        assert (redacted.path, redacted.content, redacted.content_sha256, redacted.content_size_bytes) == (None,) * 4
        assert (redacted.redacted_at, redacted.redacted_by, redacted.operation) == (LATER, by, "created")
        assert await redact_version(conn, store_id, created.id, None, NOW) == redacted
        assert await read_version(conn, store_id, created.id) == redacted


async def test_what_a_memory_holds_now_cannot_be_redacted(database: Database) -> None:
    async with database.connection() as conn:
        store_id = await new_store(conn)
        await put(conn, store_id, {"/a": "1"})
        (version,) = await list_versions(conn, store_id)
        with pytest.raises(StateError, match="'/a' holds now"):
            await redact_version(conn, store_id, version.id, None, NOW)


async def test_a_rollback_leaves_memories_alone_whose_old_content_was_redacted(database: Database) -> None:
    async with database.connection() as conn:
        store_id = await new_store(conn)
        await put(conn, store_id, {"/a": "secret", "/b": "1"})
        await put(conn, store_id, {"/a": "clean", "/b": "2"})
        (version,) = [version for version in await list_versions(conn, store_id) if version.content == "secret"]
        await redact_version(conn, store_id, version.id, None, NOW)
        await rollback(conn, store_id, 1, "test", LATER)
        assert await snapshot(conn, store_id, 3) == {"/a": "clean", "/b": "1"}
        assert await snapshot(conn, store_id, 1) == {"/b": "1"}
