"""Moments at which a turn meets what seldom happens: what clients send meanwhile, and what others change meanwhile."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import pytest
from anthropic import AsyncAnthropic, BadRequestError

from reverie.clock import ManualClock
from reverie.errors import ConflictError, ContextOverflow, ModelOverloaded
from reverie.runtime.tool_catalogue import AgentTool
from reverie.storage.live.leases import Lease, claim, hold, present, renew
from reverie.storage.live.sessions import LiveSession
from reverie.storage.postgres.workspaces import DEFAULT_WORKSPACE
from reverie.testing.patience import PATIENCE_SECONDS
from reverie.turn_model import TurnPiece, TurnRequest
from reverie.turns.desk import ToolCall, ToolOutcome, text_outcome
from reverie.turns.service import make_desk, run_turns
from reverie.turns.turn import run_turn
from tests.api.conftest import Server
from tests.turns.scripted import MODEL, OneModel, ScriptedTurnModel, call, calls, say, turns_run
from tests.turns.test_multiagent import until
from tests.turns.test_turn import ASKS, LOOKUP, at_rest, send, session_with, types

TOOLSET = {"type": "agent_toolset_20260401"}


class HeldModel(ScriptedTurnModel):
    """Holds back its replies from the one on that has this number, counted from 1, until told to go on."""

    def __init__(self, number: int, *steps: Any) -> None:
        super().__init__(*steps)
        self.reached, self.go_on = asyncio.Event(), asyncio.Event()
        self.asked_times = self.ended_times = 0
        """How many replies were asked for, and how many of those that are held were cancelled."""
        self._number = number

    async def stream(self, request: TurnRequest) -> AsyncIterator[TurnPiece]:
        self.asked_times += 1
        if self.asked_times >= self._number:
            self.reached.set()
            try:
                await self.go_on.wait()
            except asyncio.CancelledError:
                self.ended_times += 1
                raise
        async for piece in super().stream(request):
            yield piece


class HeldHost:
    """Runs every tool, once told to; notes how many calls go on at a time."""

    def __init__(self, opens_at: int | None = None) -> None:
        """Without being told to, once so many calls go on."""
        self.began, self.go_on = asyncio.Event(), asyncio.Event()
        self.ran: list[str] = []
        self.going = self.most = 0
        self._opens_at = opens_at

    def runs(self, session: LiveSession, tool: AgentTool) -> bool:  # noqa: ARG002 - a host's signature
        return True

    async def run(self, session: LiveSession, lease: Lease, call: ToolCall) -> ToolOutcome:  # noqa: ARG002 - as above
        self.going += 1
        self.most = max(self.most, self.going)
        self.began.set()
        if self.going == self._opens_at:
            self.go_on.set()
        await self.go_on.wait()
        self.going -= 1
        self.ran.append(call.input.get("command", ""))
        return text_outcome(f"ran {call.input.get('command')}")


async def post(client: AsyncAnthropic, session_id: str, *events: dict[str, Any]) -> None:
    await client.beta.sessions.events.send(session_id, events=list(events))  # type: ignore[arg-type]


def message(text: str) -> dict[str, Any]:
    return {"type": "user.message", "content": [{"type": "text", "text": text}]}


def found(use: str) -> dict[str, Any]:
    content = [{"type": "text", "text": "42"}]
    return {"type": "user.custom_tool_result", "custom_tool_use_id": use, "content": content}


async def uses(client: AsyncAnthropic, session_id: str) -> dict[str, str]:
    """Ids of all calls so far by their tools' names."""
    log = [event async for event in client.beta.sessions.events.list(session_id, limit=1000)]
    return {event.name: event.id for event in log if event.type in ("agent.tool_use", "agent.custom_tool_use")}


_OWNER = 7
INTERRUPT = {"type": "user.interrupt"}


async def test_an_interrupt_and_a_message_in_one_request_steer_a_request_that_goes_on(
    server: Server, client: AsyncAnthropic
) -> None:
    model = HeldModel(1, say("Bonjour."))
    session_id = await session_with(client)
    async with turns_run(server.service, model):
        await send(client, session_id, "Greet me")
        await model.reached.wait()
        await post(client, session_id, INTERRUPT, message("In French"))
        await until(lambda: (model.asked_times, model.ended_times) == (2, 1))
        model.go_on.set()
        events = await at_rest(client, session_id)
    assert [event.content[0].text for event in events if event.type == "agent.message"] == ["Bonjour."]
    assert "In French" in str(model.requests[0].messages)
    assert [event.is_error for event in events if event.type == "span.model_request_end"] == [True, False]
    assert types(events).count("session.status_idle") == 2


async def test_a_message_that_comes_while_the_model_answers_is_answered_next(
    server: Server, client: AsyncAnthropic
) -> None:
    model = HeldModel(1, say("One."), say("Two."))
    session_id = await session_with(client)
    async with turns_run(server.service, model):
        await send(client, session_id, "first")
        await model.reached.wait()
        await send(client, session_id, "second")
        model.go_on.set()
        await until(lambda: len(model.requests) == 2)
        events = await at_rest(client, session_id)
    assert [event.content[0].text for event in events if event.type == "agent.message"] == ["One.", "Two."]
    assert "second" not in str(model.requests[0].messages) and "second" in str(model.requests[1].messages)


async def test_eleven_calls_of_one_reply_run_eight_at_a_time_and_are_told_in_order(
    server: Server, client: AsyncAnthropic
) -> None:
    wanted = [("bash", number, {"command": str(number)}) for number in range(11)]
    model, host = ScriptedTurnModel(calls(*wanted), say("All done.")), HeldHost(opens_at=8)
    session_id = await session_with(client, tools=[TOOLSET])
    async with turns_run(server.service, model, [host]):
        await send(client, session_id, "Go")
        events = await at_rest(client, session_id)
    assert (host.most, len(host.ran)) == (8, 11)
    assert types(events).count("agent.tool_result") == 11
    told = [block["tool_use_id"] for block in model.requests[1].messages[-1].content]
    assert told == [f"toolu_{number}" for number in range(11)]


async def test_a_custom_result_that_comes_before_the_session_is_idle_is_not_waited_for_again(
    server: Server, client: AsyncAnthropic
) -> None:
    model, host = ScriptedTurnModel(calls(("bash", 1, {"command": "a"}), ("lookup", 2, {})), say("Done.")), HeldHost()
    session_id = await session_with(client, tools=[TOOLSET, LOOKUP])
    async with turns_run(server.service, model, [host]):
        await send(client, session_id, "Go")
        await host.began.wait()
        use = (await uses(client, session_id))["lookup"]
        await post(client, session_id, found(use))
        with pytest.raises(BadRequestError, match="answered already"):
            await post(client, session_id, found(use))
        host.go_on.set()
        events = await at_rest(client, session_id)
    assert types(events).count("session.status_idle") == 1 and events[-1].stop_reason.type == "end_turn"
    assert [block["tool_use_id"] for block in model.requests[1].messages[-1].content] == ["toolu_1", "toolu_2"]


async def test_an_interrupt_while_a_request_waits_for_its_next_try_ends_the_turn(
    server: Server, client: AsyncAnthropic, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("reverie.turns.turn.pause_seconds", lambda *_: PATIENCE_SECONDS)
    model = ScriptedTurnModel(ModelOverloaded("busy"), say("Here."))
    session_id = await session_with(client)
    async with turns_run(server.service, model):
        await send(client, session_id, "Hello")
        async with asyncio.timeout(PATIENCE_SECONDS):
            while (await client.beta.sessions.retrieve(session_id)).status != "rescheduling":  # noqa: ASYNC110
                await asyncio.sleep(0)
        await post(client, session_id, INTERRUPT)
        events = await at_rest(client, session_id)
        assert events[-1].stop_reason.type == "end_turn"
        await send(client, session_id, "Again")
        events = await at_rest(client, session_id)
    assert [event.content[0].text for event in events if event.type == "agent.message"] == ["Here."]


async def test_an_interrupt_while_the_grader_reads_ends_the_outcome(server: Server, client: AsyncAnthropic) -> None:
    model = HeldModel(2, say("Rose."), say("Never."))
    session_id = await session_with(client)
    rubric = {"type": "text", "content": "It rhymes."}
    async with turns_run(server.service, model):
        outcome = {"type": "user.define_outcome", "description": "A poem.", "rubric": rubric, "max_iterations": 3}
        await post(client, session_id, outcome)
        await model.reached.wait()
        await post(client, session_id, INTERRUPT)
        events = await at_rest(client, session_id)
    assert [event.result for event in events if event.type == "span.outcome_evaluation_end"] == ["interrupted"]
    assert events[-1].stop_reason.type == "end_turn"


async def test_a_conversation_is_not_made_short_between_a_call_and_its_result(
    server: Server, client: AsyncAnthropic
) -> None:
    too_long = ContextOverflow("the prompt is too long")
    model = ScriptedTurnModel(call("lookup", 1), too_long, say("They look for it."), say("Found."))
    session_id = await session_with(client, tools=[LOOKUP])
    async with turns_run(server.service, model):
        await send(client, session_id, "Find it")
        events = await at_rest(client, session_id)
        assert "agent.thread_context_compacted" not in types(events)
        await post(client, session_id, found((await uses(client, session_id))["lookup"]))
        events = await at_rest(client, session_id)
    order = [kind for kind in types(events) if kind in ("user.custom_tool_result", "agent.thread_context_compacted")]
    assert order == ["user.custom_tool_result", "agent.thread_context_compacted"]
    assert events[-1].stop_reason.type == "end_turn" and "session.error" not in types(events)


async def test_an_interrupt_while_a_conversation_is_made_short_ends_the_turn_and_the_next_one_begins_with_all_of_it(
    server: Server, client: AsyncAnthropic
) -> None:
    too_long = ContextOverflow("the prompt is too long")
    model = HeldModel(3, say("Noted."), too_long, say("Tea, then."))
    session_id = await session_with(client)
    async with turns_run(server.service, model):
        await send(client, session_id, "I like tea")
        await at_rest(client, session_id)
        await send(client, session_id, "What shall it be?")
        await model.reached.wait()
        await post(client, session_id, INTERRUPT)
        events = await at_rest(client, session_id)
        assert events[-1].stop_reason.type == "end_turn"
        await until(lambda: model.ended_times == 1)
        model.go_on.set()
        await send(client, session_id, "Well?")
        events = await at_rest(client, session_id)
    assert "agent.thread_context_compacted" not in types(events) and "session.error" not in types(events)
    # The one that was too long is open no more, nor is that of the summary.
    ends = [event for event in events if event.type == "span.model_request_end"]
    assert [end.is_error for end in ends] == [False, True, True, False]
    assert [event.content[0].text for event in events if event.type == "agent.message"] == ["Noted.", "Tea, then."]
    assert all(words in str(model.requests[-1].messages) for words in ("I like tea", "What shall it be?", "Well?"))


async def test_a_session_that_runs_is_not_archived_until_it_is_interrupted(
    server: Server, client: AsyncAnthropic
) -> None:
    model = HeldModel(1, say("Too late."))
    session_id = await session_with(client)
    async with turns_run(server.service, model):
        await send(client, session_id, "Hello")
        await model.reached.wait()
        with pytest.raises(BadRequestError):
            await client.beta.sessions.archive(session_id)
        await post(client, session_id, INTERRUPT)
        await at_rest(client, session_id)
        archived = await client.beta.sessions.archive(session_id)
        model.go_on.set()
    events = [event async for event in client.beta.sessions.events.list(session_id, limit=1000)]
    assert archived.status == "terminated" and types(events)[-1] == "session.status_terminated"
    assert "agent.message" not in types(events)


async def test_a_session_keeps_the_agent_that_it_was_made_with(server: Server, client: AsyncAnthropic) -> None:
    environment = await client.beta.environments.create(name="place", config={"type": "cloud"})
    agent = await client.beta.agents.create(name="clerk", model=MODEL, system="Be brief.")
    session = await client.beta.sessions.create(agent=agent.id, environment_id=environment.id)
    model = HeldModel(1, say("One."), say("Two."))
    async with turns_run(server.service, model):
        await send(client, session.id, "first")
        await model.reached.wait()
        await client.beta.agents.update(agent.id, version=agent.version, system="Be long.")
        model.go_on.set()
        await at_rest(client, session.id)
        await send(client, session.id, "second")
        await at_rest(client, session.id)
    assert [request.system for request in model.requests] == [("Be brief.",)] * 2


async def test_a_budget_that_is_spent_waits_for_an_open_question_and_then_stops(
    server: Server, client: AsyncAnthropic
) -> None:
    environment = await client.beta.environments.create(name="place", config={"type": "cloud"})
    agent = await client.beta.agents.create(name="clerk", model=MODEL, tools=[ASKS])  # type: ignore[list-item]
    limit: Any = {"type": "limit", "max_list_cost": {"amount": "1", "currency": "USD"}}
    session = await client.beta.sessions.create(agent=agent.id, environment_id=environment.id, budget=limit)
    model, host = ScriptedTurnModel(call("bash", 1, command="a")), HeldHost(opens_at=1)
    async with turns_run(server.service, model, [host]):
        await send(client, session.id, "Go")
        assert (await at_rest(client, session.id))[-1].stop_reason.type == "requires_action"
        use = (await uses(client, session.id))["bash"]
        await post(client, session.id, {"type": "user.tool_confirmation", "tool_use_id": use, "result": "allow"})
        events = await at_rest(client, session.id)
    assert events[-1].stop_reason.type == "budget_reached"
    assert (host.ran, len(model.requests)) == (["a"], 1)


async def test_a_machine_whose_clock_is_behind_adds_to_the_log_in_order(server: Server, client: AsyncAnthropic) -> None:
    behind = ManualClock(server.service.clock.now() - timedelta(hours=1))
    session_id = await session_with(client)
    turns = asyncio.create_task(run_turns(server.service.database, behind, OneModel(ScriptedTurnModel(say("Hi.")))))
    await send(client, session_id, "Hello")
    events = await at_rest(client, session_id)
    turns.cancel()
    await asyncio.gather(turns, return_exceptions=True)
    times = [event.processed_at for event in events]
    assert times == sorted(set(times)) and events[-1].stop_reason.type == "end_turn"


async def test_of_two_owners_of_a_turn_the_later_one_alone_writes(server: Server, client: AsyncAnthropic) -> None:
    first, second = HeldModel(1, say("From the first.")), ScriptedTurnModel(say("From the second."))
    session_id = await session_with(client)
    database, clock = server.service.database, server.service.clock
    async with turns_run(server.service, first), present(database.url, _OWNER):
        await send(client, session_id, "Hello")
        await first.reached.wait()
        async with database.connection() as connection:
            await connection.execute("UPDATE turn_leases SET owner = NULL, expires_at = '-infinity'")
            (lease,) = await claim(connection, _OWNER, 1)
        first.go_on.set()
        await run_turn(make_desk(database, DEFAULT_WORKSPACE, clock, OneModel(second)), lease)
        events = await at_rest(client, session_id)
    assert [event.content[0].text for event in events if event.type == "agent.message"] == ["From the second."]
    assert [event.is_error for event in events if event.type == "span.model_request_end"] == [True, False]


async def test_a_process_that_claims_its_lapsed_turn_again_writes_by_the_later_claim_alone(
    server: Server, client: AsyncAnthropic
) -> None:
    session_id = await session_with(client)
    database = server.service.database
    async with present(database.url, _OWNER):
        await send(client, session_id, "Hello")
        async with database.connection() as connection:
            (older,) = await claim(connection, _OWNER, 1)
            await connection.execute("UPDATE turn_leases SET expires_at = '-infinity'")
            (newer,) = await claim(connection, _OWNER, 1)
            assert await renew(connection, [older, newer]) == [older]
            await hold(connection, newer)
            with pytest.raises(ConflictError, match="claimed again"):
                await hold(connection, older)
