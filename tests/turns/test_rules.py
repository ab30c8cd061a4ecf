"""Rules in sessions as clients see them: what is refused, asked for, paused, noted, and when a session is stopped."""

from typing import Any

from anthropic import AsyncAnthropic

from reverie.runtime.rule_file import load_rules
from reverie.runtime.rules import RuleBook
from reverie.runtime.ruling import PlacedFiring, replay
from reverie.storage.live.rules import list_firings, read_log, read_rules, write_rules
from reverie.storage.live.sessions import read_session
from reverie.turn_model import TurnReply
from tests.api.conftest import Server
from tests.turns.scripted import ScriptedTurnModel, call, calls, say, turns_run
from tests.turns.test_mcp import ALLOWED, agents_run
from tests.turns.test_mcp import session_with as with_desk
from tests.turns.test_multiagent import Cast, coordinated, create, log_of, script, threads_of, told
from tests.turns.test_turn import LOOKUP, at_rest, send, session_with, types
from tests.turns.tool_server import ToolServer, free_port

TOOLS = {"type": "agent_toolset_20260401"}
NO_DELETING = """
rules:
  - name: no-deleting
    when:
      tool: bash
      arguments: [{path: command, pattern: 'rm\\s+-\\w*r'}]
    then: deny
    message: Do not delete folders; ask the user first.
"""


async def set_rules(server: Server, text: str, agent_id: str = "") -> None:
    async with server.service.database.connection() as connection:
        await write_rules(connection, agent_id, load_rules(text, "rules.yaml"), server.service.clock.now())


async def fired(server: Server, session_id: str) -> list[tuple[int, str, str, bool]]:
    """Place, rule, verdict and whether it was enforced, of all firings."""
    async with server.service.database.connection() as connection:
        found = await list_firings(connection, session_id, None, 100)
    return [(one.sequence, one.rule, one.verdict, one.enforced) for one in found]


async def replayed(server: Server, session_id: str, agent_id: str = "") -> list[tuple[int, str, str, bool]]:
    """The same, from the log alone."""
    async with server.service.database.connection() as connection:
        session = await read_session(connection, session_id)
        events = [event for _, event in await read_log(connection, session.key)]
        sets = [(await read_rules(connection, owner)).as_version for owner in dict.fromkeys(("", agent_id))]
    found: list[PlacedFiring] = list(replay(RuleBook(sets), events))
    return [(one.sequence, one.firing.rule, one.firing.verdict, one.firing.enforced) for one in found]


async def asked(
    server: Server, client: AsyncAnthropic, *steps: Any, tools: Any = (TOOLS,)
) -> tuple[str, list[Any], Any]:
    """The session of an agent that was asked one thing, its events at rest, and the model."""
    model = ScriptedTurnModel(*steps)
    session_id = await session_with(client, tools=list(tools))
    async with turns_run(server.service, model):
        await send(client, session_id, "Do it")
        events = await at_rest(client, session_id)
    return session_id, events, model


async def test_a_refused_call_is_not_run_and_the_agent_is_told_the_rules_message(
    server: Server, client: AsyncAnthropic
) -> None:
    await set_rules(server, NO_DELETING)
    session_id, events, model = await asked(
        server, client, calls(("bash", 1, {"command": "rm -rf x"}), ("bash", 2, {"command": "ls"})), say("Well then.")
    )
    uses = [event for event in events if event.type == "agent.tool_use"]
    assert [use.evaluated_permission for use in uses] == ["deny", "allow"]
    assert uses[0].evaluation.evaluated_permission.reason_code == "rule:no-deleting"
    assert uses[1].evaluation.type == "always_allow"
    results = {event.tool_use_id: event for event in events if event.type == "agent.tool_result"}
    assert results[uses[0].id].is_error
    assert results[uses[0].id].content[0].text == "Do not delete folders; ask the user first."
    assert "ask the user first" in str(model.requests[1].messages[-1].content)
    assert events[-1].stop_reason.type == "end_turn"
    found = await fired(server, session_id)
    assert [one[1:] for one in found] == [("no-deleting", "deny", True)]
    assert found == await replayed(server, session_id)


async def test_a_refused_call_of_a_custom_tool_never_reaches_the_client(server: Server, client: AsyncAnthropic) -> None:
    await set_rules(server, "rules: [{name: closed, when: {tool: look*}, then: deny}]")
    _, events, model = await asked(server, client, call("lookup", 1, key="a"), say("As you wish."), tools=[LOOKUP])
    assert "agent.custom_tool_use" not in types(events)
    (use,) = [event for event in events if event.type == "agent.tool_use"]
    assert (use.name, use.evaluated_permission) == ("lookup", "deny")
    assert model.requests[1].messages[-1].content[0]["tool_use_id"] == "toolu_1"
    assert events[-1].stop_reason.type == "end_turn"


async def test_a_custom_call_that_a_rule_asks_about_is_answered_only_once_it_is_allowed(
    server: Server, client: AsyncAnthropic
) -> None:
    await set_rules(server, "rules: [{name: ask-first, when: {tool: lookup}, then: ask}]")
    model = ScriptedTurnModel(call("lookup", 1, key="a"), say("Found."))
    session_id = await session_with(client, tools=[LOOKUP])
    async with turns_run(server.service, model), server.http(await server.key()) as http:
        await send(client, session_id, "Find it")
        (use,) = [event for event in await at_rest(client, session_id) if event.type == "agent.custom_tool_use"]
        content = [{"type": "text", "text": "42"}]
        answer = {"type": "user.custom_tool_result", "custom_tool_use_id": use.id, "content": content}
        early = await http.post(f"/v1/sessions/{session_id}/events", json={"events": [answer]})
        assert early.status_code == 400 and "user.tool_confirmation" in early.text
        allowed = {"type": "user.tool_confirmation", "tool_use_id": use.id, "result": "allow"}
        await client.beta.sessions.events.send(session_id, events=[allowed])  # type: ignore[list-item]
        idle = [event for event in await at_rest(client, session_id) if event.type == "session.status_idle"]
        assert idle[-1].stop_reason.event_ids == [use.id]
        await client.beta.sessions.events.send(session_id, events=[answer])  # type: ignore[list-item]
        events = await at_rest(client, session_id)
    assert events[-1].stop_reason.type == "end_turn"
    assert await fired(server, session_id) == await replayed(server, session_id)


async def test_a_custom_call_that_the_user_refuses_is_answered_for_the_client(
    server: Server, client: AsyncAnthropic
) -> None:
    await set_rules(server, "rules: [{name: ask-first, when: {tool: lookup}, then: ask}]")
    model = ScriptedTurnModel(call("lookup", 1, key="a"), say("As you wish."))
    session_id = await session_with(client, tools=[LOOKUP])
    async with turns_run(server.service, model):
        await send(client, session_id, "Find it")
        (use,) = [event for event in await at_rest(client, session_id) if event.type == "agent.custom_tool_use"]
        denied = {"type": "user.tool_confirmation", "tool_use_id": use.id, "result": "deny"}
        await client.beta.sessions.events.send(session_id, events=[denied])  # type: ignore[list-item]
        events = await at_rest(client, session_id)
    (result,) = [event for event in events if event.type == "user.custom_tool_result"]
    assert result.is_error and events[-1].stop_reason.type == "end_turn"


async def test_a_call_that_is_asked_about_waits_while_others_are_run(server: Server, client: AsyncAnthropic) -> None:
    await set_rules(server, "rules: [{name: ask-first, when: {tool: write}, then: ask}]")
    _, events, _ = await asked(
        server, client, calls(("write", 1, {"file_path": "a", "content": ""}), ("bash", 2, {"command": "ls"}))
    )
    waits, runs = [event for event in events if event.type == "agent.tool_use"]
    assert waits.evaluation.evaluated_permission.reason_code == "rule:ask-first"
    assert events[-1].stop_reason.event_ids == [waits.id]
    assert [event.tool_use_id for event in events if event.type == "agent.tool_result"] == [runs.id]


async def test_a_paused_call_holds_all_that_its_reply_calls_for(server: Server, client: AsyncAnthropic) -> None:
    await set_rules(server, "rules: [{name: look-at-it, when: {tool: write}, then: pause}]")
    model = ScriptedTurnModel(
        calls(("bash", 1, {"command": "ls"}), ("write", 2, {"file_path": "a", "content": ""})), say("Done.")
    )
    session_id = await session_with(client, tools=[TOOLS])
    async with turns_run(server.service, model):
        await send(client, session_id, "Do it")
        events = await at_rest(client, session_id)
        uses = [event for event in events if event.type == "agent.tool_use"]
        reasons = [use.evaluation.evaluated_permission.reason_code for use in uses]
        assert reasons == ["paused", "rule:look-at-it"]
        assert events[-1].stop_reason.event_ids == [use.id for use in uses]
        assert "agent.tool_result" not in types(events)
        yes: Any = [{"type": "user.tool_confirmation", "tool_use_id": use.id, "result": "allow"} for use in uses]
        await client.beta.sessions.events.send(session_id, events=yes)
        events = await at_rest(client, session_id)
    assert types(events).count("agent.tool_result") == 2 and events[-1].stop_reason.type == "end_turn"
    assert await fired(server, session_id) == await replayed(server, session_id)


async def test_flags_and_rules_that_only_log_are_noted_and_change_nothing(
    server: Server, client: AsyncAnthropic
) -> None:
    text = """
    rules:
      - {name: marked, when: {tool: bash}, then: flag}
      - {name: trial, when: {tool: bash}, then: deny, mode: log_only}
    """
    await set_rules(server, text)
    session_id, events, _ = await asked(server, client, call("bash", 1, command="ls"), say("Done."))
    (use,) = [event for event in events if event.type == "agent.tool_use"]
    assert (use.evaluated_permission, use.evaluation.type) == ("allow", "always_allow")
    found = await fired(server, session_id)
    assert [one[1:] for one in found] == [("marked", "flag", True), ("trial", "deny", False)]


async def test_an_allowing_rule_stands_before_the_agents_own_policy(server: Server, client: AsyncAnthropic) -> None:
    asks = {**TOOLS, "default_config": {"permission_policy": {"type": "always_ask"}}}
    await set_rules(server, "rules: [{name: listing, when: {tool: bash, arguments: [{pattern: '^ls$'}]}, then: allow}]")
    steps = calls(("bash", 1, {"command": "ls"}), ("bash", 2, {"command": "ls; id"}))
    _, events, _ = await asked(server, client, steps, tools=[asks])
    uses = [event for event in events if event.type == "agent.tool_use"]
    assert [use.evaluated_permission for use in uses] == ["allow", "ask"]


def again(number: int) -> TurnReply:
    return call("bash", number, command="rm -rf x")


async def test_three_refusals_running_stop_the_session_until_somebody_writes(
    server: Server, client: AsyncAnthropic
) -> None:
    await set_rules(server, NO_DELETING)
    model = ScriptedTurnModel(again(1), again(2), again(3), again(4), say("I give up."))
    session_id = await session_with(client, tools=[TOOLS])
    async with turns_run(server.service, model):
        await send(client, session_id, "Clean up")
        events = await at_rest(client, session_id)
        (error,) = [event.error for event in events if event.type == "session.error"]
        assert "too many of its calls" in error.message
        assert events[-1].stop_reason.type == "retries_exhausted" and len(model.requests) == 3
        await send(client, session_id, "Leave it")
        events = await at_rest(client, session_id)
    assert events[-1].stop_reason.type == "end_turn" and len(model.requests) == 5
    found = await fired(server, session_id)
    assert [one[1] for one in found].count("circuit-breaker") == 1
    assert sorted(found) == sorted(await replayed(server, session_id))


async def test_refusals_in_one_reply_count_as_well(server: Server, client: AsyncAnthropic) -> None:
    await set_rules(server, NO_DELETING + "circuit_breaker: {running: 2}")
    twice = calls(
        ("bash", 1, {"command": "rm -r a"}), ("bash", 2, {"command": "rm -r b"}), ("bash", 3, {"command": "ls"})
    )
    session_id, events, model = await asked(server, client, twice)
    assert events[-1].stop_reason.type == "retries_exhausted" and len(model.requests) == 1
    assert sorted(await fired(server, session_id)) == sorted(await replayed(server, session_id))


async def test_what_came_before_decides(server: Server, client: AsyncAnthropic) -> None:
    """Within a reply, too: the second call sees the first."""
    text = """
    rules:
      - name: read-first
        when: {tool: write, unseen: [{kind: calls, tool: read}]}
        then: deny
      - name: once
        when: {tool: bash, counts: [{of: calls, at_least: 1}]}
        then: deny
      - name: slowly
        when: {tool: glob, rate: {calls: 2, seconds: 3600}}
        then: deny
      - name: dear
        when: {tool: grep, spent: {usd: 0.015, tokens: 15}}
        then: deny
      - name: tainted
        when: {tool: edit, tainted: {by: read}}
        then: deny
    """
    await set_rules(server, text)
    path = {"file_path": "a"}
    edit = {**path, "old_string": "a", "new_string": "b"}
    first = calls(
        *(("write", 1, {**path, "content": ""}), ("bash", 2, {"command": "ls"}), ("bash", 3, {"command": "ls"})),
        *(("glob", 4, {"pattern": "*"}), ("glob", 5, {"pattern": "*"}), ("glob", 6, {"pattern": "*"})),
        *(("grep", 7, {"pattern": "a"}), ("edit", 8, edit), ("read", 9, path)),
    )
    second = calls(("write", 10, {**path, "content": ""}), ("grep", 11, {"pattern": "a"}), ("edit", 12, edit))
    session_id, events, _ = await asked(server, client, first, second, say("Done."))
    verdicts = [event.evaluated_permission for event in events if event.type == "agent.tool_use"]
    assert verdicts == [
        *("deny", "allow", "deny", "allow", "allow", "deny", "allow", "allow", "allow"),
        *("allow", "deny", "deny"),
    ]
    found = await fired(server, session_id)
    assert [one[1] for one in found] == ["read-first", "once", "slowly", "dear", "tainted"]
    assert found == await replayed(server, session_id)


async def test_an_agents_own_rules_stand_beside_those_of_the_workspace(server: Server, client: AsyncAnthropic) -> None:
    await set_rules(server, "rules: [{name: common, when: {tool: bash}, then: allow}]")
    model = ScriptedTurnModel(call("bash", 1, command="ls"), say("Done."))
    session_id = await session_with(client, tools=[TOOLS])
    agent_id = (await client.beta.sessions.retrieve(session_id)).agent.id
    await set_rules(server, "rules: [{name: own, when: {tool: bash}, then: deny}]", agent_id)
    async with turns_run(server.service, model):
        await send(client, session_id, "List")
        events = await at_rest(client, session_id)
    (use,) = [event for event in events if event.type == "agent.tool_use"]
    assert use.evaluation.evaluated_permission.reason_code == "rule:own"
    assert await fired(server, session_id) == await replayed(server, session_id, agent_id)


async def test_new_rules_stand_from_the_next_reply_on(server: Server, client: AsyncAnthropic) -> None:
    model = ScriptedTurnModel(call("bash", 1, command="rm -r a"), say("Done."), again(2), say("Well then."))
    session_id = await session_with(client, tools=[TOOLS])
    async with turns_run(server.service, model):
        await send(client, session_id, "Clean up")
        await at_rest(client, session_id)
        await set_rules(server, NO_DELETING)
        await send(client, session_id, "Again")
        events = await at_rest(client, session_id)
    assert [event.evaluated_permission for event in events if event.type == "agent.tool_use"] == ["allow", "deny"]
    found = await fired(server, session_id)
    assert len(found) == 1


async def test_a_refused_call_of_an_mcp_server_never_reaches_it(server: Server, client: AsyncAnthropic) -> None:
    await set_rules(
        server, "rules: [{name: no-paying, when: {tool: pay, arguments: [{path: key, equals: a}]}, then: deny}]"
    )
    tools = ToolServer(free_port())
    asked_for = calls(("mcp__desk__pay", 1, {"key": "a"}), ("mcp__desk__look", 2, {"key": "b"}))
    model = ScriptedTurnModel(asked_for, say("As you wish."))
    session_id = await with_desk(client, tools, default_config=ALLOWED)
    async with tools.running(), agents_run(server, model):
        await send(client, session_id, "Pay")
        events = await at_rest(client, session_id)
    uses = {event.name: event for event in events if event.type == "agent.mcp_tool_use"}
    assert {name: use.evaluated_permission for name, use in uses.items()} == {"pay": "deny", "look": "allow"}
    assert uses["pay"].evaluation.evaluated_permission.reason_code == "rule:no-paying"
    results = {event.mcp_tool_use_id: event for event in events if event.type == "agent.mcp_tool_result"}
    assert (results[uses["pay"].id].is_error, results[uses["look"].id].is_error) == (True, False)
    assert [name for name, _, _ in tools.calls] == ["look"]
    assert events[-1].stop_reason.type == "end_turn"
    assert await fired(server, session_id) == await replayed(server, session_id)


async def test_a_call_of_an_mcp_server_that_a_rule_asks_about_runs_once_it_is_allowed(
    server: Server, client: AsyncAnthropic
) -> None:
    await set_rules(server, "rules: [{name: ask-first, when: {tool: pay}, then: ask}]")
    tools, model = ToolServer(free_port()), ScriptedTurnModel(call("mcp__desk__pay", 1, key="a"), say("Paid."))
    session_id = await with_desk(client, tools, default_config=ALLOWED)
    async with tools.running(), agents_run(server, model):
        await send(client, session_id, "Pay")
        events = await at_rest(client, session_id)
        (use,) = [event for event in events if event.type == "agent.mcp_tool_use"]
        assert (use.evaluated_permission, events[-1].stop_reason.event_ids, tools.calls) == ("ask", [use.id], [])
        allowed = {"type": "user.tool_confirmation", "tool_use_id": use.id, "result": "allow"}
        await client.beta.sessions.events.send(session_id, events=[allowed])  # type: ignore[list-item]
        events = await at_rest(client, session_id)
    assert [name for name, _, _ in tools.calls] == ["pay"] and events[-1].stop_reason.type == "end_turn"
    assert await fired(server, session_id) == await replayed(server, session_id)


async def test_a_childs_refused_call_is_answered_in_its_thread_alone(server: Server, client: AsyncAnthropic) -> None:
    await set_rules(server, NO_DELETING)
    model = Cast(
        lead=script(calls(create("ann", "Clean up", 1), ("wait_for_agents", 2, {})), say("Done.")),
        ann=script(again(7), say("I may not.")),
    )
    session_id = await coordinated(client, "ann", tools=[TOOLS])
    async with turns_run(server.service, model):
        await send(client, session_id, "Go")
        events = await at_rest(client, session_id)
        own = await log_of(client, session_id, (await threads_of(client, session_id))["ann"].id)
    (use,) = [event for event in own if event.type == "agent.tool_use"]
    assert use.evaluation.evaluated_permission.reason_code == "rule:no-deleting"
    assert "ask the user first" in told(model.of("ann")[1])
    assert "I may not." in told(model.of("lead")[1]) and events[-1].stop_reason.type == "end_turn"
    assert await fired(server, session_id) == await replayed(server, session_id)


async def test_three_refusals_running_stop_the_child_and_its_coordinator_goes_on(
    server: Server, client: AsyncAnthropic
) -> None:
    await set_rules(server, NO_DELETING)
    model = Cast(
        lead=script(calls(create("ann", "Clean up", 1), ("wait_for_agents", 2, {})), say("Done without.")),
        ann=script(again(7), again(8), again(9)),
    )
    session_id = await coordinated(client, "ann", tools=[TOOLS])
    async with turns_run(server.service, model):
        await send(client, session_id, "Go")
        events = await at_rest(client, session_id)
        own = await log_of(client, session_id, (await threads_of(client, session_id))["ann"].id)
    (error,) = [event.error for event in own if event.type == "session.error"]
    assert "too many of its calls" in error.message and len(model.of("ann")) == 3
    assert own[-1].stop_reason.type == "retries_exhausted" and types(own).count("agent.tool_result") == 3
    assert "too many of its calls" in told(model.of("lead")[1])
    assert events[-1].stop_reason.type == "end_turn" and "session.error" not in types(events)
    found = await fired(server, session_id)
    assert [one[1] for one in found].count("circuit-breaker") == 1
    assert sorted(found) == sorted(await replayed(server, session_id))
