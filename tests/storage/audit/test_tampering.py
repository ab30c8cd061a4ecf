"""Whichever one change somebody with all rights makes to a sealed history, verification names the place."""

from collections.abc import AsyncIterator

import psycopg
import pytest
import pytest_asyncio
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from reverie.agents.bounds import Bounds, OrderBound
from reverie.runtime.role import Roles
from reverie.settings import Settings
from reverie.storage.live.roles import write_roles
from reverie.storage.postgres.database import Database
from reverie.storage.postgres.sealed_table import SEALED_TABLES, SealedTable
from reverie.storage.service.agent_bounds import write_bounds
from reverie.storage.service.seal import Finding
from reverie.storage.service.seals import seal_history
from reverie.storage.service.verification import verify_history
from tests.storage.audit.history import NOW, rehash, tamper, write_act, write_history

UNFILLED = {"deployment_runs", "trial_decisions", "charters", "charter_alarms"}
"""Tables of which the short history has no rows; charters have a test of their own beside what fills them."""
FILLED = [table for table in SEALED_TABLES if table.name not in UNFILLED]
COPIED = [*(table.name for table in FILLED), "audit_seals"]
FREE = {"audit_log": [-1, 0, 5, 6]}
"""Numbers that no row has, in the midst of those that are sealed."""
CHANGES = {
    "text": "CASE {0} WHEN 'created' THEN 'modified' WHEN 'intermediate' THEN 'long' ELSE coalesce({0}, '') || ' ' END",
    "jsonb": "coalesce({0}, '{{}}') || '{{\"forged\": 1}}'",
    "timestamp with time zone": "{0} + interval '1 microsecond'",
    "integer": "{0} + 100",
    "bigint": "{0} + 100",
    "uuid": "gen_random_uuid()",
    "ARRAY": "{0} || 'sesn_forged'::text",
    "bytea": "sha256(coalesce({0}, ''))",
}
"""How a value of each type is changed."""
SEAL_COLUMNS = (
    *("number", "workspace_id", "table", "first", "last", "count", "made_at"),
    *("key_id", "root", "signature", "leaves"),
)
property_test = hypothesis_settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


@pytest_asyncio.fixture
async def sealed_url(database: Database, settings: Settings, database_url: str) -> AsyncIterator[str]:
    """The address of a sealed history with two free numbers, of which a copy is kept."""
    await write_history(database)
    with psycopg.connect(database_url) as gone:
        for _ in range(2):
            gone.execute("INSERT INTO audit_log (at, actor, action, request_id) VALUES (now(), '{}', 'gone', '')")
        gone.rollback()
    async with database.connection() as connection:
        await write_act(connection, "after the gap")
        for bounds in (Bounds(), Bounds(order=OrderBound())):
            await write_bounds(connection, "agent_1", bounds, "apikey_1", NOW)
            await write_roles(connection, "agent_1", Roles(), NOW)
    await seal_history(database, settings, NOW, 0)
    async with database.connection() as connection:
        await write_act(connection, "of a seal of its own")
    await seal_history(database, settings, NOW, 0)
    with psycopg.connect(database_url) as connection:
        connection.execute("CREATE SCHEMA kept")
        for table in COPIED:
            connection.execute(f"CREATE TABLE kept.{table} AS TABLE {table}".encode())
    yield database_url
    with psycopg.connect(database_url) as connection:
        connection.execute("DROP SCHEMA kept CASCADE")


def restore(url: str) -> None:
    """Undo what the example before has done."""
    with psycopg.connect(url) as connection:
        connection.execute("SET session_replication_role = replica")
        for table in COPIED:
            connection.execute(f"DELETE FROM {table}".encode())
            insert = f"INSERT INTO {table} OVERRIDING SYSTEM VALUE SELECT * FROM kept.{table}"
            connection.execute(insert.encode())


def change_of(url: str, table: str, column: str) -> str:
    """SQL that gives a column another value."""
    with psycopg.connect(url) as connection:
        query = """SELECT data_type FROM information_schema.columns
            WHERE table_schema = 'public' AND table_name = %s AND column_name = %s"""
        ((kind,),) = connection.execute(query, [table, column]).fetchall()
    name = f'"{column}"'
    return f"{name} = {CHANGES[kind].format(name)}"


def numbers(url: str, table: SealedTable) -> list[int]:
    with psycopg.connect(url) as connection:
        query = f"SELECT {table.number} FROM {table.name} ORDER BY 1"
        return [number for (number,) in connection.execute(query.encode()).fetchall()]


async def findings(database: Database) -> tuple[Finding, ...]:
    return (await verify_history(database)).findings


def places(found: tuple[Finding, ...]) -> set[tuple[str, str | None, int | None]]:
    return {(one.kind, one.table, one.row) for one in found}


@property_test
@given(table=st.sampled_from(FILLED), with_hash=st.booleans(), data=st.data())
async def test_a_row_that_is_edited_is_named(
    sealed_url: str, database: Database, table: SealedTable, with_hash: bool, data: st.DataObject
) -> None:
    restore(sealed_url)
    row = data.draw(st.sampled_from(numbers(sealed_url, table)))
    column = data.draw(st.sampled_from([*table.columns[1:], "content_hash"]))
    change = change_of(sealed_url, table.name, column)
    assert tamper(sealed_url, table.name, f"UPDATE {table.name} SET {change} WHERE {table.number} = {row}") == 1
    if with_hash and column != "content_hash":
        rehash(sealed_url, table.name, row)
    assert places(await findings(database)) == {("edited", table.name, row)}


@pytest.mark.parametrize("table", FILLED, ids=lambda table: table.name)
async def test_an_edit_of_any_column_is_found(sealed_url: str, database: Database, table: SealedTable) -> None:
    for column in (*table.columns[1:], "content_hash"):
        restore(sealed_url)
        change = change_of(sealed_url, table.name, column)
        tamper(sealed_url, table.name, f"UPDATE {table.name} SET {change} WHERE {table.number} = 2")
        assert places(await findings(database)) == {("edited", table.name, 2)}, column


@property_test
@given(table=st.sampled_from(FILLED), data=st.data())
async def test_a_row_that_is_deleted_is_named(
    sealed_url: str, database: Database, table: SealedTable, data: st.DataObject
) -> None:
    restore(sealed_url)
    row = data.draw(st.sampled_from(numbers(sealed_url, table)))
    tamper(sealed_url, table.name, f"DELETE FROM {table.name} WHERE {table.number} = {row}")
    assert places(await findings(database)) == {("deleted", table.name, row)}


@property_test
@given(table=st.sampled_from(FILLED), with_hash=st.booleans(), data=st.data())
async def test_two_rows_that_change_places_are_named(
    sealed_url: str, database: Database, table: SealedTable, with_hash: bool, data: st.DataObject
) -> None:
    restore(sealed_url)
    first, second = data.draw(st.permutations(numbers(sealed_url, table)))[:2]
    number = table.number
    tamper(sealed_url, table.name, f"UPDATE {table.name} SET {number} = -9 WHERE {number} = {first}")
    tamper(sealed_url, table.name, f"UPDATE {table.name} SET {number} = {first} WHERE {number} = {second}")
    tamper(sealed_url, table.name, f"UPDATE {table.name} SET {number} = {second} WHERE {number} = -9")
    for row in (first, second) if with_hash else ():
        rehash(sealed_url, table.name, row)
    assert places(await findings(database)) == {("edited", table.name, first), ("edited", table.name, second)}


@property_test
@given(free=st.sampled_from(FREE["audit_log"]), row=st.sampled_from([1, 2, 3, 4, 7, 8]), with_hash=st.booleans())
async def test_a_row_that_is_put_in_or_moved_is_named(
    sealed_url: str, database: Database, free: int, row: int, with_hash: bool
) -> None:
    restore(sealed_url)
    copied = "at, actor, action, resource_id, request_id, content_hash"
    insert = f"INSERT INTO audit_log (number, {copied}) SELECT {free}, {copied} FROM audit_log WHERE number = {row}"
    tamper(sealed_url, "audit_log", insert)
    if with_hash:
        rehash(sealed_url, "audit_log", free)
    assert places(await findings(database)) == {("inserted", "audit_log", free)}
    tamper(sealed_url, "audit_log", f"DELETE FROM audit_log WHERE number = {row}")
    assert places(await findings(database)) == {("inserted", "audit_log", free), ("deleted", "audit_log", row)}


@property_test
@given(number=st.integers(1, 6), column=st.sampled_from(SEAL_COLUMNS))
async def test_a_seal_that_is_changed_is_named(sealed_url: str, database: Database, number: int, column: str) -> None:
    restore(sealed_url)
    change = change_of(sealed_url, "audit_seals", column)
    tamper(sealed_url, "audit_seals", f"UPDATE audit_seals SET {change} WHERE number = {number}")
    found = await findings(database)
    assert {number, number + 100} & {one.seal for one in found}
    assert {one.kind for one in found} <= {"seal", "missing_seal", "signature", "inserted"}
