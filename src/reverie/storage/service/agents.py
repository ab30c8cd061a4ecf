"""Agents in the database: the present version of each, and every version that it had."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any, Literal

import msgspec
from psycopg.rows import class_row
from psycopg.types.json import Jsonb

from reverie.agents.definition import LATEST, session_agent, with_overrides
from reverie.agents.multiagent import Reference, references
from reverie.errors import NotFoundError, StateError
from reverie.storage.postgres.database import Connection
from reverie.storage.service.skills import read_version

_COLUMNS = """
    a.id, v.version, v.definition, a.created_at,
    CASE WHEN v.version = a.version THEN a.updated_at ELSE v.created_at END AS updated_at, a.archived_at
"""
ARCHIVE_DEPLOYMENT = """
    archived_at = %(now)s, updated_at = %(now)s, paused_reason = NULL, next_scheduled_at = NULL, next_fires_at = NULL
"""
_TABLES = "agents a JOIN agent_versions v ON v.agent_id = a.id"


class AgentVersion(msgspec.Struct, frozen=True):
    """An agent as one of its versions defines it."""

    id: str
    version: int
    definition: dict[str, Any]
    created_at: datetime
    """When the agent was made."""
    updated_at: datetime
    archived_at: datetime | None = None
    """When the agent was archived, with all of its versions."""

    @property
    def archived(self) -> bool:
        """Whether the agent is archived."""
        return self.archived_at is not None


async def insert_agent(connection: Connection, agent: AgentVersion) -> None:
    """Record a new agent with its first version."""
    await connection.execute(
        "INSERT INTO agents (id, version, created_at, updated_at) VALUES (%s, %s, %s, %s)",
        [agent.id, agent.version, agent.created_at, agent.updated_at],
    )
    await _insert_version(connection, agent)


async def add_version(connection: Connection, agent: AgentVersion) -> None:
    """Record a further version of an agent, which is the present one from now on."""
    await _insert_version(connection, agent)
    await connection.execute(
        "UPDATE agents SET version = %s, updated_at = %s WHERE id = %s", [agent.version, agent.updated_at, agent.id]
    )


async def add_candidate(connection: Connection, agent: AgentVersion) -> None:
    """Record a version that is tried: it is there for whoever names it, and not the present one.

    What is tried is not listed, by the row of ``self_changes`` that goes with it.
    """
    await _insert_version(connection, agent)


async def next_version(connection: Connection, agent_id: str) -> int:
    """The number of an agent's next version, which is held.

    Candidates have numbers too, so that the one after the present version may be taken.
    """
    row = await connection.execute("SELECT max(version) + 1 FROM agent_versions WHERE agent_id = %s", [agent_id])
    ((version,),) = await row.fetchall()
    return int(version)


async def read_metadata(connection: Connection, agent_id: str, version: int) -> dict[str, str]:
    """The metadata of a version of an agent; empty where there is none."""
    row = await connection.execute(
        "SELECT definition -> 'metadata' FROM agent_versions WHERE agent_id = %s AND version = %s", [agent_id, version]
    )
    found = await row.fetchone()
    return {} if found is None else dict(found[0] or {})


async def _insert_version(connection: Connection, agent: AgentVersion) -> None:
    await connection.execute(
        "INSERT INTO agent_versions (agent_id, version, definition, created_at) VALUES (%s, %s, %s, %s)",
        [agent.id, agent.version, Jsonb(agent.definition), agent.updated_at],
    )


async def read_agent(
    connection: Connection, agent_id: str, version: int | None = None, *, lock: bool = False
) -> AgentVersion:
    """An agent's present version, or the one named; locked until the transaction ends where asked for.

    Raises:
        NotFoundError: there is no such agent or version.
    """
    if lock:
        await _lock(connection, agent_id, "UPDATE")
    async with connection.cursor(row_factory=class_row(AgentVersion)) as cursor:
        query = f"SELECT {_COLUMNS} FROM {_TABLES} WHERE a.id = %s AND v.version = COALESCE(%s, a.version)"
        await cursor.execute(query, [agent_id, version])
        agent = await cursor.fetchone()
    if agent is None:
        of_version = "" if version is None else f" with a version {version}"
        raise NotFoundError(f"there is no agent {agent_id!r}{of_version}", code="agent_not_found")
    return agent


async def read_graders(connection: Connection, session_id: str, key: str) -> str | None:
    """What the agent of a session that rests says in its metadata under ``key``; None where there is nothing to do."""
    row = await connection.execute(
        """
        SELECT v.definition -> 'metadata' ->> %s
        FROM sessions s JOIN live_sessions l ON l.session_key = s.key
        JOIN agent_versions v ON v.agent_id = l.agent ->> 'id' AND v.version = (l.agent ->> 'version')::integer
        WHERE s.id = %s AND l.status = 'idle' AND l.pending = '[]'
        """,
        [key, session_id],
    )
    found = await row.fetchone()
    return None if found is None else found[0]


async def _lock(connection: Connection, agent_id: str, strength: Literal["UPDATE", "SHARE"]) -> None:
    """Wait for whoever changes the agent, and keep others from it until the transaction ends.

    A statement of its own, so that what is read after it is what the last writer left. A lock within the read would
    look at the present agent, but at its version of before the wait, and find that the two do not go together.
    """
    await connection.execute(f"SELECT FROM agents WHERE id = %s FOR {strength}".encode(), [agent_id])


async def read_references(connection: Connection, named: Iterable[Reference]) -> dict[Reference, AgentVersion]:
    """The agents that are referred to.

    Raises:
        NotFoundError: one is not there.
    """
    return {reference: await read_agent(connection, *reference) for reference in named}


async def pin_skills(connection: Connection, skills: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Skills, those of the user's own with the versions that they mean now.

    Raises:
        NotFoundError: a skill, or the version of it, is not there.
    """
    pinned = []
    for skill in skills:
        version = skill.get("version") or LATEST
        if skill["type"] == "custom":
            version = (await read_version(connection, skill["skill_id"], version)).id
        pinned.append({**skill, "version": version})
    return pinned


async def list_agents(
    connection: Connection,
    *,
    before: tuple[datetime, str] | None,
    since: datetime | None,
    until: datetime | None,
    include_archived: bool,
    limit: int,
) -> list[AgentVersion]:
    """Agents made from ``since`` to ``until``, newest first, that come after the position ``before``."""
    async with connection.cursor(row_factory=class_row(AgentVersion)) as cursor:
        await cursor.execute(
            f"""
            SELECT {_COLUMNS} FROM {_TABLES} AND v.version = a.version
            WHERE (%(at)s::timestamptz IS NULL OR (a.created_at, a.id) < (%(at)s, %(id)s))
                AND (%(since)s::timestamptz IS NULL OR a.created_at >= %(since)s)
                AND (%(until)s::timestamptz IS NULL OR a.created_at <= %(until)s)
                AND (%(archived)s OR a.archived_at IS NULL)
            ORDER BY a.created_at DESC, a.id DESC LIMIT %(limit)s
            """,
            {
                "at": before[0] if before else None,
                "id": before[1] if before else None,
                "since": since,
                "until": until,
                "archived": include_archived,
                "limit": limit,
            },
        )
        return await cursor.fetchall()


async def list_versions(connection: Connection, agent_id: str, *, before: int | None, limit: int) -> list[AgentVersion]:
    """An agent's versions, newest first, that are older than ``before``."""
    async with connection.cursor(row_factory=class_row(AgentVersion)) as cursor:
        await cursor.execute(
            f"""
            SELECT {_COLUMNS} FROM {_TABLES}
            WHERE a.id = %s AND (%s::integer IS NULL OR v.version < %s) AND NOT EXISTS (
                SELECT FROM self_changes c WHERE c.agent_id = v.agent_id AND c.candidate_version = v.version
            )
            ORDER BY v.version DESC LIMIT %s
            """,
            [agent_id, before, before, limit],
        )
        return await cursor.fetchall()


async def archive_agent(connection: Connection, agent_id: str, now: datetime) -> tuple[AgentVersion, list[str]]:
    """Archive an agent unless it is archived already; also the ids of the deployments that are archived with it.

    Raises:
        NotFoundError: there is none.
    """
    # Deployments are locked before their agent wherever both are, so that nobody waits in a circle.
    await connection.execute("SELECT FROM deployments WHERE agent_id = %s ORDER BY id FOR UPDATE", [agent_id])
    await connection.execute(
        "UPDATE agents SET archived_at = %s, updated_at = %s WHERE id = %s AND archived_at IS NULL",
        [now, now, agent_id],
    )
    deployments = await connection.execute(
        f"UPDATE deployments SET {ARCHIVE_DEPLOYMENT} WHERE agent_id = %(id)s AND archived_at IS NULL RETURNING id",
        {"now": now, "id": agent_id},
    )
    return await read_agent(connection, agent_id), [row[0] for row in await deployments.fetchall()]


async def resolve_agent(connection: Connection, asked: str | Mapping[str, Any]) -> AgentVersion:
    """The agent that a session or a deployment asks for: by id alone, or by id and version.

    It cannot be archived before the transaction ends.

    Raises:
        NotFoundError: there is no such agent or version.
        StateError: the agent is archived.
    """
    named: Mapping[str, Any] = {"id": asked} if isinstance(asked, str) else asked
    await _lock(connection, named["id"], "SHARE")
    agent = await read_agent(connection, named["id"], named.get("version"))
    if agent.archived:
        raise StateError(f"agent {agent.id} is archived; use another one", code="agent_archived")
    return agent


async def snapshot_agent(connection: Connection, asked: str | Mapping[str, Any], agent: AgentVersion) -> dict[str, Any]:
    """The agent that a session asks for, resolved, as the session keeps it, with overrides where there are any.

    Raises:
        NotFoundError: there is no such agent or version, or a skill is gone.
        StateError: the agent is archived.
        InputError: the overrides break a rule.
    """
    roster = await read_references(connection, references(agent.definition["multiagent"]))
    known = {(other.id, other.version): other.definition for other in roster.values()}
    snapshot = session_agent(agent.id, agent.version, agent.definition, known)
    overrides = {} if isinstance(asked, str) else dict(asked)
    overrides["skills"] = await pin_skills(connection, overrides.get("skills", snapshot["skills"]) or ())
    return with_overrides(snapshot, overrides)
