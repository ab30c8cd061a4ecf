"""Turns as clients see them, with a model that a test scripts."""

import asyncio
from pathlib import Path
from typing import Any

import pytest
from anthropic import AsyncAnthropic

from reverie.errors import ContextOverflow, ModelOverloaded, ModelUnavailable
from reverie.testing.patience import PATIENCE_SECONDS
from reverie.turn_model import TurnReply
from reverie.turns.sandbox import Sandboxes
from reverie.turns.service import run_turns
from tests.api.conftest import Server
from tests.turns.scripted import MODEL, OneModel, ScriptedTurnModel, call, calls, say, turns_run

LOOKUP = {
    "type": "custom",
    "name": "lookup",
    "description": "Looks something up.",
    "input_schema": {"type": "object", "properties": {}},
}


async def session_with(client: AsyncAnthropic, **agent: Any) -> str:
    """The id of an idle session of an agent of this definition."""
    environment = await client.beta.environments.create(name="place", config={"type": "cloud"})
    made = await client.beta.agents.create(name="clerk", model=MODEL, **agent)
    return (await client.beta.sessions.create(agent=made.id, environment_id=environment.id)).id


async def send(client: AsyncAnthropic, session_id: str, text: str) -> None:
    content = [{"type": "text", "text": text}]
    await client.beta.sessions.events.send(session_id, events=[{"type": "user.message", "content": content}])  # type: ignore[list-item, misc]


async def at_rest(client: AsyncAnthropic, session_id: str) -> list[Any]:
    """All events of a session once it is idle."""
    async with asyncio.timeout(PATIENCE_SECONDS):
        while (await client.beta.sessions.retrieve(session_id)).status != "idle":  # noqa: ASYNC110
            await asyncio.sleep(0)
    return [event async for event in client.beta.sessions.events.list(session_id, limit=1000)]


def types(events: list[Any]) -> list[str]:
    return [event.type for event in events]


async def test_a_plain_turn_has_the_wires_order(server: Server, client: AsyncAnthropic) -> None:
    model = ScriptedTurnModel(say("Good day."))
    session_id = await session_with(client, system="Be brief.")
    async with turns_run(server.service, model):
        await send(client, session_id, "Hello")
        events = await at_rest(client, session_id)
    assert types(events) == [
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
    assert events[4].content[0].text == "Good day."
    assert events[-1].stop_reason.type == "end_turn"
    assert events[-2].usage.list_cost.amount == "2"
    assert model.requests[0].system == ("Be brief.",)
    assert model.requests[0].messages[0].content == ({"type": "text", "text": "Hello"},)


async def test_a_custom_tool_is_answered_by_the_client(server: Server, client: AsyncAnthropic) -> None:
    model = ScriptedTurnModel(call("lookup", 1, key="a"), say("Found."))
    session_id = await session_with(client, tools=[LOOKUP])
    async with turns_run(server.service, model):
        await send(client, session_id, "Find it")
        events = await at_rest(client, session_id)
        (use,) = [event for event in events if event.type == "agent.custom_tool_use"]
        assert events[-1].stop_reason.event_ids == [use.id]
        content = [{"type": "text", "text": "42"}]
        answer = {"type": "user.custom_tool_result", "custom_tool_use_id": use.id, "content": content}
        await client.beta.sessions.events.send(session_id, events=[answer])  # type: ignore[list-item]
        events = await at_rest(client, session_id)
    assert events[-1].stop_reason.type == "end_turn"
    asked, told = model.requests[1].messages[1:]
    assert asked.content[0]["id"] == "toolu_1"
    assert told.content == (
        {"type": "tool_result", "tool_use_id": "toolu_1", "content": content, "is_error": False},
    ) or (told.content[0]["content"] == content)


async def test_a_busy_provider_is_asked_again(server: Server, client: AsyncAnthropic) -> None:
    model = ScriptedTurnModel(ModelOverloaded("busy"), say("Here."))
    session_id = await session_with(client)
    async with turns_run(server.service, model):
        await send(client, session_id, "Hello")
        events = await at_rest(client, session_id)
    assert [kind for kind in types(events) if kind.startswith("session.") and "thread" not in kind] == [
        "session.status_running",
        "session.error",
        "session.status_rescheduled",
        "session.status_running",
        "session.usage",
        "session.status_idle",
    ]


async def test_a_model_that_cannot_be_reached_is_named_as_a_failed_request(
    server: Server, client: AsyncAnthropic
) -> None:
    session_id = await session_with(client)
    async with turns_run(server.service, ScriptedTurnModel(ModelUnavailable("the connection failed"), say("Here."))):
        await send(client, session_id, "Hello")
        events = await at_rest(client, session_id)
    (error,) = [event.error for event in events if event.type == "session.error"]
    assert (error.type, error.retry_status.type) == ("model_request_failed_error", "retrying")


async def test_a_model_that_calls_tools_for_ever_is_stopped_and_the_session_says_so(
    server: Server, client: AsyncAnthropic, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("reverie.turns.turn.MOST_REQUESTS", 3)
    model = ScriptedTurnModel(*(call("bash", number, command="ls") for number in range(3)), say("Enough."))
    session_id = await session_with(client, tools=[{"type": "agent_toolset_20260401"}])
    async with turns_run(server.service, model):
        await send(client, session_id, "List")
        events = await at_rest(client, session_id)
        assert [event.error.type for event in events if event.type == "session.error"] == [
            "tool_use_limit_reached_error"
        ]
        assert events[-1].stop_reason.type == "retries_exhausted"
        await send(client, session_id, "Stop it")
        assert (await at_rest(client, session_id))[-1].stop_reason.type == "end_turn"


async def test_an_unknown_model_ends_the_turn_with_a_reason(server: Server, client: AsyncAnthropic) -> None:
    environment = await client.beta.environments.create(name="place", config={"type": "cloud"})
    agent = await client.beta.agents.create(name="clerk", model="nobody")
    session = await client.beta.sessions.create(agent=agent.id, environment_id=environment.id)
    async with turns_run(server.service, ScriptedTurnModel()):
        await send(client, session.id, "Hello")
        events = await at_rest(client, session.id)
    assert [event.error.message for event in events if event.type == "session.error"] == [
        "no model answers for 'nobody'"
    ]
    assert events[-1].stop_reason.type == "retries_exhausted"


async def test_calls_that_nobody_runs_are_answered_and_the_turn_goes_on(server: Server, client: AsyncAnthropic) -> None:
    model = ScriptedTurnModel(calls(("bash", 1, {"command": "ls"}), ("nothing", 2, {})), say("I cannot."))
    session_id = await session_with(client, tools=[{"type": "agent_toolset_20260401"}])
    async with turns_run(server.service, model):
        await send(client, session_id, "List")
        events = await at_rest(client, session_id)
    results = [event for event in events if event.type == "agent.tool_result"]
    assert [result.is_error for result in results] == [True, True]
    assert [block["tool_use_id"] for block in model.requests[1].messages[-1].content] == ["toolu_1", "toolu_2"]


ASKS = {"type": "agent_toolset_20260401", "default_config": {"permission_policy": {"type": "always_ask"}}}
REFUSED = "The user refused this call; it was not run."


async def confirm(client: AsyncAnthropic, session_id: str, *answers: dict[str, str]) -> list[tuple[bool, str]]:
    """Failure and text of the results, once the calls that wait have been answered in order."""
    uses = [event.id for event in await at_rest(client, session_id) if event.type == "agent.tool_use"]
    events: Any = [
        {"type": "user.tool_confirmation", "tool_use_id": use, **answer}
        for use, answer in zip(uses, answers, strict=True)
    ]
    await client.beta.sessions.events.send(session_id, events=events)
    log = await at_rest(client, session_id)
    results = {event.tool_use_id: event for event in log if event.type == "agent.tool_result"}
    return [(results[use].is_error, results[use].content[0].text) for use in uses]


async def test_a_refused_call_is_not_run_and_the_agent_is_told_why(
    server: Server, client: AsyncAnthropic, home: Path
) -> None:
    """Beside an allowed one, which is."""
    asked = calls(("bash", 1, {"command": "echo one"}), ("bash", 2, {"command": "echo two"}))
    model = ScriptedTurnModel(asked, say("As you wish."))
    session_id = await session_with(client, tools=[ASKS])
    async with turns_run(server.service, model, sandboxes=Sandboxes(home, "none", server.service.clock)):
        await send(client, session_id, "Count")
        denial = {"result": "deny", "deny_message": "One will do."}
        results = await confirm(client, session_id, {"result": "allow"}, denial)
    assert results == [(False, "one"), (True, f"{REFUSED} One will do.")]
    assert [block["tool_use_id"] for block in model.requests[1].messages[-1].content] == ["toolu_1", "toolu_2"]


async def test_a_call_refused_in_a_self_hosted_session_is_answered_without_its_worker(
    server: Server, client: AsyncAnthropic
) -> None:
    environment = await client.beta.environments.create(name="place", config={"type": "self_hosted"})
    agent = await client.beta.agents.create(name="clerk", model=MODEL, tools=[ASKS])  # type: ignore[list-item]
    session = await client.beta.sessions.create(agent=agent.id, environment_id=environment.id)
    async with turns_run(server.service, ScriptedTurnModel(call("bash", 1, command="ls"), say("As you wish."))):
        await send(client, session.id, "List")
        assert await confirm(client, session.id, {"result": "deny"}) == [(True, REFUSED)]


def verdict(result: str, explanation: str = "") -> TurnReply:
    return call("give_verdict", 9, result=result, explanation=explanation)


async def define(client: AsyncAnthropic, session_id: str, most: int = 3) -> None:
    rubric = {"type": "text", "content": "It rhymes."}
    outcome = {"type": "user.define_outcome", "description": "A poem.", "rubric": rubric, "max_iterations": most}
    await client.beta.sessions.events.send(session_id, events=[outcome])  # type: ignore[list-item]


async def test_an_outcome_is_revised_until_the_grader_is_satisfied(server: Server, client: AsyncAnthropic) -> None:
    model = ScriptedTurnModel(
        say("Rose."), verdict("needs_revision", "No rhyme."), say("Rose, nose."), verdict("satisfied")
    )
    session_id = await session_with(client)
    async with turns_run(server.service, model):
        await define(client, session_id)
        events = await at_rest(client, session_id)
    ends = [event for event in events if event.type == "span.outcome_evaluation_end"]
    assert [(end.result, end.iteration) for end in ends] == [("needs_revision", 0), ("satisfied", 1)]
    assert types(events).count("session.status_idle") == 1
    assert "No rhyme." in str(model.requests[2].messages[-1].content)
    assert "Rose, nose." in str(model.requests[3].messages) and "reverie" not in str(model.requests[3])
    (outcome,) = (await client.beta.sessions.retrieve(session_id)).outcome_evaluations or []
    assert outcome.result == "satisfied"


async def test_the_last_evaluation_is_followed_by_one_acknowledgement(server: Server, client: AsyncAnthropic) -> None:
    model = ScriptedTurnModel(say("Rose."), verdict("needs_revision", "No rhyme."), say("It does not rhyme."))
    session_id = await session_with(client)
    async with turns_run(server.service, model):
        await define(client, session_id, most=1)
        events = await at_rest(client, session_id)
    assert [event.result for event in events if event.type == "span.outcome_evaluation_end"] == [
        "max_iterations_reached"
    ]
    assert types(events).count("agent.message") == 2 and types(events)[-1] == "session.status_idle"


async def test_a_conversation_that_is_too_long_goes_on_from_a_summary(server: Server, client: AsyncAnthropic) -> None:
    too_long = ContextOverflow("prompt is too long")
    model = ScriptedTurnModel(say("Noted."), too_long, say("They like tea."), say("Tea, then."))
    session_id = await session_with(client)
    async with turns_run(server.service, model):
        await send(client, session_id, "I like tea")
        await at_rest(client, session_id)
        await send(client, session_id, "What shall it be?")
        events = await at_rest(client, session_id)
    assert types(events).count("agent.thread_context_compacted") == 1 and "session.error" not in types(events)
    assert "I like tea" in str(model.requests[2].messages)
    (message,) = model.requests[3].messages
    assert "They like tea." in str(message) and "What shall it be?" in str(message)
    assert events[-1].stop_reason.type == "end_turn"


async def test_a_turn_whose_process_is_gone_is_taken_over(server: Server, client: AsyncAnthropic) -> None:
    pause = asyncio.Event()
    model = ScriptedTurnModel(say("Never."), say("Here."), pause=pause)  # of both, since either may take it over
    session_id = await session_with(client)
    first = asyncio.create_task(run_turns(server.service.database, server.service.clock, OneModel(model)))
    await send(client, session_id, "Hello")
    await model.asked.wait()
    async with server.service.database.connection() as connection:
        # As the sweep of another process would, once the lock of a process that was killed is gone.
        await connection.execute("UPDATE turn_leases SET owner = NULL, expires_at = '-infinity'")
    pause.set()
    async with turns_run(server.service, model):
        events = await at_rest(client, session_id)
    first.cancel()
    await asyncio.gather(first, return_exceptions=True)
    assert [event.content[0].text for event in events if event.type == "agent.message"] == ["Here."]
    assert [event.is_error for event in events if event.type == "span.model_request_end"] == [True, False]
    assert types(events).count("session.status_rescheduled") == 1


async def test_a_session_that_somebody_records_is_theirs(server: Server, client: AsyncAnthropic) -> None:
    session_id = await session_with(client)
    await send(client, session_id, "Hello")
    async with server.http(await server.key()) as http:
        said = {"type": "agent.message", "content": [{"type": "text", "text": "Ours."}]}
        answer = await http.post(f"/v1/sessions/{session_id}/record", json={"events": [said]})
        assert answer.status_code == 200
        model = ScriptedTurnModel()
        async with turns_run(server.service, model):
            end = {"type": "session.status_idle", "stop_reason": {"type": "end_turn"}}
            await http.post(f"/v1/sessions/{session_id}/record", json={"events": [end]})
            events = await at_rest(client, session_id)
    assert model.requests == [] and "session.error" not in types(events)


async def test_an_agents_graders_score_its_sessions(server: Server, client: AsyncAnthropic) -> None:
    line = "brief=formula:1 if turns <= 1 else 0; nobody"
    session_id = await session_with(client, metadata={"reverie_graders": line})
    async with turns_run(server.service, ScriptedTurnModel(say("Good day."))):
        await send(client, session_id, "Hello")
        async with asyncio.timeout(PATIENCE_SECONDS), server.http(await server.key()) as http:
            while not (scores := (await http.get(f"/v1/sessions/{session_id}/scores")).json()["scores"]):  # noqa: ASYNC110
                await asyncio.sleep(0)
    assert scores == [{"metric": "brief", "value": 1.0}]


async def test_an_interrupt_ends_a_request_that_goes_on(server: Server, client: AsyncAnthropic) -> None:
    model = ScriptedTurnModel(say("Too late."), say("Better."), pause=asyncio.Event())
    session_id = await session_with(client)
    async with turns_run(server.service, model):
        await send(client, session_id, "Hello")
        await model.asked.wait()
        await client.beta.sessions.events.send(session_id, events=[{"type": "user.interrupt"}])
        events = await at_rest(client, session_id)
    assert events[-1].stop_reason.type == "end_turn"
    assert "agent.message" not in types(events)
    assert [event.is_error for event in events if event.type == "span.model_request_end"] == [True]
