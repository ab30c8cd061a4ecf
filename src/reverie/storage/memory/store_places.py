"""Whose a store is, looked up whenever it is read: what was attached, or asked for, earlier decides nothing."""

from collections.abc import Sequence

from reverie.errors import ConflictError, NotFoundError
from reverie.storage.postgres.database import Connection
from reverie.teams.membership import ORDINARY, TRUSTED_VALUES, UNTRUSTED, StorePlace

_TRUSTED = ", ".join(f"'{value}'" for value in TRUSTED_VALUES)
IS_UNTRUSTED = f"(lower(coalesce(s.metadata ->> '{UNTRUSTED}', '')) NOT IN ({_TRUSTED}))"
"""That session ``s`` is marked untrusted."""
REACHABLE = f"""coalesce((
    SELECT jsonb_agg(
        CASE WHEN shared.id IS NOT NULL OR (
            r ->> 'type' = 'memory_store' AND private.agent IS NULL AND {IS_UNTRUSTED}
        ) THEN r || '{{"access": "read_only"}}' ELSE r END ORDER BY place
    )
    FROM jsonb_array_elements(l.resources) WITH ORDINALITY AS mounted (r, place)
    LEFT JOIN private_stores private ON private.memory_store_id = r ->> 'memory_store_id'
    LEFT JOIN teams shared ON shared.memory_store_id = r ->> 'memory_store_id'
    WHERE private.agent IS NULL OR private.agent = l.agent ->> 'name'
), '[]')"""
"""What is mounted into the live session ``l`` of ``s``, as far as it may be seen now, with the access that it has now.

Left out are private stores of other agents; a team's store is read only, and so is what is not private to an untrusted
session."""


async def read_places(connection: Connection, store_ids: Sequence[str]) -> dict[str, StorePlace]:
    """What each of these stores is to teams and agents; those that are nothing to them are not in it."""
    rows = await connection.execute(
        """
        SELECT memory_store_id, agent, NULL FROM private_stores WHERE memory_store_id = ANY (%(ids)s)
        UNION ALL SELECT memory_store_id, NULL, name FROM teams WHERE memory_store_id = ANY (%(ids)s)
        """,
        {"ids": list(store_ids)},
    )
    return {store_id: StorePlace(owner, team) for store_id, owner, team in await rows.fetchall()}


async def read_place(connection: Connection, store_id: str) -> StorePlace:
    """What a store is to teams and agents."""
    return (await read_places(connection, [store_id])).get(store_id, ORDINARY)


async def require_open(connection: Connection, store_ids: Sequence[str], agent: str | None) -> None:
    """Accept what a session of this agent wants to read.

    Raises:
        NotFoundError: one of the stores is private to another agent.
    """
    for store_id, place in sorted((await read_places(connection, store_ids)).items()):
        if not place.is_open_to(agent):
            who = "a session that names no agent" if agent is None else f"the agent {agent!r}"
            raise NotFoundError(f"there is no memory store {store_id!r} that {who} can reach: it is private")


async def lessons_of_others(connection: Connection, store_id: str, agent: str | None) -> dict[str, str]:
    """Ids of the memories of a team's store that are lessons for other agents than this one, and of those lessons.

    Other stores have none, and so has an agent that nobody names.
    """
    rows = await connection.execute(
        """
        SELECT m.id, l.id FROM teams t JOIN lessons l ON l.memory_store_id = t.memory_store_id
        JOIN memories m ON m.memory_store_id = l.memory_store_id AND m.lesson_id = l.id
        WHERE t.memory_store_id = %s AND l.lesson #>> '{scope,agent}' <> %s::text
        """,
        [store_id, agent],
    )
    return dict(await rows.fetchall())


async def set_private(connection: Connection, store_id: str, agent: str) -> None:
    """Have sessions of one agent alone read a store; doing it again changes nothing.

    Raises:
        ConflictError: it is private to another agent, or what a team remembers.
    """
    await connection.execute(
        "INSERT INTO private_stores (memory_store_id, agent) VALUES (%s, %s) ON CONFLICT DO NOTHING", [store_id, agent]
    )
    rows = await connection.execute(
        """
        SELECT p.agent, t.name FROM private_stores p LEFT JOIN teams t ON t.memory_store_id = p.memory_store_id
        WHERE p.memory_store_id = %s
        """,
        [store_id],
    )
    ((owner, team),) = await rows.fetchall()
    if owner != agent:
        raise ConflictError(f"memory store {store_id} is private to the agent {owner!r}; give another one")
    if team is not None:
        raise ConflictError(f"memory store {store_id} is what the team {team!r} remembers; give another one")
