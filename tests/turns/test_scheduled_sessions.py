"""What a deployment's schedule makes is run by an agent of this server, as any session is."""

from datetime import timedelta

from anthropic import AsyncAnthropic

from reverie.errors import ModelAccessError
from tests.api.conftest import Server
from tests.api.test_deployments import YEARLY, deploy, new_year, tick
from tests.turns.scripted import MODEL, ScriptedTurnModel, say, turns_run
from tests.turns.test_turn import at_rest

LATE = timedelta(minutes=10)


async def test_a_scheduled_run_is_answered_by_the_agent_and_so_is_the_next(
    server: Server, client: AsyncAnthropic
) -> None:
    agent = await client.beta.agents.create(name="clerk", model=MODEL, system="Be brief.")
    deployment = await deploy(client, agent=agent.id, schedule=YEARLY)
    model = ScriptedTurnModel(say("Good morning to you."), say("And again."))
    told = []
    async with turns_run(server.service, model):
        for number in range(2):
            await tick(server, new_year(deployment, number) + LATE)
            newest = (await client.beta.deployment_runs.list(deployment_id=deployment.id)).data[0]
            events = await at_rest(client, str(newest.session_id))
            told += [event.content[0].text for event in events if event.type == "agent.message"]
            assert events[-1].stop_reason.type == "end_turn"
    assert told == ["Good morning to you.", "And again."]
    assert [request.messages[-1].content[-1]["text"] for request in model.requests] == ["Good morning."] * 2


async def test_a_run_by_hand_is_answered_and_a_model_that_fails_is_the_sessions_error(
    server: Server, client: AsyncAnthropic
) -> None:
    agent = await client.beta.agents.create(name="clerk", model=MODEL)
    deployment = await deploy(client, agent=agent.id)
    async with turns_run(server.service, ScriptedTurnModel(ModelAccessError("no key"), say("Here."))):
        sessions = []
        for _ in range(2):
            sessions.append(str((await client.beta.deployments.run(deployment.id)).session_id))
            await at_rest(client, sessions[-1])
        stops = [(await at_rest(client, session_id))[-1].stop_reason.type for session_id in sessions]
    assert stops == ["retries_exhausted", "end_turn"]
    assert (await client.beta.deployments.retrieve(deployment.id)).status == "active"
