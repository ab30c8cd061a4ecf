"""What a key of an environment, or a token of one piece of work, can reach: what its sessions use."""

from collections.abc import Sequence

from reverie.storage.memory.store_places import IS_UNTRUSTED, REACHABLE, read_place
from reverie.storage.postgres.database import Connection
from reverie.teams.membership import why_not_written


async def session_environment(connection: Connection, session_id: str) -> str | None:
    """The environment that a live session runs in; None where there is no such session."""
    row = await connection.execute(
        "SELECT l.environment_id FROM sessions s JOIN live_sessions l ON l.session_key = s.key WHERE s.id = %s",
        [session_id],
    )
    found = await row.fetchone()
    return found[0] if found is not None else None


async def uses_skill(connection: Connection, session_id: str | None, environment_id: str | None, skill_id: str) -> bool:
    """Whether the agent of the session uses the skill or, without a session, one that runs in the environment."""
    row = await connection.execute(
        """
        SELECT FROM live_sessions l JOIN sessions s ON s.key = l.session_key
        WHERE (s.id = %(session)s OR (%(session)s::text IS NULL AND l.environment_id = %(environment)s))
            AND jsonb_path_exists(
                l.agent, '$.**.skill_id ? (@ == $skill)', jsonb_build_object('skill', %(skill)s::text)
            )
        LIMIT 1
        """,
        {"session": session_id, "environment": environment_id, "skill": skill_id},
    )
    return await row.fetchone() is not None


async def has_store(
    connection: Connection, session_id: str | None, environment_id: str | None, store_id: str, access: Sequence[str]
) -> bool:
    """Whether the store is attached, with one of these kinds of access, to the session, and may be seen by it now.

    Without a session, to one that runs in the environment.
    """
    row = await connection.execute(
        f"""
        SELECT FROM live_sessions l JOIN sessions s ON s.key = l.session_key, jsonb_array_elements({REACHABLE}) AS r
        WHERE (s.id = %(session)s OR (%(session)s::text IS NULL AND l.environment_id = %(environment)s))
            AND l.resources @> jsonb_build_array(jsonb_build_object('memory_store_id', %(store)s::text))
            AND r ->> 'memory_store_id' = %(store)s AND r ->> 'access' = ANY (%(access)s)
        LIMIT 1
        """.encode(),
        {"session": session_id, "environment": environment_id, "store": store_id, "access": list(access)},
    )
    return await row.fetchone() is not None


async def refused_write(connection: Connection, session_id: str | None, store_id: str) -> str | None:
    """Why a store that may be read here is not written, where a team or the session's mark says so."""
    row = await connection.execute(f"SELECT {IS_UNTRUSTED} FROM sessions s WHERE s.id = %s".encode(), [session_id])
    found = await row.fetchone()
    place = await read_place(connection, store_id)
    return why_not_written(store_id, place, untrusted=found is not None and found[0])
