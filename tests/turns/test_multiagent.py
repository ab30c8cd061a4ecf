"""Coordinators and the agents they call in, as clients see them."""

import asyncio
import re
import secrets
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest
from anthropic import AsyncAnthropic

from reverie.errors import ModelAccessError
from reverie.storage.live.replies import Conversation, read_conversation
from reverie.storage.live.sessions import LiveSession
from reverie.storage.postgres.database import Connection
from reverie.storage.postgres.workspaces import DEFAULT_WORKSPACE
from reverie.testing.patience import PATIENCE_SECONDS
from reverie.turn_model import TurnPiece, TurnReply, TurnRequest
from reverie.turns.desk import Desk
from reverie.turns.dispatch import Dispatcher
from reverie.turns.service import make_desk
from tests.api.conftest import Server
from tests.turns.scripted import MODEL, USAGE, OneModel, ScriptedTurnModel, call, calls, say, turns_run
from tests.turns.test_turn import LOOKUP, at_rest, send, types

Part = Callable[[TurnRequest], TurnReply]


class Cast(ScriptedTurnModel):
    """Plays each agent by its system prompt; ``gate`` holds back the requests of those in ``held``."""

    def __init__(self, held: tuple[str, ...] = (), **parts: Part) -> None:
        super().__init__()
        self.parts, self.held = parts, held
        self.gate = asyncio.Event()
        self.reached: dict[str, asyncio.Event] = {name: asyncio.Event() for name in parts}

    async def stream(self, request: TurnRequest) -> AsyncIterator[TurnPiece]:
        self.requests.append(request)
        name = request.system[0]
        self.reached[name].set()
        if name in self.held:
            await self.gate.wait()
        yield self.parts[name](request)

    def of(self, name: str) -> list[TurnRequest]:
        return [request for request in self.requests if request.system[0] == name]


def script(*replies: TurnReply) -> Part:
    """Replies in order."""
    left = list(replies)
    return lambda _request: left.pop(0)


def create(agent: str, task: str, number: int = 1) -> tuple[str, int, dict[str, Any]]:
    return ("create_agent", number, {"agent": agent, "task": task})


async def coordinated(client: AsyncAnthropic, *names: str, budget: str | None = None, **child: Any) -> str:
    """The id of a session whose agent ``lead`` may call in agents of these names."""
    environment = await client.beta.environments.create(name="place", config={"type": "cloud"})
    roster = [(await client.beta.agents.create(name=name, system=name, model=MODEL, **child)).id for name in names]
    multiagent = {"type": "coordinator", "agents": roster}
    lead = await client.beta.agents.create(name="lead", system="lead", model=MODEL, multiagent=multiagent)  # type: ignore[arg-type]
    limit = {"type": "limit", "max_list_cost": {"amount": budget, "currency": "USD"}}
    more: Any = {} if budget is None else {"budget": limit}
    return (await client.beta.sessions.create(agent=lead.id, environment_id=environment.id, **more)).id


async def threads_of(client: AsyncAnthropic, session_id: str) -> dict[str, Any]:
    """The child threads by the names of their agents."""
    listed = [thread async for thread in client.beta.sessions.threads.list(session_id)]
    return {str(getattr(thread.agent, "name", "")): thread for thread in listed if thread.parent_thread_id}


async def log_of(client: AsyncAnthropic, session_id: str, thread_id: str) -> list[Any]:
    return [event async for event in client.beta.sessions.threads.events.list(thread_id, session_id=session_id)]


async def until(done: Callable[[], bool]) -> None:
    async with asyncio.timeout(PATIENCE_SECONDS):
        while not done():  # noqa: ASYNC110
            await asyncio.sleep(0)


def told(request: TurnRequest) -> str:
    return str(request.messages)


async def test_two_agents_work_side_by_side_and_their_reports_wake_the_one_that_waits(
    server: Server, client: AsyncAnthropic
) -> None:
    def lead(request: TurnRequest) -> TurnReply:
        if "wait_for_agents" not in told(request):
            return calls(create("ann", "Sum up A", 1), create("bob", "Sum up B", 2), ("wait_for_agents", 3, {}))
        done = "A is fine" in told(request) and "B is bad" in told(request)
        return say("Both are in.") if done else call("wait_for_agents", len(request.messages))

    model = Cast(
        ("ann", "bob"), lead=lead, ann=script(say("A is fine")), bob=script(call("submit_result", result="B is bad"))
    )
    session_id = await coordinated(client, "ann", "bob")
    async with turns_run(server.service, model):
        await send(client, session_id, "Look at A and B")
        await until(lambda: model.reached["ann"].is_set() and model.reached["bob"].is_set())
        model.gate.set()
        events = await at_rest(client, session_id)
    assert types(events)[-1] == "session.status_idle" and events[-1].stop_reason.type == "end_turn"
    assert types(events).count("session.status_idle") == types(events).count("session.status_running") == 1
    received = [event for event in events if event.type == "agent.thread_message_received"]
    assert {event.from_agent_name: event.content[0].text for event in received} == {
        "ann": "A is fine",
        "bob": "B is bad",
    }
    assert "Sum up A" in told(model.of("ann")[0]) and "Look at A and B" not in told(model.of("ann")[0])
    assert {thread.status for thread in (await threads_of(client, session_id)).values()} == {"idle"}


async def test_calling_an_agent_in_has_the_wires_order(server: Server, client: AsyncAnthropic) -> None:
    model = Cast(
        lead=script(call("create_agent", agent="ann", task="Look"), call("wait_for_agents", 2), say("Done.")),
        ann=script(say("Seen.")),
    )
    session_id = await coordinated(client, "ann")
    async with turns_run(server.service, model):
        await send(client, session_id, "Go")
        events = await at_rest(client, session_id)
        child = (await threads_of(client, session_id))["ann"]
        own = await log_of(client, session_id, child.id)
    use = types(events).index("agent.tool_use")
    assert types(events)[use : use + 6] == [
        "agent.tool_use",
        "span.model_request_end",
        "session.thread_created",
        "agent.thread_message_sent",
        "session.thread_status_running",
        "agent.tool_result",
    ]
    assert types(own) == [
        "session.thread_created",
        "agent.thread_message_received",
        "session.thread_status_running",
        "span.model_request_start",
        "agent.message",
        "span.model_request_end",
        "agent.thread_message_sent",
        "session.thread_status_idle",
    ]
    assert own[1].from_agent_name is None and own[6].to_agent_name is None


async def test_an_agent_that_was_called_in_remembers_what_it_did(server: Server, client: AsyncAnthropic) -> None:
    def lead(request: TurnRequest) -> TurnReply:
        place = len(model.of("lead"))
        if place == 1:
            return calls(create("ann", "Count", 1), ("wait_for_agents", 2, {}))
        if place == 2:
            thread = told(request).split("Message from ann (")[1].split(")")[0]
            again = {"thread": thread, "message": "And again?"}
            return calls(("send_to_agent", 3, again), ("wait_for_agents", 4, {}))
        return say("Thanks.")

    model = Cast(lead=lead, ann=script(say("One."), say("Two.")))
    session_id = await coordinated(client, "ann")
    async with turns_run(server.service, model):
        await send(client, session_id, "Go")
        await at_rest(client, session_id)
    assert len(await threads_of(client, session_id)) == 1
    assert all(words in told(model.of("ann")[1]) for words in ("Count", "One.", "And again?"))
    assert "Two." in told(model.of("lead")[2])


async def test_waiting_for_nobody_goes_on(server: Server, client: AsyncAnthropic) -> None:
    model = Cast(lead=script(call("wait_for_agents"), say("Alone.")), ann=script())
    session_id = await coordinated(client, "ann")
    async with turns_run(server.service, model):
        await send(client, session_id, "Go")
        events = await at_rest(client, session_id)
    assert "Nobody is running" in told(model.of("lead")[1])
    assert types(events).count("agent.message") == 1


async def test_a_message_of_the_user_wakes_a_coordinator_that_waits(server: Server, client: AsyncAnthropic) -> None:
    model = Cast(
        ("ann",),
        lead=script(
            calls(create("ann", "Look", 1), ("wait_for_agents", 2, {})),
            call("wait_for_agents", 3),
            say("Done."),
        ),
        ann=script(say("Seen.")),
    )
    session_id = await coordinated(client, "ann")
    async with turns_run(server.service, model):
        await send(client, session_id, "Go")
        await model.reached["ann"].wait()
        await send(client, session_id, "Hurry")
        await until(lambda: len(model.of("lead")) == 2)
        model.gate.set()
        events = await at_rest(client, session_id)
    assert "Hurry" in told(model.of("lead")[1]) and "Seen." in told(model.of("lead")[2])
    assert types(events).count("session.status_idle") == 1


async def test_a_report_that_comes_while_the_coordinator_ends_is_read(server: Server, client: AsyncAnthropic) -> None:
    def lead(_request: TurnRequest) -> TurnReply:
        model.held = ("lead",)
        replies = [call("create_agent", agent="ann", task="Look"), say("I think we are done."), say("Now we are.")]
        return replies[len(model.of("lead")) - 1]

    model = Cast(lead=lead, ann=script(say("Seen.")))
    session_id = await coordinated(client, "ann")
    async with turns_run(server.service, model):
        await send(client, session_id, "Go")
        async with asyncio.timeout(PATIENCE_SECONDS):
            while [one.usage for one in (await threads_of(client, session_id)).values()] in ([], [None]):  # noqa: ASYNC110
                await asyncio.sleep(0)
        await until(lambda: len(model.of("lead")) == 2)
        model.gate.set()
        events = await at_rest(client, session_id)
    assert "Seen." not in told(model.of("lead")[1]) and "Seen." in told(model.of("lead")[2])
    assert types(events).count("session.status_idle") == 1
    (thread,) = (await threads_of(client, session_id)).values()
    assert (thread.usage.input_tokens, thread.usage.output_tokens) == (USAGE.input_tokens, USAGE.output_tokens)


async def test_one_that_fails_tells_its_parent_and_leaves_the_others_alone(
    server: Server, client: AsyncAnthropic
) -> None:
    def broken(_request: TurnRequest) -> TurnReply:
        raise ModelAccessError("no such key")

    def lead(request: TurnRequest) -> TurnReply:
        if len(model.of("lead")) == 1:
            return calls(create("ann", "A", 1), create("bob", "B", 2), ("wait_for_agents", 3, {}))
        done = "no such key" in told(request) and "B is done" in told(request)
        return say("Half of it.") if done else call("wait_for_agents", len(request.messages))

    model = Cast(lead=lead, ann=broken, bob=script(say("B is done")))
    session_id = await coordinated(client, "ann", "bob")
    async with turns_run(server.service, model):
        await send(client, session_id, "Go")
        events = await at_rest(client, session_id)
        child = (await threads_of(client, session_id))["ann"]
        own = await log_of(client, session_id, child.id)
    assert events[-1].stop_reason.type == "end_turn"
    assert own[-1].stop_reason.type == "retries_exhausted" and "session.error" in types(own)
    assert "session.error" not in types(events)


async def test_an_interrupt_stops_all_of_them(server: Server, client: AsyncAnthropic) -> None:
    model = Cast(
        ("ann", "bob"),
        lead=script(calls(create("ann", "A", 1), create("bob", "B", 2), ("wait_for_agents", 3, {}))),
        ann=script(say("Late.")),
        bob=script(say("Late.")),
    )
    session_id = await coordinated(client, "ann", "bob")
    async with turns_run(server.service, model):
        await send(client, session_id, "Go")
        await until(lambda: model.reached["ann"].is_set() and model.reached["bob"].is_set())
        await client.beta.sessions.events.send(session_id, events=[{"type": "user.interrupt"}])
        events = await at_rest(client, session_id)
        model.gate.set()
        threads = await threads_of(client, session_id)
        logs = [await log_of(client, session_id, thread.id) for thread in threads.values()]
    assert events[-1].stop_reason.type == "end_turn" and len(model.of("lead")) == 1
    assert {thread.status for thread in threads.values()} == {"idle"}
    assert all("agent.message" not in types(log) for log in logs)


async def test_threads_of_one_step_are_listed_in_the_order_in_which_they_were_called_in(
    server: Server, client: AsyncAnthropic
) -> None:
    names = [f"a{number}" for number in range(6)]
    began = calls(*(create(name, "Look", number) for number, name in enumerate(names)), ("wait_for_agents", 9, {}))

    def lead(request: TurnRequest) -> TurnReply:
        if "create_agent" not in told(request):
            return began
        return say("Bye.") if "list_agents" in told(request) else call("list_agents", 10)

    def seen(_request: TurnRequest) -> TurnReply:
        return say("Seen.")

    model = Cast(lead=lead, **dict.fromkeys(names, seen))  # type: ignore[arg-type]
    session_id = await coordinated(client, *names)
    async with turns_run(server.service, model):
        await send(client, session_id, "Go")
        await at_rest(client, session_id)
    assert list(await threads_of(client, session_id)) == names
    listed = re.findall(r'"agent":"(a\d)","status"', told(model.of("lead")[-1]).replace("\\", ""))
    assert listed[:6] == names


async def test_an_interrupt_of_one_thread_leaves_the_other_at_work(server: Server, client: AsyncAnthropic) -> None:
    model = Cast(
        ("ann", "bob"),
        lead=script(calls(create("ann", "A", 1), create("bob", "B", 2), ("wait_for_agents", 3, {})), say("Done.")),
        ann=script(say("Late.")),
        bob=script(say("B is done")),
    )
    session_id = await coordinated(client, "ann", "bob")
    async with turns_run(server.service, model):
        await send(client, session_id, "Go")
        await until(lambda: model.reached["ann"].is_set() and model.reached["bob"].is_set())
        ann = (await threads_of(client, session_id))["ann"].id
        interrupt: Any = {"type": "user.interrupt", "session_thread_id": ann}
        await client.beta.sessions.events.send(session_id, events=[interrupt])
        model.gate.set()
        await at_rest(client, session_id)
        own = await log_of(client, session_id, ann)
    assert "B is done" in told(model.of("lead")[1])
    assert "agent.message" not in types(own) and types(own)[-1] == "session.thread_status_idle"


async def test_what_a_child_asks_of_the_client_is_answered_in_its_thread(
    server: Server, client: AsyncAnthropic
) -> None:
    model = Cast(
        lead=script(calls(create("ann", "A", 1), ("wait_for_agents", 2, {})), say("Done.")),
        ann=script(call("lookup", 7), say("It is 42.")),
    )
    session_id = await coordinated(client, "ann", tools=[LOOKUP])
    async with turns_run(server.service, model):
        await send(client, session_id, "Go")
        events = await at_rest(client, session_id)
        (use,) = [event for event in events if event.type == "agent.custom_tool_use"]
        ann = (await threads_of(client, session_id))["ann"].id
        assert (use.session_thread_id, events[-1].stop_reason.event_ids) == (ann, [use.id])
        content = [{"type": "text", "text": "42"}]
        answer: Any = {"type": "user.custom_tool_result", "custom_tool_use_id": use.id, "content": content}
        await client.beta.sessions.events.send(session_id, events=[answer])
        events = await at_rest(client, session_id)
    assert "42" in told(model.of("ann")[1]) and "It is 42." in told(model.of("lead")[1])
    assert events[-1].stop_reason.type == "end_turn"


async def test_a_call_that_the_user_denies_is_not_run(server: Server, client: AsyncAnthropic) -> None:
    ask = {"type": "agent_toolset_20260401", "default_config": {"permission_policy": {"type": "always_ask"}}}
    model = Cast(
        lead=script(calls(create("ann", "A", 1), ("wait_for_agents", 2, {})), say("Done.")),
        ann=script(call("bash", 7, command="rm -r"), say("I may not.")),
    )
    session_id = await coordinated(client, "ann", tools=[ask])
    async with turns_run(server.service, model):
        await send(client, session_id, "Go")
        events = await at_rest(client, session_id)
        (blocker,) = events[-1].stop_reason.event_ids
        answer: Any = {
            "type": "user.tool_confirmation",
            "tool_use_id": blocker,
            "result": "deny",
            "deny_message": "No!",
        }
        await client.beta.sessions.events.send(session_id, events=[answer])
        events = await at_rest(client, session_id)
    assert "The user refused this call; it was not run. No!" in told(model.of("ann")[1])
    assert "I may not." in told(model.of("lead")[1])


async def test_one_budget_is_for_all_threads(server: Server, client: AsyncAnthropic) -> None:
    model = Cast(
        lead=script(calls(create("ann", "A", 1), ("wait_for_agents", 2, {}))),
        ann=script(),
    )
    session_id = await coordinated(client, "ann", budget="1")
    async with turns_run(server.service, model):
        await send(client, session_id, "Go")
        events = await at_rest(client, session_id)
    assert events[-1].stop_reason.type == "budget_reached"
    assert (len(model.of("lead")), len(model.of("ann"))) == (1, 0)


async def test_requests_side_by_side_do_not_exceed_the_budget_together(server: Server, client: AsyncAnthropic) -> None:
    both = calls(create("ann", "A", 1), create("bob", "B", 2), ("wait_for_agents", 3, {}))
    model = Cast(
        ("ann", "bob"),
        lead=lambda request: say("Done.") if "Message from" in told(request) else both,
        ann=lambda _request: say("A is fine."),
        bob=lambda _request: say("B is fine."),
    )
    session_id = await coordinated(client, "ann", "bob", budget="2500")  # a request may cost 16 dollars
    async with turns_run(server.service, model):
        await send(client, session_id, "Go")
        async with asyncio.timeout(PATIENCE_SECONDS):
            while "idle" not in {thread.status for thread in (await threads_of(client, session_id)).values()}:
                pass
        asked = {name for name in ("ann", "bob") if model.of(name)}
        model.gate.set()
        await at_rest(client, session_id)
    threads = await threads_of(client, session_id)
    (refused,) = {"ann", "bob"} - asked
    assert len(model.of("ann")) + len(model.of("bob")) == 1
    assert (await log_of(client, session_id, threads[refused].id))[-1].stop_reason.type == "budget_reached"


async def test_twenty_five_agents_work_at_once_and_no_more(server: Server, client: AsyncAnthropic) -> None:
    def lead(request: TurnRequest) -> TurnReply:
        if len(model.of("lead")) == 1:
            return calls(*(create("ann", f"Task {n}", n) for n in range(26)), ("wait_for_agents", 99, {}))
        everyone = told(request).count("Message from ann") == 25
        return say("All are in.") if everyone else call("wait_for_agents", 100 + len(request.messages))

    model = Cast(("ann",), lead=lead, ann=lambda _request: say("Done."))
    session_id = await coordinated(client, "ann")
    async with turns_run(server.service, model):
        await send(client, session_id, "Go")
        await until(lambda: len(model.of("ann")) == 25)
        model.gate.set()
        events = await at_rest(client, session_id)
    refused = [event for event in events if event.type == "agent.tool_result" and event.is_error]
    assert [event.content[0].text[:24] for event in refused] == ["There are 25 threads alr"]
    assert types(events).count("session.thread_created") == 25


async def test_an_agent_that_is_not_on_the_roster_is_refused(server: Server, client: AsyncAnthropic) -> None:
    model = Cast(
        lead=script(
            calls(
                create("zoe", "A", 1),
                ("create_agent", 2, {"agent": "ann"}),
                ("send_to_agent", 3, {"thread": "x", "message": "y"}),
            ),
            say("I see."),
        ),
        ann=script(),
    )
    session_id = await coordinated(client, "ann")
    async with turns_run(server.service, model):
        await send(client, session_id, "Go")
        events = await at_rest(client, session_id)
    texts = [event.content[0].text for event in events if event.type == "agent.tool_result"]
    assert texts == [
        "agent: there is no agent 'zoe' to call in. Name one of: ann.",
        "task: give a text; it is needed.",
        "thread: there is no thread 'x' that goes on; there are: none.",
    ]


async def test_another_process_takes_a_child_over_that_was_only_begun(
    server: Server, client: AsyncAnthropic, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = Cast(
        lead=script(calls(create("ann", "Look", 1), ("wait_for_agents", 2, {})), say("Done.")), ann=script(say("Seen."))
    )
    session_id = await coordinated(client, "ann")
    desk = make_desk(server.service.database, DEFAULT_WORKSPACE, server.service.clock, OneModel(model))
    begun = asyncio.Event()

    async def stuck(
        connection: Connection, session: LiveSession, thread: str | None, read_to: int, known: Conversation | None
    ) -> Conversation:
        if thread is not None:
            begun.set()
            await asyncio.Event().wait()
        return await read_conversation(connection, session, thread, read_to, known)

    async def nothing(_connection: Connection, _owner: int) -> None:
        """As when the process ends: nothing is given back."""

    monkeypatch.setattr("reverie.turns.dispatch.give_back", nothing)
    monkeypatch.setattr("reverie.turns.dispatch.GRACE_SECONDS", 0)
    with monkeypatch.context() as patched:
        patched.setattr("reverie.turns.turn.read_conversation", stuck)
        async with dispatched(desk):
            await send(client, session_id, "Go")
            await begun.wait()
    assert not model.of("ann")
    async with dispatched(desk):
        events = await at_rest(client, session_id)
    assert "Seen." in told(model.of("lead")[1]) and len(model.of("ann")) == 1
    assert types(events).count("session.thread_created") == 1


@asynccontextmanager
async def dispatched(desk: Desk) -> AsyncIterator[None]:
    """A process that runs the turns of a desk for as long as the context lasts."""

    async def desks() -> list[Desk]:
        return [desk]

    task = asyncio.create_task(Dispatcher(desk.database, desks, secrets.randbelow(2**31)).run())
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
