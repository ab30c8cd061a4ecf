"""``/mcp`` as agents of other makers use it: by the official client, over Streamable HTTP."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx2
import pytest
from mcp import Client, MCPError
from mcp.client.streamable_http import streamable_http_client
from mcp_types import TextContent, TextResourceContents
from mcp_types.jsonrpc import INVALID_PARAMS

from reverie.storage.postgres.database import Database
from reverie.testing.patience import PATIENCE_SECONDS
from tests.api.conftest import Server
from tests.jobs.tried import ADVICE, open_tried
from tests.quick_server import TLS

FACT = "The staging database is read-only on Mondays."
INITIALIZE = {
    "jsonrpc": "2.0",
    "id": 1,
    "method": "initialize",
    "params": {"protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": {"name": "t", "version": "1"}},
}
ACCEPT = {"accept": "application/json, text/event-stream"}


@asynccontextmanager
async def client_of(server: Server, key: str, query: str = "", mode: str = "auto") -> AsyncIterator[Client]:
    """A session of an agent."""
    async with httpx2.AsyncClient(headers={"x-api-key": key}, verify=TLS, timeout=PATIENCE_SECONDS) as http:
        transport = streamable_http_client(f"{server.url}/mcp{query}", http_client=http)
        async with Client(transport, mode=mode) as client:
            yield client


async def answer(client: Client, name: str, *, fails: bool = False, **arguments: object) -> str:
    """What a tool answers."""
    result = await client.call_tool(name, arguments)
    (content,) = result.content
    assert isinstance(content, TextContent) and bool(result.is_error) is fails, content
    return content.text


async def test_an_mcp_session_is_one_session_and_what_it_reports_counts(server: Server, database: Database) -> None:
    tried = await open_tried(database)
    trial = await tried.begin()
    key = await server.key("write")
    seen = set()
    for _ in range(3):
        async with client_of(server, key, "?agent=clerk&store=desk") as client:
            tools = {tool.name for tool in (await client.list_tools()).tools}
            assert tools == {"briefing", "recall", "explain_lesson", "remember", "report_outcome"}
            first = await answer(client, "briefing", task="How many orders are open?")
            assert await answer(client, "briefing", task="Another one") == first
            assert ADVICE in first or ADVICE not in await answer(client, "recall", query=ADVICE)
            told = await answer(client, "report_outcome", score=0.5)
            assert told.endswith("its reward is 0.5.")
            seen.add(first.rpartition(" ")[2])
    assert len(seen) == 3
    await tried.look(trial.id)
    async with database.connection() as connection:
        linked = await connection.execute(
            "SELECT count(*), count(s.id) FROM trial_assignments a LEFT JOIN sessions s ON s.key = a.session_key"
        )
        assert await linked.fetchall() == [(3, 3)]


@pytest.mark.parametrize("mode", ["auto", "legacy", "2026-07-28"])
async def test_a_stated_reference_is_the_session_by_any_version_of_the_protocol(
    server: Server, database: Database, mode: str
) -> None:
    await open_tried(database)
    async with client_of(server, await server.key("write"), "?reference=run-7", mode) as client:
        assert (await answer(client, "briefing")).endswith("Reference for report_outcome: run-7")
        assert "outcome-brf_" in await answer(client, "report_outcome", score=1)


async def test_without_handshake_and_reference_there_is_no_session(server: Server) -> None:
    with pytest.raises((MCPError, ExceptionGroup)) as caught:
        async with client_of(server, await server.key("write"), "", "2026-07-28") as client:
            await client.list_tools()
    error = caught.value
    while isinstance(error, ExceptionGroup):
        error = error.exceptions[0]
    assert "a reference is needed: add ?reference=ID to the address" in str(error)


async def test_a_key_that_may_read_recalls_and_neither_remembers_nor_is_drawn(
    server: Server, database: Database
) -> None:
    tried = await open_tried(database)
    await tried.begin()
    async with client_of(server, await server.key("write")) as writer:
        kept = await answer(writer, "remember", text=FACT)
    path = kept.removeprefix("Remembered in desk at ").removesuffix(".")
    async with database.connection() as connection:
        before = await (await connection.execute("SELECT count(*) FROM trial_assignments")).fetchall()
        acts = await (await connection.execute("SELECT action, actor FROM audit_log ORDER BY number DESC")).fetchone()
    assert acts is not None and acts[0] == "mcp.remember" and acts[1]["type"] == "api_actor"
    async with client_of(server, await server.key("read")) as reader:
        for tool, arguments in (("remember", {"text": FACT}), ("briefing", {}), ("report_outcome", {"score": 1})):
            refused = await answer(reader, tool, fails=True, **arguments)
            assert refused.startswith(f"{tool} needs a key of role write")
        assert FACT in await answer(reader, "recall", query="staging")
        (content,) = (await reader.read_resource(f"reverie://desk{path}")).contents
        assert isinstance(content, TextResourceContents) and content.text == f"{FACT}\n"
    async with database.connection() as connection:
        assert await (await connection.execute("SELECT count(*) FROM trial_assignments")).fetchall() == before


async def test_a_session_is_its_keys_alone_and_its_workspaces(server: Server, database: Database) -> None:
    await open_tried(database)
    mine, other = await server.key("write"), await server.key("write")
    elsewhere = await server.key("write", await server.workspace("elsewhere"))
    async with httpx2.AsyncClient(verify=TLS, headers=ACCEPT, timeout=PATIENCE_SECONDS) as http:
        begun = await http.post(f"{server.url}/mcp", json=INITIALIZE, headers={"x-api-key": mine})
        session = {"mcp-session-id": begun.headers["mcp-session-id"]}
        ask = {"jsonrpc": "2.0", "id": 2, "method": "tools/list"}
        statuses = [
            (await http.post(f"{server.url}/mcp", json=ask, headers={**session, "x-api-key": key})).status_code
            for key in (mine, other, elsewhere)
        ]
    assert statuses == [200, 404, 404]
    async with client_of(server, elsewhere) as client:
        assert "there is no memory store yet" in await answer(client, "briefing", fails=True)


async def test_who_may_not_call_is_told_why(server: Server) -> None:
    key = await server.key("write")
    cases = [
        ({}, 401, "no API key"),
        ({"x-api-key": "wrong"}, 401, "unknown, revoked or expired"),
        ({"x-api-key": key, "origin": "https://evil.example"}, 403, "pages of https://evil.example may not call"),
        ({"x-api-key": key, "origin": server.url}, 200, "protocolVersion"),
        ({"authorization": f"Bearer {key}"}, 200, "protocolVersion"),
    ]
    async with httpx2.AsyncClient(verify=TLS, headers=ACCEPT, timeout=PATIENCE_SECONDS) as http:
        for headers, status, text in cases:
            given = await http.post(f"{server.url}/mcp", json=INITIALIZE, headers=headers)
            assert (given.status_code, text in given.text) == (status, True), given.text


async def test_an_address_that_asks_for_what_is_not_there_begins_no_session(server: Server, database: Database) -> None:
    await open_tried(database)
    key = await server.key("write")
    there = "no memory store has the name or id 'other'; the stores are: desk"
    cases = [
        ("?store=other", there),
        ("?store=desk&store=other", there),
        ("?stores=desk", "no parameter 'stores' (did you mean 'store'?); it takes store, agent and reference"),
        ("?family=x", "no parameter 'family'; it takes store, agent and reference"),
        ("?store=", "store: it is empty"),
        ("?agent=a&agent=b", "agent: it is given twice"),
    ]
    async with httpx2.AsyncClient(verify=TLS, headers=ACCEPT | {"x-api-key": key}, timeout=PATIENCE_SECONDS) as http:
        for query, told in cases:
            given = await http.post(f"{server.url}/mcp{query}", json=INITIALIZE)
            assert given.status_code == 400 and "mcp-session-id" not in given.headers
            assert given.json()["error"]["code"] == INVALID_PARAMS and told in given.json()["error"]["message"]
    with pytest.raises(ExceptionGroup) as refused:
        async with client_of(server, key, "?store=other", "legacy"):
            pass
    assert refused.group_contains(MCPError, match="the stores are: desk")
