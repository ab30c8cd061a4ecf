"""Whom agents call in, counted over their latest sessions."""

import msgspec
from psycopg.rows import class_row

from reverie.storage.postgres.database import Connection

MOST_SESSIONS = 1_000
"""Of an agent that are looked at, the latest."""
MOST_CALLED = 50
_LATEST = """
    SELECT l.session_key, s.reward FROM live_sessions l JOIN sessions s ON s.key = l.session_key
    WHERE l.agent_id = %(agent)s ORDER BY l.session_key DESC LIMIT %(most)s
"""


class CalledIn(msgspec.Struct, frozen=True):
    """An agent that was called in."""

    id: str | None
    name: str
    threads: int
    sessions: int
    mean_reward: float | None


class Team(msgspec.Struct, frozen=True):
    """Sessions of an agent, and whom it called in there."""

    sessions: int
    sessions_alone: int
    mean_reward: float | None
    mean_reward_alone: float | None
    called_in: tuple[CalledIn, ...]


async def read_team(connection: Connection, agent_id: str) -> Team:
    """Whom an agent called in, in its latest sessions."""
    asked = {"agent": agent_id, "most": MOST_SESSIONS, "called": MOST_CALLED}
    row = await connection.execute(
        f"""
        SELECT count(*), count(*) FILTER (WHERE alone), avg(reward), avg(reward) FILTER (WHERE alone)
        FROM (
            SELECT reward, NOT EXISTS (SELECT FROM session_threads t WHERE t.session_key = latest.session_key) AS alone
            FROM ({_LATEST}) latest
        ) counted
        """.encode(),
        asked,
    )
    ((sessions, alone, mean, mean_alone),) = await row.fetchall()
    async with connection.cursor(row_factory=class_row(CalledIn)) as cursor:
        await cursor.execute(
            f"""
            SELECT id, name, sum(threads)::integer AS threads, count(*) AS sessions, avg(reward) AS mean_reward
            FROM (
                SELECT t.agent ->> 'id' AS id, coalesce(t.agent ->> 'name', '') AS name, count(*) AS threads, reward
                FROM ({_LATEST}) latest JOIN session_threads t USING (session_key)
                GROUP BY t.agent ->> 'id', coalesce(t.agent ->> 'name', ''), session_key, reward
            ) by_session
            GROUP BY id, name ORDER BY threads DESC, name, id LIMIT %(called)s
            """.encode(),
            asked,
        )
        return Team(sessions, alone, mean, mean_alone, tuple(await cursor.fetchall()))
