"""What the search for ids of erased sessions needs: ids of others that hold them, and how they stand in JSON."""

from collections.abc import Collection

import msgspec

from reverie.storage.postgres.database import Connection


async def longer_ids(connection: Connection, session_ids: Collection[str]) -> list[str]:
    """Ids of other sessions that are stored and hold one of these: where they are named, these are not."""
    rows = await connection.execute(
        "SELECT id FROM sessions WHERE id <> ALL (%(ids)s) AND EXISTS"
        " (SELECT FROM unnest(%(ids)s::text[]) AS sought WHERE strpos(id, sought) > 0) ORDER BY id",
        {"ids": list(session_ids)},
    )
    return [session_id for (session_id,) in await rows.fetchall()]


def in_json(ids: Collection[str]) -> list[str]:
    """The ids as they stand within a text of JSON."""
    return [msgspec.json.encode(each).decode()[1:-1] for each in ids]
