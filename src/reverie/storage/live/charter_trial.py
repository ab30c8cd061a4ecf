"""A charter tried on the sessions of a segment, one session in memory at a time."""

import asyncio
from datetime import datetime

import msgspec

from reverie.runtime.charter import Charter
from reverie.runtime.charter_judgement import Judge
from reverie.runtime.charter_report import CharterTrialReport
from reverie.runtime.charter_trial import Seen, replay
from reverie.sessions.segment import Segment
from reverie.storage.live.charter_watches import AT_REST, ENDED_AT, rules_fired
from reverie.storage.postgres.database import Connection, Database
from reverie.storage.sessions.condition import condition_of
from reverie.storage.sessions.transcripts import stream_transcripts


class _Place(msgspec.Struct, frozen=True):
    """Where a session belongs."""

    key: int
    agent: str
    ended_at: datetime
    """As sessions are put in order by."""
    said: datetime | None
    """As its source says."""
    at_rest: bool


async def try_charter(
    database: Database, charter: Charter, segment: Segment, agent: str | None = None
) -> CharterTrialReport:
    """What a charter would have come to in past sessions; of one agent alone where it is named."""
    async with database.connection() as connection:
        places = await _places(connection, segment)
        fired = await rules_fired(connection, [place.key for place in places.values()])
    judge, seen, unfinished = Judge(charter), [], 0
    async for transcript in stream_transcripts(database, segment):
        place = places.get(transcript.session.id)
        if place is None or (agent is not None and place.agent != agent):
            continue
        if not place.at_rest:
            unfinished += 1
            continue
        shown = await asyncio.to_thread(judge.judge, transcript, fired.get(place.key))
        seen.append((place, Seen(transcript.session.id, place.agent, place.said, shown)))
    seen.sort(key=lambda one: (one[0].ended_at, one[0].key))
    return await asyncio.to_thread(replay, charter, [one for _, one in seen], unfinished)


async def _places(connection: Connection, segment: Segment) -> dict[str, _Place]:
    condition = condition_of(segment)
    rows = await connection.execute(
        f"""
        SELECT s.id, s.key, coalesce(l.agent_id, s.agent, ''), {ENDED_AT}, coalesce(s.ended_at, s.started_at), {AT_REST}
        FROM sessions s LEFT JOIN live_sessions l ON l.session_key = s.key
        WHERE s.event_count > 0 AND ({condition.sql})
        """.encode(),
        condition.parameters,
    )
    return {session_id: _Place(*rest) for session_id, *rest in await rows.fetchall()}
