from typing import Any

import httpx2
import pytest
from anthropic import AsyncAnthropic, BadRequestError, ConflictError, NotFoundError
from anthropic.types.beta import BetaManagedAgentsAgent

from tests.api.test_skills import make as make_skill
from tests.api.test_skills import skill_files

MODEL = "claude-opus-5-5"


async def make(client: AsyncAnthropic, name: str = "desk", **fields: Any) -> BetaManagedAgentsAgent:
    return await client.beta.agents.create(name=name, model=MODEL, **fields)


async def test_a_new_agent_has_every_default_filled_in(client: AsyncAnthropic) -> None:
    agent = await make(client, tools=[{"type": "agent_toolset_20260401", "configs": [{"name": "bash"}]}])
    assert agent.version == 1
    assert agent.model.to_dict() == {
        "id": MODEL,
        "effort": {"type": "high"},
        "speed": "standard",
        "inference_geo": None,
    }
    assert agent.execution_identity.type == "service_account"
    assert (agent.skills, agent.mcp_servers, agent.metadata, agent.multiagent) == ([], [], {}, None)
    toolset = agent.tools[0].to_dict()
    assert toolset["default_config"] == {"enabled": True, "permission_policy": {"type": "always_allow"}}
    assert toolset["configs"] == [
        {"name": "bash", "type": "bash", "enabled": True, "permission_policy": {"type": "always_allow"}}
    ]


async def test_every_kind_of_tool_is_answered_as_the_sdk_types_it(client: AsyncAnthropic) -> None:
    await make(
        client,
        mcp_servers=[{"type": "url", "name": "crm", "url": "https://crm.example.com/mcp"}],
        skills=[{"type": "anthropic", "skill_id": "xlsx", "version": "2"}],
        tools=[
            {"type": "mcp_toolset", "mcp_server_name": "crm", "configs": [{"name": "find", "enabled": False}]},
            {
                "type": "custom",
                "name": "ask",
                "description": "Asks.",
                "input_schema": {"type": "object", "properties": {"q": {"type": "string"}}, "title": "Q"},
            },
            {
                "type": "agent_toolset_20260401",
                "configs": [
                    {"name": "web_search", "user_location": {"type": "approximate", "city": "Oslo"}},
                    {
                        "name": "web_fetch",
                        "allowed_domains": ["docs.example.com"],
                        "url_sources": {
                            "user_input": "none",
                            "client_tool_results": {
                                "type": "only",
                                "tools": [{"type": "tool_reference", "name": "ask"}],
                            },
                        },
                    },
                ],
            },
        ],
    )


async def test_an_update_makes_a_version_and_keeps_what_it_leaves_out(client: AsyncAnthropic) -> None:
    agent = await make(client, system="Be kind.", metadata={"a": "1", "b": "2"})
    changed = await client.beta.agents.update(agent.id, description="Helps.", metadata={"a": None, "c": "3"})
    assert (changed.version, changed.system, changed.description) == (2, "Be kind.", "Helps.")
    assert changed.metadata == {"b": "2", "c": "3"}
    first = await client.beta.agents.retrieve(agent.id, version=1)
    assert (first.version, first.description) == (1, None)


async def test_an_update_that_changes_nothing_makes_no_version(client: AsyncAnthropic) -> None:
    agent = await make(client, system="Be kind.")
    same = await client.beta.agents.update(agent.id, system="Be kind.", description="", tools=None, version=1)
    assert (same.version, same.updated_at) == (1, agent.updated_at)


async def test_a_wrong_version_is_a_conflict_even_where_nothing_would_change(client: AsyncAnthropic) -> None:
    agent = await make(client)
    await client.beta.agents.update(agent.id, name="other")
    with pytest.raises(ConflictError):
        await client.beta.agents.update(agent.id, version=1, name="other")


async def test_an_archived_agent_cannot_change_and_is_listed_only_on_request(client: AsyncAnthropic) -> None:
    agent = await make(client)
    archived = await client.beta.agents.archive(agent.id)
    again = await client.beta.agents.archive(agent.id)
    assert archived.archived_at == again.archived_at is not None
    with pytest.raises(BadRequestError):
        await client.beta.agents.update(agent.id, name="other")
    assert [row.id async for row in client.beta.agents.list()] == []
    assert [row.id async for row in client.beta.agents.list(include_archived=True)] == [agent.id]


async def test_lists_page_newest_first_within_the_times_asked_for(client: AsyncAnthropic) -> None:
    made = [await make(client, f"a{number}") for number in range(5)]
    listed = [row.id async for row in client.beta.agents.list(limit=2)]
    assert listed == [agent.id for agent in reversed(made)]
    later = client.beta.agents.list(created_at_gte=made[2].created_at, created_at_lte=made[3].created_at)
    assert [row.id async for row in later] == [made[3].id, made[2].id]


async def test_versions_page_newest_first(client: AsyncAnthropic) -> None:
    agent = await make(client)
    for number in range(4):
        await client.beta.agents.update(agent.id, name=f"name {number}")
    listed = [(row.version, row.name) async for row in client.beta.agents.versions.list(agent.id, limit=2)]
    assert listed == [(5, "name 3"), (4, "name 2"), (3, "name 1"), (2, "name 0"), (1, "desk")]


async def test_an_unknown_agent_or_version_is_not_found(client: AsyncAnthropic) -> None:
    agent = await make(client)
    for call in (
        client.beta.agents.retrieve("agent_none"),
        client.beta.agents.retrieve(agent.id, version=2),
        client.beta.agents.update("agent_none", name="x"),
        client.beta.agents.archive("agent_none"),
    ):
        with pytest.raises(NotFoundError):
            await call


async def test_a_coordinator_pins_its_agents_and_shows_itself_at_its_present_version(client: AsyncAnthropic) -> None:
    helper = await make(client, "helper")
    advisor = {"type": "advisor", "model": MODEL}
    lead = await make(
        client, "lead", multiagent={"type": "coordinator", "agents": [helper.id, {"type": "self"}, advisor]}
    )
    await client.beta.agents.update(helper.id, name="other")
    renamed = await client.beta.agents.update(lead.id, name="chief")
    assert renamed.multiagent is not None
    assert renamed.multiagent.to_dict()["agents"] == [
        {"type": "agent", "id": helper.id, "version": 1},
        {"type": "agent", "id": lead.id, "version": 2},
        advisor,
    ]


async def test_a_coordinator_cannot_call_on_a_coordinator_or_an_archived_agent(client: AsyncAnthropic) -> None:
    helper = await make(client, "helper")
    lead = await make(client, "lead", multiagent={"type": "coordinator", "agents": [helper.id]})
    gone = await client.beta.agents.archive((await make(client, "gone")).id)
    for roster in ([lead.id], [gone.id], [helper.id, {"type": "agent", "id": helper.id, "version": 1}], []):
        with pytest.raises(BadRequestError):
            await make(client, "top", multiagent={"type": "coordinator", "agents": roster})


async def test_the_newer_multiagent_is_changed_level_by_level(client: AsyncAnthropic) -> None:
    helper = await make(client, "helper")
    kind: Any = {"type": "multiagent_20261001"}
    subagents = {"type": "enabled", "predefined_agents": [helper.id]}
    lead = await make(client, "lead", multiagent=kind | {"subagents": subagents, "workflows": {"type": "disabled"}})
    inline = {"type": "enabled", "inline_agents": {"type": "disabled"}}
    changed = await client.beta.agents.update(lead.id, multiagent=kind | {"subagents": inline})
    assert changed.multiagent is not None
    assert changed.multiagent.to_dict() == kind | {
        "subagents": inline | {"predefined_agents": [{"type": "agent", "id": helper.id, "version": 1}]},
        "workflows": {"type": "disabled"},
        "advisor": {"type": "disabled"},
    }


@pytest.mark.parametrize(
    "body",
    [
        {"name": "", "model": MODEL},
        {"name": "n", "model": ""},
        {"name": "n" * 257, "model": MODEL},
        {"name": "n", "model": MODEL, "description": "d" * 2049},
        {"name": "n", "model": MODEL, "system": "s" * 100_001},
        {"name": "n", "model": MODEL, "colour": "blue"},
        {"name": "n", "model": {"id": MODEL, "effort": "utmost"}},
    ],
)
async def test_a_malformed_definition_is_refused(http: httpx2.AsyncClient, body: dict[str, Any]) -> None:
    response = await http.post("/v1/agents", json=body)
    assert response.status_code == 400
    assert response.json()["error"]["type"] == "invalid_request_error"


async def test_too_long_a_page_is_refused(client: AsyncAnthropic) -> None:
    agent = await make(client)
    with pytest.raises(BadRequestError):
        await client.beta.agents.list(limit=101)
    with pytest.raises(BadRequestError):
        await client.beta.agents.versions.list(agent.id, limit=101)


async def test_an_agent_sent_back_as_it_was_answered_is_unchanged(http: httpx2.AsyncClient) -> None:
    helper = (await http.post("/v1/agents", json={"name": "helper", "model": MODEL})).json()
    configs = [{"name": name} for name in ("bash", "web_fetch", "web_search")]
    body = {
        "name": "lead",
        "model": MODEL,
        "tools": [{"type": "agent_toolset_20260401", "configs": configs}],
        "skills": [{"type": "anthropic", "skill_id": "xlsx"}],
        "multiagent": {"type": "coordinator", "agents": [helper["id"], {"type": "self"}]},
    }
    agent = (await http.post("/v1/agents", json=body)).json()
    outside = {"id", "type", "created_at", "updated_at", "archived_at"}
    again = {key: value for key, value in agent.items() if key not in outside}
    assert (await http.post(f"/v1/agents/{agent['id']}", json=again)).json() == agent


async def test_a_server_and_the_toolset_that_uses_it_go_together(client: AsyncAnthropic) -> None:
    server: Any = {"type": "url", "name": "crm", "url": "https://crm.example.com/mcp"}
    toolset: Any = {"type": "mcp_toolset", "mcp_server_name": "crm"}
    agent = await make(client, mcp_servers=[server], tools=[toolset])
    with pytest.raises(BadRequestError, match="mcp_servers"):
        await client.beta.agents.update(agent.id, mcp_servers=None)
    with pytest.raises(BadRequestError, match="no mcp_toolset"):
        await client.beta.agents.update(agent.id, tools=None)


async def test_a_skill_is_pinned_to_its_latest_version_until_it_is_given_again(client: AsyncAnthropic) -> None:
    skill = await make_skill(client)
    asked: Any = [{"type": "custom", "skill_id": skill.id}]
    agent = await make(client, skills=asked, tools=[{"type": "agent_toolset_20260401"}])
    newer = await client.beta.skills.versions.create(skill.id, files=skill_files(description="Better."))
    renamed = await client.beta.agents.update(agent.id, name="other")
    assert [pinned.version for pinned in renamed.skills] == [skill.latest_version_id]
    changed = await client.beta.agents.update(agent.id, skills=asked)
    assert [pinned.version for pinned in changed.skills] == [newer.id]
    with pytest.raises(NotFoundError):
        await make(client, skills=[{"type": "custom", "skill_id": "skill_none"}], tools=agent.tools)


async def test_a_session_takes_overrides_and_leaves_the_agent_as_it_is(client: AsyncAnthropic) -> None:
    helper = await make(client, "helper")
    lead = await make(client, "lead", system="Be kind.", multiagent={"type": "coordinator", "agents": [helper.id]})
    environment = await client.beta.environments.create(name="e")
    session = await client.beta.sessions.create(
        agent={"type": "agent_with_overrides", "id": lead.id, "system": None, "model": {"id": "m", "effort": "low"}},
        environment_id=environment.id,
    )
    assert (session.agent.id, session.agent.version, session.agent.system) == (lead.id, 1, None)
    assert session.agent.model.to_dict()["effort"] == {"type": "high"}
    assert session.agent.multiagent is not None
    assert session.agent.multiagent.to_dict()["agents"][0]["name"] == "helper"  # type: ignore[index]
    assert await client.beta.agents.retrieve(lead.id) == lead
