"""Erasure over HTTP: by administrators alone, rehearsed or done, told again."""

import httpx2
import pytest
from anthropic import AsyncAnthropic, NotFoundError

from reverie import AsyncClient
from tests.api.conftest import Server


async def spoken(client: AsyncAnthropic) -> str:
    """The id of a session of the user anna."""
    agent = await client.beta.agents.create(name="clerk", model="any-model")
    environment = await client.beta.environments.create(name="e", config={"type": "self_hosted"})
    session = await client.beta.sessions.create(
        agent=agent.id, environment_id=environment.id, metadata={"user_id": "anna"}
    )
    return session.id


async def test_a_users_sessions_are_erased_and_the_erasure_is_told_again(
    client: AsyncAnthropic, reverie: AsyncClient
) -> None:
    session_id = await spoken(client)
    rehearsed = await reverie.erase(user_id="anna", dry_run=True)
    assert [one.id async for one in reverie.erasures()] == []
    done = await reverie.erase(user_id="anna")
    assert (done.state, done.sessions_erased, done.report) == ("done", 1, rehearsed.report)
    assert done.report is not None
    assert [one.id for one in done.report.sessions] == [session_id]
    assert await reverie.erasure(done.id) == done
    assert [one async for one in reverie.erasures()] == [done]
    acts = [act.action async for act in reverie.audit_log(resource_id=done.id)]
    assert {"erasures.create", "sessions.erase"} <= set(acts)
    assert (await reverie.verify_history()).clean


async def test_an_agents_sessions_are_erased_by_its_id(client: AsyncAnthropic, reverie: AsyncClient) -> None:
    session_id = await spoken(client)
    agent = (await client.beta.sessions.retrieve(session_id)).agent.id
    assert (await reverie.erase(agent=agent)).sessions_erased == 1
    assert (await reverie.erase(agent=agent)).sessions_erased == 0


@pytest.mark.parametrize("body", [{}, {"session_ids": []}, {"user_id": ""}, {"session_ids": [""]}, {"users": ["a"]}])
async def test_an_erasure_that_says_nothing_or_something_unknown_is_refused(
    http: httpx2.AsyncClient, body: dict[str, object]
) -> None:
    answer = await http.post("/v1/erasures", json=body)
    assert (answer.status_code, answer.json()["error"]["type"]) == (400, "invalid_request_error")


async def test_only_administrators_erase(server: Server) -> None:
    for role in ("read", "write"):
        async with server.http(await server.key(role)) as http:
            assert (await http.post("/v1/erasures", json={"user_id": "anna"})).status_code == 403
            assert (await http.get("/v1/erasures")).status_code == 403


async def test_an_erasure_that_is_not_there_is_said_to_be_missing(reverie: AsyncClient) -> None:
    with pytest.raises(NotFoundError, match="no erasure"):
        await reverie.erasure("erasure_none")
