"""The friction report of stored sessions, for a dream and by itself."""

import asyncio

from reverie.dreams.preference import Preference
from reverie.dreams.standing_orders import find_preferences
from reverie.jobs.digestion import digest_sessions
from reverie.overview.friction import FrictionReport, find_friction
from reverie.sessions.segment import Segment
from reverie.settings import Settings
from reverie.storage.learning.digests import next_undigested, write_digests
from reverie.storage.learning.traces import load_traces
from reverie.storage.postgres.database import Connection, Database

_AT_ONCE = 200
_EVERY_KEY = 2**62


async def read_friction(
    connection: Connection, segment: Segment, last_key: int
) -> tuple[FrictionReport, tuple[Preference, ...]]:
    """Friction and preferences in the digested sessions of the segment up to ``last_key``."""
    sessions = await load_traces(connection, segment, last_key)
    # Beside the event loop: many sessions take a while, in which a server can answer others.
    return await asyncio.to_thread(lambda: (find_friction(sessions), find_preferences(sessions)))


async def report_friction(
    database: Database, segment: Segment, settings: Settings
) -> tuple[FrictionReport, tuple[Preference, ...]]:
    """The same of all sessions of the segment, read now; what has no digest yet gets one, as a dream would make it."""
    while True:
        async with database.connection() as connection:
            keys = await next_undigested(connection, segment, _EVERY_KEY, _AT_ONCE)
        if not keys:
            break
        rows = await asyncio.to_thread(digest_sessions, database.url, keys, settings.embedder)
        async with database.connection() as connection:
            await write_digests(connection, rows)
    async with database.connection() as connection:
        return await read_friction(connection, segment, _EVERY_KEY)
