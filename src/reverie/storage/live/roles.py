"""Roles of coordinators in the database: every version of each."""

from datetime import datetime

import msgspec

from reverie.errors import NotFoundError
from reverie.runtime.role import Roles
from reverie.runtime.role_file import roles_document
from reverie.storage.live.agent_documents import AgentDocument, find_document, list_documents, write_document
from reverie.storage.postgres.database import Connection


class StoredRoles(AgentDocument, frozen=True):
    """A version of a coordinator's roles."""

    @property
    def roles(self) -> Roles:
        """What they are."""
        return msgspec.convert(self.document, Roles)


async def write_roles(connection: Connection, agent_id: str, roles: Roles, now: datetime) -> StoredRoles:
    """Set the roles of a coordinator: a new version, which sessions that begin from now on keep to."""
    return await write_document(connection, "roles", StoredRoles, agent_id, roles_document(roles), now)


async def read_roles(connection: Connection, agent_id: str, version: int | None = None) -> StoredRoles:
    """A version of a coordinator's roles, by default the one that stands: none where none were set.

    Raises:
        NotFoundError: there is no such version.
    """
    stored = await find_document(connection, "roles", StoredRoles, agent_id, version)
    if stored is not None:
        return stored
    if version:
        raise NotFoundError(
            f"there is no version {version} of the roles of {agent_id}; leave it out for those that stand"
        )
    return StoredRoles(agent_id, 0, roles_document(Roles()), None)


async def list_roles(connection: Connection, agent_id: str, before: int | None, limit: int) -> list[StoredRoles]:
    """Versions of a coordinator's roles before number ``before``, newest first."""
    return await list_documents(connection, "roles", StoredRoles, agent_id, before, limit)
