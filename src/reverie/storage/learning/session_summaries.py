"""Sessions as people look for them: in lists, newest first, and one by one."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import msgspec
from psycopg.rows import dict_row

from reverie.errors import NotFoundError
from reverie.ids import derived_id
from reverie.sessions.segment import COLUMNS, Segment
from reverie.storage.learning.session_summary import FieldValues, SessionFacts, SummarizedSession
from reverie.storage.postgres.database import Connection
from reverie.storage.sessions.condition import condition_of

AT = "coalesce(s.started_at, s.imported_at)"
"""SQL for when a session took place, as far as anybody knows; the index ``sessions_by_time`` is on it."""
RECENT_SESSIONS = 1_000
"""Sessions whose values are offered for completion."""
_MOST_VALUES = 20
_LONGEST_OPENING = 300
_LONGEST_VALUE = 100
_OPENING = """
    SELECT coalesce(
        jsonb_path_query_first(e.payload, 'lax $.content[*] ? (@.type == "text").text') #>> '{}',
        CASE jsonb_typeof(e.payload -> 'content') WHEN 'string' THEN e.payload ->> 'content' END
    )
    FROM events e WHERE e.session_key = s.key AND e.type = 'user.message' ORDER BY e.sequence LIMIT 1
"""
_COLUMNS = f"""
    s.id, s.source, l.session_key IS NOT NULL AS live, coalesce(l.status, 'idle') AS status, l.title,
    left(coalesce(({_OPENING}), ''), {_LONGEST_OPENING}) AS opening,
    {AT} AS at, s.imported_at, s.agent, s.agent_version, s.model, s.task_id, s.task_category, s.user_id, s.reward,
    d.implicit, s.event_count AS events, d.errors,
    coalesce(
        nullif(d.input_tokens + d.output_tokens, 0),
        (l.usage ->> 'input_tokens')::bigint + (l.usage ->> 'output_tokens')::bigint
    ) AS tokens,
    coalesce(d.seconds, l.active_seconds, extract(epoch FROM s.ended_at - s.started_at))::float8 AS seconds,
    coalesce(d.cost_usd, (l.usage ->> 'cost_usd')::float8)::float8 AS cost_usd
"""
_JOINED = "LEFT JOIN live_sessions l ON l.session_key = s.key LEFT JOIN digests d ON d.session_key = s.key"
_SCORES = "SELECT metric, value, source, recorded_at FROM scores WHERE session_key = %(key)s ORDER BY metric"
_SHOWN = """
    WITH shown AS (
        SELECT subject, version, memory_store_id, mechanism, shown_at, position FROM exposures
        WHERE session_key = %(key)s
        UNION ALL
        SELECT x.subject, x.version, x.memory_store_id, 'briefing', b.made_at, 0
        FROM briefings b, jsonb_to_recordset(b.shown) AS x (subject text, version text, memory_store_id text)
        WHERE b.id = ANY (%(briefings)s)
    )
    SELECT shown.subject, CASE WHEN lsn.id IS NULL THEN 'memory' ELSE 'lesson' END AS kind,
        left(coalesce(lsn.lesson ->> 'statement', m.path, ''), 1000) AS title,
        shown.version, shown.memory_store_id, shown.mechanism, shown.shown_at
    FROM shown LEFT JOIN lessons lsn ON lsn.memory_store_id = shown.memory_store_id AND lsn.id = shown.subject
    LEFT JOIN memories m ON m.id = shown.subject
    ORDER BY shown.shown_at, shown.position, shown.subject
"""
_DRAWS = """
    SELECT t.id AS trial_id, t.title, t.state, a.shown, a.share, a.contaminated
    FROM trial_assignments a JOIN trials t ON t.id = a.trial_id WHERE a.session_key = %(key)s
    ORDER BY t.created_at, t.id
"""
_THREADS = """
    SELECT e.thread_id, coalesce(t.agent ->> 'name', '') AS agent_name, count(*) AS events
    FROM events e LEFT JOIN session_threads t ON t.id = e.thread_id
    WHERE e.session_key = %(key)s GROUP BY 1, 2 ORDER BY e.thread_id IS NOT NULL, min(e.sequence)
"""
_BRIEFING = """
    SELECT coalesce(
        (SELECT text FROM session_briefings WHERE session_key = %(key)s),
        (SELECT text FROM briefings WHERE id = ANY (%(briefings)s) LIMIT 1), ''
    ) AS text
"""
_RECENT = f"SELECT * FROM sessions s ORDER BY {AT} DESC, s.key DESC LIMIT {RECENT_SESSIONS}"
_VALUES = f"""
    WITH recent AS ({_RECENT}), named AS (
        SELECT x.name, x.value FROM recent s CROSS JOIN LATERAL (VALUES
            ('source', s.source), ('agent', s.agent), ('agent_version', s.agent_version), ('model', s.model),
            ('task_id', s.task_id), ('task_category', s.task_category), ('user_id', s.user_id)
        ) AS x (name, value) WHERE x.value IS NOT NULL
        UNION ALL
        SELECT 'metadata.' || m.key, m.value FROM recent s, jsonb_each_text(s.metadata) AS m
    ), counted AS (
        SELECT name, value, count(*) AS sessions,
            row_number() OVER (PARTITION BY name ORDER BY count(*) DESC, value) AS place
        FROM named WHERE length(value) <= {_LONGEST_VALUE} AND length(name) <= {_LONGEST_VALUE} GROUP BY 1, 2
    )
    SELECT name, array_agg(value ORDER BY place) FROM counted WHERE place <= {_MOST_VALUES} GROUP BY name ORDER BY name
"""
_METRICS = """
    SELECT name FROM metrics UNION
    SELECT c.metric FROM (SELECT key FROM sessions ORDER BY key DESC LIMIT 1000) s
    JOIN scores c ON c.session_key = s.key
    ORDER BY 1 LIMIT 100
"""

Position = tuple[datetime, int]
"""When a session took place, and its key."""


class PlacedSession(SummarizedSession, frozen=True, kw_only=True):
    """A session in a line, and where it stands in the list."""

    key: int


async def find_sessions(
    connection: Connection, segment: Segment, before: Position | None, limit: int
) -> list[PlacedSession]:
    """Sessions of the segment that took place before a position, newest first."""
    condition = condition_of(segment)
    after = "" if before is None else f"AND ({AT}, s.key) < (%(before_at)s, %(before_key)s)"
    query = f"""
        WITH chosen AS MATERIALIZED (
            SELECT s.key FROM sessions s WHERE ({condition.sql}) {after}
            ORDER BY {AT} DESC, s.key DESC LIMIT %(limit)s
        )
        SELECT s.key, {_COLUMNS} FROM chosen JOIN sessions s USING (key) {_JOINED} ORDER BY {AT} DESC, s.key DESC
    """
    parameters = {**condition.parameters, "limit": limit}
    if before is not None:
        parameters |= {"before_at": before[0], "before_key": before[1]}
    return [msgspec.convert(row, PlacedSession) for row in await _rows(connection, query, parameters)]


async def read_facts(connection: Connection, session_id: str) -> SessionFacts:
    """One session with what was scored, shown and drawn.

    Raises:
        NotFoundError: there is none.
    """
    query = f"""
        SELECT s.key, s.started_at, s.ended_at, s.metadata, {_COLUMNS}, d.ending,
            coalesce(d.input_tokens, (l.usage ->> 'input_tokens')::bigint) AS input_tokens,
            coalesce(d.output_tokens, (l.usage ->> 'output_tokens')::bigint) AS output_tokens
        FROM sessions s {_JOINED} WHERE s.id = %(id)s
    """
    found = await _rows(connection, query, {"id": session_id})
    if not found:
        raise NotFoundError(f"there is no session {session_id!r}")
    (row,) = found
    briefings = [row["metadata"].get("reverie_briefing", ""), derived_id("brf", session_id)]
    given = {"key": row.pop("key"), "briefings": briefings}
    (briefing,) = await _rows(connection, _BRIEFING, given)
    return msgspec.convert(
        {
            **row,
            "scores": await _rows(connection, _SCORES, given),
            "shown": await _rows(connection, _SHOWN, given),
            "draws": await _rows(connection, _DRAWS, given),
            "threads": await _rows(connection, _THREADS, given),
            "briefing": briefing["text"],
        },
        SessionFacts,
    )


async def read_fields(connection: Connection) -> list[FieldValues]:
    """What segments may ask of sessions, with values that recent sessions have."""
    rows = await connection.execute(_VALUES.encode())
    values: dict[str, list[str]] = dict(await rows.fetchall())
    columns = [FieldValues(name, kind, tuple(values.pop(name, ()))) for name, kind in COLUMNS.items()]
    metadata = [FieldValues(name, "text", tuple(found)) for name, found in values.items()]
    rows = await connection.execute(_METRICS)
    scores = [FieldValues(f"score.{metric}", "number", ()) for (metric,) in await rows.fetchall()]
    return [*columns, *metadata, *scores]


async def _rows(connection: Connection, query: str, parameters: Mapping[str, Any]) -> list[dict[str, Any]]:
    async with connection.cursor(row_factory=dict_row) as cursor:
        await cursor.execute(query.encode(), parameters)
        return await cursor.fetchall()
