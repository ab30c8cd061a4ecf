"""Teams as they are kept."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import msgspec

from reverie.errors import ConflictError, InputError, NotFoundError
from reverie.ids import new_id
from reverie.storage.memory.policies import write_policy
from reverie.storage.memory.store_places import read_place, set_private
from reverie.storage.memory.stores import ensure_store, find_store
from reverie.storage.postgres.database import Connection
from reverie.storage.service.agents import read_agent
from reverie.teams.membership import Member, Team, check_members

_LIVE = msgspec.json.encode({"live": {"mode": "act"}})
"""Of a store that is made for a team: what is offered to it is tried before it is adopted."""
_SELECT = """
SELECT t.id, t.name, t.memory_store_id, t.created_at, coalesce((
    SELECT jsonb_agg(jsonb_build_object('agent', m.agent, 'memory_store_id', m.memory_store_id) ORDER BY m.number)
    FROM team_members m WHERE m.team_id = t.id
), '[]') FROM teams t
"""


async def create_team(
    connection: Connection, name: str, members: Sequence[Member], store: str | None, now: datetime
) -> Team:
    """Declare a team.

    Args:
        members: their agents are names, or ids of agents here; their stores are names or ids, made where there is none
            of that name, and private to the agent from now on.
        store: name or id of the team's store; by default it is called as the team is. One that is made here tries
            what is offered to it live (policy ``live.mode``: ``act``).

    Raises:
        InputError: a name is no good, or there are too few or too many members.
        NotFoundError: a store or an agent of that id is not there.
        ConflictError: there is a team of this name, or a store is another agent's or another team's.
    """
    members = [msgspec.structs.replace(one, agent=await _agent_name(connection, one.agent)) for one in members]
    check_members(name, tuple(members))
    shared = await _shared_store(connection, store or name, now)
    team_id = new_id("team", now)
    made = await connection.execute(
        "INSERT INTO teams (id, name, memory_store_id, created_at) VALUES (%s, %s, %s, %s)"
        " ON CONFLICT DO NOTHING RETURNING id",
        [team_id, name, shared, now],
    )
    if await made.fetchone() is None:
        raise ConflictError(f"there is a team called {name!r}, or one that remembers in {shared}; choose another")
    for number, member in enumerate(members):
        private = None
        if member.memory_store_id is not None:
            private = (await ensure_store(connection, member.memory_store_id, now)).id
            await set_private(connection, private, member.agent)
        await connection.execute(
            "INSERT INTO team_members (team_id, number, agent, memory_store_id) VALUES (%s, %s, %s, %s)",
            [team_id, number, member.agent, private],
        )
    return await read_team(connection, team_id)


async def list_teams(
    connection: Connection, *, before: tuple[datetime, str] | None = None, limit: int | None = None
) -> list[Team]:
    """Teams, newest first, that come after the position ``before``."""
    at, team_id = before or (None, None)
    return await _select(
        connection,
        """
        WHERE %(at)s::timestamptz IS NULL OR (t.created_at, t.id) < (%(at)s, %(id)s)
        ORDER BY t.created_at DESC, t.id DESC LIMIT %(limit)s
        """,
        {"at": at, "id": team_id, "limit": limit},
    )


async def read_team(connection: Connection, team_id: str) -> Team:
    """One team.

    Raises:
        NotFoundError: there is none.
    """
    return await _first(connection, "WHERE t.id = %(named)s", team_id)


async def find_team(connection: Connection, named: str) -> Team:
    """The team of this name or id.

    Raises:
        NotFoundError: there is none.
    """
    return await _first(connection, "WHERE %(named)s IN (t.id, t.name) ORDER BY t.id <> %(named)s", named)


async def team_of_store(connection: Connection, store_id: str) -> Team | None:
    """The team that remembers in a store."""
    found = await _select(connection, "WHERE t.memory_store_id = %(id)s", {"id": store_id})
    return found[0] if found else None


async def delete_team(connection: Connection, team_id: str) -> None:
    """Have a team be one no more; its stores stay, and what is private stays private.

    Raises:
        NotFoundError: there is none.
    """
    gone = await connection.execute("DELETE FROM teams WHERE id = %s", [team_id])
    if gone.rowcount == 0:
        raise NotFoundError(f"there is no team {team_id!r}")


async def _shared_store(connection: Connection, named: str, now: datetime) -> str:
    """The store that a team shall share, made where there is none."""
    try:
        found = await find_store(connection, named)
    except NotFoundError:
        found = await ensure_store(connection, named, now)
        await write_policy(connection, found.id, _LIVE)
    place = await read_place(connection, found.id)
    if place.owner is not None:
        raise ConflictError(f"memory store {found.id} is private to the agent {place.owner!r}; a team shares another")
    if found.archived_at is not None:
        raise InputError(f"memory store {found.id} is archived; a team needs one that can be written")
    return found.id


async def _agent_name(connection: Connection, named: str) -> str:
    """The name of the agent with this id; anything else is a name."""
    if not named.startswith("agent_"):
        return named
    return str((await read_agent(connection, named)).definition["name"])


async def _first(connection: Connection, clauses: str, named: str) -> Team:
    found = await _select(connection, clauses, {"named": named})
    if not found:
        raise NotFoundError(f"there is no team {named!r}; `reverie teams list` names those that there are")
    return found[0]


async def _select(connection: Connection, clauses: str, parameters: dict[str, Any]) -> list[Team]:
    rows = await connection.execute(f"{_SELECT} {clauses}".encode(), parameters)
    return [
        Team(team_id, name, store, msgspec.convert(members, tuple[Member, ...]), at)
        for team_id, name, store, at, members in await rows.fetchall()
    ]
