"""Workers that a server starts for itself."""

from anthropic import AsyncAnthropic

from reverie.api.local_workers import LocalWorkers
from reverie.storage.postgres.workspaces import DEFAULT_WORKSPACE
from reverie.storage.service.api_keys import list_keys
from tests.api.conftest import Server
from tests.cli.test_worker import ended, results, session_of
from tests.turns.scripted import ScriptedTurnModel, call, say, turns_run
from tests.turns.test_turn import send


async def test_a_self_hosted_session_is_served_with_a_key_that_ends_with_its_worker(
    server: Server, client: AsyncAnthropic
) -> None:
    session_id, environment_id = await session_of(client)
    workers = LocalWorkers(server.service, server.url, 2)
    workers.start()
    async with turns_run(server.service, ScriptedTurnModel(call("bash", 1, command="echo served"), say("Done."))):
        await send(client, session_id, "Go")
        events = await ended(client, session_id)
    await workers.stop()
    async with server.service.database.connection() as connection:
        keys = [key for key in await list_keys(connection, DEFAULT_WORKSPACE) if key.role == "worker"]
    assert results(events) == [("served", False)]
    assert [(key.environment_id, key.revoked_at is not None) for key in keys] == [(environment_id, True)]
