"""Bounds of agents in the database: every version, of which the latest stands."""

from datetime import datetime

import msgspec
from psycopg.types.json import Jsonb

from reverie.agents.bounds import Bounds
from reverie.storage.postgres.database import Connection
from reverie.storage.service.agents import read_agent


class StoredBounds(msgspec.Struct, frozen=True):
    """A version of an agent's bounds."""

    agent_id: str
    version: int
    """0 are the bounds that stand before any were set: nothing may change."""
    bounds: Bounds
    created_at: datetime | None
    created_by: str | None


async def write_bounds(connection: Connection, agent_id: str, bounds: Bounds, by: str, now: datetime) -> StoredBounds:
    """Set an agent's bounds: a new version, and the one that stands.

    Raises:
        NotFoundError: there is no such agent.
    """
    await read_agent(connection, agent_id, lock=True)
    stored = StoredBounds(agent_id, (await read_bounds(connection, agent_id)).version + 1, bounds, now, by)
    await connection.execute(
        "INSERT INTO agent_bounds (agent_id, version, bounds, created_at, created_by) VALUES (%s, %s, %s, %s, %s)",
        [agent_id, stored.version, Jsonb(msgspec.to_builtins(bounds)), now, by],
    )
    return stored


async def read_bounds(connection: Connection, agent_id: str) -> StoredBounds:
    """The bounds that stand; the empty ones where none were set."""
    row = await connection.execute(
        "SELECT agent_id, version, bounds, created_at, created_by FROM agent_bounds WHERE agent_id = %s"
        " ORDER BY version DESC LIMIT 1",
        [agent_id],
    )
    found = await row.fetchone()
    if found is None:
        return StoredBounds(agent_id, 0, Bounds(), None, None)
    _, version, bounds, created_at, created_by = found
    return StoredBounds(agent_id, version, msgspec.convert(bounds, Bounds), created_at, created_by)


async def guided_agents(connection: Connection, store_id: str) -> list[str]:
    """The agents whose bounds let adopted lessons of a store into their block, by id."""
    rows = await connection.execute(
        """
        SELECT b.agent_id FROM agent_bounds b JOIN agents a ON a.id = b.agent_id
        WHERE a.archived_at IS NULL AND b.bounds -> 'guidance' -> 'memory_store_ids' ? %s AND NOT EXISTS (
            SELECT FROM agent_bounds later WHERE later.agent_id = b.agent_id AND later.version > b.version
        ) ORDER BY b.agent_id
        """,
        [store_id],
    )
    return [agent_id for (agent_id,) in await rows.fetchall()]
