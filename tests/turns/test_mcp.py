"""MCP servers of agents as clients see them, with a real server on this machine."""

import asyncio
import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from anthropic import AsyncAnthropic

from reverie.turns.mcp_servers import open_servers
from tests.api.conftest import Server
from tests.turns.scripted import MODEL, ScriptedTurnModel, call, calls, say, turns_run
from tests.turns.test_turn import at_rest, send, types
from tests.turns.tool_server import PICTURE, ToolServer, free_port

ALLOWED = {"permission_policy": {"type": "always_allow"}}
NAMES = ["mcp__desk__draw", "mcp__desk__fail", "mcp__desk__look", "mcp__desk__pay"]


@asynccontextmanager
async def agents_run(server: Server, model: ScriptedTurnModel, *, private: bool = True) -> AsyncIterator[None]:
    """Agents run with the model, and reach MCP servers on this machine."""
    async with (
        open_servers(server.service.settings, private=private) as servers,
        turns_run(server.service, model, servers=servers),
    ):
        yield


async def session_with(
    client: AsyncAnthropic, tools: ToolServer, vaults: tuple[str, ...] = (), networking: Any = None, **toolset: Any
) -> str:
    """The id of an idle session of an agent that has the server as ``desk``."""
    config: dict[str, Any] = {"type": "cloud", **({"networking": networking} if networking else {})}
    environment = await client.beta.environments.create(name="place", config=config)  # type: ignore[arg-type]
    made = await client.beta.agents.create(
        name="clerk",
        model=MODEL,
        mcp_servers=[{"type": "url", "name": "desk", "url": tools.url}],
        tools=[{"type": "mcp_toolset", "mcp_server_name": "desk", **toolset}],  # type: ignore[list-item]
    )
    session = await client.beta.sessions.create(agent=made.id, environment_id=environment.id, vault_ids=list(vaults))
    return session.id


def tools_of(model: ScriptedTurnModel) -> list[list[str]]:
    return [[tool.name for tool in request.tools] for request in model.requests]


def errors(events: list[Any]) -> list[Any]:
    return [event.error for event in events if event.type == "session.error"]


async def test_calls_reach_the_server_and_results_come_back_as_the_wire_has_them(
    server: Server, client: AsyncAnthropic
) -> None:
    asked = calls(("mcp__desk__look", 1, {"key": "a"}), ("mcp__desk__draw", 2, {}), ("mcp__desk__fail", 3, {}))
    model, tools = ScriptedTurnModel(asked, say("Done.")), ToolServer(free_port())
    session_id = await session_with(client, tools, default_config=ALLOWED)
    async with tools.running(), agents_run(server, model):
        await send(client, session_id, "Look")
        events = await at_rest(client, session_id)
    uses = {event.name: event for event in events if event.type == "agent.mcp_tool_use"}
    results = {event.mcp_tool_use_id: event for event in events if event.type == "agent.mcp_tool_result"}
    look, draw, fail = (results[uses[name].id] for name in ("look", "draw", "fail"))
    assert (look.content[0].text, look.is_error) == ("look of a", False)
    assert (draw.content[0].source.data, draw.content[0].source.media_type) == (PICTURE, "image/png")
    assert (fail.content[0].text, fail.is_error) == ("fail of None", True)
    assert {use.mcp_server_name for use in uses.values()} == {"desk"} and errors(events) == []
    assert {name: key for name, _, key in tools.calls} == {name: use.id for name, use in uses.items()}
    assert tools_of(model) == [NAMES, NAMES]


async def test_tools_ask_by_default_and_run_once_they_are_confirmed(server: Server, client: AsyncAnthropic) -> None:
    model = ScriptedTurnModel(call("mcp__desk__pay", 1, key="a"), say("Paid."))
    tools = ToolServer(free_port())
    session_id = await session_with(client, tools)
    async with tools.running(), agents_run(server, model):
        await send(client, session_id, "Pay")
        events = await at_rest(client, session_id)
        (use,) = [event for event in events if event.type == "agent.mcp_tool_use"]
        assert (events[-1].stop_reason.event_ids, use.evaluated_permission, tools.calls) == ([use.id], "ask", [])
        answer = {"type": "user.tool_confirmation", "tool_use_id": use.id, "result": "allow"}
        await client.beta.sessions.events.send(session_id, events=[answer])  # type: ignore[list-item]
        events = await at_rest(client, session_id)
    assert [name for name, _, _ in tools.calls] == ["pay"]
    assert "pay of a" in str(model.requests[1].messages[-1].content)
    assert events[-1].stop_reason.type == "end_turn"


async def test_a_server_that_is_down_is_told_of_and_tried_again_in_the_next_turn(
    server: Server, client: AsyncAnthropic
) -> None:
    model, tools = ScriptedTurnModel(say("Without."), say("With.")), ToolServer(free_port())
    session_id = await session_with(client, tools)
    async with agents_run(server, model):
        await send(client, session_id, "Look")
        (error,) = errors(await at_rest(client, session_id))
        async with tools.running():
            await send(client, session_id, "Again")
            events = await at_rest(client, session_id)
    assert (error.type, error.mcp_server_name) == ("mcp_connection_failed_error", "desk")
    assert error.retry_status.type == "retrying"
    assert tools_of(model) == [[], NAMES]
    assert len(errors(events)) == 1 and types(events).count("agent.message") == 2


@pytest.mark.parametrize(("name", "said"), [("look", "it did not run"), ("pay", "it may have run")])
async def test_a_server_that_goes_down_in_mid_turn_is_an_error_of_the_call(
    server: Server, client: AsyncAnthropic, name: str, said: str
) -> None:
    tools, gone = ToolServer(free_port()), asyncio.Event()
    model = ScriptedTurnModel(call(f"mcp__desk__{name}", 1, key="a"), say("It is down."), pause=gone)
    session_id = await session_with(client, tools, default_config=ALLOWED)
    async with agents_run(server, model):
        async with tools.running():
            await send(client, session_id, "Go")
            await model.asked.wait()
        gone.set()
        events = await at_rest(client, session_id)
    (result,) = [event for event in events if event.type == "agent.mcp_tool_result"]
    assert result.is_error and said in result.content[0].text
    assert (errors(events), tools.calls, events[-1].stop_reason.type) == ([], [], "end_turn")


async def test_a_server_that_was_started_anew_in_mid_turn_is_connected_to_again(
    server: Server, client: AsyncAnthropic
) -> None:
    tools, anew = ToolServer(free_port()), asyncio.Event()
    model = ScriptedTurnModel(call("mcp__desk__look", 1, key="a"), say("Seen."), pause=anew)
    session_id = await session_with(client, tools, default_config=ALLOWED)
    async with agents_run(server, model):
        async with tools.running():
            await send(client, session_id, "Go")
            await model.asked.wait()
        async with tools.running():
            anew.set()
            events = await at_rest(client, session_id)
    (result,) = [event for event in events if event.type == "agent.mcp_tool_result"]
    assert (result.content[0].text, result.is_error) == ("look of a", False)


async def test_the_list_of_tools_stays_as_it_was_for_as_long_as_a_session_is_at_work(
    server: Server, client: AsyncAnthropic
) -> None:
    tools = ToolServer(free_port())
    model = ScriptedTurnModel(say("One."), say("Two."))
    session_id = await session_with(client, tools)
    async with tools.running(), agents_run(server, model):
        await send(client, session_id, "One")
        await at_rest(client, session_id)
        tools.names = ("look",)
        await send(client, session_id, "Two")
        await at_rest(client, session_id)
    assert tools_of(model) == [NAMES, NAMES]


async def vault_with(client: AsyncAnthropic, tools: ToolServer, auth: dict[str, str]) -> str:
    vault = await client.beta.vaults.create(display_name="keys")
    secret = {"mcp_server_url": tools.url, **auth}
    await client.beta.vaults.credentials.create(vault.id, auth=secret)  # type: ignore[arg-type]
    return vault.id


@pytest.mark.parametrize(("type_", "field"), [("static_bearer", "token"), ("mcp_oauth", "access_token")])
async def test_a_credential_of_the_sessions_vaults_opens_the_server(
    server: Server, client: AsyncAnthropic, type_: str, field: str
) -> None:
    token = secrets.token_hex(16)
    model, tools = ScriptedTurnModel(say("In.")), ToolServer(free_port(), token)
    vault_id = await vault_with(client, tools, {"type": type_, field: token})
    session_id = await session_with(client, tools, (vault_id,))
    async with tools.running(), agents_run(server, model):
        await send(client, session_id, "Hello")
        events = await at_rest(client, session_id)
    assert (errors(events), tools_of(model)) == ([], [NAMES])


@pytest.mark.parametrize("is_given", [True, False])
async def test_a_wrong_or_missing_credential_is_told_of_and_the_turn_goes_on(
    server: Server, client: AsyncAnthropic, is_given: bool
) -> None:
    wrong = secrets.token_hex(16)
    model, tools = ScriptedTurnModel(say("Out.")), ToolServer(free_port(), secrets.token_hex(16))
    vault_id = await vault_with(client, tools, {"type": "static_bearer", "token": wrong})
    session_id = await session_with(client, tools, (vault_id,) if is_given else ())
    async with tools.running(), agents_run(server, model):
        await send(client, session_id, "Hello")
        events = await at_rest(client, session_id)
    (error,) = errors(events)
    assert (error.type, error.mcp_server_name) == ("mcp_authentication_failed_error", "desk")
    assert "401" in error.message and wrong not in error.message
    assert (tools_of(model), events[-1].stop_reason.type) == ([[]], "end_turn")


async def test_a_private_address_is_refused_unless_the_operator_allows_it(
    server: Server, client: AsyncAnthropic
) -> None:
    model, tools = ScriptedTurnModel(say("Out.")), ToolServer(free_port())
    session_id = await session_with(client, tools)
    async with tools.running(), agents_run(server, model, private=False):
        await send(client, session_id, "Hello")
        (error,) = errors(await at_rest(client, session_id))
    assert error.type == "mcp_connection_failed_error" and "--private-mcp" in error.message


@pytest.mark.parametrize(
    ("networking", "listed"),
    [
        ({"type": "limited"}, []),
        ({"type": "limited", "allow_mcp_servers": True}, NAMES),
        ({"type": "limited", "allowed_hosts": ["127.0.0.1"]}, NAMES),
    ],
)
async def test_an_environment_says_which_servers_its_sessions_reach(
    server: Server, client: AsyncAnthropic, networking: dict[str, Any], listed: list[str]
) -> None:
    model, tools = ScriptedTurnModel(say("Well.")), ToolServer(free_port())
    session_id = await session_with(client, tools, networking=networking)
    async with tools.running(), agents_run(server, model):
        await send(client, session_id, "Hello")
        events = await at_rest(client, session_id)
    assert tools_of(model) == [listed]
    assert [error.type for error in errors(events)] == ([] if listed else ["mcp_connection_failed_error"])


async def test_servers_that_nobody_uses_are_closed_and_forgotten(server: Server, client: AsyncAnthropic) -> None:
    model, tools = ScriptedTurnModel(say("Well.")), ToolServer(free_port())
    session_id = await session_with(client, tools)
    async with tools.running(), open_servers(server.service.settings, private=True) as servers:
        async with turns_run(server.service, model, servers=servers):
            await send(client, session_id, "Hello")
            await at_rest(client, session_id)
        (known,) = servers.known.values()
        assert known.connection is not None and not known.connection.is_over
        await servers.close_unused(float("inf"))
        assert (servers.known, known.connection.is_over) == ({}, True)
