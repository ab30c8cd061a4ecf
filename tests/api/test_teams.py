"""Teams over the API, and what their members' sessions may do to the store that they share."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, Literal

import httpx2
import msgspec
import pytest
import pytest_asyncio
from anthropic import AsyncAnthropic, BadRequestError, ConflictError, NotFoundError, PermissionDeniedError
from mcp import MCPError

from reverie import AsyncClient
from reverie.api.records import StoredTeam
from reverie.lessons.lesson import Scope
from reverie.memory.memory import Edit
from reverie.storage.memory.memories import apply_edits
from reverie.storage.postgres.workspaces import DEFAULT_WORKSPACE
from reverie.storage.service.api_keys import KeyScope, create_key
from tests.api.conftest import Server
from tests.api.test_mcp import answer, client_of
from tests.reports.dream_samples import lesson as sample_lesson


@dataclass(frozen=True)
class Shared:
    """A team of two, an environment, and ids of agents by name."""

    store: str
    private: str
    environment: str
    agents: dict[str, str]


@pytest_asyncio.fixture
async def shared(client: AsyncAnthropic, reverie: AsyncClient) -> Shared:
    """A team whose writer has a store of its own."""
    team = await reverie.create_team("desk", {"writer": "writer's notes", "critic": None})
    environment = await client.beta.environments.create(name="e", config={"type": "self_hosted"})
    agents = {name: (await client.beta.agents.create(name=name, model="any-model")).id for name in team_names(team)}
    private = team.members[0].memory_store_id
    assert private is not None
    return Shared(team.memory_store_id, private, environment.id, agents)


def team_names(team: StoredTeam) -> list[str]:
    return [member.agent for member in team.members]


def accesses(session: Any) -> list[str]:
    """How each of its resources may be used."""
    return [resource.access for resource in session.resources]


async def session(client: AsyncAnthropic, shared: Shared, store: str, access: Any = None, **fields: Any) -> str:
    """The id of a session of the writer with a store attached."""
    mount: Any = {"type": "memory_store", "memory_store_id": store} | ({"access": access} if access else {})
    agent, environment = shared.agents["writer"], shared.environment
    made = await client.beta.sessions.create(agent=agent, environment_id=environment, resources=[mount], **fields)
    return made.id


@pytest_asyncio.fixture
async def token(server: Server, client: AsyncAnthropic, shared: Shared) -> AsyncIterator[AsyncAnthropic]:
    """A client with the token of a member's session that the team's store is attached to."""
    async with holder(server, shared, await session(client, shared, shared.store)) as opened:
        yield opened


@asynccontextmanager
async def holder(server: Server, shared: Shared, session_id: str) -> AsyncIterator[AsyncAnthropic]:
    """A client with the token of a session."""
    scope = KeyScope(DEFAULT_WORKSPACE, "session", environment_id=shared.environment, session_id=session_id)
    async with server.service.database.connection() as connection:
        _, secret = await create_key(connection, "token", scope, server.service.clock.now())
    async with server.client(secret) as opened:
        yield opened


async def test_a_team_is_declared_listed_shown_and_taken_back(reverie: AsyncClient) -> None:
    made = await reverie.create_team("desk", ["writer", "critic"])
    assert (made.name, team_names(made)) == ("desk", ["writer", "critic"])
    assert [team.id async for team in reverie.teams()] == [made.id]
    assert await reverie.team(made.id) == made
    with pytest.raises(ConflictError, match="a team called 'desk'"):
        await reverie.create_team("desk", ["a", "b"])
    assert (await reverie.delete_team(made.id)).id == made.id
    with pytest.raises(NotFoundError, match="no team"):
        await reverie.team(made.id)


async def test_a_member_may_be_given_by_the_id_of_its_agent(client: AsyncAnthropic, reverie: AsyncClient) -> None:
    agent = await client.beta.agents.create(name="writer", model="any-model")
    assert team_names(await reverie.create_team("desk", [agent.id, "critic"])) == ["writer", "critic"]
    with pytest.raises(NotFoundError, match="no agent 'agent_none'"):
        await reverie.create_team("other", ["agent_none", "critic"])


async def test_declaring_teams_takes_an_admin(server: Server) -> None:
    async with server.http(await server.key("write")) as writer:
        body = {"name": "desk", "members": [{"agent": "a"}, {"agent": "b"}]}
        assert (await writer.post("/v1/teams", json=body)).status_code == 403
        assert (await writer.get("/v1/teams")).status_code == 200


async def test_a_members_session_reads_the_teams_store_and_is_told_why_it_does_not_write(
    client: AsyncAnthropic, shared: Shared, token: AsyncAnthropic
) -> None:
    made = await client.beta.memory_stores.memories.create(shared.store, path="/a", content="known")
    own = token.beta.memory_stores.memories
    assert (await own.retrieve(made.id, memory_store_id=shared.store)).content == "known"
    told = "is what the team 'desk' remembers together"
    with pytest.raises(PermissionDeniedError, match=told):
        await own.create(shared.store, path="/b", content="mine")
    with pytest.raises(PermissionDeniedError, match=told):
        await own.update(made.id, memory_store_id=shared.store, content="mine")
    with pytest.raises(PermissionDeniedError, match=told):
        await own.delete(made.id, memory_store_id=shared.store)


async def test_a_teams_store_is_mounted_to_read_and_refused_to_write(client: AsyncAnthropic, shared: Shared) -> None:
    found = await client.beta.sessions.retrieve(await session(client, shared, shared.store))
    assert accesses(found) == ["read_only"]
    with pytest.raises(BadRequestError, match="attach it with read_only"):
        await session(client, shared, shared.store, "read_write")


async def test_a_store_that_was_attached_to_write_is_read_only_once_a_team_shares_it(
    client: AsyncAnthropic, reverie: AsyncClient, shared: Shared
) -> None:
    store = (await client.beta.memory_stores.create(name="later")).id
    made = await session(client, shared, store, "read_write")
    await reverie.create_team("later", ["writer", "critic"])
    found = await client.beta.sessions.retrieve(made)
    assert accesses(found) == ["read_only"]


async def test_an_untrusted_session_writes_to_its_agents_own_store_alone(
    server: Server, client: AsyncAnthropic, shared: Shared
) -> None:
    open_store = (await client.beta.memory_stores.create(name="open")).id
    marked = {"metadata": {"reverie_untrusted": "true"}}
    async with holder(server, shared, await session(client, shared, open_store, **marked)) as token:
        with pytest.raises(PermissionDeniedError, match="this session is marked reverie_untrusted"):
            await token.beta.memory_stores.memories.create(open_store, path="/a", content="heard")
        assert [one async for one in token.beta.memory_stores.memories.list(open_store)] == []
    async with holder(server, shared, await session(client, shared, shared.private, **marked)) as token:
        await token.beta.memory_stores.memories.create(shared.private, path="/a", content="heard")


@pytest.mark.parametrize("mark", ["OFF", "oFf", "FALSE", "No", ""])
async def test_a_mark_that_says_no_in_any_case_is_none(
    server: Server, client: AsyncAnthropic, shared: Shared, mark: str
) -> None:
    store = (await client.beta.memory_stores.create(name="open")).id
    async with holder(
        server, shared, await session(client, shared, store, metadata={"reverie_untrusted": mark})
    ) as one:
        await one.beta.memory_stores.memories.create(store, path="/a", content="heard")


async def test_attaching_a_file_leaves_a_store_attached_that_is_hidden_now(
    server: Server, client: AsyncAnthropic, http: httpx2.AsyncClient, reverie: AsyncClient
) -> None:
    store = (await client.beta.memory_stores.create(name="hers")).id
    agent = await client.beta.agents.create(name="other", model="any-model")
    environment = await client.beta.environments.create(name="e", config={"type": "cloud"})
    mount: Any = {"type": "memory_store", "memory_store_id": store}
    made = await client.beta.sessions.create(agent=agent.id, environment_id=environment.id, resources=[mount])
    await reverie.create_team("desk", {"writer": store, "critic": None})
    file = await client.beta.files.upload(file=("a.txt", b"a", "text/plain"))
    answer = await http.post(f"/v1/sessions/{made.id}/resources", json={"type": "file", "file_id": file.id})
    assert answer.status_code == 200
    found = await client.beta.sessions.retrieve(made.id)
    assert [resource.type for resource in found.resources] == ["file"]
    async with server.service.database.connection() as connection:
        rows = await connection.execute("SELECT jsonb_path_query_array(resources, '$[*].type') FROM live_sessions")
        assert await rows.fetchall() == [(["file", "memory_store"],)]


async def test_a_joint_dream_is_asked_for_and_a_clone_of_a_teams_store_refused(
    client: AsyncAnthropic, reverie: AsyncClient
) -> None:
    team = await reverie.create_team("desk", ["writer", "critic"])
    made = await reverie.dream_team(team.id, where="reward is not null", instructions="Mind the hours.")
    assert made.inputs[0].type == "memory_store" and made.inputs[0].memory_store_id == team.memory_store_id
    assert [output.memory_store_id for output in made.outputs or ()] in ([], [team.memory_store_id])
    await client.beta.dreams.cancel(made.id)
    with pytest.raises(BadRequestError, match="give update_existing"):
        await reverie.dream(team.memory_store_id)
    with pytest.raises(NotFoundError, match="no team 'team_none'"):
        await reverie.dream_team("team_none")


async def test_an_agent_over_mcp_reads_what_its_team_shares_and_notes_in_its_own_store_alone(
    server: Server, client: AsyncAnthropic, shared: Shared
) -> None:
    await client.beta.memory_stores.memories.create(shared.store, path="/a", content="The door is blue.")
    key = await server.key("write")
    async with client_of(server, key, f"?agent=writer&store={shared.store}&store={shared.private}") as agent:
        assert "The door is blue." in await answer(agent, "recall", query="Which colour has the blue door?")
        told = await answer(agent, "remember", text="The window is green.", store=shared.store, fails=True)
        assert "what the team 'desk' remembers together" in told
        await answer(agent, "remember", text="The window is green.", store=shared.private)


@pytest.mark.parametrize("agent", ["?agent=critic&", "?"])
async def test_no_tool_over_mcp_tells_another_agent_of_a_private_store(
    server: Server, client: AsyncAnthropic, shared: Shared, agent: str
) -> None:
    await client.beta.memory_stores.memories.create(shared.private, path="/a", content="The door is blue.")
    async with client_of(server, await server.key("write"), f"{agent}store={shared.private}") as opened:
        calls = {"briefing": {"task": "door"}, "recall": {"query": "door"}, "remember": {"text": "The door is red."}}
        for name, arguments in (calls | {"explain_lesson": {"lesson": "lsn_x"}}).items():
            told = await answer(opened, name, fails=True, **arguments)
            assert "it is private" in told and "blue" not in told


CLERKS = "When an order is late, call the depot first"


async def keep_lesson(server: Server, store: str, agent: str) -> None:
    """An adopted lesson for one agent, with its document, as a dream leaves it."""
    now = server.service.clock.now()
    path = "/lessons/depot.md"
    lesson = sample_lesson(1, id="lsn_depot", do=CLERKS, when="", scope=Scope(agent=agent))
    async with server.service.database.connection() as connection:
        await connection.execute(
            "INSERT INTO lessons VALUES (%s, %s, 'adopted', 'best_practice', %s::jsonb, NULL, NULL)",
            [store, lesson.id, msgspec.json.encode(lesson).decode()],
        )
        edit = Edit(path, CLERKS, "", lesson_id=lesson.id)
        await apply_edits(connection, store, [edit], act="dream", actor="drm_1", reason="learned", now=now)


@pytest.mark.parametrize(("agent", "is_told"), [("writer", True), ("critic", False)])
@pytest.mark.parametrize("role", ["read", "write"])
async def test_a_lesson_for_a_member_without_a_store_of_its_own_is_kept_from_the_others_over_mcp(
    server: Server, shared: Shared, agent: str, is_told: bool, role: Literal["read", "write"]
) -> None:
    await keep_lesson(server, shared.store, "writer")
    async with client_of(server, await server.key(role), f"?agent={agent}&store={shared.store}") as opened:
        assert (CLERKS in await answer(opened, "recall", query="late order depot")) is is_told
        explained = await answer(opened, "explain_lesson", lesson="lsn_depot", fails=not is_told)
        assert (CLERKS in explained) is is_told
        listed = (await opened.read_resource(f"reverie://{shared.store}")).contents[0]
        assert ("depot" in str(listed)) is is_told
        if not is_told:
            with pytest.raises(MCPError, match="no memory"):
                await opened.read_resource(f"reverie://{shared.store}/lessons/depot.md")


@pytest.mark.parametrize(("whom", "is_told"), [("writer", True), ("critic", False)])
async def test_a_token_of_a_session_does_not_read_a_teams_lesson_for_another_agent(
    shared: Shared, server: Server, token: AsyncAnthropic, whom: str, is_told: bool
) -> None:
    await keep_lesson(server, shared.store, whom)
    listed = [one.path async for one in token.beta.memory_stores.memories.list(shared.store)]
    assert listed == (["/lessons/depot.md"] if is_told else [])


@pytest.mark.parametrize("scope", [True, False])
async def test_recall_for_an_agent_leaves_out_a_teams_lessons_for_others(
    server: Server, reverie: AsyncClient, shared: Shared, scope: bool
) -> None:
    await keep_lesson(server, shared.store, "writer")

    async def found(agent: str | None) -> list[str]:
        hits = await reverie.recall(shared.store, "late order depot", agent=agent, scope=scope)
        return [hit.path for hit in hits]

    assert await found("critic") == []
    assert await found("writer") == await found(None) == ["/lessons/depot.md"]
