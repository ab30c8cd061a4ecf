"""Metrics, scores and rewards in the database."""

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from reverie.errors import MetricError, NotFoundError
from reverie.outcomes.metric import REWARD_METRIC, Metric, reward_of
from reverie.outcomes.metric_summary import MetricSummary
from reverie.sessions.session import Score, score_problem
from reverie.storage.postgres.database import Connection, Database
from reverie.storage.sessions.scores import (
    define_metric,
    list_metrics,
    record_scores,
    score_session,
    summarize_metrics,
)

numbers = st.floats(-1e6, 1e6).map(lambda number: round(number, 3))
names = st.sampled_from(["reward", "speed", "cost", "grace"])


@st.composite
def metrics(draw: st.DrawFn) -> list[Metric]:
    return [
        Metric(
            name=name,
            direction=draw(st.sampled_from(["maximize", "minimize"])),
            low=(low := 0.0 if name == REWARD_METRIC else draw(numbers)),
            high=1.0 if name == REWARD_METRIC else low + draw(st.floats(0.01, 1e6)),
            weight=draw(st.sampled_from([0.0, 0.5, 1.0, 3.0])),
        )
        for name in draw(st.sets(names))
    ]


def _scores(drawn: dict[str, float]) -> dict[str, float]:
    return {name: value for name, value in drawn.items() if score_problem(name, value) is None}


async def add_sessions(connection: Connection, count: int) -> None:
    await connection.execute(
        "INSERT INTO sessions (key, id, source, imported_at, event_count, content_sha256) "
        "SELECT n, 's' || n, 'chat', now(), 0, '' FROM generate_series(1, %s) n",
        [count],
    )


async def rewards(connection: Connection) -> list[float | None]:
    return [row[0] async for row in await connection.execute("SELECT reward FROM sessions ORDER BY key")]


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(metrics(), st.dictionaries(names, numbers | st.sampled_from([0.0, 0.5, 1.0])).map(_scores))
async def test_the_database_computes_the_reward_as_the_rule_says(
    database: Database, defined: list[Metric], scores: dict[str, float]
) -> None:
    async with database.connection() as connection:
        await add_sessions(connection, 1)
        await record_scores(connection, [(1, Score(name, value)) for name, value in scores.items()])
        for metric in defined:
            await define_metric(connection, metric)
        (reward,) = await rewards(connection)
        await connection.rollback()
    assert reward == pytest.approx(reward_of(scores, defined), abs=1e-9)


async def test_defining_a_metric_moves_every_reward(database: Database) -> None:
    async with database.connection() as connection:
        await add_sessions(connection, 3)
        await record_scores(connection, [(1, Score("turns", 2)), (2, Score("turns", 10))])
        assert await rewards(connection) == [None, None, None]
        await define_metric(connection, Metric("turns", "minimize", high=10))
        assert await rewards(connection) == [0.8, 0.0, None]
        await define_metric(connection, Metric("turns", "maximize", high=10))
        assert await rewards(connection) == [0.2, 1.0, None]
        assert await list_metrics(connection) == [Metric("turns", "maximize", high=10)]


async def test_a_score_replaces_the_older_one_and_moves_the_reward(database: Database) -> None:
    async with database.connection() as connection:
        await add_sessions(connection, 1)
        assert await score_session(connection, "s1", [Score("reward", 0.25)]) == 0.25
        assert await score_session(connection, "s1", [Score("reward", 0.75)]) == 0.75
        assert await record_scores(connection, [(1, Score("reward", 0.75))]) == 0


async def test_scoring_an_unknown_session_is_an_error(database: Database) -> None:
    async with database.connection() as connection:
        with pytest.raises(NotFoundError, match="no session 'nobody'"):
            await score_session(connection, "nobody", [Score("reward", 1)])


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
async def test_a_score_that_is_no_number_is_refused(database: Database, value: float) -> None:
    async with database.connection() as connection:
        await add_sessions(connection, 1)
        with pytest.raises(MetricError, match="finite number"):
            await score_session(connection, "s1", [Score("reward", value)])


async def test_a_reward_lies_between_0_and_1_whoever_gives_it(database: Database) -> None:
    async with database.connection() as connection:
        await add_sessions(connection, 1)
        with pytest.raises(MetricError, match="reward: 2 is outside 0 to 1; give it another name"):
            await score_session(connection, "s1", [Score("fine", 1), Score("reward", 2)])
        with pytest.raises(MetricError, match="reward: it goes from 0 to 1"):
            await define_metric(connection, Metric("reward", high=5))
        assert await rewards(connection) == [None]


async def test_summaries_count_means_and_share_on_target(database: Database) -> None:
    cost = Metric("cost", "minimize", "USD", high=2, target=0.5)
    async with database.connection() as connection:
        await add_sessions(connection, 4)
        await define_metric(connection, cost)
        await define_metric(connection, Metric("unused"))
        scores = [(1, Score("cost", 0)), (2, Score("cost", 0.5)), (3, Score("cost", 4)), (4, Score("mood", 3))]
        await record_scores(connection, scores)
        summaries = await summarize_metrics(connection)
    assert summaries == [
        MetricSummary(cost, True, 3, mean=1.5, on_target=2 / 3, mean_reward=1.75 / 3),
        MetricSummary(Metric("mood", weight=0), False, 1, mean=3.0, on_target=None, mean_reward=None),
        MetricSummary(Metric("unused"), True, 0, mean=None, on_target=None, mean_reward=None),
    ]


async def test_a_reward_outside_its_range_cannot_be_stored(database: Database) -> None:
    with pytest.raises(psycopg.errors.CheckViolation):
        async with database.connection() as connection:
            await add_sessions(connection, 1)
            await connection.execute("UPDATE sessions SET reward = 1.5")
