"""Whom agents called in, and where rules held in an agent's sessions, over HTTP."""

from typing import Any

import pytest
from anthropic import AsyncAnthropic, NotFoundError
from httpx2 import AsyncClient

from reverie import AsyncClient as Reverie
from reverie.ids import event_id
from tests.api.conftest import Server
from tests.api.running_team import HOSTILE_NAME, fire, make_team


async def test_those_that_were_called_in_are_counted_by_session_and_thread(
    server: Server, client: AsyncAnthropic, reverie: Reverie
) -> None:
    team = await make_team(client, server.service.database)
    told = await reverie.agent_team(team.lead)
    assert (told.agent_id, told.sessions, told.sessions_alone) == (team.lead, 3, 1)
    assert told.mean_reward == pytest.approx(2 / 3) and told.mean_reward_alone == 1.0
    (called,) = told.members
    assert (called.id, called.name) == (team.helper, HOSTILE_NAME)
    assert (called.threads, called.sessions, called.mean_reward) == (3, 2, 0.5)


async def test_an_agent_without_sessions_called_nobody_in(client: AsyncAnthropic, reverie: Reverie) -> None:
    agent = await client.beta.agents.create(name="clerk", model="small")
    told = await reverie.agent_team(agent.id)
    assert (told.sessions, told.mean_reward, told.members) == (0, None, ())
    with pytest.raises(NotFoundError):
        await reverie.agent_team("agent_nobody")


async def test_firings_of_an_agent_s_sessions_are_listed_the_latest_session_first(
    server: Server, client: AsyncAnthropic, http: AsyncClient, reverie: Reverie
) -> None:
    team = await make_team(client, server.service.database)
    other = await make_team(client, server.service.database, "other")
    for session_id, sequence, rule in ((0, 3, "a"), (0, 3, "b"), (0, 7, "a"), (2, 1, "a")):
        await fire(server.service.database, team.sessions[session_id], sequence, rule)
    await fire(server.service.database, other.sessions[0], 1, "a")
    found = [(one.session_id, one.sequence, one.rule) async for one in reverie.agent_rule_firings(team.lead)]
    first, last = team.sessions[0], team.sessions[2]
    assert found == [(last, 1, "a"), (first, 7, "a"), (first, 3, "b"), (first, 3, "a")]
    path, page = f"/v1/agents/{team.lead}/rule_firings", None
    paged: list[dict[str, Any]] = []
    while page is not None or not paged:
        answer = (await http.get(path, params={"limit": 1, **({"page": page} if page else {})})).json()
        paged += answer["data"]
        page = answer["next_page"]
    assert [(one["session_id"], one["sequence"], one["rule"]) for one in paged] == found
    assert paged[0]["event_id"] == event_id(last, 1) and paged[0]["agent_id"] is None
