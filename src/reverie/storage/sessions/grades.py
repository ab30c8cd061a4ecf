"""What graders said of history: kept by content, rubric and grader; money is reserved before a model is asked."""

from collections.abc import Collection
from datetime import datetime
from typing import Any

import msgspec
from psycopg.types.json import Jsonb

from reverie.errors import ModelBudgetExceeded
from reverie.language_model import ModelUsage
from reverie.outcomes.grader import Grade
from reverie.outcomes.label_task import PERSON
from reverie.outcomes.metric import REWARD_METRIC
from reverie.sessions.segment import Segment
from reverie.sessions.session import PartScore, Score
from reverie.storage.postgres.database import Connection
from reverie.storage.sessions.condition import condition_of
from reverie.storage.sessions.part_scores import record_part_scores
from reverie.storage.sessions.scores import record_scores

_RESERVE = """
INSERT INTO grades (content_sha256, rubric_sha256, grader, state, reserved_usd, updated_at)
VALUES (%(content)s, %(rubric)s, %(grader)s, 'asked', %(usd)s, %(now)s)
ON CONFLICT (content_sha256, rubric_sha256, grader) DO UPDATE
SET state = 'asked', attempts = grades.attempts + 1, reserved_usd = excluded.reserved_usd, problem = NULL,
    updated_at = excluded.updated_at,
    -- Nobody knows what an answer that never came has cost; it counts as the most that it can have.
    cost_usd = grades.cost_usd + grades.reserved_usd
"""
_SETTLE = """
UPDATE grades SET state = %(state)s, grade = %(grade)s, problem = %(problem)s, reserved_usd = 0,
    cost_usd = cost_usd + %(usd)s, input_tokens = input_tokens + %(input)s, output_tokens = output_tokens + %(output)s,
    updated_at = %(now)s
WHERE content_sha256 = %(content)s AND rubric_sha256 = %(rubric)s AND grader = %(grader)s
"""


class GradeKey(msgspec.Struct, frozen=True):
    """What a grade is of, by what, and whose it is."""

    content: str
    """SHA-256 of what the grader is shown."""
    rubric: str
    """SHA-256 of the rubric, and of the version of the prompt."""
    grader: str
    """``provider:model``, or ``grader:NAME``."""

    @property
    def parameters(self) -> dict[str, Any]:
        """For a query."""
        return msgspec.structs.asdict(self)


class GradedLabel(msgspec.Struct, frozen=True):
    """A session that has a label."""

    session_key: int
    task: str | None
    label: float


async def find_grade(connection: Connection, key: GradeKey) -> Grade | None:
    """The grade that is done; None where there is none, though it may have failed or be under way."""
    query = """SELECT grade::text FROM grades WHERE content_sha256 = %(content)s AND rubric_sha256 = %(rubric)s
        AND grader = %(grader)s AND state = 'done'"""
    row = await (await connection.execute(query, key.parameters)).fetchone()
    return None if row is None else msgspec.json.decode(row[0], type=Grade)


async def spent_usd(connection: Connection, rubric: str, grader: str) -> float:
    """What this rubric and grader have cost, with what is reserved."""
    query = "SELECT coalesce(sum(cost_usd + reserved_usd), 0) FROM grades WHERE rubric_sha256 = %s AND grader = %s"
    (row,) = await (await connection.execute(query, [rubric, grader])).fetchall()
    return float(row[0])


async def reserve(connection: Connection, key: GradeKey, usd: float, budget_usd: float | None, now: datetime) -> None:
    """Set aside what a grade can cost at most.

    Raises:
        ModelBudgetExceeded: less than that is left; nothing is set aside.
    """
    # One at a time, or two would each see the same rest.
    await connection.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", [f"{key.rubric} {key.grader}"])
    if budget_usd is not None:
        left = budget_usd - await spent_usd(connection, key.rubric, key.grader)
        if usd > left:
            raise ModelBudgetExceeded(
                f"a session might cost ${usd:.4f}, and ${max(left, 0):.4f} of ${budget_usd:.2f} are left for this "
                "rubric and model; give a larger --budget to go on"
            )
    await connection.execute(_RESERVE, {**key.parameters, "usd": usd, "now": now})


async def settle(
    connection: Connection, key: GradeKey, outcome: Grade | str, usage: ModelUsage, usd: float, now: datetime
) -> None:
    """Record the grade, or the problem that it failed by, with what it cost; the rest of what was set aside is free."""
    done = isinstance(outcome, Grade)
    values = {
        "state": "done" if done else "failed",
        "grade": Jsonb(msgspec.to_builtins(outcome)) if done else None,
        "problem": None if done else outcome,
        "usd": usd,
        "input": usage.total_tokens - usage.output_tokens,
        "output": usage.output_tokens,
        "now": now,
    }
    await connection.execute(_SETTLE, {**key.parameters, **values})


async def record_grade(connection: Connection, session_key: int, metric: str, grade: Grade, grader: str) -> None:
    """Record a grade as scores of a session; a score that a person or an import gave stays as it is."""
    own = {} if grade.score is None else {metric: grade.score}
    values = {**grade.metrics, **own}
    query = "SELECT metric FROM scores WHERE session_key = %s AND metric = ANY (%s) AND source IN ('', %s)"
    taken = {row[0] async for row in await connection.execute(query, [session_key, list(values), PERSON])}
    scores = [(session_key, Score(name, value)) for name, value in values.items() if name not in taken]
    await record_scores(connection, scores, grader)
    if grade.parts:
        parts = [PartScore(part, metric, score) for part, score in grade.parts.items()]
        await record_part_scores(connection, session_key, parts, grader)


async def sessions_to_grade(connection: Connection, segment: Segment) -> list[tuple[int, str]]:
    """Key and id of a segment's sessions, in the order of import."""
    condition = condition_of(segment)
    query = f"SELECT s.key, s.id FROM sessions s WHERE {condition.sql} ORDER BY s.key"
    rows = await connection.execute(query.encode(), condition.parameters)
    return [(row[0], row[1]) async for row in rows]


async def count_labelled(connection: Connection, segment: Segment) -> int:
    """How many of a segment's sessions have a reward that no grader gave."""
    condition = condition_of(segment)
    query = f"""SELECT count(*) FROM sessions s WHERE s.reward IS NOT NULL AND ({condition.sql}) AND EXISTS
        (SELECT FROM scores c WHERE c.session_key = s.key AND c.source IN ('', %(label_person)s))"""
    row = await (await connection.execute(query.encode(), {**condition.parameters, "label_person": PERSON})).fetchone()
    return int(row[0]) if row else 0


async def read_labels(connection: Connection, keys: Collection[int], metric: str) -> list[GradedLabel]:
    """Labels of sessions that no grader gave: their reward where ``metric`` is no part of it, else what ``reward`` is.

    In the order of the keys.
    """
    query = """
    SELECT s.key, s.task_id, coalesce(r.value, CASE WHEN m.weight = 0 THEN s.reward END) AS label
    FROM sessions s LEFT JOIN metrics m ON m.name = %(metric)s
    LEFT JOIN scores r ON r.session_key = s.key AND r.metric = %(reward)s AND r.source IN ('', %(person)s)
    WHERE s.key = ANY (%(keys)s)
      AND EXISTS (SELECT FROM scores c WHERE c.session_key = s.key AND c.source IN ('', %(person)s))
    ORDER BY s.key
    """
    given = {"metric": metric, "reward": REWARD_METRIC, "person": PERSON, "keys": list(keys)}
    return [GradedLabel(*row) async for row in await connection.execute(query, given) if row[2] is not None]
