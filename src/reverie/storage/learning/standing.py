"""How far an installation has come: what was imported, dreamt and learned."""

from collections.abc import Mapping

import msgspec

from reverie.storage.postgres.database import Connection


class Standing(msgspec.Struct, frozen=True):
    """Counts of the default workspace."""

    sessions: Mapping[str, int]
    """Sessions by the format that they came in."""
    rewarded: int
    """Sessions that have a reward."""
    dreams: int
    """Completed ones."""
    new_sessions: int
    """Since the sessions that the latest completed dream read."""
    dreaming_store: str | None
    """The name of the store that dreamt last."""
    lessons: int
    """Adopted lessons, in all stores."""
    trials: int
    """Lessons and bundles of them in trial."""


async def read_standing(connection: Connection) -> Standing:
    """How far the workspace has come."""
    by_source = await connection.execute("SELECT source, count(*) FROM sessions GROUP BY source")
    counted = await connection.execute(
        """
        SELECT
            (SELECT count(*) FROM sessions WHERE reward IS NOT NULL),
            (SELECT count(*) FROM dreams WHERE status = 'completed'),
            (SELECT count(*) FROM sessions
                WHERE key > coalesce((SELECT max(last_session_key) FROM dreams WHERE status = 'completed'), 0)),
            (SELECT m.name FROM dreams d JOIN memory_stores m ON m.id = d.memory_store_id
                WHERE d.status = 'completed' ORDER BY d.created_at DESC LIMIT 1),
            (SELECT count(*) FROM lessons WHERE status = 'adopted'),
            (SELECT count(*) FROM trials WHERE state = 'trial' AND kind IN ('lesson', 'bundle'))
        """
    )
    sources: dict[str, int] = dict(await by_source.fetchall())
    ((rewarded, dreams, new_sessions, store, lessons, trials),) = await counted.fetchall()
    return Standing(sources, rewarded, dreams, new_sessions, store, lessons, trials)
