"""What went on in a workspace, added up by the database."""

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Any

import msgspec

from reverie.storage.learning.activity_report import Matter, MatterKind
from reverie.storage.learning.session_summaries import AT
from reverie.storage.postgres.database import Connection

MOST_MATTERS = 20
"""Of a kind."""
# A part or fork says nothing of its own accord; see storage.learning.digests.INDEPENDENT. Few are any: they have an
# index of their own.
_DEPENDENT = """
    SELECT s.key FROM sessions s JOIN sessions p
        ON p.id = coalesce(s.metadata ->> 'part_of', s.metadata ->> 'forked_from')
    WHERE s.metadata ?| ARRAY['part_of', 'forked_from'] AND p.id <> s.id
        AND (p.reward IS NOT NULL OR s.reward IS NULL)
"""
_SUMS = """
    count(*) FILTER (WHERE {n} > 0), coalesce(sum({n}), 0)::float8, coalesce(sum({t}), 0), coalesce(sum({t} * {t}), 0),
    coalesce(sum({n} * {t}), 0), coalesce(sum({n} * {n}), 0)::float8
"""
# Tasks are told apart by a hash of 64 bits: grouping by texts takes several times as long.
_DAYS = f"""
    WITH dependent AS MATERIALIZED ({_DEPENDENT}), dated AS (
        SELECT date_trunc('day', {AT} AT TIME ZONE 'UTC') AS day, s.reward, d.implicit,
            CASE WHEN s.task_id IS NULL THEN s.key ELSE hashtextextended(s.task_id, 0) END AS task,
            p.key IS NULL AS independent
        FROM sessions s LEFT JOIN digests d ON d.session_key = s.key LEFT JOIN dependent p ON p.key = s.key
        WHERE {AT} >= %(since)s AND {AT} < %(until)s
    ), tasks AS (
        SELECT day, count(*) AS sessions, count(reward) AS scored,
            count(reward) FILTER (WHERE independent)::float8 AS n, sum(reward) FILTER (WHERE independent) AS t,
            count(implicit) FILTER (WHERE independent AND reward IS NULL)::float8 AS m,
            sum(implicit) FILTER (WHERE independent AND reward IS NULL) AS u
        FROM dated GROUP BY day, task
    )
    SELECT day::date, sum(sessions)::bigint, sum(scored)::bigint, {_SUMS.format(n="n", t="t")},
        {_SUMS.format(n="m", t="u")}
    FROM tasks GROUP BY day ORDER BY day
"""
_ROOM = "SET LOCAL work_mem = '64MB'"
"""For the tasks of a hundred thousand sessions, so that they are not sorted on disk."""
_NEW = "SELECT count(*), count(reward) FROM sessions WHERE imported_at >= %s"
_ALL = "SELECT count(*) FROM sessions"
_MATTERS: Mapping[MatterKind, str] = {
    "alarm": """
        SELECT id, agent, behaviour, concat(
            'agent ', agent, ': ', round((numbers ->> 'recent')::numeric, 2), ' of late, where ',
            numbers #>> '{allowed,0}', ' to ', numbers #>> '{allowed,1}', ' is allowed',
            CASE act WHEN 'pause' THEN '; the agent is paused' END
        ), at FROM charter_alarms WHERE acknowledged_at IS NULL
        ORDER BY number DESC LIMIT %(limit)s
    """,
    "trial": """
        SELECT id, coalesce(memory_store_id, ''), title,
            coalesce(nullif(reason, ''), proposal ->> 'reason', ''), coalesce(decided_at, created_at)
        FROM trials WHERE kind <> 'agent_version' AND (
            state = 'frozen' OR (state IN ('trial', 'adopted') AND proposal ->> 'mode' = 'ask')
            OR (state = 'inconclusive' AND decided_at >= %(since)s)
        ) ORDER BY created_at DESC, id DESC LIMIT %(limit)s
    """,
    "self_change": """
        SELECT c.id, c.agent_id, t.title, coalesce(nullif(t.reason, ''), t.proposal ->> 'reason', c.reason),
            c.created_at
        FROM trials t JOIN self_changes c ON c.trial_id = t.id WHERE t.kind = 'agent_version' AND (
            t.state = 'frozen' OR (t.state IN ('trial', 'adopted') AND t.proposal ->> 'mode' = 'ask')
        ) ORDER BY c.created_at DESC, c.id DESC LIMIT %(limit)s
    """,
    "failed_dream": """
        SELECT d.id, d.memory_store_id, coalesce(m.name, d.memory_store_id), coalesce(d.error, ''),
            coalesce(d.ended_at, d.created_at)
        FROM dreams d LEFT JOIN memory_stores m ON m.id = d.memory_store_id
        WHERE d.status = 'failed' AND d.archived_at IS NULL AND d.created_at >= %(since)s
        ORDER BY d.created_at DESC, d.id DESC LIMIT %(limit)s
    """,
    "running_dream": """
        SELECT d.id, d.memory_store_id, coalesce(m.name, d.memory_store_id), d.status, d.created_at
        FROM dreams d LEFT JOIN memory_stores m ON m.id = d.memory_store_id
        WHERE d.status IN ('pending', 'running') ORDER BY d.created_at DESC, d.id DESC LIMIT %(limit)s
    """,
}


class ClusteredSums(msgspec.Struct, frozen=True):
    """Sums over the tasks of a day, as the interval of a mean needs them."""

    clusters: int
    size: int
    total: float
    squared_totals: float
    products: float
    squared_sizes: float


class SummedDay(msgspec.Struct, frozen=True):
    """The sessions of one day, added up."""

    day: date
    sessions: int
    scored: int
    reward: ClusteredSums
    implicit: ClusteredSums


async def read_days(connection: Connection, since: datetime, until: datetime) -> list[SummedDay]:
    """The days that had sessions, the earliest first."""
    await connection.execute(_ROOM)
    rows = await connection.execute(_DAYS.encode(), {"since": since, "until": until})
    return [SummedDay(row[0], row[1], row[2], _sums(row[3:9]), _sums(row[9:])) async for row in rows]


def _sums(row: Sequence[Any]) -> ClusteredSums:
    clusters, size, *rest = row
    return ClusteredSums(clusters, int(size), *rest)


async def count_new(connection: Connection, since: datetime) -> tuple[int, int, int]:
    """Sessions that came since, those of them that are scored, and sessions of all times."""
    ((new, scored),) = await (await connection.execute(_NEW, [since])).fetchall()
    ((every,),) = await (await connection.execute(_ALL)).fetchall()
    return new, scored, every


async def list_matters(connection: Connection, since: datetime) -> tuple[list[Matter], bool]:
    """What a person may have to look at, at most :data:`MOST_MATTERS` of a kind, and whether there is more.

    What has ended by itself (a failed dream, a trial that could not tell) is listed if it did so ``since`` then.
    """
    found, more = [], False
    for kind, query in _MATTERS.items():
        rows = await connection.execute(query.encode(), {"since": since, "limit": MOST_MATTERS + 1})
        listed = [Matter(kind, *row) for row in await rows.fetchall()]
        more = more or len(listed) > MOST_MATTERS
        found += listed[:MOST_MATTERS]
    return found, more
