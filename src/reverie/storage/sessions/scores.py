"""Metrics, scores and the rewards they add up to."""

from collections.abc import Collection, Iterable, Mapping

from psycopg.types.json import Jsonb

from reverie.errors import MetricError, NotFoundError
from reverie.outcomes.metric import REWARD_METRIC, Metric
from reverie.outcomes.metric_summary import MetricSummary
from reverie.sessions.session import Score, score_problem
from reverie.storage.postgres.database import Connection


def reward_rule(table: str, by: str, condition: str) -> str:
    """A query for rewards, by the columns that scores are of: the rule of :func:`reverie.outcomes.metric.reward_of`.

    Values are clipped before anything is computed with them, since PostgreSQL takes overflow for an error. The query
    takes the parameter ``reward``, the name of the metric that is a reward already.

    Args:
        table: with ``metric`` and ``value``; it is ``c`` in the condition.
    """
    return f"""
SELECT {by}, CASE
    WHEN weight IS NOT NULL THEN least(1, weighted / weight)
    WHEN given IS NOT NULL THEN least(1, greatest(0, given))
    ELSE implicit
END AS reward
FROM (
    SELECT {by},
           sum(m.weight) FILTER (WHERE m.weight > 0) AS weight,
           sum(m.weight * CASE m.direction WHEN 'maximize' THEN share ELSE 1 - share END)
               FILTER (WHERE m.weight > 0) AS weighted,
           max(c.value) FILTER (WHERE c.metric = %(reward)s) AS given,
           avg(c.value) FILTER (WHERE m.name IS NULL AND c.value BETWEEN 0 AND 1) AS implicit
    FROM {table} c
    LEFT JOIN metrics m ON m.name = c.metric
    CROSS JOIN LATERAL (SELECT (least(m.high, greatest(m.low, c.value)) - m.low) / (m.high - m.low) AS share) AS shares
    WHERE {condition}
    GROUP BY {by}
) AS sums
"""


_UPDATE_REWARDS = f"""
UPDATE sessions s SET reward = r.reward
FROM ({reward_rule("scores", "session_key", "%(keys)s::bigint[] IS NULL OR c.session_key = ANY (%(keys)s::bigint[])")}
) AS r
WHERE s.key = r.session_key AND s.reward IS DISTINCT FROM r.reward
"""

_STANDINGS = """
SELECT coalesce(m.name, c.metric), coalesce(m.direction, 'maximize'), coalesce(m.unit, ''), coalesce(m.low, 0),
       coalesce(m.high, 1), coalesce(m.weight, 0), m.target, m.name IS NOT NULL, count(c.value), avg(c.value),
       avg(CASE WHEN m.direction = 'maximize' THEN c.value >= m.target ELSE c.value <= m.target END::int)
           FILTER (WHERE c.value IS NOT NULL AND m.target IS NOT NULL),
       avg(s.reward) FILTER (WHERE c.value IS NOT NULL)
FROM metrics m
FULL JOIN scores c ON c.metric = m.name
LEFT JOIN sessions s ON s.key = c.session_key
WHERE %(name)s::text IS NULL OR coalesce(m.name, c.metric) = %(name)s
GROUP BY m.name, c.metric
ORDER BY 1
"""


async def define_metric(connection: Connection, metric: Metric) -> None:
    """Define or redefine a metric, and bring every session's reward up to date.

    Raises:
        MetricError: the built-in reward was given another range than its own, 0 to 1.
    """
    if metric.name == REWARD_METRIC and (metric.low, metric.high) != (0, 1):
        raise MetricError("reward: it goes from 0 to 1; give a metric with another range another name")
    await connection.execute(
        """
        INSERT INTO metrics (name, direction, unit, low, high, weight, target) VALUES (%s, %s, %s, %s, %s, %s, %s)
        ON CONFLICT (name) DO UPDATE SET direction = excluded.direction, unit = excluded.unit, low = excluded.low,
            high = excluded.high, weight = excluded.weight, target = excluded.target
        """,
        [metric.name, metric.direction, metric.unit, metric.low, metric.high, metric.weight, metric.target],
    )
    await update_rewards(connection, None)


async def list_metrics(connection: Connection) -> list[Metric]:
    """The defined metrics, by name."""
    cursor = await connection.execute(
        "SELECT name, direction, unit, low, high, weight, target FROM metrics ORDER BY name"
    )
    return [Metric(*row) async for row in cursor]


async def summarize_metric(connection: Connection, name: str) -> MetricSummary:
    """How the sessions stand on one metric.

    Raises:
        NotFoundError: there is none of this name.
    """
    for summary in await summarize_metrics(connection, name):
        return summary
    raise NotFoundError(f"there is no metric {name!r}; see reverie metric list")


async def summarize_metrics(connection: Connection, name: str | None = None) -> list[MetricSummary]:
    """How the sessions stand on each metric, or on one, defined or only seen in scores, by name."""
    return [
        MetricSummary(
            metric=Metric(*row[:7]),
            defined=row[7],
            sessions=row[8],
            mean=row[9],
            on_target=None if row[10] is None else float(row[10]),
            mean_reward=row[11],
        )
        async for row in await connection.execute(_STANDINGS, {"name": name})
    ]


async def score_session(
    connection: Connection, session_id: str, scores: Iterable[Score], source: str = ""
) -> float | None:
    """Record scores of one session, replacing older values of the same metrics; its new reward.

    ``source`` is who gave them, as for :func:`record_scores`.

    Raises:
        NotFoundError: there is no such session.
        MetricError: a value is not a finite number, or a reward outside of 0 to 1.
    """
    key = await session_key(connection, session_id)
    await record_scores(connection, [(key, score) for score in scores], source)
    reward = await (await connection.execute("SELECT reward FROM sessions WHERE key = %s", [key])).fetchone()
    return reward[0] if reward else None


async def session_key(connection: Connection, session_id: str) -> int:
    """The key of a session.

    Raises:
        NotFoundError: there is no such session.
    """
    row = await (await connection.execute("SELECT key FROM sessions WHERE id = %s", [session_id])).fetchone()
    if row is None:
        raise NotFoundError(f"there is no session {session_id!r}")
    return int(row[0])


async def tag_session(connection: Connection, session_id: str, tags: Mapping[str, str]) -> None:
    """Add to a session's metadata, replacing what it had under the same names."""
    await connection.execute(
        "UPDATE sessions SET metadata = metadata || %s WHERE id = %s", [Jsonb(dict(tags)), session_id]
    )


async def read_scores(connection: Connection, session_id: str) -> tuple[float | None, list[Score]]:
    """The reward of a session and its scores, by metric.

    Raises:
        NotFoundError: there is no such session.
    """
    row = await (await connection.execute("SELECT key, reward FROM sessions WHERE id = %s", [session_id])).fetchone()
    if row is None:
        raise NotFoundError(f"there is no session {session_id!r}")
    query = "SELECT metric, value FROM scores WHERE session_key = %s ORDER BY metric"
    return row[1], [Score(*score) async for score in await connection.execute(query, [row[0]])]


async def record_scores(connection: Connection, scores: Collection[tuple[int, Score]], source: str = "") -> int:
    """Record scores by session key, update the rewards they change, and count the new or changed ones.

    ``source`` is who gave them: ``person`` when asked, ``grader:NAME``, a model's name; "" is an import or a program.

    Raises:
        MetricError: a value is not a finite number, or a reward outside of 0 to 1.
    """
    values: dict[tuple[int, str], float] = {}
    for key, score in scores:
        problem = score_problem(score.metric, score.value)
        if problem is not None:
            raise MetricError(f"{score.metric}: {problem}")
        values[key, score.metric] = float(score.value)
    if not values:
        return 0
    cursor = await connection.execute(
        """
        INSERT INTO scores (session_key, metric, value, source)
        SELECT *, %s FROM unnest(%s::bigint[], %s::text[], %s::float8[])
        ON CONFLICT (session_key, metric)
        DO UPDATE SET value = excluded.value, source = excluded.source, probability = NULL,
            recorded_at = now()
        WHERE scores.value <> excluded.value
        RETURNING session_key
        """,
        [source, [key for key, _ in values], [metric for _, metric in values], list(values.values())],
    )
    changed = [row[0] for row in await cursor.fetchall()]
    if changed:
        await update_rewards(connection, changed)
    return len(changed)


async def update_rewards(connection: Connection, keys: Collection[int] | None) -> None:
    """Compute the rewards of the sessions with these keys, or of all, from their scores."""
    await connection.execute(
        _UPDATE_REWARDS.encode(), {"reward": REWARD_METRIC, "keys": None if keys is None else list(keys)}
    )
