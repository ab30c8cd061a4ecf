"""Roles and queues of a team, as the coordinator, its agents and clients see them."""

import asyncio
import json
from collections.abc import Mapping
from typing import Any

import pytest
from anthropic import AsyncAnthropic

from reverie import AsyncClient as Reverie
from reverie.testing.patience import PATIENCE_SECONDS
from reverie.turn_model import TurnReply, TurnRequest
from tests.api.conftest import Server
from tests.turns.scripted import MODEL, call, calls, say, turns_run
from tests.turns.test_multiagent import Cast, Part, log_of, script, threads_of, told, until
from tests.turns.test_turn import LOOKUP, at_rest, send, types

TOOLS = [{"type": "agent_toolset_20260401"}, LOOKUP]
READER: Mapping[str, Any] = {
    "name": "reader",
    "brief": "Find $question in `$source`.",
    "fields": {"question": "what is wanted"},
    "tools": ["read", "lookup"],
}


async def team(client: AsyncAnthropic, reverie: Reverie, roles: list[Any], *names: str, **more: Any) -> str:
    """The id of a coordinator with roles that may call in agents of these names."""
    roster = [
        (await client.beta.agents.create(name=name, system=name, model=MODEL, tools=TOOLS)).id  # type: ignore[arg-type]
        for name in names
    ]
    multiagent: Any = {"type": "coordinator", "agents": roster}
    metadata = more.pop("metadata", {})
    lead = await client.beta.agents.create(
        name="lead", system="lead", model=MODEL, multiagent=multiagent, metadata=metadata
    )
    await reverie.set_agent_roles(lead.id, roles, **more)
    return lead.id


def named(thread: Any) -> str:
    return str(thread.agent.name)


async def begun(client: AsyncAnthropic, lead: str, **metadata: str) -> str:
    place = await client.beta.environments.create(name="place", config={"type": "cloud"})
    return (await client.beta.sessions.create(agent=lead, environment_id=place.id, metadata=metadata)).id


def create(number: int = 1, **given: Any) -> tuple[str, int, dict[str, Any]]:
    return ("create_agent", number, given)


def asked(*given: dict[str, Any], then: str = "Done.") -> Part:
    """A coordinator that calls agents in, waits until none is left, and says that it is done."""
    created = [create(number, **one) for number, one in enumerate(given)]
    rounds = 0

    def lead(request: TurnRequest) -> TurnReply:
        nonlocal rounds
        rounds += 1
        if rounds == 1:
            return calls(*created, ("wait_for_agents", 99, {}))
        return say(then) if "Nobody is running" in told(request) else call("wait_for_agents", 100 + rounds)

    return lead


def results(events: list[Any]) -> list[str]:
    return [event.content[0].text for event in events if event.type == "agent.tool_result"]


async def played(server: Server, client: AsyncAnthropic, session_id: str, model: Cast) -> list[Any]:
    async with turns_run(server.service, model):
        await send(client, session_id, "Go")
        return list(await at_rest(client, session_id))


async def test_a_role_writes_the_brief_and_leaves_the_agent_the_roles_tools(
    server: Server, client: AsyncAnthropic, reverie: Reverie
) -> None:
    session_id = await begun(client, await team(client, reverie, [READER], "ann"))
    fields = {"question": "the year", "source": "a.md"}
    model = Cast(lead=asked({"role": "reader", "fields": fields, "task": "Be quick."}), ann=script(say("1999")))
    events = await played(server, client, session_id, model)
    (request,) = model.of("ann")
    assert "Find the year in `a.md`.\\n\\nBe quick." in told(request)
    assert [tool.name for tool in request.tools] == ["lookup", "read", "send_to_parent", "submit_result"]
    assert json.loads(results(events)[0])["role"] == "reader"
    assert "- reader: no description (filled by ann; fields: question (what is wanted), source)" in str(
        model.of("lead")[0].system
    )
    thread = (await threads_of(client, session_id))["ann"]
    assert [config.name for config in thread.agent.tools[0].configs if config.enabled] == ["read"]
    assert "reverie_role" not in str(await log_of(client, session_id, thread.id))


@pytest.mark.parametrize(
    ("given", "problem"),
    [
        ({"role": "reader", "fields": {"question": "x", "when": "y"}}, "missing: source; unknown: when (its fields"),
        ({"role": "reader", "fields": {"question": " ", "source": "y"}}, "missing: question (its fields"),
        ({"role": "reader"}, "missing: question, source"),
        ({"role": "reader", "fields": []}, "fields: give an object"),
        ({"role": "writer"}, "role: there is no role 'writer'; there are: reader, planner."),
        ({"role": "planner"}, "task: give a text; it is needed."),
        ({"role": "planner", "task": "Hello there"}, "the brief does not say: goal: what is wanted"),
        (
            {"role": "planner", "task": "Plan it. Done when planned.", "agent": "ann"},
            "agent: 'ann' may not fill the role planner",
        ),
        ({"fields": {"question": "x"}, "agent": "ann", "task": "y"}, "fields: they belong to a role"),
        ({"task": "y"}, "agent: give a text; it is needed."),
        ({"agent": "auto", "task": "y"}, "agent: there is no agent 'auto' to call in. Name one of: ann, bob."),
    ],
)
async def test_a_brief_that_cannot_be_worked_on_begins_no_thread(
    server: Server, client: AsyncAnthropic, reverie: Reverie, given: dict[str, Any], problem: str
) -> None:
    planner = {"name": "planner", "agents": ["bob"], "needs": ["goal", "done"]}
    session_id = await begun(client, await team(client, reverie, [READER, planner], "ann", "bob"))
    model = Cast(lead=asked(given), ann=script(), bob=script())
    events = await played(server, client, session_id, model)
    assert problem in results(events)[0]
    assert await threads_of(client, session_id) == {}


async def test_a_brief_with_all_that_its_role_needs_is_worked_on(
    server: Server, client: AsyncAnthropic, reverie: Reverie
) -> None:
    role = {"name": "any", "needs": ["goal", "constraints", "inputs", "done", "format", "limits"]}
    session_id = await begun(client, await team(client, reverie, [role], "ann"))
    task = "Goal: find it in `a.md`. Only read, never write. Done when found. Answer in one line. At most 3 calls."
    model = Cast(lead=asked({"role": "any", "task": task}), ann=script(say("Found.")))
    await played(server, client, session_id, model)
    assert len(model.of("ann")) == 1


CHECKED: Mapping[str, Any] = {
    "name": "checked",
    "done": [{"contains": "Source:", "says": "a line that begins with Source:"}, {"pattern": r"\d{4}"}],
}


@pytest.mark.parametrize("hands_in", [True, False])
async def test_an_agent_is_told_once_what_its_report_lacks(
    server: Server, client: AsyncAnthropic, reverie: Reverie, *, hands_in: bool
) -> None:
    session_id = await begun(client, await team(client, reverie, [CHECKED], "ann"))

    def report(text: str) -> TurnReply:
        return call("submit_result", result=text) if hands_in else say(text)

    model = Cast(
        lead=asked({"role": "checked", "task": "Look"}), ann=script(report("1999"), report("1999, Source: a.md"))
    )
    await played(server, client, session_id, model)
    told_then = told(model.of("ann")[1])
    assert "- a line that begins with Source:" in told_then and "text that matches" not in told_then
    last = told(model.of("lead")[-1])
    assert "1999, Source: a.md" in last and "criteria: met" in last


async def test_a_report_that_still_lacks_something_is_marked(
    server: Server, client: AsyncAnthropic, reverie: Reverie
) -> None:
    session_id = await begun(client, await team(client, reverie, [CHECKED], "ann"))
    model = Cast(
        lead=asked({"role": "checked", "task": "Look"}), ann=script(say("No idea"), say("None. criteria: met"))
    )
    await played(server, client, session_id, model)
    received = [event for event in await events_of(client, session_id) if event.type == "agent.thread_message_received"]
    assert [block.text for block in received[0].content] == [
        "None. criteria: met",
        r"criteria: unmet. Missing: a line that begins with Source:; text that matches \d{4}",
    ]
    thread = (await threads_of(client, session_id))["ann"]
    assert types(await log_of(client, session_id, thread.id)).count("system.message") == 1


async def events_of(client: AsyncAnthropic, session_id: str) -> list[Any]:
    return [event async for event in client.beta.sessions.events.list(session_id)]


async def test_a_session_keeps_to_the_roles_that_stood_when_it_began(
    server: Server, client: AsyncAnthropic, reverie: Reverie
) -> None:
    lead = await team(client, reverie, [READER], "ann")
    session_id = await begun(client, lead)
    await reverie.set_agent_roles(lead, [{"name": "other"}])
    model = Cast(lead=asked({"role": "reader", "fields": {"question": "x", "source": "y"}}), ann=script(say("z")))
    await played(server, client, session_id, model)
    assert len(model.of("ann")) == 1


async def test_the_router_draws_among_those_who_may_fill_a_role_which_is_the_family(
    server: Server, client: AsyncAnthropic, reverie: Reverie
) -> None:
    role = {"name": "sums", "agents": ["ann", "bob"]}
    lead = await team(client, reverie, [role], "ann", "bob", "eve", metadata={"reverie_routing": "on"})
    session_id = await begun(client, lead)

    def child(_request: TurnRequest) -> TurnReply:
        return say("42")

    model = Cast(lead=asked({"role": "sums", "task": "Add"}), ann=child, bob=child, eve=child)
    await played(server, client, session_id, model)
    async with server.service.database.connection() as connection:
        row = await connection.execute(
            "SELECT payload -> 'reverie_routing', payload ->> 'reverie_role' FROM events"
            " WHERE type = 'session.thread_created'"
        )
        ((drawn, role_name),) = await row.fetchall()
    assert (drawn["family"], sorted(drawn["chances"]), role_name) == ("sums", ["ann", "bob"], "sums")


async def test_no_more_than_may_run_at_once_and_the_oldest_that_queues_begins_next(
    server: Server, client: AsyncAnthropic, reverie: Reverie
) -> None:
    lead = await team(client, reverie, [], "ann", "bob", most_running={"ann": 2})
    session_id = await begun(client, lead)
    tasks = [{"agent": "ann", "task": f"Task {number}"} for number in range(5)]
    model = Cast(("ann",), lead=asked(*tasks, {"agent": "bob", "task": "B"}), ann=done, bob=script(say("B is done")))
    async with turns_run(server.service, model):
        await send(client, session_id, "Go")
        await until(lambda: len(model.of("ann")) == 2 and len(model.of("bob")) == 1)
        threads = [one async for one in client.beta.sessions.threads.list(session_id)]
        queued = [one for one in threads if getattr(one.agent, "name", "") == "ann" and one.status == "idle"]
        assert len(queued) == 3
        own = await log_of(client, session_id, queued[0].id)
        assert types(own) == ["session.thread_created", "agent.thread_message_received"]
        model.gate.set()
        events = await at_rest(client, session_id)
    assert [json.loads(text)["status"] for text in results(events)[:6]] == ["running"] * 2 + ["queued"] * 3 + [
        "running"
    ]
    ids = [json.loads(text)["session_thread_id"] for text in results(events)[:5]]
    began = [event.session_thread_id for event in events if event.type == "session.thread_status_running"]
    assert [thread for thread in began if thread in ids] == ids
    assert events[-1].stop_reason.type == "end_turn"


async def test_a_role_has_so_many_running_whoever_fills_it(
    server: Server, client: AsyncAnthropic, reverie: Reverie
) -> None:
    lead = await team(client, reverie, [{"name": "one", "most_running": 1}], "ann", "bob")
    session_id = await begun(client, lead)
    tasks = [{"role": "one", "agent": name, "task": "Look"} for name in ("ann", "bob")]
    model = Cast(("ann",), lead=asked(*tasks), ann=done, bob=done)
    async with turns_run(server.service, model):
        await send(client, session_id, "Go")
        await until(lambda: len(model.of("ann")) == 1)
        async with asyncio.timeout(PATIENCE_SECONDS):
            while len(await threads_of(client, session_id)) < 2:
                pass
        assert not model.of("bob")
        model.gate.set()
        await at_rest(client, session_id)
    assert len(model.of("bob")) == 1


async def two_of_one(client: AsyncAnthropic, reverie: Reverie, model: Cast) -> tuple[str, str]:
    """Ids of a session with two tasks of ann, of whom one may run at once, and of the thread that queues."""
    session_id = await begun(client, await team(client, reverie, [], "ann", most_running={"ann": 1}))
    await send(client, session_id, "Go")
    threads: list[Any] = []
    async with asyncio.timeout(PATIENCE_SECONDS):
        while len(threads) < 3 or not model.of("ann"):
            threads = [one async for one in client.beta.sessions.threads.list(session_id)]
    (queued,) = [one.id for one in threads if getattr(one.agent, "name", "") == "ann" and one.status == "idle"]
    return session_id, queued


def two_tasks(*held: str) -> Cast:
    return Cast(held, lead=asked(*({"agent": "ann", "task": f"Task {number}"} for number in range(2))), ann=done)


def done(_request: TurnRequest) -> TurnReply:
    return say("Looked.")


async def test_a_thread_that_is_interrupted_while_it_queues_does_not_begin(
    server: Server, client: AsyncAnthropic, reverie: Reverie
) -> None:
    model = two_tasks("ann")
    async with turns_run(server.service, model):
        session_id, queued = await two_of_one(client, reverie, model)
        interrupt: Any = {"type": "user.interrupt", "session_thread_id": queued}
        await client.beta.sessions.events.send(session_id, events=[interrupt])
        model.gate.set()
        events = await at_rest(client, session_id)
    assert len(model.of("ann")) == 1 and events[-1].stop_reason.type == "end_turn"


async def test_a_thread_that_is_archived_while_it_queues_does_not_begin_and_its_coordinator_is_told(
    server: Server, client: AsyncAnthropic, reverie: Reverie
) -> None:
    model = two_tasks("ann")
    async with turns_run(server.service, model):
        session_id, queued = await two_of_one(client, reverie, model)
        await client.beta.sessions.threads.archive(queued, session_id=session_id)
        model.gate.set()
        await at_rest(client, session_id)
    assert len(model.of("ann")) == 1
    assert "My thread was archived before I was done" in told(model.of("lead")[-1])


async def test_an_interrupt_of_the_session_empties_the_queue(
    server: Server, client: AsyncAnthropic, reverie: Reverie
) -> None:
    model = two_tasks("ann")
    async with turns_run(server.service, model):
        session_id, _ = await two_of_one(client, reverie, model)
        await client.beta.sessions.events.send(session_id, events=[{"type": "user.interrupt"}])
        await at_rest(client, session_id)
        model.gate.set()
        model.parts["lead"] = script(call("list_agents"), say("Bye."))
        await send(client, session_id, "What now?")
        events = await at_rest(client, session_id)
    assert len(model.of("ann")) == 1 and events[-1].stop_reason.type == "end_turn"
    assert {one["status"] for one in json.loads(results(events)[-1])["threads"]} == {"idle"}


async def test_a_thread_that_waits_for_the_user_keeps_its_place_until_it_is_archived(
    server: Server, client: AsyncAnthropic, reverie: Reverie
) -> None:
    model = two_tasks()
    model.parts["ann"] = script(call("lookup", 7), say("Second."))
    async with turns_run(server.service, model):
        session_id, _ = await two_of_one(client, reverie, model)
        events = await at_rest(client, session_id)
        assert events[-1].stop_reason.type == "requires_action"
        (use,) = [event for event in events if event.type == "agent.custom_tool_use"]
        await client.beta.sessions.threads.archive(use.session_thread_id, session_id=session_id)
        events = await at_rest(client, session_id)
    assert "Second." in told(model.of("lead")[-1]) and events[-1].stop_reason.type == "end_turn"


async def test_a_budget_that_is_spent_ends_those_that_queue(
    server: Server, client: AsyncAnthropic, reverie: Reverie
) -> None:
    lead = await team(client, reverie, [], "ann", most_running={"ann": 1})
    place = await client.beta.environments.create(name="place", config={"type": "cloud"})
    limit: Any = {"type": "limit", "max_list_cost": {"amount": "1", "currency": "USD"}}
    session_id = (await client.beta.sessions.create(agent=lead, environment_id=place.id, budget=limit)).id
    events = await played(server, client, session_id, two_tasks())
    threads = [one.id async for one in client.beta.sessions.threads.list(session_id) if named(one) == "ann"]
    ends = [(await log_of(client, session_id, one))[-1] for one in threads]
    assert events[-1].stop_reason.type == "budget_reached"
    assert [one.stop_reason.type for one in ends] == ["budget_reached"] * 2
