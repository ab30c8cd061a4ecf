"""Charters in the database: every version of each."""

from datetime import datetime

import msgspec

from reverie.errors import NotFoundError
from reverie.runtime.charter import Charter
from reverie.runtime.charter_file import charter_document
from reverie.storage.live.agent_documents import AgentDocument, find_document, list_documents, write_document
from reverie.storage.postgres.database import Connection


class StoredCharter(AgentDocument, frozen=True):
    """A version of a charter; whose it is may also be the name that imported sessions bear."""

    @property
    def charter(self) -> Charter:
        """What it says."""
        return msgspec.convert(self.document, Charter)


async def write_charter(connection: Connection, agent_id: str, charter: Charter, now: datetime) -> StoredCharter:
    """Set the charter of an agent, or with ``''`` of the workspace: a new version, and the one that stands.

    Raises:
        NotFoundError: there is no such agent, and no session bears that name.
    """
    await _require_agent(connection, agent_id)
    return await write_document(connection, "charters", StoredCharter, agent_id, charter_document(charter), now)


async def _require_agent(connection: Connection, agent_id: str) -> None:
    row = await connection.execute(
        """
        SELECT %(id)s = '' OR EXISTS (SELECT FROM agents WHERE id = %(id)s)
            OR EXISTS (SELECT FROM sessions WHERE agent = %(id)s)
        """,
        {"id": agent_id},
    )
    if await row.fetchone() != (True,):
        raise NotFoundError(
            f"there is no agent {agent_id!r}, and no session bears that name; give an agent's id, "
            "or the name that imported sessions bear"
        )


async def read_charter(connection: Connection, agent_id: str = "", version: int | None = None) -> StoredCharter:
    """A version of a charter, by default the one that stands: the empty one where none was set.

    Raises:
        NotFoundError: there is no such version.
    """
    stored = await find_document(connection, "charters", StoredCharter, agent_id, version)
    if stored is not None:
        return stored
    if version:
        raise NotFoundError(f"there is no version {version} of this charter; `reverie charter show` prints what stands")
    return StoredCharter(agent_id, 0, charter_document(Charter()), None)


async def list_charters(connection: Connection, agent_id: str, before: int | None, limit: int) -> list[StoredCharter]:
    """Versions of a charter before number ``before``, newest first."""
    return await list_documents(connection, "charters", StoredCharter, agent_id, before, limit)


async def charter_owners(connection: Connection) -> list[str]:
    """Whose charters there are, by id; the workspace's ``''`` comes first."""
    row = await connection.execute("SELECT DISTINCT agent_id FROM charters ORDER BY agent_id")
    return [owner for (owner,) in await row.fetchall()]


async def hold_charter(connection: Connection, agent_id: str) -> datetime | None:
    """Let nobody else judge by a charter until the transaction ends; when it was first set, None where never."""
    row = await connection.execute(
        "SELECT created_at FROM charters WHERE agent_id = %s AND version = 1 FOR NO KEY UPDATE", [agent_id]
    )
    found = await row.fetchone()
    return None if found is None else found[0]
