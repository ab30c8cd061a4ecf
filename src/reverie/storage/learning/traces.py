"""What shows how digested sessions went: their traces, with what is known of each session besides."""

from datetime import datetime

import msgspec

from reverie.digests.derived.occurrence import Trace
from reverie.digests.digest import DIGEST_VERSION
from reverie.sessions.segment import Segment
from reverie.storage.learning.digests import DATED, INDEPENDENT
from reverie.storage.postgres.database import Connection
from reverie.storage.sessions.condition import condition_of

_ROWS_AT_ONCE = 10_000
_OPENING = 400


class TracedSession(msgspec.Struct, frozen=True):
    """A session's trace, and what tells whose it is and what it was about."""

    id: str
    user_id: str | None
    category: str | None
    intent: str
    """What the opening asks for, as a verb and its object; empty when unsure."""
    opening: str
    """The first user message, cut at 400 characters."""
    at: datetime | None
    """The session's own date."""
    trace: Trace


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
            found += [TracedSession(*row[:6], decode(row[6])) for row in rows]
    return found
