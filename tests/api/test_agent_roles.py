"""Roles of a coordinator over HTTP and on the command line."""

from typing import Any

import pytest
from anthropic import AsyncAnthropic
from anthropic import BadRequestError as BadRequest
from anthropic import NotFoundError as NotFound

from reverie import AsyncClient as Reverie
from tests.turns.scripted import MODEL

ROLE = {"name": "reader", "brief": "Find $what"}


async def lead_of(client: AsyncAnthropic, *names: str) -> str:
    roster = [(await client.beta.agents.create(name=name, model=MODEL)).id for name in names]
    multiagent: Any = {"type": "coordinator", "agents": roster}
    return (await client.beta.agents.create(name="lead", model=MODEL, multiagent=multiagent)).id


async def test_every_version_of_roles_is_kept_and_the_latest_stands(client: AsyncAnthropic, reverie: Reverie) -> None:
    lead = await lead_of(client, "ann")
    none = await reverie.agent_roles(lead)
    assert (none.version, none.roles, none.created_at) == (0, (), None)
    assert (await reverie.set_agent_roles(lead, [ROLE], most_running={"ann": 2})).version == 1
    stands = await reverie.set_agent_roles(lead, [])
    assert (stands.version, stands.most_running) == (2, {})
    first = await reverie.agent_roles(lead, version=1)
    assert (first.roles, first.most_running) == ((ROLE,), {"ann": 2})
    assert [one.version async for one in reverie.agent_role_versions(lead)] == [2, 1]


async def test_roles_of_nobody_and_versions_that_are_not_there_are_not_found(
    client: AsyncAnthropic, reverie: Reverie
) -> None:
    with pytest.raises(NotFound, match="there is no agent"):
        await reverie.set_agent_roles("agent_none", [ROLE])
    with pytest.raises(NotFound, match="no version 7"):
        await reverie.agent_roles(await lead_of(client, "ann"), version=7)


async def test_roles_that_cannot_be_are_refused_and_change_nothing(client: AsyncAnthropic, reverie: Reverie) -> None:
    lead = await lead_of(client, "ann")
    with pytest.raises(BadRequest, match="role reader: agents: 'bob' is not on the roster; known: ann"):
        await reverie.set_agent_roles(lead, [{**ROLE, "agents": ["bob"]}])
    with pytest.raises(BadRequest, match="role reader: brief: a \\$ begins a field"):
        await reverie.set_agent_roles(lead, [{**ROLE, "brief": "$"}])
    assert (await reverie.agent_roles(lead)).version == 0
