"""Labels of sessions that a design chose, with the probability that it had."""

from datetime import UTC, datetime

import pytest

from reverie.errors import NotFoundError, StateError
from reverie.sessions.session import Score
from reverie.storage.postgres.database import Connection, Database
from reverie.storage.sessions.labels import (
    LabelFrame,
    answer,
    frame_labels,
    next_session,
    open_frame,
    progress_of,
    take_back,
)
from reverie.storage.sessions.scores import record_scores

NOW = datetime(2026, 1, 1, tzinfo=UTC)


async def add_sessions(connection: Connection, first: int, last: int) -> None:
    await connection.execute(
        "INSERT INTO sessions (key, id, source, task_id, imported_at, event_count, content_sha256) "
        "SELECT n, 's' || n, 'chat', 't' || n %% 10, now(), 0, '' FROM generate_series(%s::int, %s::int) n",
        [first, last],
    )


async def frame_of(connection: Connection, sessions: int = 100, where: str | None = None) -> LabelFrame:
    await add_sessions(connection, 1, sessions)
    return await open_frame(connection, "reward", where, NOW)


async def answer_next(connection: Connection, frame: LabelFrame, value: float | None = 1.0) -> str:
    session_id = await next_session(connection, frame)
    assert session_id is not None
    await answer(connection, frame, session_id, value, NOW)
    return session_id


async def weights(connection: Connection) -> list[float]:
    rows = await connection.execute("SELECT 1 / probability FROM scores WHERE source = 'person'")
    return [row[0] async for row in rows]


async def test_weights_of_labels_stand_for_all_sessions_at_every_stop(database: Database) -> None:
    async with database.connection() as connection:
        frame = await frame_of(connection)
        for number in range(1, 31):
            await answer_next(connection, frame)
            # Sizes are alike, as every task was run ten times: n labels stand for about a hundred sessions.
            found = await weights(connection)
            assert len(found) == number
            assert max(found) == pytest.approx(min(found))
        assert sum(found) == pytest.approx(100, rel=0.3)


async def test_a_census_has_probability_one(database: Database) -> None:
    async with database.connection() as connection:
        frame = await frame_of(connection, 5)
        for _ in range(5):
            await answer_next(connection, frame)
        assert await next_session(connection, frame) is None
        assert await weights(connection) == [1.0] * 5


async def test_a_skipped_session_raises_the_weight_of_those_answered(database: Database) -> None:
    async with database.connection() as connection:
        frame = await frame_of(connection, 4)
        await answer_next(connection, frame, None)
        for _ in range(3):
            await answer_next(connection, frame)
        assert await weights(connection) == pytest.approx([4 / 3] * 3)
        progress = await progress_of(connection, frame)
        assert (progress.answered, progress.skipped, progress.open) == (3, 1, 0)


async def test_an_answer_taken_back_leaves_no_trace_and_is_asked_for_again(database: Database) -> None:
    async with database.connection() as connection:
        frame = await frame_of(connection)
        session_id = await answer_next(connection, frame, 0.0)
        assert await take_back(connection, frame) == session_id
        rows = await connection.execute(
            "SELECT count(*), count(s.reward) FROM sessions s LEFT JOIN scores c ON true"
            " WHERE c.value IS NOT NULL OR s.reward IS NOT NULL"
        )
        assert await rows.fetchone() == (0, 0)
        assert await next_session(connection, frame) == session_id


async def test_nothing_to_take_back_is_said(database: Database) -> None:
    async with database.connection() as connection:
        frame = await frame_of(connection)
        with pytest.raises(NotFoundError, match="no answer to take back"):
            await take_back(connection, frame)


async def test_a_session_is_answered_once(database: Database) -> None:
    async with database.connection() as connection:
        frame = await frame_of(connection)
        session_id = await answer_next(connection, frame)
        with pytest.raises(StateError, match="answered already"):
            await answer(connection, frame, session_id, 0.0, NOW)


async def test_a_label_out_of_turn_counts_when_those_before_it_are_answered(database: Database) -> None:
    async with database.connection() as connection:
        frame = await frame_of(connection, 10)
        first = await next_session(connection, frame)
        rows = await connection.execute(
            "SELECT s.id FROM label_tasks t JOIN sessions s ON s.key = t.session_key ORDER BY priority OFFSET 1 LIMIT 1"
        )
        (second,) = (await rows.fetchone()) or ("",)
        await answer(connection, frame, second, 1.0, NOW)
        assert [one for one in await frame_labels(connection, frame) if one.value is not None] == []
        assert first is not None
        await answer(connection, frame, first, 0.0, NOW)
        known = {one.session_id: one.value for one in await frame_labels(connection, frame) if one.value is not None}
        assert known == {first: 0.0, second: 1.0}


async def test_sessions_that_come_later_are_asked_for_and_those_scored_otherwise_are_not(database: Database) -> None:
    async with database.connection() as connection:
        frame = await frame_of(connection, 20)
        asked = {await answer_next(connection, frame)}
        await add_sessions(connection, 21, 40)
        scored = next(key for key in range(1, 21) if f"s{key}" not in asked)
        await record_scores(connection, [(40, Score("reward", 1.0)), (scored, Score("reward", 0.0))])
        frame = await open_frame(connection, "reward", None, NOW)
        while await next_session(connection, frame) is not None:
            asked.add(await answer_next(connection, frame))
        assert asked == {f"s{key}" for key in range(1, 40)} - {f"s{scored}"}


async def test_the_probabilities_in_the_scores_are_those_of_the_design(database: Database) -> None:
    async with database.connection() as connection:
        frame = await frame_of(connection)
        for value in (1.0, 0.0, None, 1.0):
            await answer_next(connection, frame, value)
        rows = await connection.execute(
            "SELECT s.id, c.probability FROM scores c JOIN sessions s ON s.key = c.session_key"
        )
        stored = {row[0]: row[1] async for row in rows}
        labels = await frame_labels(connection, frame)
        assert stored == pytest.approx({one.session_id: one.probability for one in labels if one.value is not None})
        assert len(labels) == 100
