"""What a trial that begins can expect: how many sessions, and what guardrails stand at."""

from collections.abc import Sequence
from datetime import datetime

from reverie.lessons.lesson import Scope
from reverie.storage.live.assignments import MEASURED, MEASURES
from reverie.storage.postgres.database import Connection
from reverie.trials.forecast import WINDOW
from reverie.trials.policy import GuardrailName, GuardrailPolicy
from reverie.trials.trial import Guardrail

_EARLIER = 200
_TIMES_THE_MEAN = 4.0
"""Values beyond so many times their mean count as that."""
_SHARES: tuple[GuardrailName, ...] = ("unscored", "negative_feedback")
_LEAST_CEILING: dict[str, float] = {"errors": 4.0, "denials": 4.0, "tokens": 1_000.0, "seconds": 10.0, "cost_usd": 0.01}
"""So that where there has been next to nothing of something, the first of it is not too much."""
_OF_SCOPE = """
(%(agent)s::text IS NULL OR s.agent = %(agent)s) AND (%(family)s::text IS NULL OR s.task_category = %(family)s
    OR s.task_category IS NULL)
"""


async def count_sessions(connection: Connection, scope: Scope, now: datetime) -> int:
    """Sessions of the last :data:`~reverie.trials.forecast.WINDOW` that the scope of a lesson fits."""
    row = await connection.execute(
        f"""
        SELECT count(*) FROM sessions s
        WHERE coalesce(s.started_at, s.imported_at) BETWEEN %(since)s AND %(now)s AND {_OF_SCOPE}
        """.encode(),
        {"since": now - WINDOW, "now": now, **_parameters(scope)},
    )
    ((count,),) = await row.fetchall()
    return int(count)


async def measure_guardrails(
    connection: Connection, guardrails: Sequence[GuardrailPolicy], scope: Scope
) -> tuple[Guardrail, ...]:
    """Guardrails with their present means, from the latest sessions that the scope fits."""
    row = await connection.execute(
        f"""
        SELECT avg(x.errors), avg(x.denials), avg(x.tokens), avg(x.seconds), avg(x.cost_usd), avg(x.negative_feedback),
            avg((x.reward IS NULL)::int)
        FROM (
            SELECT y.reward, m.* FROM (
                SELECT s.reward, {MEASURED} AS measures FROM (
                    SELECT * FROM sessions s WHERE {_OF_SCOPE} ORDER BY s.key DESC LIMIT {_EARLIER}
                ) AS s LEFT JOIN {MEASURES} ON true
            ) AS y CROSS JOIN LATERAL jsonb_to_record(y.measures) AS m (
                errors float8, denials float8, tokens float8, seconds float8, cost_usd float8, negative_feedback float8
            )
        ) AS x
        """.encode(),
        _parameters(scope),
    )
    ((errors, denials, tokens, seconds, cost_usd, negative, unscored),) = await row.fetchall()
    means = {
        "errors": errors,
        "denials": denials,
        "tokens": tokens,
        "seconds": seconds,
        "cost_usd": cost_usd,
        "negative_feedback": negative,
        "unscored": unscored,
    }
    return tuple(_guardrail(policy, means[policy.measure]) for policy in guardrails)


def _guardrail(policy: GuardrailPolicy, mean: float | None) -> Guardrail:
    if policy.measure in _SHARES:
        return Guardrail(policy.measure, policy.margin, 1.0, float(mean or 0.0), policy.alpha)
    mean = float(mean or 0.0)
    ceiling = max(_TIMES_THE_MEAN * mean, _LEAST_CEILING[policy.measure])
    return Guardrail(policy.measure, policy.margin * mean / ceiling, ceiling, mean / ceiling, policy.alpha)


def _parameters(scope: Scope) -> dict[str, str | None]:
    return {"agent": scope.agent, "family": scope.task_family}
