"""Cross-checks that have a result, and how those were scored whose agreement was the same."""

import msgspec
from psycopg.rows import args_row
from psycopg.types.json import Jsonb

from reverie.outcomes.metric import REWARD_METRIC
from reverie.storage.postgres.database import Connection
from reverie.storage.sessions.part_scores import part_reward
from reverie.teams.cross_check import CrossCheck
from reverie.teams.reliability import Level, ScoredCheck

METRIC = "cross_check"
"""Whether what a session's checks settled on was right, from 0 to 1; without it the session's reward is taken.

Scores of a check by itself come before both.
"""
MOST_READ = 2_000
"""The latest checks that are looked at: models change."""

MOST_LEVELS = 20
"""Of a coordinator's, that are told."""


async def insert_check(connection: Connection, session_key: int, call_id: str, family: str, check: CrossCheck) -> None:
    """Record a check; one that is there stays as it is. Nothing is waited for in a pipeline."""
    result, level = check.result, check.result.level
    await connection.execute(
        "INSERT INTO cross_checks (session_key, id, question_sha256, family, members, answers_sha256, agreeing, asked,"
        " settled_by, models, winner) VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s) ON CONFLICT DO NOTHING",
        [
            *(session_key, call_id, check.question_sha256, family),
            Jsonb(
                [name for answer in result.answers for name in answer.agents] + [one.agent for one in result.no_answer]
            ),
            *([answer.sha256 for answer in result.answers], level.agreeing, level.asked, level.settled_by),
            *(list(level.models), result.winner),
        ],
    )


async def read_scored(connection: Connection, level: Level) -> list[ScoredCheck]:
    """The latest scored checks of one level of agreement, by the same models."""
    async with connection.cursor(
        row_factory=args_row(lambda family, value: ScoredCheck(level, family, value))
    ) as cursor:
        await cursor.execute(
            f"""
            SELECT k.family, least(greatest(coalesce(p.reward, v.value, s.reward), 0), 1)::float
            FROM cross_checks k JOIN sessions s ON s.key = k.session_key
            LEFT JOIN scores v ON v.session_key = k.session_key AND v.metric = %(metric)s
            LEFT JOIN LATERAL ({part_reward("k.session_key", "k.id")}) AS p ON true
            WHERE k.agreeing = %(agreeing)s AND k.asked = %(asked)s AND k.settled_by = %(settled_by)s
                AND k.models = %(models)s AND coalesce(p.reward, v.value, s.reward) IS NOT NULL
            ORDER BY k.session_key DESC, k.id LIMIT %(most)s
            """.encode(),
            {
                **msgspec.structs.asdict(level),
                "models": list(level.models),
                "metric": METRIC,
                "reward": REWARD_METRIC,
                "most": MOST_READ,
            },
        )
        return await cursor.fetchall()


async def levels_of(connection: Connection, agent_id: str) -> list[Level]:
    """The levels of agreement that a coordinator's checks came to, the most frequent first."""
    rows = await connection.execute(
        """
        SELECT k.agreeing, k.asked, k.settled_by, k.models
        FROM cross_checks k JOIN live_sessions l ON l.session_key = k.session_key
        WHERE l.agent_id = %s AND k.settled_by <> 'none'
        GROUP BY k.agreeing, k.asked, k.settled_by, k.models
        ORDER BY count(*) DESC, k.agreeing DESC, k.asked, k.models LIMIT %s
        """,
        [agent_id, MOST_LEVELS],
    )
    return [Level(agreeing, asked, by, tuple(models)) for agreeing, asked, by, models in await rows.fetchall()]
