"""A short history in all sealed tables, and a database administrator who changes it."""

from datetime import UTC, datetime
from typing import Any

import psycopg

from reverie.memory.memory import Edit
from reverie.runtime.rule import RuleSet
from reverie.storage.live.rules import write_rules
from reverie.storage.memory.memories import apply_edits
from reverie.storage.memory.stores import create_store
from reverie.storage.postgres.act import record_act, system_actor
from reverie.storage.postgres.database import Connection, Database
from reverie.storage.postgres.sealed_table import SEALED_TABLES
from reverie.storage.service.agents import AgentVersion, add_version, insert_agent

NOW = datetime(2026, 11, 3, 12, 0, 0, 250_000, UTC)
_DEFINITION = {"name": "desk", "model": {"id": "m"}, "tools": [], "big": 9_007_199_254_740_993, "multiagent": None}


async def write_history(database: Database) -> str:
    """Two rows or more in each table, but for runs of deployments; the id of the memory store."""
    async with database.connection() as connection:
        store = await create_store(connection, "notes", "", {}, NOW)
        await write_note(connection, store.id, "/a.md", 'Refunds need a check: é, 日本, \\ and "quotes".')
        await write_note(connection, store.id, "/b.md", "Open from nine to five.")
        await insert_agent(connection, AgentVersion("agent_1", 1, _DEFINITION, NOW, NOW))
        await add_version(connection, AgentVersion("agent_1", 2, {**_DEFINITION, "name": "desk 2"}, NOW, NOW))
        await write_rules(connection, "", RuleSet(), NOW)
        await write_rules(connection, "", RuleSet(), NOW)
        for number in range(4):
            await write_act(connection, f"res_{number}")
    return store.id


async def write_note(connection: Connection, store_id: str, path: str, content: str) -> None:
    """One revision with one version."""
    edits = [Edit(path, content, "said so")]
    await apply_edits(connection, store_id, edits, act="write", actor="user", reason="said so", now=NOW)


async def write_act(connection: Connection, resource_id: str) -> int:
    """An automatic act with numbers; its number."""
    details = {"revision_before": 3, "revision_after": 4, "effect": -0.25, "undo": "reverie memory rollback notes 3"}
    return await record_act(connection, system_actor("trials"), "trials.roll_back", resource_id, "", NOW, details)


def tamper(url: str, table: str, statement: str, *parameters: Any) -> int:
    """Run a statement as somebody who may do everything to a table; how many rows it touched."""
    numbered = next((one.number for one in SEALED_TABLES if one.name == table), None)
    identity = f"ALTER TABLE {table} ALTER COLUMN {numbered} SET GENERATED"
    with psycopg.connect(url) as connection:
        connection.execute(f"ALTER TABLE {table} DISABLE TRIGGER ALL".encode())
        if numbered:
            connection.execute(f"{identity} BY DEFAULT".encode())
        touched = connection.execute(statement.encode(), parameters or None).rowcount
        if numbered:
            connection.execute(f"{identity} ALWAYS".encode())
        connection.execute(f"ALTER TABLE {table} ENABLE TRIGGER ALL".encode())
    return touched


def rehash(url: str, table: str, number: int) -> None:
    """Give a changed row the hash of what it now holds, as somebody who reads the documentation can."""
    sealed = next(one for one in SEALED_TABLES if one.name == table)
    digest = f"sha256(convert_to({sealed.text}, 'UTF8'))"
    query = f"SET timezone = 'UTC'; UPDATE {table} SET content_hash = {digest} WHERE {sealed.number} = {number}"
    tamper(url, table, query)
