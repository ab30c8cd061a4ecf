"""Seals are made over what is committed for good, and over nothing twice."""

import asyncio
from datetime import timedelta
from pathlib import Path

import msgspec
import psycopg

from reverie.settings import Settings
from reverie.storage.postgres.database import Database
from reverie.storage.postgres.sealed_table import SEALED_TABLES
from reverie.storage.postgres.workspaces import create_workspace
from reverie.storage.service.seals import Sealing, list_seals, seal_history
from reverie.storage.service.verification import verify_history
from reverie.testing.patience import PATIENCE_SECONDS
from tests.storage.audit.history import NOW, write_act, write_history


async def seal(database: Database, settings: Settings, patience_seconds: float = PATIENCE_SECONDS) -> Sealing:
    return await seal_history(database, settings, NOW, patience_seconds)


async def test_a_seal_for_each_table_covers_all_rows_once(database: Database, settings: Settings) -> None:
    await write_history(database)
    first = await seal(database, settings)
    assert [(one.number, one.table, one.first, one.last, one.count) for one in first.seals] == [
        (1, "audit_log", 1, 4, 4),
        (2, "store_revisions", 1, 2, 2),
        (3, "memory_versions", 1, 2, 2),
        (4, "agent_versions", 1, 2, 2),
        (5, "rules", 1, 2, 2),
    ]
    assert (await seal(database, settings)).seals == ()
    async with database.connection() as connection:
        await write_act(connection, "res_more")
    (last,) = (await seal(database, settings)).seals
    assert (last.number, last.first, last.last) == (6, 5, 5)
    found = await verify_history(database)
    assert (found.clean, found.seals, found.rows, found.unsealed) == (True, 6, 13, 0)


async def test_the_trigger_hashes_the_columns_that_are_verified(database: Database) -> None:
    async with database.connection() as connection:
        rows = await connection.execute(
            "SELECT tgrelid::regclass::text, tgargs FROM pg_trigger WHERE tgname LIKE '%\\_hashed'"
        )
        made = {table: tuple(bytes(named).decode().split("\0")[:-1]) for table, named in await rows.fetchall()}
    assert made == {table.name: table.columns for table in SEALED_TABLES}


async def test_a_row_that_commits_late_with_a_lower_number_is_not_missed(
    database: Database, settings: Settings, database_url: str
) -> None:
    with psycopg.connect(database_url) as slow:
        slow.execute("SET timezone = 'Asia/Tokyo'")
        slow.execute(
            "INSERT INTO audit_log (at, actor, action, request_id) VALUES (now(), '{}', 'slow', '') RETURNING number"
        )
        await write_history(database)
        early = await seal(database, settings, patience_seconds=0)
        assert early.waiting == ("audit_log",)
        assert "audit_log" not in {one.table for one in early.seals}
        late = asyncio.create_task(seal(database, settings))
        slow.commit()
        (made,) = (await late).seals
    assert (made.table, made.first, made.last, made.count) == ("audit_log", 1, 5, 5)
    assert (await verify_history(database)).clean


async def test_a_number_that_was_rolled_back_stays_free(
    database: Database, settings: Settings, database_url: str
) -> None:
    with psycopg.connect(database_url) as gone:
        gone.execute("INSERT INTO audit_log (at, actor, action, request_id) VALUES (now(), '{}', 'gone', '')")
        gone.rollback()
    await write_history(database)
    made = (await seal(database, settings)).seals[0]
    assert (made.first, made.last, made.count) == (2, 5, 4)
    assert (await verify_history(database)).clean


async def test_two_that_seal_at_once_make_one_chain(database: Database, settings: Settings) -> None:
    await write_history(database)
    rounds = await asyncio.gather(*(seal(database, settings) for _ in range(3)))
    assert sorted(len(one.seals) for one in rounds) == [0, 0, 5]
    assert (await verify_history(database)).clean


async def test_nothing_is_sealed_before_it_is_due(database: Database, settings: Settings) -> None:
    await write_history(database)
    hour = timedelta(hours=1)
    assert len((await seal_history(database, settings, NOW, 0, hour)).seals) == 5
    async with database.connection() as connection:
        await write_act(connection, "later")
    assert (await seal_history(database, settings, NOW + hour / 2, 0, hour)).seals == ()
    assert len((await seal_history(database, settings, NOW + hour, 0, hour)).seals) == 1


async def test_the_file_holds_every_seal_as_a_line(database: Database, settings: Settings, tmp_path: Path) -> None:
    path = tmp_path / "seals.jsonl"
    await write_history(database)
    await seal(database, msgspec.structs.replace(settings, audit_seal_file=path))
    async with database.connection() as connection:
        listed = await list_seals(connection, before=None, limit=10)
    lines = [msgspec.json.decode(line) for line in path.read_bytes().splitlines()]
    assert lines == [msgspec.to_builtins(one) for one in reversed(listed)]


async def test_a_workspace_has_a_chain_of_its_own(database: Database, settings: Settings) -> None:
    workspace = await create_workspace(database, "other", NOW)
    other = database.of_schema(workspace.schema)
    await write_history(database)
    await seal(database, settings)
    await write_history(other)
    made = (await seal(other, settings)).seals
    assert [one.number for one in made] == [1, 2, 3, 4, 5]
    assert {one.workspace_id for one in made} == {workspace.id}
    assert (await verify_history(other)).seals == 5


async def test_seals_made_while_others_write_cover_each_row_once(database: Database, settings: Settings) -> None:
    async def write(name: str) -> None:
        for number in range(25):
            async with database.connection() as connection:
                await write_act(connection, f"{name} {number}")
                await write_act(connection, f"{name} {number} again")

    async def seal_on() -> None:
        for _ in range(8):
            await seal(database, settings)

    await asyncio.gather(*map(write, "abcd"), seal_on())
    await seal(database, settings)
    async with database.connection() as connection:
        covered = sum(one.count for one in await list_seals(connection, before=None, limit=100))
    found = await verify_history(database)
    assert (covered, found.rows, found.unsealed, found.clean) == (200, 200, 0, True)
