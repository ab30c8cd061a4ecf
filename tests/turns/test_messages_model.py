"""The loop with a real client of either dialect behind it, against a server that is as strict as the real ones."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

from anthropic import AsyncAnthropic

from reverie.models.route import ModelRoute, Provider
from reverie.models.router import open_router
from reverie.testing.fake_models import FakeModels, Reply, call, fault, say, think
from reverie.testing.patience import PATIENCE_SECONDS
from reverie.turns.service import run_turns
from tests.api.conftest import Server
from tests.turns.scripted import MODEL
from tests.turns.test_turn import LOOKUP, at_rest, send, session_with, types


@asynccontextmanager
async def served(
    server: Server, replies: Sequence[Reply], provider: Provider = "anthropic"
) -> AsyncIterator[FakeModels]:
    """Turns are run by a fake of the Messages API, or of chat completions."""
    with FakeModels(list(replies), cache_minimum=1) as models:
        address = models.url if provider == "anthropic" else f"{models.url}/v1"
        route = ModelRoute("*", provider, base_url=address, thinking=True, stall_seconds=PATIENCE_SECONDS)
        async with open_router([route]) as router:
            task = asyncio.create_task(run_turns(server.service.database, server.service.clock, router))
            try:
                yield models
            finally:
                task.cancel()
                await asyncio.gather(task, return_exceptions=True)


async def test_thinking_and_calls_are_given_back_as_they_were(server: Server, client: AsyncAnthropic) -> None:
    replies = [
        think("Let me see.") + say("One moment. ") + call("lookup", {"key": "a"}),
        think("So.") + say("It is 42."),
    ]
    session_id = await session_with(client, tools=[LOOKUP], system="Be brief.")
    async with served(server, replies) as models:
        await send(client, session_id, "Find it")
        events = await at_rest(client, session_id)
        (use,) = [event for event in events if event.type == "agent.custom_tool_use"]
        content = [{"type": "text", "text": "42"}]
        answer = {"type": "user.custom_tool_result", "custom_tool_use_id": use.id, "content": content}
        await client.beta.sessions.events.send(session_id, events=[answer])  # type: ignore[list-item]
        events = await at_rest(client, session_id)
        assert [record.status for record in models.requests] == [200, 200]
    assert "session.error" not in types(events)
    assert [event.content[0].text for event in events if event.type == "agent.message"] == ["One moment. ", "It is 42."]
    ends = [event for event in events if event.type == "span.model_request_end"]
    assert ends[1].model_usage.cache_read_input_tokens > 0


async def test_a_reply_that_breaks_off_is_asked_for_again(server: Server, client: AsyncAnthropic) -> None:
    session_id = await session_with(client)
    async with served(server, [fault("cut", after=3), fault("rate_limit", retry_after=0), say("Here.")]):
        await send(client, session_id, "Hello")
        events = await at_rest(client, session_id)
    assert types(events).count("session.error") == 2
    assert [event.content[0].text for event in events if event.type == "agent.message"] == ["Here."]


async def test_arguments_that_are_no_json_are_told_to_the_agent(server: Server, client: AsyncAnthropic) -> None:
    broken = call("lookup", {"key": "a"}) + fault("malformed_input")
    session_id = await session_with(client, tools=[LOOKUP])
    async with served(server, [broken, say("Sorry.")]):
        await send(client, session_id, "Find it")
        events = await at_rest(client, session_id)
    (result,) = [event for event in events if event.type == "user.custom_tool_result"]
    assert result.is_error and types(events)[-1] == "session.status_idle"
    assert MODEL


async def test_chat_completions_run_an_agent_whatever_their_quirks(server: Server, client: AsyncAnthropic) -> None:
    both = fault("quirks", think("Two.") + call("lookup", {"key": "a"}) + call("lookup", {"key": "b"}))
    session_id = await session_with(client, tools=[LOOKUP], system="Be brief.")
    async with served(server, [both, say("Done.")], "openai") as models:
        await send(client, session_id, "Find both")
        uses = [event for event in await at_rest(client, session_id) if event.type == "agent.custom_tool_use"]
        for use in reversed(uses):
            content = [{"type": "text", "text": use.input["key"].upper()}]
            answer = {"type": "user.custom_tool_result", "custom_tool_use_id": use.id, "content": content}
            await client.beta.sessions.events.send(session_id, events=[answer])  # type: ignore[list-item]
        events = await at_rest(client, session_id)
        results = [message["content"] for message in models.requests[1].body["messages"] if message["role"] == "tool"]
    assert [use.input for use in uses] == [{"key": "a"}, {"key": "b"}] and results == ["A", "B"]
    assert "session.error" not in types(events)
    assert [event.content[0].text for event in events if event.type == "agent.message"] == ["Done."]
