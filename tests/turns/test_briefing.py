"""What a session is shown from memory, as its model sees it."""

from anthropic import AsyncAnthropic

from tests.api.conftest import Server
from tests.turns.scripted import MODEL, ScriptedTurnModel, say, turns_run
from tests.turns.test_turn import at_rest, send


async def test_the_first_request_already_has_what_is_recalled_for_the_message_that_it_answers(
    server: Server, client: AsyncAnthropic
) -> None:
    store = await client.beta.memory_stores.create(name="desk")
    for path, content in (
        ("/lighthouse.md", "The lighthouse keeper is called Aurelia."),
        ("/harbour.md", "Boats leave at noon."),
    ):
        await client.beta.memory_stores.memories.create(store.id, path=path, content=content)
    async with server.service.database.connection() as connection:
        # Notes of the short tier are shown whatever is asked.
        await connection.execute("UPDATE memories SET tier = 'long'")
    environment = await client.beta.environments.create(name="place", config={"type": "cloud"})
    agent = await client.beta.agents.create(name="clerk", model=MODEL)
    session = await client.beta.sessions.create(
        agent=agent.id,
        environment_id=environment.id,
        resources=[{"type": "memory_store", "memory_store_id": store.id}],
    )
    model = ScriptedTurnModel(say("Aurelia."), say("You are welcome."))
    async with turns_run(server.service, model):
        await send(client, session.id, "What is the name of the lighthouse keeper?")
        await at_rest(client, session.id)
        await send(client, session.id, "Thank you")
        await at_rest(client, session.id)
    first, second = model.requests
    assert "Aurelia" in first.system[-1]
    assert second.system == first.system


async def test_an_agents_metadata_says_how_much_of_memory_its_sessions_are_shown(
    server: Server, client: AsyncAnthropic
) -> None:
    store = await client.beta.memory_stores.create(name="desk")
    for number in range(4):
        content = f"Boat number {number} leaves at noon."
        await client.beta.memory_stores.memories.create(store.id, path=f"/boat-{number}.md", content=content)
    environment = await client.beta.environments.create(name="place", config={"type": "cloud"})
    agent = await client.beta.agents.create(name="clerk", model=MODEL, metadata={"reverie_briefing_items": "2"})
    session = await client.beta.sessions.create(
        agent=agent.id,
        environment_id=environment.id,
        resources=[{"type": "memory_store", "memory_store_id": store.id}],
    )
    model = ScriptedTurnModel(say("At noon."))
    async with turns_run(server.service, model):
        await send(client, session.id, "When do boats leave?")
        await at_rest(client, session.id)
    assert model.requests[0].system[-1].count("leaves at noon") == 2
