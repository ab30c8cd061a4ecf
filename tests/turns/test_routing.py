"""A coordinator leaves to the router who gets a task: the draw, its log, what is learned of the outcome."""

from collections.abc import Mapping
from typing import Any

import pytest
from anthropic import AsyncAnthropic, BadRequestError

from reverie import AsyncClient as Reverie
from reverie import Metric
from reverie.api import routing_watch
from reverie.storage.sessions.transcripts import read_transcript
from reverie.teams.draw_log import chance_of, logged_choices
from reverie.turn_model import TurnReply, TurnRequest
from tests.api.conftest import Server
from tests.turns.scripted import MODEL, call, say, turns_run
from tests.turns.test_multiagent import Cast, script
from tests.turns.test_turn import at_rest, send

NAMES = ("ann", "bob")
ON = {"reverie_routing": "on"}


async def coordinator(client: AsyncAnthropic, metadata: Mapping[str, str]) -> str:
    """The id of an agent that may call in ann and bob."""
    roster = [(await client.beta.agents.create(name=name, system=name, model=MODEL)).id for name in NAMES]
    multiagent: Any = {"type": "coordinator", "agents": roster}
    return (
        await client.beta.agents.create(
            name="lead", system="lead", model=MODEL, multiagent=multiagent, metadata=dict(metadata)
        )
    ).id


async def begun(client: AsyncAnthropic, lead: str, **metadata: str) -> str:
    place = await client.beta.environments.create(name="place", config={"type": "cloud"})
    return (await client.beta.sessions.create(agent=lead, environment_id=place.id, metadata=metadata)).id


def cast(*, agent: str = "auto") -> Cast:
    lead = script(call("create_agent", agent=agent, task="Sum it up"), call("wait_for_agents", 2), say("Done."))

    def child(_request: TurnRequest) -> TurnReply:
        return say("Summed up.")

    return Cast(lead=lead, ann=child, bob=child)


async def played(server: Server, client: AsyncAnthropic, session_id: str, model: Cast) -> list[Any]:
    async with turns_run(server.service, model):
        await send(client, session_id, "Go")
        return list(await at_rest(client, session_id))


async def test_a_task_that_is_left_open_goes_to_an_agent_that_is_drawn_and_the_draw_is_logged(
    server: Server, client: AsyncAnthropic
) -> None:
    session_id = await begun(client, await coordinator(client, ON), task_category="sums")
    model = cast()
    events = await played(server, client, session_id, model)
    (created,) = [event for event in events if event.type == "session.thread_created"]
    assert "reverie_routing" not in created.to_dict()  # no field of the wire
    async with server.service.database.connection() as connection:
        choices = logged_choices((await read_transcript(connection, session_id)).events)
    choice = choices[created.session_thread_id]
    assert (choice.family, dict(choice.chances), choice.policy_version) == ("sums", {"ann": 0.5, "bob": 0.5}, 0)
    assert created.agent_name == NAMES[chance_of(created.session_thread_id) >= 0.5]
    assert len(model.of(created.agent_name)) == 1
    offered = next(tool for tool in model.of("lead")[0].tools if tool.name == "create_agent")
    assert '"auto"' in offered.description


async def test_without_routing_no_agent_is_drawn_and_the_coordinator_is_told(
    server: Server, client: AsyncAnthropic
) -> None:
    session_id = await begun(client, await coordinator(client, {}))
    model = cast()
    events = await played(server, client, session_id, model)
    assert not [event for event in events if event.type == "session.thread_created"]
    (told, *_) = [event for event in events if event.type == "agent.tool_result"]
    assert told.is_error and "there is no agent 'auto'" in told.content[0].text
    offered = next(tool for tool in model.of("lead")[0].tools if tool.name == "create_agent")
    assert '"auto"' not in offered.description


async def scored(reverie: Reverie, session_id: str, value: float) -> None:
    await reverie.define_metric(Metric("quality"))
    await reverie.score(session_id, {"quality": value})


async def test_a_router_learns_from_scores_that_come_late_and_are_corrected(
    server: Server, client: AsyncAnthropic, reverie: Reverie
) -> None:
    lead = await coordinator(client, ON)
    session_id = await begun(client, lead, task_category="sums")
    events = await played(server, client, session_id, cast())
    drawn = next(event.agent_name for event in events if event.type == "session.thread_created")
    await routing_watch.look(server.service)
    assert (await reverie.agent_routing(lead)).draws == 0

    chances = []
    for value in (1.0, 0.0):
        await scored(reverie, session_id, value)
        await routing_watch.look(server.service)
        await routing_watch.look(server.service)  # nothing is learned twice
        report = await reverie.agent_routing(lead)
        (cell,) = [one for one in report.cells if one.agent == drawn]
        assert (cell.family, cell.drawn, cell.chosen, cell.mean) == ("sums", 1, 0, value)
        chances.append(cell.probability)
    assert report.version == 2
    assert chances[0] > 0.5 > chances[1]
    assert not any(cell.is_better for cell in report.cells)
    assert report.team.startswith("not shown")


async def test_a_task_that_is_scored_by_itself_has_its_own_outcome_and_not_the_sessions(
    server: Server, client: AsyncAnthropic, reverie: Reverie
) -> None:
    lead = await coordinator(client, ON)
    session_id = await begun(client, lead, task_category="sums")
    events = await played(server, client, session_id, cast())
    thread = next(event.session_thread_id for event in events if event.type == "session.thread_created")
    await scored(reverie, session_id, 0.0)
    await routing_watch.look(server.service)
    shared = await reverie.agent_routing(lead)
    answer = await reverie.score(session_id, {"quality": 1.0}, part=thread)
    assert (answer.reward, [(one.part, one.metric, one.value) for one in answer.parts]) == (
        0.0,
        [(thread, "quality", 1.0)],
    )
    await routing_watch.look(server.service)
    own = await reverie.agent_routing(lead)
    assert [(one.draws, one.own, one.mean) for one in (shared, own)] == [(1, 0, 0.0), (1, 1, 1.0)]
    assert own.version == shared.version + 1


async def test_a_part_that_a_session_does_not_have_is_not_scored(
    server: Server, client: AsyncAnthropic, reverie: Reverie
) -> None:
    session_id = await begun(client, await coordinator(client, ON))
    await played(server, client, session_id, cast())
    with pytest.raises(BadRequestError, match="no part 'sthr_nobody': name the thread"):
        await reverie.score(session_id, {"quality": 1.0}, part="sthr_nobody")


async def test_what_a_coordinator_chose_is_counted_and_nothing_is_learned_of_it(
    server: Server, client: AsyncAnthropic, reverie: Reverie
) -> None:
    lead = await coordinator(client, ON)
    session_id = await begun(client, lead, task_category="sums")
    await played(server, client, session_id, cast(agent="ann"))
    await scored(reverie, session_id, 1.0)
    await routing_watch.look(server.service)
    report = await reverie.agent_routing(lead)
    assert (report.version, report.draws, report.mean) == (0, 0, None)
    assert {(one.agent, one.drawn, one.chosen, one.probability) for one in report.cells} == {
        ("ann", 0, 1, 0.5),
        ("bob", 0, 0, 0.5),
    }


async def test_when_a_session_is_deleted_what_was_learned_of_it_goes(
    server: Server, client: AsyncAnthropic, reverie: Reverie
) -> None:
    lead = await coordinator(client, ON)
    session_id = await begun(client, lead, task_category="sums")
    await played(server, client, session_id, cast())
    await scored(reverie, session_id, 1.0)
    await routing_watch.look(server.service)
    assert (await reverie.agent_routing(lead)).draws == 1
    await client.beta.sessions.delete(session_id)
    await routing_watch.look(server.service)
    report = await reverie.agent_routing(lead)
    assert (report.draws, report.cells[0].probability) == (0, 0.5)


@pytest.mark.parametrize(
    "metadata", [{"reverie_routing": "yes"}, {"reverie_routing_usd": "-1"}, {"reverie_routing_second": "nan"}]
)
async def test_metadata_that_says_nothing_of_its_kind_is_refused_by_its_name(
    http: Any, metadata: dict[str, str]
) -> None:
    answer = await http.post("/v1/agents", json={"name": "lead", "model": MODEL, "metadata": metadata})
    assert answer.status_code == 400
    assert f"metadata.{next(iter(metadata))}" in answer.json()["error"]["message"]


async def bounded(reverie: Reverie, lead: str) -> None:
    await reverie.set_agent_bounds(lead, {"routing": {}})


async def test_another_routing_is_not_tried_where_logged_draws_cannot_tell_what_it_would_earn(
    client: AsyncAnthropic, reverie: Reverie
) -> None:
    lead = await coordinator(client, ON)
    await bounded(reverie, lead)
    with pytest.raises(BadRequestError, match="routing: cannot tell what it would earn: 0 draws"):
        await reverie.propose_self_change(lead, {"metadata": {"reverie_routing": "even"}}, "why not")


async def test_another_routing_is_tried_as_a_version_and_its_sessions_draw_by_it(
    server: Server, client: AsyncAnthropic, reverie: Reverie, monkeypatch: pytest.MonkeyPatch
) -> None:
    lead = await coordinator(client, {**ON, "reverie_routing_floor": "0.05"})
    await bounded(reverie, lead)
    session_id = await begun(client, lead, task_category="sums")
    await played(server, client, session_id, cast())
    await scored(reverie, session_id, 1.0)
    await routing_watch.look(server.service)
    monkeypatch.setattr("reverie.teams.off_policy.LEAST_EFFECTIVE", 1.0)
    change = await reverie.propose_self_change(lead, {"metadata": {"reverie_routing": "even"}}, "is it worth it?")
    assert change.title == "routing: on, floor 0.05 → even, floor 0.05"
    assert change.reason.startswith("is it worth it?; on 1 draws, 1 of which carry it, it would have earned 1.000")
    shown = iter([True, False])
    monkeypatch.setattr("reverie.storage.live.self_changes.is_shown", lambda *_: next(shown))
    assert [each async for each in drawn_by(server, client, lead)] == [(2, True), (1, False)]


async def drawn_by(server: Server, client: AsyncAnthropic, lead: str) -> Any:
    """Of two sessions, the version that each got, and whether its draw was even."""
    for _ in range(2):
        session_id = await begun(client, lead, task_category="sums")
        await played(server, client, session_id, cast())
        session = await client.beta.sessions.retrieve(session_id)
        async with server.service.database.connection() as connection:
            (choice,) = logged_choices((await read_transcript(connection, session_id)).events).values()
        yield session.agent.version, choice.chances["ann"] == pytest.approx(0.5)


async def test_bounds_say_whether_routing_may_change_and_how_far(client: AsyncAnthropic, reverie: Reverie) -> None:
    lead = await coordinator(client, ON)
    patch = {"metadata": {"reverie_routing_floor": "0.02"}}
    with pytest.raises(BadRequestError, match="routing: the agent's bounds do not name it"):
        await reverie.propose_self_change(lead, patch, "fewer even draws")
    off = await coordinator(client, {})
    await reverie.set_agent_bounds(off, {"routing": {"least_floor": 0.05}})
    with pytest.raises(BadRequestError, match=r"routing: a floor of 0.02; at least 0.05 is within bounds"):
        await reverie.propose_self_change(off, {"metadata": {**ON, **patch["metadata"]}}, "begin to draw")
    change = await reverie.propose_self_change(off, {"metadata": ON}, "begin to draw")
    assert change.reason.endswith("; not valued before: what a coordinator itself would choose has no probability")
