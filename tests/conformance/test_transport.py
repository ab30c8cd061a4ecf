"""How requests and answers travel, whatever they are about."""

import pytest
from anthropic import BadRequestError, ConflictError, NotFoundError, PermissionDeniedError

from tests.conformance.attempts import attempts
from tests.conformance.exercises.agents import LOOK_UP
from tests.conformance.served import Served
from tests.conformance.world import World


@pytest.mark.parametrize("header", ["authorization", "x-api-key"])
async def test_a_key_is_taken_from_either_header_in_any_case(header: str, served: Served) -> None:
    """Measured on the SDK: SDK 2.12 sends ``Authorization: Bearer``; the docs and older clients send ``x-api-key``."""
    secret = await served.key("read")
    value = f"bearer {secret}" if header == "authorization" else secret
    async with served.http("unused") as http:
        http.headers.pop("authorization")
        assert (await http.get("/v1/agents", headers={header: value})).status_code == 200
        refused = await http.get("/v1/agents")
    assert (refused.status_code, refused.json()["error"]["type"]) == (401, "authentication_error")


@pytest.mark.parametrize("version", ["2026-10-21", "2023-06-01", "1999-01-01", None])
async def test_no_version_header_is_refused(version: str | None, world: World) -> None:
    """Measured on the SDK."""
    headers = {} if version is None else {"anthropic-version": version}
    assert (await world.http.get("/v1/agents", headers=headers)).status_code == 200


async def test_the_beta_flag_of_older_clients_is_ignored(world: World) -> None:
    """Measured on the SDK: SDK 2.12 sends no ``?beta=true``; older ones do, on everything."""
    agent_id = await world.agent()
    assert (await world.http.get(f"/v1/agents/{agent_id}?beta=true")).status_code == 200
    assert (await world.http.get("/v1/agents?beta=true")).status_code == 200
    assert (await world.http.post(f"/v1/agents/{agent_id}/archive?beta=true")).status_code == 200


@pytest.mark.parametrize("body", [b"", b"{}", b" {} \n"])
async def test_actions_take_an_empty_body_or_an_empty_object(body: bytes, world: World) -> None:
    """Measured on the SDK: the SDK sends a body of no bytes, curl users send ``{}``."""
    environment_id = await world.environment()
    answer = await world.http.post(
        f"/v1/environments/{environment_id}/archive", content=body, headers={"content-type": "application/json"}
    )
    assert answer.status_code == 200


async def test_ranges_are_nested_brackets_and_times_have_any_offset(world: World) -> None:
    """Measured on the SDK."""
    made = await world.client.beta.agents.retrieve(await world.agent())
    later = {"created_at[gte]": "2999-01-01T00:00:00+02:00"}
    assert (await world.http.get("/v1/agents", params=later)).json()["data"] == []
    since = {"created_at[gte]": made.created_at.isoformat(), "created_at[lte]": "2999-01-01T00:00:00Z"}
    assert [agent["id"] for agent in (await world.http.get("/v1/agents", params=since)).json()["data"]] == [made.id]


async def test_lists_in_a_query_may_be_bracketed_or_repeated(world: World) -> None:
    """Measured on the SDK: ``statuses[]=a&statuses[]=b``; also ``statuses=a&statuses=b``."""
    session_id = await world.session()
    for name in ("statuses[]", "statuses"):
        answer = await world.http.get("/v1/sessions", params=[(name, "idle"), (name, "running"), ("limit", "1")])
        assert [session["id"] for session in answer.json()["data"]] == [session_id]
        none = await world.http.get("/v1/sessions", params=[(name, "rescheduling")])
        assert none.json()["data"] == []


async def test_every_answer_has_a_request_id_and_errors_repeat_it(world: World) -> None:
    """``request-id`` header, and ``request_id`` in error bodies."""
    fine = await world.http.get("/v1/agents")
    assert fine.headers["request-id"].startswith("req_")
    for path in ("/v1/agents/agent_none", "/v1/nothing", "/v1/agents?limit=x"):
        wrong = await world.http.get(path)
        assert wrong.json()["type"] == "error"
        assert wrong.json()["request_id"] == wrong.headers["request-id"]


async def test_times_are_utc_with_a_z(world: World) -> None:
    answer = await world.http.get(f"/v1/agents/{await world.agent()}")
    assert answer.json()["created_at"].endswith("Z")


async def test_a_conflict_costs_the_client_one_attempt(world: World) -> None:
    """Measured on the SDK: the SDK tries a 409 three times unless ``x-should-retry: false`` says not to."""
    agent_id = await world.agent()
    async with attempts(world.served) as (client, sent):
        with pytest.raises(ConflictError):
            await client.beta.agents.update(agent_id, version=7, name="n")
    assert len(sent) == 1


async def test_no_lasting_failure_is_tried_again(world: World) -> None:
    async with attempts(world.served) as (client, sent):
        with pytest.raises(NotFoundError):
            await client.beta.agents.retrieve("agent_none")
        with pytest.raises(BadRequestError):
            await client.beta.agents.create(name="", model="m")
    assert len(sent) == 2


async def test_another_workspaces_header_is_refused(world: World) -> None:
    """A key belongs to one workspace; naming another is an error."""
    own = await world.http.get("/v1/agents")
    named = own.headers["anthropic-workspace-id"]
    await world.client.beta.agents.list(workspace_id=named)
    with pytest.raises(PermissionDeniedError):
        await world.client.beta.agents.list(workspace_id="wrkspc_other")


async def test_unknown_fields_are_named_in_the_refusal(world: World) -> None:
    """Validation is a 400 ``invalid_request_error``."""
    answer = await world.http.post("/v1/agents", json={"name": "n", "model": "m", "colour": "red"})
    assert (answer.status_code, answer.json()["error"]["type"]) == (400, "invalid_request_error")
    assert "colour" in answer.json()["error"]["message"]


@pytest.mark.parametrize("effort", ["high", {"type": "high"}])
async def test_members_of_unions_are_told_apart_by_type(effort: object, world: World) -> None:
    """Measured: the SDK silently reads an unknown ``type`` as the first member, so none is ever sent."""
    tools = [{"type": "agent_toolset_20260401"}, LOOK_UP]
    agent = await world.http.post(
        "/v1/agents", json={"name": "n", "model": {"id": "m", "effort": effort}, "tools": tools}
    )
    assert agent.json()["model"]["effort"] == {"type": "high"}
    assert [tool["type"] for tool in agent.json()["tools"]] == ["agent_toolset_20260401", "custom"]
