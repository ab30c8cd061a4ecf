"""A client that sends a message and only then opens the stream, as the SDK's examples do, meets the turn's end."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

from anthropic import AsyncAnthropic

from reverie.api.late_stream import LATE, Shown, ShownEvents
from reverie.storage.live.sessions import read_session
from reverie.testing.patience import PATIENCE_SECONDS
from tests.api.conftest import Server
from tests.turns.scripted import ScriptedTurnModel, call, say, turns_run
from tests.turns.test_turn import LOOKUP, at_rest, send, session_with, types

NOW = datetime(2026, 5, 1, tzinfo=UTC)
TURN = [
    "session.status_running",
    "session.thread_status_running",
    "user.message",
    "span.model_request_start",
    "agent.message",
    "span.model_request_end",
    "session.thread_status_idle",
    "session.usage",
    "session.status_idle",
]


async def ended_unseen(server: Server, session_id: str) -> None:
    """Wait for a session to be idle without asking for it as clients do."""
    async with asyncio.timeout(PATIENCE_SECONDS), server.service.database.connection() as connection:
        while (await read_session(connection, session_id)).status != "idle":  # noqa: ASYNC110
            await asyncio.sleep(0)


async def streamed(client: AsyncAnthropic, session_id: str, then_send: str | None = None) -> list[Any]:
    """What a fresh stream shows up to the first end of a turn; a message may be sent once it is open."""
    events = []
    async with asyncio.timeout(PATIENCE_SECONDS), await client.beta.sessions.events.stream(session_id) as stream:
        if then_send is not None:
            await send(client, session_id, then_send)
        async for event in stream:
            events.append(event)
            if event.type == "session.status_idle":
                break
    return events


async def test_a_stream_opened_after_the_turn_has_ended_shows_the_turn(server: Server, client: AsyncAnthropic) -> None:
    session_id = await session_with(client)
    async with turns_run(server.service, ScriptedTurnModel(say("Hello."))):
        await send(client, session_id, "Hello")
        await ended_unseen(server, session_id)
        assert types(await streamed(client, session_id)) == TURN


async def test_a_call_made_before_the_stream_was_opened_is_shown(server: Server, client: AsyncAnthropic) -> None:
    session_id = await session_with(client, tools=[LOOKUP])
    async with turns_run(server.service, ScriptedTurnModel(call("lookup", 1))):
        await send(client, session_id, "Hello")
        await ended_unseen(server, session_id)
        events = await streamed(client, session_id)
    (use,) = [event for event in events if event.type == "agent.custom_tool_use"]
    assert events[-1].stop_reason.event_ids == [use.id]


async def test_a_turn_that_a_stream_has_shown_is_not_shown_again(server: Server, client: AsyncAnthropic) -> None:
    """Each turn in a stream of its own that is opened before its message: the first end is that of its own turn."""
    session_id = await session_with(client)
    async with turns_run(server.service, ScriptedTurnModel(say("One."), say("Two."))):
        await streamed(client, session_id, then_send="first")
        events = await streamed(client, session_id, then_send="second")
    assert [event.content[0].text for event in events if event.type == "agent.message"] == ["Two."]


async def test_a_turn_that_a_client_has_waited_for_is_not_shown_again(server: Server, client: AsyncAnthropic) -> None:
    session_id = await session_with(client)
    async with turns_run(server.service, ScriptedTurnModel(say("One."), say("Two."))):
        await send(client, session_id, "first")
        await at_rest(client, session_id)
        events = await streamed(client, session_id, then_send="second")
    assert [event.content[0].text for event in events if event.type == "agent.message"] == ["Two."]


def test_what_another_server_showed_is_known_and_an_older_note_changes_nothing() -> None:
    shown = ShownEvents()
    assert shown.note(Shown("sesn_a", 8, NOW))
    assert not shown.note(Shown("sesn_a", 3, NOW))
    assert (shown.last("sesn_a"), shown.last("sesn_b")) == (8, -1)


def test_notes_are_forgotten_once_they_decide_nothing() -> None:
    shown = ShownEvents()
    shown.note(Shown("sesn_a", 8, NOW))
    shown.note(Shown("sesn_b", 1, NOW + LATE + timedelta(seconds=1)))
    assert (shown.last("sesn_a"), shown.last("sesn_b")) == (-1, 1)
