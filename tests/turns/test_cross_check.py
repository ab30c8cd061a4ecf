"""Cross-checks: one question put to several agents, as the coordinator and clients see it."""

import asyncio
import json
import re
from typing import Any

import pytest
from anthropic import AsyncAnthropic, BadRequestError

from reverie.errors import ModelAccessError
from reverie.runtime.checking import JUDGE_SYSTEM
from reverie.sessions.event import stored_event
from reverie.sessions.session import PartScore, Score
from reverie.storage.live.cross_checks import read_scored
from reverie.storage.live.log import LogFilter, read_log
from reverie.storage.live.sessions import read_session
from reverie.storage.postgres.workspaces import DEFAULT_WORKSPACE
from reverie.storage.sessions.part_scores import record_part_scores
from reverie.storage.sessions.scores import record_scores
from reverie.teams.cross_check import cross_checks, digest
from reverie.teams.reliability import level_of
from reverie.turn_model import TurnReply, TurnRequest
from reverie.turns.service import make_desk
from tests.api.conftest import Server
from tests.turns.scripted import MODEL, OneModel, call, say, turns_run
from tests.turns.test_multiagent import Cast, Part, dispatched, script, threads_of, told, until
from tests.turns.test_turn import LOOKUP, at_rest, send, types


async def checked(
    client: AsyncAnthropic, *names: str, choice: str = "on", budget: str | None = None, **child: Any
) -> str:
    """The id of a session whose agent ``lead`` may put questions to agents of these names."""
    environment = await client.beta.environments.create(name="place", config={"type": "cloud"})
    roster = [(await client.beta.agents.create(name=name, system=name, model=MODEL, **child)).id for name in names]
    multiagent: Any = {"type": "coordinator", "agents": roster}
    lead = await client.beta.agents.create(
        name="lead", system="lead", model=MODEL, multiagent=multiagent, metadata={"reverie_cross_check": choice}
    )
    limit = {"type": "limit", "max_list_cost": {"amount": budget, "currency": "USD"}}
    more: Any = {} if budget is None else {"budget": limit}
    tags = {"task_category": "sums"}
    return (await client.beta.sessions.create(agent=lead.id, environment_id=environment.id, metadata=tags, **more)).id


def ask(**more: Any) -> TurnReply:
    return call("cross_check", 1, question="How many?", **more)


def cast(held: tuple[str, ...] = (), judge: Part | None = None, **answers: str) -> Cast:
    """A coordinator that asks once and then is done, and members that hand in these answers."""
    members = {
        name: lambda _request, text=text: call("submit_result", 7, result=text) for name, text in answers.items()
    }
    model = Cast(held, lead=script(ask(), say("Done.")), **members)
    if judge is not None:
        model.parts[JUDGE_SYSTEM] = judge
        model.reached[JUDGE_SYSTEM] = asyncio.Event()
    return model


def result_of(events: list[Any]) -> dict[str, Any]:
    (result,) = [event for event in events if event.type == "agent.tool_result"]
    return dict(json.loads(result.content[0].text)["cross_check"])


async def test_the_answer_of_most_wins_and_the_coordinator_is_woken_once(
    server: Server, client: AsyncAnthropic
) -> None:
    model = cast(ann="42", bob="The answer is 42.", eve="41")
    session_id = await checked(client, "ann", "bob", "eve")
    async with turns_run(server.service, model):
        await send(client, session_id, "Go")
        events = await at_rest(client, session_id)
    result = result_of(events)
    assert (result["asked"], result["settled_by"], result["winner"]) == (3, "vote", 1)
    assert [answer["agents"] for answer in result["answers"]] == [["ann", "bob"], ["eve"]]
    assert result["reliability"] == "not calibrated yet"
    assert len(model.of("lead")) == 2 and all("How many?" in told(model.of(name)[0]) for name in ("ann", "bob", "eve"))
    assert "| The answer is 42." in told(model.of("lead")[1]) or "| 42" in told(model.of("lead")[1])
    assert "agent.thread_message_received" not in types(events)
    assert events[-1].stop_reason.type == "end_turn"
    assert {thread.status for thread in (await threads_of(client, session_id)).values()} == {"terminated"}


def choose(request: TurnRequest, text: str) -> TurnReply:
    """The judge hands in the number of the answer that is this text."""
    before = told(request).split(f"| {text}")[0]
    return call("submit_result", 9, result=before.rsplit("Answer ", 1)[1].split(":")[0])


async def test_without_a_majority_one_judge_chooses_who_sees_no_authors(server: Server, client: AsyncAnthropic) -> None:
    model = cast(
        ann="forty-one", bob="forty-two", eve="forty-three", judge=lambda request: choose(request, "forty-two")
    )
    session_id = await checked(client, "ann", "bob", "eve")
    async with turns_run(server.service, model):
        await send(client, session_id, "Go")
        result = result_of(await at_rest(client, session_id))
    (asked,) = model.of(JUDGE_SYSTEM)
    assert (result["settled_by"], result["answers"][result["winner"] - 1]["agents"]) == ("judge", ["bob"])
    assert not re.search(r"\b(ann|bob|eve)\b", told(asked))
    assert [tool.name for tool in asked.tools] == ["send_to_parent", "submit_result"]


async def test_an_agent_of_the_roster_judges_where_it_is_named_and_is_not_asked_itself(
    server: Server, client: AsyncAnthropic
) -> None:
    model = cast(ann="left", bob="right", eve="")
    model.parts["eve"] = lambda request: choose(request, "right")
    session_id = await checked(client, "ann", "eve", "bob", choice="judge=eve")
    model.parts["lead"] = script(ask(n=2), say("Done."))
    async with turns_run(server.service, model):
        await send(client, session_id, "Go")
        result = result_of(await at_rest(client, session_id))
    assert (result["asked"], result["settled_by"], result["winner"]) == (2, "judge", 2)
    assert len(model.of("eve")) == 1


def fails(_request: TurnRequest) -> TurnReply:
    raise ModelAccessError("no such key")


@pytest.mark.parametrize(
    ("judge", "reason"),
    [
        (fails, "the answers differ, and the judge is not available: its requests failed"),
        (lambda _request: say("0"), "the answers differ, and the judge could not tell which is right"),
        (lambda _request: say("7"), "the answers differ, and the judge named none of them"),
        (lambda _request: say("1 or 2"), "the answers differ, and the judge named none of them"),
    ],
)
async def test_a_judge_that_chooses_nothing_leaves_no_winner_and_the_reason(
    server: Server, client: AsyncAnthropic, judge: Part, reason: str
) -> None:
    model = cast(ann="left", bob="right", judge=judge)
    model.parts["lead"] = script(ask(n=2), say("Done."))
    session_id = await checked(client, "ann", "bob")
    async with turns_run(server.service, model):
        await send(client, session_id, "Go")
        result = result_of(await at_rest(client, session_id))
    assert (result["settled_by"], result["winner"]) == ("none", None)
    assert result["why_not"].startswith(reason)
    assert "No answer won" in told(model.of("lead")[1])


async def test_a_judge_that_is_not_on_the_roster_is_refused_when_it_is_named(client: AsyncAnthropic) -> None:
    with pytest.raises(BadRequestError, match="reverie_cross_check: 'zoe' is not on the roster; known: ann, bob"):
        await checked(client, "ann", "bob", choice="judge=zoe")
    alone = await client.beta.agents.create(name="alone", model=MODEL)
    with pytest.raises(BadRequestError, match="the agent is no coordinator"):
        await client.beta.agents.update(alone.id, version=1, metadata={"reverie_cross_check": "judge=zoe"})


async def test_a_judge_of_an_older_definition_that_is_not_on_the_roster_is_not_available(
    server: Server, client: AsyncAnthropic
) -> None:
    model = cast(ann="left", bob="right")
    model.parts["lead"] = script(ask(n=2), say("Done."))
    session_id = await checked(client, "ann", "bob", choice="judge=bob")
    async with server.service.database.connection() as connection:
        await connection.execute(
            "UPDATE agent_versions SET definition = jsonb_set("
            "definition, '{metadata,reverie_cross_check}', '\"judge=zoe\"') WHERE definition ->> 'name' = 'lead'"
        )
    async with turns_run(server.service, model):
        await send(client, session_id, "Go")
        result = result_of(await at_rest(client, session_id))
    assert result["why_not"].endswith("the judge is not available: zoe is not on the roster")


async def test_where_all_fail_nobody_answered_and_the_reasons_are_told(server: Server, client: AsyncAnthropic) -> None:
    model = cast(ann="", bob="")
    model.parts |= {"ann": fails, "bob": fails}
    session_id = await checked(client, "ann", "bob")
    async with turns_run(server.service, model):
        await send(client, session_id, "Go")
        events = await at_rest(client, session_id)
    result = result_of(events)
    assert (result["asked"], result["answers"], result["why_not"]) == (3, [], "nobody answered")
    assert [one["agent"] for one in result["no_answer"]] == ["ann", "bob", "ann"]
    assert all("no such key" in one["reason"] for one in result["no_answer"])
    assert events[-1].stop_reason.type == "end_turn"


async def test_one_that_fails_counts_against_the_majority(server: Server, client: AsyncAnthropic) -> None:
    model = cast(ann="42", bob="")
    model.parts |= {"bob": fails, "lead": script(ask(n=2), say("Done."))}
    session_id = await checked(client, "ann", "bob")
    async with turns_run(server.service, model):
        await send(client, session_id, "Go")
        result = result_of(await at_rest(client, session_id))
    assert (result["winner"], result["why_not"]) == (None, "too few answered to compare")


async def test_a_member_that_is_stopped_gives_no_answer_and_the_others_count(
    server: Server, client: AsyncAnthropic
) -> None:
    model = cast(("eve",), ann="42", bob="42", eve="41")
    session_id = await checked(client, "ann", "bob", "eve")
    async with turns_run(server.service, model):
        await send(client, session_id, "Go")
        await until(lambda: all(model.reached[name].is_set() for name in ("ann", "bob", "eve")))
        eve = (await threads_of(client, session_id))["eve"].id
        interrupt: Any = {"type": "user.interrupt", "session_thread_id": eve}
        await client.beta.sessions.events.send(session_id, events=[interrupt])
        result = result_of(await at_rest(client, session_id))
        model.gate.set()
    assert (result["winner"], result["asked"]) == (1, 3)
    assert result["no_answer"][0]["reason"].startswith("it was stopped")


async def test_a_member_that_is_archived_while_it_waits_for_the_user_is_not_waited_for(
    server: Server, client: AsyncAnthropic
) -> None:
    model = cast(ann="42", bob="42", eve="")
    model.parts["eve"] = script(call("lookup", 7))
    session_id = await checked(client, "ann", "bob", "eve", tools=[LOOKUP])
    async with turns_run(server.service, model):
        await send(client, session_id, "Go")
        events = await at_rest(client, session_id)
        assert events[-1].stop_reason.type == "requires_action"
        eve = (await threads_of(client, session_id))["eve"].id
        await client.beta.sessions.threads.archive(eve, session_id=session_id)
        await until(lambda: len(model.of("lead")) == 2)
        events = await at_rest(client, session_id)
    assert result_of(events)["no_answer"][0]["agent"] == "eve"
    assert events[-1].stop_reason.type == "end_turn"


async def test_an_interrupt_stops_all_that_were_asked_and_the_check(server: Server, client: AsyncAnthropic) -> None:
    model = cast(("ann", "bob"), ann="42", bob="42")
    session_id = await checked(client, "ann", "bob")
    async with turns_run(server.service, model):
        await send(client, session_id, "Go")
        await until(lambda: model.reached["ann"].is_set() and model.reached["bob"].is_set())
        await client.beta.sessions.events.send(session_id, events=[{"type": "user.interrupt"}])
        events = await at_rest(client, session_id)
        model.gate.set()
        listed = [thread async for thread in client.beta.sessions.threads.list(session_id)]
    (result,) = [event for event in events if event.type == "agent.tool_result"]
    assert result.is_error and len(model.of("lead")) == 1
    assert {thread.status for thread in listed} == {"idle"}


async def test_a_message_of_the_user_waits_for_the_result_of_the_check(server: Server, client: AsyncAnthropic) -> None:
    model = cast(("ann",), ann="42", bob="42")
    session_id = await checked(client, "ann", "bob")
    async with turns_run(server.service, model):
        await send(client, session_id, "Go")
        await model.reached["ann"].wait()
        await send(client, session_id, "Hurry")
        model.gate.set()
        events = await at_rest(client, session_id)
    assert len(model.of("lead")) == 2
    last = model.of("lead")[1].messages[-1].content
    assert last[0]["type"] == "tool_result" and "Hurry" in str(last[1:])
    assert types(events).count("session.status_idle") == 1


async def test_another_process_settles_a_check_whose_process_was_lost(
    server: Server, client: AsyncAnthropic, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = cast(ann="42", bob="42")
    session_id = await checked(client, "ann", "bob")
    desk = make_desk(server.service.database, DEFAULT_WORKSPACE, server.service.clock, OneModel(model))
    begun = asyncio.Event()

    async def stuck(*_: Any) -> None:
        begun.set()
        await asyncio.Event().wait()

    async def nothing(*_: Any) -> None:
        """As when the process ends: nothing is given back."""

    monkeypatch.setattr("reverie.turns.dispatch.give_back", nothing)
    monkeypatch.setattr("reverie.turns.dispatch.GRACE_SECONDS", 0)
    with monkeypatch.context() as patched:
        patched.setattr("reverie.turns.checking.insert_check", stuck)
        async with dispatched(desk):
            await send(client, session_id, "Go")
            await begun.wait()
    async with dispatched(desk):
        events = await at_rest(client, session_id)
    assert result_of(events)["winner"] == 1
    assert (len(model.of("lead")), len(model.of("ann")), len(model.of("bob"))) == (2, 2, 1)


async def test_a_check_that_spends_the_budget_ends_with_it(server: Server, client: AsyncAnthropic) -> None:
    model = cast(ann="42", bob="42")
    session_id = await checked(client, "ann", "bob", budget="1")
    async with turns_run(server.service, model):
        await send(client, session_id, "Go")
        events = await at_rest(client, session_id)
    assert events[-1].stop_reason.type == "budget_reached"
    assert (len(model.of("lead")), len(model.of("ann")), len(model.of("bob"))) == (1, 0, 0)
    assert {one["reason"].split(":")[0] for one in result_of(events)["no_answer"]} == {"the session's budget is spent"}


async def one_check(server: Server, client: AsyncAnthropic) -> tuple[str, dict[str, Any]]:
    """The id of a session in which two agents agreed, and the result of its check."""
    model = cast(ann="42", bob="42")
    model.parts["lead"] = script(ask(n=2), say("Done."))
    session_id = await checked(client, "ann", "bob")
    async with turns_run(server.service, model):
        await send(client, session_id, "Go")
        return session_id, result_of(await at_rest(client, session_id))


async def test_such_agreement_is_shown_with_how_often_it_was_right(
    server: Server, client: AsyncAnthropic, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("reverie.teams.reliability.LEAST_CHECKS", 1)
    session_id, result = await one_check(server, client)
    assert result["reliability"] == "not calibrated yet"
    async with server.service.database.connection() as connection:
        session = await read_session(connection, session_id)
        await record_scores(connection, [(session.key, Score("cross_check", 1.0))])
        (scored,) = await read_scored(connection, level_of([MODEL, MODEL], 2, "vote"))
    assert (scored.family, scored.correct) == ("sums", 1.0)
    _, result = await one_check(server, client)
    known = result["reliability"]
    assert (known["checks"], known["of_family"]) == (1, 1) and known["low"] < known["value"] == 0.6 < known["high"]


async def test_a_check_that_is_scored_by_itself_has_its_own_outcome(server: Server, client: AsyncAnthropic) -> None:
    session_id, _ = await one_check(server, client)
    async with server.service.database.connection() as connection:
        session = await read_session(connection, session_id)
        await record_scores(connection, [(session.key, Score("cross_check", 1.0))])
        ((call_id,),) = await (await connection.execute("SELECT id FROM cross_checks")).fetchall()
        await record_part_scores(connection, session.key, [PartScore(call_id, "right", 0.0)])
        (scored,) = await read_scored(connection, level_of([MODEL, MODEL], 2, "vote"))
    assert scored.correct == 0.0


async def test_what_checks_came_to_is_read_from_the_log(server: Server, client: AsyncAnthropic) -> None:
    session_id, _ = await one_check(server, client)
    async with server.service.database.connection() as connection:
        session = await read_session(connection, session_id)
        rows = await read_log(connection, session.key, LogFilter(everything=True), limit=1_000)
        stored = await connection.execute("SELECT question_sha256, answers_sha256, winner FROM cross_checks")
        kept = await stored.fetchall()
    (check,) = cross_checks([stored_event(row.type, row.payload, row.at, row.thread_id) for row in rows])
    assert check.question_sha256 == digest("How many?")
    assert (check.result.winner, check.result.answers[0].agents) == (1, ("ann", "bob"))
    assert kept == [(check.question_sha256, [check.result.answers[0].sha256], 1)]


async def test_the_tool_is_there_only_for_coordinators_that_ask_for_it_with_enough_others(
    server: Server, client: AsyncAnthropic
) -> None:
    offered = {}
    for names, choice in ((("ann", "bob"), "on"), (("ann", "bob"), "off"), (("ann",), "on")):
        model = Cast(lead=script(say("Hi.")))
        session_id = await checked(client, *names, choice=choice)
        async with turns_run(server.service, model):
            await send(client, session_id, "Go")
            await at_rest(client, session_id)
        offered[len(names), choice] = "cross_check" in [tool.name for tool in model.of("lead")[0].tools]
    assert offered == {(2, "on"): True, (2, "off"): False, (1, "on"): False}
    with pytest.raises(BadRequestError, match="reverie_cross_check"):
        await checked(client, "ann", "bob", choice="sometimes")


@pytest.mark.parametrize(
    ("given", "problem"),
    [
        ({}, "question: give a text"),
        ({"question": "?", "n": 6}, "n: give a whole number from 2 to 5"),
        ({"question": "?", "n": True}, "n: give a whole number from 2 to 5"),
        ({"question": "?", "agents": ["zoe"]}, "agents: there is no agent 'zoe' to ask"),
        ({"question": "?", "agents": []}, "agents: give a list of names"),
        ({"question": "?", "agents": ["ann", "bob"] * 3}, "agents: 6 are named; at most 5"),
    ],
)
async def test_a_call_that_cannot_be_done_is_answered_with_what_to_change(
    server: Server, client: AsyncAnthropic, given: dict[str, Any], problem: str
) -> None:
    model = Cast(lead=script(call("cross_check", 1, **given), say("Done.")), ann=script(), bob=script())
    session_id = await checked(client, "ann", "bob")
    async with turns_run(server.service, model):
        await send(client, session_id, "Go")
        events = await at_rest(client, session_id)
    (result,) = [event for event in events if event.type == "agent.tool_result"]
    assert result.is_error and result.content[0].text.startswith(problem)
