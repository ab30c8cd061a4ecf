"""What was brought from or to another place, and by which mark it is known to have changed since."""

from collections.abc import Mapping, Sequence
from datetime import datetime

from reverie.storage.postgres.database import Connection


async def read_marks(connection: Connection, way: str, place: str) -> dict[str, str]:
    """The mark of each thing that was brought this way from this place."""
    rows = await connection.execute("SELECT item, mark FROM pulled WHERE way = %s AND place = %s", [way, place])
    return dict(await rows.fetchall())


async def write_marks(connection: Connection, way: str, place: str, marks: Mapping[str, str], now: datetime) -> None:
    """These have been brought."""
    async with connection.cursor() as cursor:
        await cursor.executemany(
            "INSERT INTO pulled (way, place, item, mark, at) VALUES (%s, %s, %s, %s, %s)"
            " ON CONFLICT (way, place, item) DO UPDATE SET mark = excluded.mark, at = excluded.at",
            [(way, place, item, mark, now) for item, mark in sorted(marks.items())],
        )


async def forget_marks(connection: Connection, way: str, place: str, items: Sequence[str]) -> None:
    """These are no longer there."""
    await connection.execute(
        "DELETE FROM pulled WHERE way = %s AND place = %s AND item = ANY (%s)", [way, place, list(items)]
    )
