"""A private store is read by its own agent's sessions alone: every endpoint is tried with what another agent holds."""

import asyncio
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass

import httpx2
import pytest
from psycopg import AsyncConnection

from reverie.api.app import ENDPOINTS
from reverie.api.endpoint import Endpoint
from reverie.clock import SystemClock
from reverie.storage.service.api_keys import KeyScope, create_key
from tests.conformance.requests import Inhabited, call, inhabit
from tests.conformance.served import Served
from tests.conformance.world import World

PLANTED = "quokka-7f3a"
"""In all that the private store holds, and in its name."""
ASKED = [endpoint for endpoint in ENDPOINTS if not endpoint.name.endswith((".delete", ".archive"))]
"""Whatever answers: a search may be a POST, too."""
READ = [endpoint for endpoint in ENDPOINTS if endpoint.method == "GET"]


@dataclass(frozen=True)
class Desk:
    """A private store, and what the other agent's side holds: keys by what they are."""

    inhabited: Inhabited
    own_session: str
    other_session: str
    admin: str
    own_token: str
    foreign: dict[str, str]


async def token(served: Served, workspace_id: str, environment_id: str, session_id: str) -> str:
    assert served.settings.database_url is not None
    scope = KeyScope(workspace_id, "session", environment_id=environment_id, session_id=session_id)
    async with await AsyncConnection.connect(served.settings.database_url, autocommit=True) as connection:
        return (await create_key(connection, "token", scope, SystemClock().now()))[1]


async def furnish(world: World) -> Desk:
    """Two agents' sessions with the same store attached, which then becomes private to the first agent."""
    inhabited, beta = await inhabit(world), world.client.beta
    store = await beta.memory_stores.create(name=f"alpha {PLANTED}", description=PLANTED)
    memory = await beta.memory_stores.memories.create(
        store.id, path=f"/{PLANTED}", content=f"of A: the door is {PLANTED}"
    )
    await world.http.post("/v1/trials", json={"memory_store_id": store.id, "advice": f"Mind the {PLANTED}"})
    mount = {"type": "memory_store", "memory_store_id": store.id, "access": "read_write"}
    homes, sessions = [], []
    for name in ("alpha", "beta"):
        homes.append(await world.environment("self_hosted"))
        agent = await world.agent(name=name)
        sessions.append(await world.session(agent=agent, environment_id=homes[-1], resources=[mount]))
    members = [{"agent": "alpha", "memory_store_id": store.id}, {"agent": "beta"}]
    made = await world.http.post("/v1/teams", json={"name": "ours", "members": members})
    assert made.status_code == 200, made.text
    ids = inhabited.ids | {
        "memory_store_id": store.id,
        "memory_id": memory.id,
        "memory_version_id": memory.memory_version_id,
        "session_id": sessions[0],
    }
    served, workspace = world.served, world.workspace_id
    foreign = {
        "token": await token(served, workspace, homes[1], sessions[1]),
        "environment key": await served.key("worker", workspace, homes[1]),
    }
    admin, own = await served.key(workspace_id=workspace), await token(served, workspace, homes[0], sessions[0])
    return Desk(Inhabited(ids), sessions[0], sessions[1], admin, own, foreign)


@pytest.fixture(scope="module")
def desk(served: Served) -> Iterator[Desk]:
    """The two agents, in a workspace of their own."""

    async def settle() -> Desk:
        workspace_id = await served.workspace("private")
        secret = await served.key(workspace_id=workspace_id)
        async with served.client(secret) as client, served.http(secret) as http:
            return await furnish(World(served, client, http, workspace_id))

    yield asyncio.run(settle())


async def telling(served: Served, secret: str, inhabited: Inhabited, endpoints: Sequence[Endpoint] = READ) -> set[str]:
    """Names of the endpoints that answer with something of the private store."""
    told = set()
    async with served.http(secret) as client:
        for endpoint in endpoints:
            answer = await call(client, endpoint, inhabited)
            assert answer.status_code < 500, (endpoint.name, answer.text)
            if "event-stream" not in answer.headers.get("content-type", "") and PLANTED in answer.text:
                told.add(endpoint.name)
    return told


@pytest.mark.parametrize("held", ["token", "environment key"])
@pytest.mark.parametrize("asked", ["its own session", "the other session"])
async def test_no_endpoint_tells_another_agents_side_anything_of_a_private_store(
    served: Served, desk: Desk, held: str, asked: str
) -> None:
    session_id = desk.other_session if asked == "its own session" else desk.own_session
    about = Inhabited(desk.inhabited.ids | {"session_id": session_id})
    assert await telling(served, desk.foreign[held], about, ASKED) == set()


async def test_the_same_requests_tell_of_the_store_with_its_own_agents_token_and_with_a_persons_key(
    served: Served, desk: Desk
) -> None:
    """Else nothing above would prove anything."""
    own = await telling(served, desk.own_token, desk.inhabited)
    assert {"memory_stores.retrieve", "memory_stores.memories.list", "memory_stores.recall"} <= own
    assert {"sessions.retrieve", "sessions.resources.list"} <= own
    told = await telling(served, desk.admin, desk.inhabited)
    assert {"memory_stores.memory_versions.list", "memory_stores.lessons.list", "trials.list"} <= told


async def test_a_session_that_a_private_store_was_attached_to_earlier_sees_no_trace_of_the_mount(
    served: Served, desk: Desk
) -> None:
    async with served.http(desk.admin) as client:
        mounts = [await resources(client, session) for session in (desk.own_session, desk.other_session)]
    assert [len(one) for one in mounts] == [1, 0]


async def resources(client: httpx2.AsyncClient, session_id: str) -> list[dict[str, object]]:
    found: list[dict[str, object]] = (await client.get(f"/v1/sessions/{session_id}")).json()["resources"]
    return found


@asynccontextmanager
async def asking(served: Served, desk: Desk) -> AsyncIterator[httpx2.AsyncClient]:
    async with served.http(desk.admin) as client:
        yield client


@pytest.mark.parametrize("agent", ["beta", None])
async def test_briefings_of_other_agents_and_of_nobody_are_refused_a_private_store(
    served: Served, desk: Desk, agent: str | None
) -> None:
    body = {"memory_store_ids": [desk.inhabited.ids["memory_store_id"]], "query": PLANTED, "agent": agent}
    async with asking(served, desk) as client:
        answer = await client.post("/v1/briefings", json={k: v for k, v in body.items() if v is not None})
        assert answer.status_code == 404 and "private" in answer.json()["error"]["message"]
        own = await client.post("/v1/briefings", json=body | {"agent": "alpha"})
    assert own.status_code == 200 and PLANTED in own.json()["text"]


async def test_recall_for_another_agent_is_refused_a_private_store(served: Served, desk: Desk) -> None:
    path = f"/v1/memory_stores/{desk.inhabited.ids['memory_store_id']}/recall"
    async with asking(served, desk) as client:
        statuses = [
            (await client.get(path, params={"query": PLANTED, "agent": agent})).status_code
            for agent in ("beta", "alpha")
        ]
    assert statuses == [404, 200]


async def test_another_agents_session_cannot_be_made_with_a_private_store(served: Served, desk: Desk) -> None:
    ids = desk.inhabited.ids
    mount = {"type": "memory_store", "memory_store_id": ids["memory_store_id"]}
    body = {"agent": ids["agent_id"], "environment_id": ids["environment_id"], "resources": [mount]}
    async with asking(served, desk) as client:
        answer = await client.post("/v1/sessions", json=body)
    assert answer.status_code == 404 and "private" in answer.json()["error"]["message"]
