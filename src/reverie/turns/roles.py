"""The roles that a session keeps to, and whether a report shows what its role asks for."""

from collections.abc import Mapping
from typing import Any

from reverie.runtime.criteria import unmet
from reverie.runtime.delegation import Lacking
from reverie.runtime.live_state import LiveState
from reverie.runtime.role import NO_ROLES, ROLES, Roles
from reverie.runtime.threads import find_child
from reverie.storage.live.roles import read_roles
from reverie.storage.live.sessions import LiveSession
from reverie.storage.postgres.database import Connection
from reverie.turns.routing import with_metadata


async def as_coordinator(connection: Connection, session: LiveSession) -> Mapping[str, Any]:
    """A session's own agent with its metadata and roles, where it may call others in."""
    agent = await with_metadata(connection, session.agent or {})
    return {**agent, ROLES: await roles_of(connection, session)} if session.roles_version else agent


async def roles_of(connection: Connection, session: LiveSession) -> Roles:
    """The roles that a session keeps to."""
    if not session.roles_version:
        return NO_ROLES
    return (await read_roles(connection, (session.agent or {})["id"], session.roles_version)).roles


async def found_lacking(
    connection: Connection, session: LiveSession, state: LiveState, thread_id: str | None, report: str
) -> Lacking | None:
    """What a thread's report lacks; None where nothing is asked of it."""
    child = None if thread_id is None else find_child(state, thread_id)
    if child is None or not child.part.role:
        return None
    role = (await roles_of(connection, session)).find(child.part.role)
    return Lacking(unmet(role.done, report), role.reminders) if role is not None and role.done else None
