"""Grading the history: each content once, within a budget, blind, and taken up where it was cut off."""

import asyncio
import subprocess
import sys
import threading
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest

from reverie.clock import ManualClock
from reverie.errors import SettingsError
from reverie.jobs.grading import GradingRequest, GradingResult, grade_sessions
from reverie.jobs.session_grader import open_grader
from reverie.sessions.session import Score
from reverie.settings import ModelSettings, Settings
from reverie.storage.postgres.database import Database
from reverie.storage.sessions.import_summary import ImportOptions
from reverie.storage.sessions.ingest import import_sessions
from reverie.storage.sessions.scores import score_session
from reverie.testing.fake_models import FakeModels, Reply, Request, fault, say, serve
from reverie.testing.patience import PATIENCE_SECONDS
from tests.conftest import ChatFile

RUBRIC = "Was the customer helped? 1 yes, 0 no."
NOW = datetime(2026, 1, 1, tzinfo=UTC)
LESSON = "lsn_" + "0Ab" * 8


def chat(number: int, *, reward: float | None = None, words: str = "") -> dict[str, Any]:
    messages = [
        {"role": "system", "content": f"Lesson {LESSON}: look first."},
        {"role": "user", "content": f"Order {number} is late"},
        {"role": "assistant", "content": f"It comes tomorrow. {words}"},
    ]
    return {"id": f"s{number}", "task_id": f"t{number % 3}", "messages": messages, "reward": reward}


def judge(request: Request) -> Reply:
    """Good where the order's number is even."""
    even = int(request.text.rpartition("Order ")[2].split()[0]) % 2 == 0
    return say(msgspec.json.encode({"explanation": "as it looks", "score": 1.0 if even else 0.0}).decode())


Grade = Callable[..., Any]


@pytest.fixture
def graded(database: Database, settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Grade:
    """Grades what is stored by the model of a server."""
    monkeypatch.setenv("REVERIE_MODEL_PRICE", "10/20")

    async def grade(server: FakeModels, **fields: Any) -> GradingResult:
        model = ModelSettings("anthropic", "m", base_url=server.url)
        request = GradingRequest("helped", **fields)
        with_model = msgspec.structs.replace(settings, model=model)
        async with open_grader(with_model, RUBRIC, None, None) as grader:
            return await grade_sessions(database, grader, request, ManualClock(NOW), lambda *_: None)

    return grade


@pytest.fixture
def imported(database: Database, settings: Settings, chat_file: ChatFile) -> Callable[..., Any]:
    """Imports sessions."""

    async def imports(*chats: dict[str, Any]) -> None:
        path = chat_file("chats.jsonl", *({k: v for k, v in one.items() if v is not None} for one in chats))
        await import_sessions(database, settings, [path], ImportOptions(), ManualClock(NOW), lambda _: None)

    return imports


async def stored(database: Database) -> list[tuple[str, float, str]]:
    async with database.connection() as connection:
        rows = await connection.execute(
            "SELECT s.id, c.value, c.source FROM scores c JOIN sessions s ON s.key = c.session_key"
            " WHERE c.metric = 'helped' ORDER BY s.id"
        )
        return await rows.fetchall()


async def test_every_session_is_scored_once_by_the_model(database: Database, graded: Grade, imported: Grade) -> None:
    await imported(*(chat(number) for number in range(6)))
    with serve(judge) as server:
        first, second = await graded(server), await graded(server)
        assert len(server.requests) == 6
    assert (first.graded, first.cached, first.failed, first.left) == (6, 0, 0, 0)
    assert (second.graded, second.cached) == (0, 6)
    assert await stored(database) == [(f"s{n}", float(n % 2 == 0), "anthropic:m") for n in range(6)]
    assert first.cost_usd == pytest.approx(second.spent_usd)


async def test_another_rubric_or_new_content_is_asked_about(graded: Grade, imported: Grade) -> None:
    await imported(chat(1))
    with serve(judge) as server:
        await graded(server)
        await imported(chat(1), chat(2))
        result = await graded(server)
        assert (result.graded, result.cached, len(server.requests)) == (1, 1, 2)


async def test_a_grader_sees_the_transcript_alone(graded: Grade, imported: Grade) -> None:
    await imported(chat(1, reward=0.125))
    with serve(judge) as server:
        await graded(server)
        (sent,) = server.requests
    seen = msgspec.json.encode(sent.body).decode()
    assert "Order 1 is late" in seen and RUBRIC in seen
    for hidden in (LESSON, "look first", "0.125", "reward", '"s1"', "chats.jsonl"):
        assert hidden not in seen


@pytest.mark.parametrize(
    "bad", [say("no idea"), say('{"score": 7, "explanation": ""}'), say('{"explanation": "x"}'), fault("refusal")]
)
async def test_a_failure_is_recorded_for_its_session_and_tried_again_next_time(
    database: Database, graded: Grade, imported: Grade, bad: Reply
) -> None:
    await imported(chat(1), chat(2))

    def policy(request: Request) -> Reply:
        return bad if "Order 1 " in request.text else judge(request)

    with serve(policy) as server:
        result = await graded(server)
        assert (result.graded, result.failed, result.failures[0].session_id) == (1, 1, "s1")
        assert [row[0] for row in await stored(database)] == ["s2"]
        server.follow(judge)
        again = await graded(server)
    assert (again.graded, again.cached, again.failed) == (1, 1, 0)
    assert again.spent_usd > result.spent_usd


async def test_what_might_exceed_the_budget_is_not_asked_about(graded: Grade, imported: Grade) -> None:
    await imported(*(chat(number) for number in range(8)))
    with serve(judge) as server:
        one = await graded(server, where="id = 's0'")
        assert one.cost_usd is not None and one.cost_usd > 0
        # Enough for the worst case of one session at a time, and not of two.
        result = await graded(server, budget_usd=one.spent_usd + 0.045, concurrency=1)
        assert result.left > 0 and result.graded > 0
        assert result.spent_usd <= one.spent_usd + 0.045
        assert "might cost" in result.notes[0]
        rest = await graded(server, budget_usd=10.0)
        assert (rest.left, len(server.requests)) == (0, 8)


async def test_what_is_reserved_for_answers_under_way_is_not_given_out_twice(graded: Grade, imported: Grade) -> None:
    await imported(*(chat(number) for number in range(8)))
    asked: list[int] = []

    async def slow(request: Request) -> Reply:
        asked.append(request.number)
        return judge(request)

    with serve(slow) as server:
        result = await graded(server, budget_usd=0.045, concurrency=8)
    assert len(asked) == result.graded < 8


async def test_what_answers_under_way_give_back_is_used_before_the_run_stops(graded: Grade, imported: Grade) -> None:
    await imported(*(chat(number) for number in range(8)))
    with serve(judge) as server:
        one = await graded(server, where="id = 's0'")
        # Enough for the worst case of one session at a time, and for what eight really cost.
        result = await graded(server, budget_usd=0.045 + 8 * one.spent_usd, concurrency=4)
    assert (result.graded, result.left) == (7, 0)


async def test_a_budget_needs_a_price(graded: Grade, imported: Grade, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("REVERIE_MODEL_PRICE")
    await imported(chat(1))
    with serve(judge) as server, pytest.raises(SettingsError, match="needs the model's price"):
        await graded(server, budget_usd=1.0)


async def test_copies_of_a_session_are_paid_for_once(database: Database, graded: Grade, imported: Grade) -> None:
    await imported({**chat(1), "id": "a"}, {**chat(1), "id": "b"}, {**chat(1), "id": "c", "task_id": "other"})
    with serve(judge) as server:
        result = await graded(server)
        assert len(server.requests) == 1
    assert (result.graded, result.cached) == (1, 2)
    assert [row[0] for row in await stored(database)] == ["a", "b", "c"]


async def test_no_more_sessions_than_wanted_are_asked_about_at_a_time(graded: Grade, imported: Grade) -> None:
    await imported(*(chat(number) for number in range(9)))
    running, most = 0, 0
    three = asyncio.Barrier(3)

    async def counting(request: Request) -> Reply:
        nonlocal running, most
        running += 1
        most = max(most, running)
        await three.wait()
        running -= 1
        return judge(request)

    with serve(counting) as server:
        await graded(server, concurrency=3)
    assert most == 3


async def test_where_sessions_have_scores_the_grader_stays_out_of_the_reward_and_is_held_against_them(
    database: Database, graded: Grade, imported: Grade
) -> None:
    await imported(*(chat(number, reward=float(number % 2 == 0)) for number in range(30)))
    with serve(judge) as server:
        result = await graded(server)
    assert result.agreement is not None
    assert (result.agreement.sessions, result.agreement.kappa.value, result.agreement.auc.value) == (30, 1.0, 1.0)
    assert 0.7 < result.agreement.auc.low < 1.0
    assert "kept out of the reward" in result.notes[0]
    async with database.connection() as connection:
        rows = await connection.execute("SELECT avg(reward) FROM sessions")
        assert await rows.fetchone() == (0.5,)


async def test_a_score_that_a_person_gave_is_never_overwritten(
    database: Database, graded: Grade, imported: Grade
) -> None:
    await imported(chat(1))
    async with database.connection() as connection:
        await score_session(connection, "s1", [Score("helped", 1.0)])
    with serve(judge) as server:
        await graded(server)
    assert await stored(database) == [("s1", 1.0, "")]


COMMAND = """
import asyncio, sys
from datetime import UTC, datetime
from pathlib import Path
from reverie.clock import ManualClock
from reverie.jobs.grading import GradingRequest, grade_sessions
from reverie.jobs.session_grader import open_grader
from reverie.settings import ModelSettings, Settings
from reverie.storage.postgres.database import open_database

async def main():
    settings = Settings(Path("unused"), sys.argv[1], model=ModelSettings("anthropic", "m", base_url=sys.argv[2]))
    async with open_database(settings) as database, open_grader(settings, sys.argv[3], None, None) as grader:
        clock = ManualClock(datetime(2026, 1, 1, tzinfo=UTC))
        await grade_sessions(database, grader, GradingRequest("helped", concurrency=1), clock, lambda *_: None)

asyncio.run(main())
"""


async def test_a_killed_grading_is_taken_up_without_asking_again_and_its_lost_answer_counts_in_full(
    database: Database, graded: Grade, imported: Grade
) -> None:
    await imported(*(chat(number) for number in range(6)))
    fourth = threading.Event()

    def fall_silent(request: Request) -> Reply:
        if request.number == 4:
            fourth.set()
            return fault("silence", after=0)
        return judge(request)

    with serve(fall_silent) as server:
        arguments = [sys.executable, "-c", COMMAND, database.url, server.url, RUBRIC]
        command = await asyncio.to_thread(subprocess.Popen, arguments)
        assert await asyncio.to_thread(fourth.wait, PATIENCE_SECONDS)
        command.kill()
        await asyncio.to_thread(command.wait, PATIENCE_SECONDS)
        assert len(await stored(database)) == 3
        server.follow(judge)
        result = await graded(server)
        assert len(server.requests) == 7
    assert (result.cached, result.graded, len(await stored(database))) == (3, 3, 6)
    assert result.cost_usd is not None
    # The answer that never came counts as the most that it can have cost.
    assert result.spent_usd > 0.02 + result.cost_usd
