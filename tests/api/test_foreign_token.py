"""Every endpoint is tried with the token of another agent's session: none tells what the first one's store says."""

import re
from collections.abc import AsyncIterator
from dataclasses import dataclass

import httpx2
import pytest
import pytest_asyncio
from anthropic import AsyncAnthropic

from reverie.api.app import ENDPOINTS
from reverie.storage.postgres.workspaces import DEFAULT_WORKSPACE
from reverie.storage.service.api_keys import KeyScope, create_key
from tests.api.conftest import Server

SECRET = "The blue key lies under the third stone"
RECALL = {"query": "blue key", "meaning": "false"}


@dataclass(frozen=True)
class Foreign:
    """What the first agent has, by the names of parameters in paths, and a client with another session's token."""

    names: dict[str, str]
    own_store: str
    http: httpx2.AsyncClient

    def path(self, pattern: str) -> str:
        """A path with the first agent's ids."""
        return re.sub(r"{(\w+)(?::path)?}", lambda name: self.names.get(name[1], "x"), pattern)


async def _session(client: AsyncAnthropic, agent: str, environment: str, store: str, access: str) -> str:
    made = await client.beta.sessions.create(
        agent=agent,
        environment_id=environment,
        resources=[{"type": "memory_store", "memory_store_id": store, "access": access}],  # type: ignore[typeddict-item]
    )
    return made.id


@pytest_asyncio.fixture
async def foreign(server: Server, client: AsyncAnthropic) -> AsyncIterator[Foreign]:
    """Two agents of one workspace and environment, each with a store of its own; the second may read its own."""
    environment = (await client.beta.environments.create(name="e", config={"type": "self_hosted"})).id
    stores = [(await client.beta.memory_stores.create(name=name)).id for name in ("first", "second")]
    agents = [(await client.beta.agents.create(name=name, model="any-model")).id for name in ("first", "second")]
    first = await _session(client, agents[0], environment, stores[0], "read_write")
    second = await _session(client, agents[1], environment, stores[1], "read_only")
    memory = await client.beta.memory_stores.memories.create(stores[0], path="/key", content=SECRET)
    await client.beta.sessions.events.send(
        first, events=[{"type": "user.message", "content": [{"type": "text", "text": SECRET}]}]
    )
    scope = KeyScope(DEFAULT_WORKSPACE, "session", environment_id=environment, session_id=second)
    async with server.service.database.connection() as connection:
        _, token = await create_key(connection, "token", scope, server.service.clock.now())
        rows = await connection.execute("SELECT id FROM memory_versions")
        ((version,),) = await rows.fetchall()
    names = {
        "memory_store_id": stores[0],
        "memory_id": memory.id,
        "memory_version_id": version,
        "version_id": version,
        "session_id": first,
        "agent_id": agents[0],
        "environment_id": environment,
        "number": "1",
        "revision": "1",
    }
    async with server.http(token) as http:
        yield Foreign(names, stores[1], http)


async def test_no_read_path_of_the_api_tells_another_agents_session_anything(foreign: Foreign) -> None:
    told = {}
    for endpoint in ENDPOINTS:
        if endpoint.method == "GET" and endpoint.least_role != "open" and "{" in endpoint.path:
            answer = await foreign.http.get(
                foreign.path(endpoint.path), params=RECALL if "recall" in endpoint.name else {}
            )
            if answer.status_code not in (403, 404) or SECRET in answer.text:
                told[endpoint.name] = answer.status_code
    assert told == {}


async def test_no_list_of_the_workspace_and_no_search_over_it_is_open_to_a_session(foreign: Foreign) -> None:
    told = {}
    for endpoint in ENDPOINTS:
        if endpoint.method == "GET" and endpoint.least_role != "open" and "{" not in endpoint.path:
            answer = await foreign.http.get(endpoint.path)
            if answer.status_code != 403:
                told[endpoint.name] = answer.status_code
    assert told == {}


@pytest.mark.parametrize("method", ["POST", "DELETE"])
async def test_no_act_on_what_is_another_agents_answers_a_session(foreign: Foreign, method: str) -> None:
    """Briefings, diffs and roll backs read too, though they are asked for by POST."""
    told = {}
    for endpoint in ENDPOINTS:
        if endpoint.method == method and endpoint.least_role != "open" and not endpoint.raw_body:
            body = {"memory_store_ids": [foreign.names["memory_store_id"]]} if "briefing" in endpoint.name else {}
            answer = await foreign.http.request(method, foreign.path(endpoint.path), json=body)
            # A body that lacks something may be refused before it is looked whose it is.
            if answer.status_code not in (400, 403, 404) or SECRET in answer.text:
                told[endpoint.name] = answer.status_code
    assert told == {}


async def test_a_session_has_no_way_in_by_mcp(foreign: Foreign) -> None:
    asked = {"jsonrpc": "2.0", "id": 1, "method": "tools/list"}
    answer = await foreign.http.post(f"/mcp?store={foreign.names['memory_store_id']}", json=asked)
    assert (answer.status_code, SECRET in answer.text) == (403, False)


async def test_a_session_reads_its_own_store_by_the_same_paths(foreign: Foreign) -> None:
    for path in ("", "/memories", "/recall?query=key&meaning=false"):
        answer = await foreign.http.get(f"/v1/memory_stores/{foreign.own_store}{path}")
        assert answer.status_code == 200, path
