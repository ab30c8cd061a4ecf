"""Scores of parts of a session: of what an agent that was called in did, or of what a cross-check settled on.

They are no scores of the session, and its reward is without them.
"""

from collections.abc import Collection

from reverie.errors import InputError, MetricError
from reverie.sessions.session import PartScore, score_problem
from reverie.storage.postgres.database import Connection
from reverie.storage.sessions.scores import reward_rule


def part_reward(session_key: str, part: str) -> str:
    """A query for the reward of one part, by the rule for sessions; no row where it has no scores.

    Args:
        session_key: the column of an outer query that says of which session.
        part: the one that says of which part.
    """
    return reward_rule("part_scores", "part", f"c.session_key = {session_key} AND c.part = {part}")


async def record_part_scores(
    connection: Connection, session_key: int, scores: Collection[PartScore], source: str = ""
) -> None:
    """Record scores of parts of a session, replacing older values of the same part and metric.

    Args:
        source: who gave them, as for sessions.

    Raises:
        InputError: the session has no such part.
        MetricError: a value is not a finite number, or a reward outside of 0 to 1.
    """
    for score in scores:
        problem = score_problem(score.metric, score.value)
        if problem is not None:
            raise MetricError(f"{score.metric} of {score.part}: {problem}")
    for part in sorted({score.part for score in scores}):
        if not await _is_part(connection, session_key, part):
            raise InputError(
                f"the session has no part {part!r}: name the thread of an agent that was called in, "
                "or the call of a cross-check that has its result"
            )
    async with connection.cursor() as cursor:
        await cursor.executemany(
            """
            INSERT INTO part_scores (session_key, part, metric, value, source) VALUES (%s, %s, %s, %s, %s)
            ON CONFLICT (session_key, part, metric)
            DO UPDATE SET value = excluded.value, source = excluded.source, recorded_at = now()
            """,
            [(session_key, score.part, score.metric, score.value, source) for score in scores],
        )


async def read_part_scores(connection: Connection, session_id: str) -> list[PartScore]:
    """The scores of a session's parts, by part and metric."""
    rows = await connection.execute(
        "SELECT p.part, p.metric, p.value FROM part_scores p JOIN sessions s ON s.key = p.session_key"
        " WHERE s.id = %s ORDER BY p.part, p.metric",
        [session_id],
    )
    return [PartScore(*row) for row in await rows.fetchall()]


async def _is_part(connection: Connection, session_key: int, part: str) -> bool:
    rows = await connection.execute(
        "SELECT EXISTS (SELECT FROM events WHERE session_key = %(key)s AND thread_id = %(part)s)"
        " OR EXISTS (SELECT FROM cross_checks WHERE session_key = %(key)s AND id = %(part)s)",
        {"key": session_key, "part": part},
    )
    ((found,),) = await rows.fetchall()
    return bool(found)
