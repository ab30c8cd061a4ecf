"""Reading stored transcripts: one, several, or all of a segment in turn."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from typing import Any

import msgspec
from psycopg.rows import args_row

from reverie.errors import NotFoundError
from reverie.sessions.event import stored_event
from reverie.sessions.segment import Segment
from reverie.sessions.session import LIVE_SOURCE, Score, Session, Transcript
from reverie.storage.postgres.database import Connection, Database
from reverie.storage.postgres.installation import find_redaction_key
from reverie.storage.sessions.condition import condition_of
from reverie.storage.sessions.prepare import redacted_live

PREVIEWED_SESSIONS = 10
CHUNK_SESSIONS = 200
"""Sessions whose rows are fetched together; their events are streamed one session at a time."""
FETCHED_EVENTS = 500

_COLUMNS = """s.key, s.id, s.source, s.agent, s.agent_version, s.model, s.task_id, s.task_category, s.user_id,
    s.started_at, s.ended_at, s.metadata"""
_EVENTS = """SELECT session_key, type, payload, at, thread_id FROM events
    WHERE session_key = ANY (%s) ORDER BY session_key, sequence"""


class SegmentPreview(msgspec.Struct, frozen=True):
    """What a segment chooses."""

    sessions: int
    scored: int
    """Those with a reward."""
    mean_reward: float | None
    first_session_ids: list[str]


async def read_transcript(connection: Connection, session_id: str) -> Transcript:
    """The session with its events and scores.

    Raises:
        NotFoundError: there is no such session.
    """
    transcripts = await read_transcripts(connection, [session_id])
    if not transcripts:
        raise NotFoundError(f"there is no session {session_id!r}")
    return transcripts[0]


async def read_transcripts(connection: Connection, session_ids: Sequence[str]) -> list[Transcript]:
    """Those of the sessions that exist, in the order they were imported in."""
    query = f"SELECT {_COLUMNS} FROM sessions s WHERE s.id = ANY (%(ids)s) ORDER BY s.key"
    sessions = await _sessions(connection, query, {"ids": list(session_ids)})
    return [transcript async for transcript in _transcripts(connection, sessions)]


async def count_sessions(connection: Connection, segment: Segment) -> int:
    """How many sessions the segment has."""
    condition = condition_of(segment)
    query = f"SELECT count(*) FROM sessions s WHERE {condition.sql}"
    row = await (await connection.execute(query.encode(), condition.parameters)).fetchone()
    return int(row[0]) if row else 0


async def preview_segment(connection: Connection, segment: Segment) -> SegmentPreview:
    """How many sessions the segment has, how they fared, and the first few."""
    condition = condition_of(segment)
    query = f"""SELECT count(*), count(s.reward), avg(s.reward), ARRAY(
            SELECT s.id FROM sessions s WHERE {condition.sql} ORDER BY s.key LIMIT {PREVIEWED_SESSIONS})
        FROM sessions s WHERE {condition.sql}"""
    async with connection.cursor(row_factory=args_row(SegmentPreview)) as cursor:
        await cursor.execute(query.encode(), condition.parameters)
        (preview,) = await cursor.fetchall()
    return preview


async def stream_transcripts(database: Database, segment: Segment, *, redact: bool = True) -> AsyncIterator[Transcript]:
    """The segment's transcripts in the order they were imported in, as of one moment.

    One session's events are in memory at a time, so any number of sessions can be read.

    Args:
        redact: False leaves live sessions as they were; for what shows nothing of them to anybody.
    """
    condition = condition_of(segment)
    query = f"""SELECT {_COLUMNS} FROM sessions s WHERE s.key > %(after)s AND ({condition.sql})
        ORDER BY s.key LIMIT {CHUNK_SESSIONS}"""
    async with database.connection() as connection:
        await connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
        after = 0
        while sessions := await _sessions(connection, query, {**condition.parameters, "after": after}):
            async for transcript in _transcripts(connection, sessions, redact=redact):
                yield transcript
            after = max(sessions)


async def _sessions(connection: Connection, query: str, parameters: dict[str, Any]) -> dict[int, Session]:
    rows = await (await connection.execute(query.encode(), parameters)).fetchall()
    return {row[0]: Session(*row[1:]) for row in rows}


async def _transcripts(
    connection: Connection, sessions: dict[int, Session], *, redact: bool = True
) -> AsyncIterator[Transcript]:
    """Join sessions, in ascending order of their keys, with their scores and events."""
    keys = list(sessions)
    scores: dict[int, list[Score]] = {}
    query = "SELECT session_key, metric, value FROM scores WHERE session_key = ANY (%s) ORDER BY session_key, metric"
    async for key, metric, value in await connection.execute(query, [keys]):
        scores.setdefault(key, []).append(Score(metric, value))
    redaction_key = await find_redaction_key(connection)
    async with connection.cursor(name="events") as cursor:
        cursor.itersize = FETCHED_EVENTS
        await cursor.execute(_EVENTS, [keys])
        rows = aiter(cursor)
        row = await anext(rows, None)
        for key, session in sessions.items():
            events = []
            while row is not None and row[0] == key:
                events.append(stored_event(*row[1:]))
                row = await anext(rows, None)
            transcript = Transcript(session, tuple(events), tuple(scores.get(key, ())))
            # Redaction takes a while, in which a server can answer others; what was imported was redacted before.
            live = redact and session.source == LIVE_SOURCE
            yield await asyncio.to_thread(redacted_live, transcript, redaction_key) if live else transcript
