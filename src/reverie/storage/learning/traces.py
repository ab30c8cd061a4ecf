"""What shows how digested sessions went: their traces, with what is known of each session besides."""

import msgspec

from reverie.digests.derived.occurrence import Trace
from reverie.digests.digest import DIGEST_VERSION
from reverie.overview.reaction import TracedSession
from reverie.sessions.segment import Segment
from reverie.storage.learning.digests import DATED, INDEPENDENT
from reverie.storage.postgres.database import Connection
from reverie.storage.sessions.condition import condition_of

_ROWS_AT_ONCE = 10_000
_OPENING = 400


async def load_traces(connection: Connection, segment: Segment, last_key: int) -> list[TracedSession]:
    """The digested sessions of the segment up to ``last_key`` that dreams learn from, by id."""
    condition = condition_of(segment)
    query = f"""
        SELECT s.id, s.user_id, s.task_category, d.intent, left(d.opening, {_OPENING}), {DATED}, d.trace
        FROM sessions s JOIN digests d ON d.session_key = s.key
        WHERE s.key <= %(last_key)s AND d.version = %(version)s AND ({condition.sql}) AND {INDEPENDENT}
        ORDER BY s.id COLLATE "C"
    """
    parameters = {**condition.parameters, "last_key": last_key, "version": DIGEST_VERSION}
    decode = msgspec.msgpack.Decoder(Trace).decode
    found: list[TracedSession] = []
    async with connection.cursor(binary=True) as cursor:
        await cursor.execute(query.encode(), parameters)
        while rows := await cursor.fetchmany(_ROWS_AT_ONCE):
            found += [
                TracedSession(id_, user, category, intent, opening, at, decode(packed))
                for id_, user, category, intent, opening, at, packed in rows
            ]
    return found
