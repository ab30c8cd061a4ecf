"""What is rare in the life of a team: agents that go, fail or report while something else happens."""

import asyncio
from typing import Any

from anthropic import AsyncAnthropic

from reverie import AsyncClient as Reverie
from reverie.errors import ModelAccessError
from reverie.testing.patience import PATIENCE_SECONDS
from reverie.turn_model import TurnReply, TurnRequest
from tests.api.conftest import Server
from tests.turns.scripted import MODEL, call, calls, say, turns_run
from tests.turns.test_multiagent import Cast, coordinated, create, script, threads_of, told, until
from tests.turns.test_roles import asked, begun, done, played, results, team
from tests.turns.test_turn import LOOKUP, at_rest, send, types

BOTH = ({"agent": "ann", "task": "A"}, {"agent": "bob", "task": "B"})


async def resting_coordinator(client: AsyncAnthropic, session_id: str) -> str:
    """The id of the session's own thread, once it rests."""
    async with asyncio.timeout(PATIENCE_SECONDS):
        while True:
            primary = (await client.beta.sessions.threads.list(session_id)).data[0]
            if primary.status == "idle":
                return primary.id


async def test_a_coordinator_is_told_that_the_one_it_waits_for_was_archived(
    server: Server, client: AsyncAnthropic
) -> None:
    model = Cast(lead=asked({"agent": "ann", "task": "A"}), ann=script(call("lookup", 7)))
    session_id = await coordinated(client, "ann", tools=[LOOKUP])
    async with turns_run(server.service, model):
        await send(client, session_id, "Go")
        await at_rest(client, session_id)
        ann = (await threads_of(client, session_id))["ann"].id
        await client.beta.sessions.threads.archive(ann, session_id=session_id)
        events = await at_rest(client, session_id)
    assert "My thread was archived before I was done" in told(model.of("lead")[-1])
    assert events[-1].stop_reason.type == "end_turn"


async def interrupted(client: AsyncAnthropic, session_id: str, name: str) -> None:
    """Interrupt the thread of one agent."""
    thread = (await threads_of(client, session_id))[name].id
    interrupt: Any = {"type": "user.interrupt", "session_thread_id": thread}
    await client.beta.sessions.events.send(session_id, events=[interrupt])


async def test_a_coordinator_goes_on_when_the_one_that_it_waits_for_is_interrupted(
    server: Server, client: AsyncAnthropic
) -> None:
    model = Cast(("ann",), lead=asked({"agent": "ann", "task": "A"}, then="Without ann."), ann=done)
    session_id = await coordinated(client, "ann")
    async with turns_run(server.service, model):
        await send(client, session_id, "Go")
        await model.reached["ann"].wait()
        await resting_coordinator(client, session_id)
        await interrupted(client, session_id, "ann")
        events = await at_rest(client, session_id)
        model.gate.set()
    assert told(model.of("lead")[-1]).count("The user interrupted me before I was done") == 1
    assert [event.content[0].text for event in events if event.type == "agent.message"][-1] == "Without ann."
    assert types(events).count("session.status_idle") == 1 and events[-1].stop_reason.type == "end_turn"


async def test_a_coordinator_is_told_that_one_that_waited_for_the_user_was_interrupted(
    server: Server, client: AsyncAnthropic
) -> None:
    model = Cast(lead=asked({"agent": "ann", "task": "A"}), ann=script(call("lookup", 7)))
    session_id = await coordinated(client, "ann", tools=[LOOKUP])
    async with turns_run(server.service, model):
        await send(client, session_id, "Go")
        await at_rest(client, session_id)
        await interrupted(client, session_id, "ann")
        await until(lambda: "The user interrupted me before I was done" in told(model.of("lead")[-1]))
        events = await at_rest(client, session_id)
    assert events[-1].stop_reason.type == "end_turn"


async def test_a_report_after_an_interrupt_of_the_coordinator_alone_is_read(
    server: Server, client: AsyncAnthropic
) -> None:
    model = Cast(("ann",), lead=asked({"agent": "ann", "task": "A"}), ann=script(say("A is fine.")))
    session_id = await coordinated(client, "ann")
    async with turns_run(server.service, model):
        await send(client, session_id, "Go")
        await model.reached["ann"].wait()
        primary = await resting_coordinator(client, session_id)
        interrupt: Any = {"type": "user.interrupt", "session_thread_id": primary}
        await client.beta.sessions.events.send(session_id, events=[interrupt])
        model.gate.set()
        events = await at_rest(client, session_id)
    assert "A is fine." in told(model.of("lead")[-1]) and events[-1].stop_reason.type == "end_turn"


async def test_two_reports_at_once_wake_one_turn(server: Server, client: AsyncAnthropic) -> None:
    model = Cast(("ann", "bob"), lead=asked(*BOTH), ann=done, bob=done)
    session_id = await coordinated(client, "ann", "bob")
    async with turns_run(server.service, model):
        await send(client, session_id, "Go")
        await until(lambda: model.reached["ann"].is_set() and model.reached["bob"].is_set())
        model.gate.set()
        events = await at_rest(client, session_id)
    received = [event for event in events if event.type == "agent.thread_message_received"]
    assert [event.content[0].text for event in received] == ["Looked.", "Looked."]
    assert types(events).count("session.status_running") == types(events).count("session.status_idle") == 1


async def test_a_coordinator_goes_on_when_all_of_its_agents_failed(server: Server, client: AsyncAnthropic) -> None:
    def broken(_request: TurnRequest) -> TurnReply:
        raise ModelAccessError("no such key")

    model = Cast(lead=asked(*BOTH, then="Nobody could."), ann=broken, bob=broken)
    session_id = await coordinated(client, "ann", "bob")
    events = await played(server, client, session_id, model)
    assert told(model.of("lead")[-1]).count("I could not go on, and stopped without a result") == 2
    assert events[-1].stop_reason.type == "end_turn" and "session.error" not in types(events)


async def test_an_agent_that_has_moved_on_is_called_in_at_the_version_of_the_roster(
    server: Server, client: AsyncAnthropic
) -> None:
    ann = await client.beta.agents.create(name="ann", system="ann", model=MODEL)
    multiagent: Any = {"type": "coordinator", "agents": [ann.id]}
    lead = await client.beta.agents.create(name="lead", system="lead", model=MODEL, multiagent=multiagent)
    await client.beta.agents.update(ann.id, version=1, system="another")
    await client.beta.agents.archive(ann.id)
    model = Cast(lead=asked({"agent": "ann", "task": "A"}), ann=script(say("Still here.")))
    session_id = await begun(client, lead.id)
    await played(server, client, session_id, model)
    assert len(model.of("ann")) == 1
    assert (await threads_of(client, session_id))["ann"].agent.version == 1


async def test_an_agent_that_left_the_roster_fills_no_role_where_sessions_begin_later(
    server: Server, client: AsyncAnthropic, reverie: Reverie
) -> None:
    lead = await team(client, reverie, [{"name": "reader", "agents": ["ann"]}], "ann", "bob")
    earlier = await begun(client, lead)
    (bob,) = [one.id async for one in client.beta.agents.list() if one.name == "bob"]
    multiagent: Any = {"type": "coordinator", "agents": [bob]}
    await client.beta.agents.update(lead, version=1, multiagent=multiagent)
    task = {"role": "reader", "task": "Look"}
    refused = await played(server, client, await begun(client, lead), Cast(lead=asked(task), bob=script()))
    assert "role: nobody on the roster may fill the role reader now: ann." in results(refused)[0]
    model = Cast(lead=asked(task), ann=script(say("Seen.")))
    await played(server, client, earlier, model)
    assert len(model.of("ann")) == 1


async def test_a_message_to_a_thread_that_queues_is_read_with_its_task(
    server: Server, client: AsyncAnthropic, reverie: Reverie
) -> None:
    session_id = await begun(client, await team(client, reverie, [], "ann", most_running={"ann": 1}))

    def lead(request: TurnRequest) -> TurnReply:
        if len(model.of("lead")) == 1:
            return calls(create("ann", "First", 1), create("ann", "Second", 2))
        if len(model.of("lead")) == 2:
            thread = told(request).rsplit('"session_thread_id":"', 1)[1].split('"')[0]
            return calls(("send_to_agent", 3, {"thread": thread, "message": "Hurry"}), ("wait_for_agents", 4, {}))
        return say("Done.") if "Nobody" in told(request) else call("wait_for_agents", 10 + len(model.of("lead")))

    model = Cast(("ann",), lead=lead, ann=done)
    async with turns_run(server.service, model):
        await send(client, session_id, "Go")
        await until(lambda: len(model.of("lead")) == 2)
        await resting_coordinator(client, session_id)
        model.gate.set()
        await at_rest(client, session_id)
    second = told(model.of("ann")[1])
    assert "Second" in second and second.index("Second") < second.index("Hurry")
