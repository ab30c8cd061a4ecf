"""How much there is to do: the gauges of a workspace."""

from collections.abc import Mapping

import msgspec

from reverie.storage.postgres.database import Connection


class Load(msgspec.Struct, frozen=True):
    """The dreams of a workspace by status, and what waits for someone to take it up."""

    dreams: Mapping[str, int]
    queued_work: int
    """Pieces of work that no worker has taken."""


async def read_load(connection: Connection) -> Load:
    """The load of the workspace that is looked at."""
    rows = await connection.execute("SELECT status, count(*) FROM dreams GROUP BY status")
    dreams: dict[str, int] = dict(await rows.fetchall())
    queued = await connection.execute("SELECT count(*) FROM work_items WHERE state = 'queued'")
    return Load(dreams, (await queued.fetchall())[0][0])
