"""Agents that a charter paused, in turns: calls that wait are not run, and whoever called the agent in is told."""

from anthropic import AsyncAnthropic

from reverie.runtime.charter_report import AlarmNumbers
from reverie.storage.live.charter_alarms import raise_alarm
from tests.api.conftest import Server
from tests.turns.scripted import ScriptedTurnModel, call, calls, say, turns_run
from tests.turns.test_multiagent import Cast, coordinated, create, script, threads_of, told
from tests.turns.test_turn import LOOKUP, at_rest, send, session_with, types

NUMBERS = AlarmNumbers(
    sessions=40, rate=0.75, low=0.6, high=0.86, recent=0.7, value=12_345.0, run_length=10_000, allowed=(0.95, 1.0)
)


async def pause(server: Server, agent_id: str) -> str:
    """Have an alarm stand that pauses an agent."""
    async with server.service.database.connection() as connection:
        now = server.service.clock.now()
        return await raise_alarm(connection, ("", 1), agent_id, "verifies", "pause", NUMBERS, "sesn_1", now)


async def test_a_turn_under_way_stops_before_its_next_request(server: Server, client: AsyncAnthropic) -> None:
    model = ScriptedTurnModel(call("lookup", 1, key="a"))
    session_id = await session_with(client, tools=[LOOKUP])
    async with turns_run(server.service, model):
        await send(client, session_id, "Find it")
        (use,) = [event for event in await at_rest(client, session_id) if event.type == "agent.custom_tool_use"]
        alarm_id = await pause(server, (await client.beta.sessions.retrieve(session_id)).agent.id)
        content = [{"type": "text", "text": "42"}]
        answer = {"type": "user.custom_tool_result", "custom_tool_use_id": use.id, "content": content}
        await client.beta.sessions.events.send(session_id, events=[answer])  # type: ignore[list-item]
        events = await at_rest(client, session_id)
    (error,) = [event for event in events if event.type == "session.error"]
    assert error.error.message.startswith("Agent agent_") and alarm_id in error.error.message
    assert "shown in 75.0% of 40 sessions (70.0% lately), and 95% to 100% is allowed" in error.error.message
    assert error.error.retry_status.type == "exhausted"
    assert (events[-1].type, events[-1].stop_reason.type) == ("session.status_idle", "retries_exhausted")
    assert len(model.requests) == 1


async def test_a_call_that_waits_for_leave_is_not_run_once_its_agent_is_paused(
    server: Server, client: AsyncAnthropic
) -> None:
    always_ask = {"type": "agent_toolset_20260401", "default_config": {"permission_policy": {"type": "always_ask"}}}
    model = ScriptedTurnModel(call("bash", 1, command="touch x"))
    session_id = await session_with(client, tools=[always_ask])
    async with turns_run(server.service, model):
        await send(client, session_id, "Do it")
        (use,) = [event for event in await at_rest(client, session_id) if event.type == "agent.tool_use"]
        await pause(server, (await client.beta.sessions.retrieve(session_id)).agent.id)
        allowed = {"type": "user.tool_confirmation", "tool_use_id": use.id, "result": "allow"}
        await client.beta.sessions.events.send(session_id, events=[allowed])  # type: ignore[list-item]
        events = await at_rest(client, session_id)
    (result,) = [event for event in events if event.type == "agent.tool_result"]
    assert result.is_error and types(events).count("session.error") == 1
    assert len(model.requests) == 1


async def test_who_called_a_paused_agent_in_is_told_and_goes_on(server: Server, client: AsyncAnthropic) -> None:
    model = Cast(
        lead=script(calls(create("ann", "Look"), ("wait_for_agents", 2, {})), say("Ann is paused, I see.")),
        ann=script(),
    )
    session_id = await coordinated(client, "ann")
    (ann,) = [one.id async for one in client.beta.agents.list() if one.name == "ann"]
    alarm_id = await pause(server, ann)
    async with turns_run(server.service, model):
        await send(client, session_id, "Go")
        events = await at_rest(client, session_id)
        child = (await threads_of(client, session_id))["ann"]
    assert events[-1].stop_reason.type == "end_turn"
    assert model.of("ann") == [] and child.status == "idle"
    assert alarm_id in told(model.of("lead")[1])
