"""What becomes of a turn whose model, key or database fails."""

import asyncio

import pytest
from anthropic import AsyncAnthropic
from psycopg import AsyncConnection

from reverie.errors import ModelOverloaded
from reverie.models.route import ModelRoute
from reverie.models.router import open_router
from reverie.testing.fake_models import FakeModels, fault
from reverie.turns.service import run_turns
from tests.api.conftest import Server
from tests.turns.scripted import MODEL, OneModel, ScriptedTurnModel, say, turns_run
from tests.turns.test_edges import HeldModel
from tests.turns.test_turn import at_rest, send, session_with, types


@pytest.fixture(autouse=True)
def without_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    """Requests are tried again at once."""
    monkeypatch.setattr("reverie.turns.turn.pause_seconds", lambda *_: 0.0)


async def test_a_provider_that_is_busy_four_times_ends_the_turn_and_the_next_message_begins_anew(
    server: Server, client: AsyncAnthropic
) -> None:
    model = ScriptedTurnModel(*[ModelOverloaded("busy")] * 4, say("Here."))
    session_id = await session_with(client)
    async with turns_run(server.service, model):
        await send(client, session_id, "Hello")
        events = await at_rest(client, session_id)
        errors = [event.error for event in events if event.type == "session.error"]
        assert [error.retry_status.type for error in errors] == ["retrying"] * 3 + ["exhausted"]
        assert {error.type for error in errors} == {"model_overloaded_error"}
        assert events[-1].stop_reason.type == "retries_exhausted"
        assert types(events).count("span.model_request_start") == types(events).count("span.model_request_end") == 4
        await send(client, session_id, "Again")
        assert (await at_rest(client, session_id))[-1].stop_reason.type == "end_turn"


@pytest.mark.parametrize("after", [0, 3])
async def test_a_model_that_falls_silent_is_asked_again_and_then_the_session_says_so(
    server: Server, client: AsyncAnthropic, after: int
) -> None:
    session_id = await session_with(client)
    async with FakeModels([fault("silence", after=after)] * 4) as models:
        route = ModelRoute("*", "anthropic", base_url=models.url, stall_seconds=0.4)
        async with open_router([route]) as router:
            turns = asyncio.create_task(run_turns(server.service.database, server.service.clock, router))
            await send(client, session_id, "Hello")
            events = await at_rest(client, session_id)
            turns.cancel()
            await asyncio.gather(turns, return_exceptions=True)
    errors = [event.error for event in events if event.type == "session.error"]
    assert [error.retry_status.type for error in errors] == ["retrying"] * 3 + ["exhausted"]
    assert {error.message for error in errors} == {
        f"{MODEL}: nothing came for 0.4 s, the route's stall_seconds",
    }
    assert events[-1].stop_reason.type == "retries_exhausted"


async def test_a_refusal_ends_the_turn_and_says_what_the_provider_said(server: Server, client: AsyncAnthropic) -> None:
    session_id = await session_with(client)
    async with turns_run(server.service, ScriptedTurnModel(say("No.", stop_reason="refusal"))):
        await send(client, session_id, "Hello")
        events = await at_rest(client, session_id)
    assert (events[-1].stop_reason.type, events[-1].stop_details.type) == ("refusal", "refusal")


async def test_a_missing_key_ends_the_turn_and_says_what_to_set(server: Server, client: AsyncAnthropic) -> None:
    session_id = await session_with(client)
    async with open_router([ModelRoute("*", "anthropic")], {}) as router:
        turns = asyncio.create_task(run_turns(server.service.database, server.service.clock, router))
        await send(client, session_id, "Hello")
        events = await at_rest(client, session_id)
        turns.cancel()
        await asyncio.gather(turns, return_exceptions=True)
    (error,) = [event.error for event in events if event.type == "session.error"]
    assert "set ANTHROPIC_API_KEY" in error.message and error.retry_status.type == "exhausted"
    assert events[-1].stop_reason.type == "retries_exhausted"


async def _ask(url: str, query: str) -> int:
    async with await AsyncConnection.connect(url, autocommit=True) as connection:
        row = await (await connection.execute(query.encode())).fetchone()
    return int(row[0]) if row else 0


async def test_a_turn_whose_database_was_away_when_the_reply_came_is_run_again(
    server: Server, client: AsyncAnthropic
) -> None:
    model = HeldModel(1, say("Lost."), say("Here."))
    session_id = await session_with(client)
    database = server.service.database
    turns = asyncio.create_task(run_turns(database, server.service.clock, OneModel(model)))
    await send(client, session_id, "Hello")
    await model.reached.wait()
    async with database.connection() as connection:
        await connection.execute("LOCK TABLE events")
        model.go_on.set()
        writers = "FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND query LIKE '%INSERT INTO events%'"
        while not await _ask(database.url, f"SELECT count(*) {writers}"):  # noqa: ASYNC110
            await asyncio.sleep(0)
        await _ask(database.url, f"SELECT count(pg_terminate_backend(pid)) {writers}")
    async with database.connection() as connection:
        # Instead of waiting until the lease lapses.
        await connection.execute("UPDATE turn_leases SET expires_at = '-infinity'")
    events = await at_rest(client, session_id)
    turns.cancel()
    await asyncio.gather(turns, return_exceptions=True)
    assert [event.content[0].text for event in events if event.type == "agent.message"] == ["Here."]
    assert [event.is_error for event in events if event.type == "span.model_request_end"] == [True, False]
