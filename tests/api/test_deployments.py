import asyncio
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from anthropic import AsyncAnthropic, BadRequestError, NotFoundError
from anthropic.types.beta import BetaManagedAgentsDeployment

from reverie.api.schedules import run_due
from reverie.clock import ManualClock
from reverie.storage.postgres.workspaces import DEFAULT_WORKSPACE
from tests.api.conftest import Server, running
from tests.api.test_agents import make

HELLO: Any = {"type": "user.message", "content": [{"type": "text", "text": "Good morning."}]}
# Far enough away that no server fires by itself while a test runs.
YEARLY: Any = {"type": "cron", "expression": "0 0 1 1 *", "timezone": "UTC"}


async def deploy(client: AsyncAnthropic, **fields: Any) -> BetaManagedAgentsDeployment:
    """A deployment of a fresh agent in a fresh environment, where no others are named."""
    fields.setdefault("initial_events", [HELLO])
    if "environment_id" not in fields:
        fields["environment_id"] = (await client.beta.environments.create(name="e")).id
    if "agent" not in fields:
        fields["agent"] = (await make(client)).id
    return await client.beta.deployments.create(name="nightly", **fields)


def new_year(deployment: BetaManagedAgentsDeployment, number: int = 0) -> datetime:
    assert deployment.schedule is not None
    assert deployment.schedule.upcoming_runs_at is not None
    return deployment.schedule.upcoming_runs_at[number]


async def tick(server: Server, now: datetime) -> None:
    """Let a server whose clock shows ``now`` look at its schedules."""
    await run_due(replace(server.service, clock=ManualClock(now)))


async def test_a_deployment_pins_the_agents_version_until_told_to_pin_anew(client: AsyncAnthropic) -> None:
    agent = await make(client)
    deployment = await deploy(client, agent=agent.id, description="", metadata={"a": "1"})
    await client.beta.agents.update(agent.id, name="other")
    same = await client.beta.deployments.update(deployment.id, name="weekly", metadata={"b": "2"})
    assert (same.agent.version, same.name, same.metadata) == (1, "weekly", {"a": "1", "b": "2"})
    assert (same.status, same.paused_reason, same.schedule, same.description) == ("active", None, None, None)
    assert "budget" not in same.to_dict()
    assert (await client.beta.deployments.update(deployment.id, agent=agent.id)).agent.version == 2


async def test_a_run_by_hand_makes_a_session_with_the_first_events(client: AsyncAnthropic) -> None:
    store = await client.beta.environments.create(name="e")
    budget: Any = {"type": "limit", "max_list_cost": {"amount": "500", "currency": "USD"}}
    deployment = await deploy(client, environment_id=store.id, schedule=YEARLY, budget=budget)
    run = await client.beta.deployments.run(deployment.id)
    assert (run.error, run.trigger_context.type, run.agent.version) == (None, "manual", 1)
    assert run.session_id is not None
    session = await client.beta.sessions.retrieve(run.session_id)
    assert (session.status, session.deployment_id) == ("running", deployment.id)
    assert session.budget is not None
    assert session.budget.max_list_cost.amount == "500"
    assert await client.beta.deployment_runs.retrieve(run.id) == run
    after = await client.beta.deployments.retrieve(deployment.id)
    assert after.schedule is not None
    assert after.schedule.last_run_at is None


async def test_a_deployment_of_which_no_session_could_be_made_is_refused(client: AsyncAnthropic) -> None:
    agent, environment = await make(client), await client.beta.environments.create(name="e")
    gone = await client.beta.agents.archive((await make(client)).id)
    wrong: dict[str, Any]
    for wrong in (
        {"agent": gone.id},
        {"initial_events": []},
        {"initial_events": [HELLO] * 51},
        {"initial_events": [{"type": "user.interrupt"}]},
        {"schedule": YEARLY | {"expression": "@yearly"}},
        {"schedule": YEARLY | {"timezone": "Mars/Olympus"}},
    ):
        with pytest.raises(BadRequestError):
            await deploy(client, **{"agent": agent.id, "environment_id": environment.id, **wrong})
    unknown: dict[str, Any]
    for unknown in (
        {"agent": "agent_none"},
        {"agent": {"type": "agent", "id": agent.id, "version": 2}},
        {"environment_id": "env_none"},
        {"vault_ids": ["vlt_none"]},
        {"resources": [{"type": "file", "file_id": "file_none"}]},
        {"resources": [{"type": "memory_store", "memory_store_id": "memstore_none"}]},
    ):
        with pytest.raises(NotFoundError):
            await deploy(client, **{"agent": agent.id, "environment_id": environment.id, **unknown})
    assert [row async for row in client.beta.deployments.list()] == []
    assert [row async for row in client.beta.sessions.list()] == []


async def test_a_secret_of_a_resource_is_not_shown_again(client: AsyncAnthropic) -> None:
    repository = {"type": "github_repository", "url": "https://github.com/a/b", "authorization_token": "ghp_secret"}
    deployment = await deploy(client, resources=[repository])
    assert deployment.resources[0].to_dict() == {
        "type": "github_repository",
        "url": "https://github.com/a/b",
        "checkout": None,
        "mount_path": None,
    }
    assert (await client.beta.deployments.update(deployment.id, resources=None)).resources == []


async def test_lists_are_filtered_and_paged(client: AsyncAnthropic) -> None:
    made = [await deploy(client) for _ in range(3)]
    await client.beta.deployments.pause(made[0].id)
    await client.beta.deployments.archive(made[1].id)

    async def listed(**query: Any) -> list[str]:
        return [row.id async for row in client.beta.deployments.list(limit=1, **query)]

    assert await listed() == [made[2].id, made[0].id]
    assert await listed(status="paused") == [made[0].id]
    assert await listed(status="active") == [made[2].id]
    assert await listed(agent_id=made[2].agent.id) == [made[2].id]
    assert await listed(include_archived=True, created_at_lte=made[1].created_at) == [made[1].id, made[0].id]
    with pytest.raises(BadRequestError, match="include_archived"):
        await listed(status="active", include_archived=True)


async def test_a_paused_deployment_keeps_its_moments_and_runs_by_hand(client: AsyncAnthropic) -> None:
    deployment = await deploy(client, schedule=YEARLY)
    paused = await client.beta.deployments.pause(deployment.id)
    assert paused.paused_reason is not None
    assert (paused.status, paused.paused_reason.type) == ("paused", "manual")
    assert new_year(paused) == new_year(deployment)
    assert await client.beta.deployments.pause(deployment.id) == paused
    assert (await client.beta.deployments.run(deployment.id)).session_id is not None
    active = await client.beta.deployments.unpause(deployment.id)
    assert (active.status, active.paused_reason) == ("active", None)


async def test_an_archived_deployment_is_at_an_end(client: AsyncAnthropic) -> None:
    deployment = await deploy(client, schedule=YEARLY)
    await client.beta.deployments.pause(deployment.id)
    archived = await client.beta.deployments.archive(deployment.id)
    assert (archived.status, archived.paused_reason) == ("active", None)
    assert archived.schedule is not None
    assert archived.schedule.upcoming_runs_at == []
    assert await client.beta.deployments.archive(deployment.id) == archived
    for call in (
        client.beta.deployments.pause(deployment.id),
        client.beta.deployments.unpause(deployment.id),
        client.beta.deployments.run(deployment.id),
        client.beta.deployments.update(deployment.id, name="other"),
    ):
        with pytest.raises(BadRequestError):
            await call


async def test_archiving_an_agent_archives_its_deployments_and_nothing_runs(
    client: AsyncAnthropic, server: Server
) -> None:
    deployment = await deploy(client, schedule=YEARLY)
    await client.beta.agents.archive(deployment.agent.id)
    assert (await client.beta.deployments.retrieve(deployment.id)).archived_at is not None
    await tick(server, new_year(deployment) + timedelta(minutes=10))
    assert [run async for run in client.beta.deployment_runs.list()] == []


async def test_a_schedule_makes_one_session_at_each_moment(client: AsyncAnthropic, server: Server) -> None:
    deployment = await deploy(client, schedule=YEARLY)
    first, second = new_year(deployment), new_year(deployment, 1)
    for now in (first - timedelta(seconds=1), first + timedelta(minutes=10), first + timedelta(minutes=11), second):
        await tick(server, now)
    (run,) = [run async for run in client.beta.deployment_runs.list(deployment_id=deployment.id)]
    assert run.trigger_context.type == "schedule"
    assert run.trigger_context.scheduled_at == first
    assert (run.session_id is None, run.created_at) == (False, first + timedelta(minutes=10))
    after = await client.beta.deployments.retrieve(deployment.id)
    assert after.schedule is not None
    assert after.schedule.last_run_at == first + timedelta(minutes=10)
    await tick(server, second + timedelta(minutes=10))
    assert len([run async for run in client.beta.deployment_runs.list()]) == 2


async def test_servers_that_look_at_once_make_one_session(client: AsyncAnthropic, server: Server) -> None:
    deployments = [await deploy(client, schedule=YEARLY) for _ in range(4)]
    now = new_year(deployments[0]) + timedelta(minutes=10)
    async with running(server.service.settings, server.service.options) as other:
        await asyncio.gather(tick(server, now), tick(other, now), tick(server, now), tick(other, now))
    made = [run.deployment_id async for run in client.beta.deployment_runs.list()]
    assert sorted(made) == sorted(deployment.id for deployment in deployments)
    assert len([row async for row in client.beta.sessions.list()]) == 4


async def test_moments_that_passed_while_paused_or_while_no_server_ran_are_not_made_up_for(
    client: AsyncAnthropic, server: Server
) -> None:
    resting, missed = await deploy(client, schedule=YEARLY), await deploy(client, schedule=YEARLY)
    await client.beta.deployments.pause(resting.id)
    await tick(server, new_year(missed) + timedelta(hours=2))
    await client.beta.deployments.unpause(resting.id)
    assert [run async for run in client.beta.deployment_runs.list()] == []
    await tick(server, new_year(missed, 1) + timedelta(minutes=10))
    assert [run.deployment_id async for run in client.beta.deployment_runs.list()] == [missed.id]


async def test_an_error_that_stays_pauses_the_schedule_until_it_is_put_right(
    client: AsyncAnthropic, server: Server
) -> None:
    environment = await client.beta.environments.create(name="e")
    deployment = await deploy(client, environment_id=environment.id, schedule=YEARLY)
    await client.beta.environments.archive(environment.id)
    await tick(server, new_year(deployment) + timedelta(minutes=10))
    (run,) = [run async for run in client.beta.deployment_runs.list(has_error=True, trigger_type="schedule")]
    assert run.error is not None
    assert (run.session_id, run.error.type) == (None, "environment_archived_error")
    paused = await client.beta.deployments.retrieve(deployment.id)
    assert paused.paused_reason is not None
    assert paused.paused_reason.to_dict() == {"type": "error", "error": {"type": "environment_archived_error"}}
    by_hand = await client.beta.deployments.run(deployment.id)
    assert by_hand.error is not None
    fresh = await client.beta.environments.create(name="e2")
    await client.beta.deployments.update(deployment.id, environment_id=fresh.id)
    assert (await client.beta.deployments.run(deployment.id)).error is None
    assert len([run async for run in client.beta.deployment_runs.list(has_error=False)]) == 1


async def test_a_failed_run_by_hand_does_not_pause(client: AsyncAnthropic) -> None:
    deployment = await deploy(client)
    await client.beta.environments.archive(deployment.environment_id)
    assert (await client.beta.deployments.run(deployment.id)).error is not None
    assert (await client.beta.deployments.retrieve(deployment.id)).status == "active"


async def test_runs_are_filtered_by_time_and_deployment(client: AsyncAnthropic) -> None:
    deployment = await deploy(client)
    runs = [await client.beta.deployments.run(deployment.id) for _ in range(3)]

    async def listed(**query: Any) -> list[str]:
        return [run.id async for run in client.beta.deployment_runs.list(limit=1, **query)]

    assert await listed() == [run.id for run in reversed(runs)]
    assert await listed(created_at_gt=runs[0].created_at, created_at_lt=runs[2].created_at) == [runs[1].id]
    assert await listed(trigger_type="schedule") == await listed(deployment_id="depl_none") == []
    with pytest.raises(NotFoundError):
        await client.beta.deployment_runs.retrieve("drun_none")


async def test_schedules_of_every_workspace_run_in_their_own(server: Server) -> None:
    workspace = await server.workspace("other")
    async with server.client(await server.key(workspace_id=workspace)) as other:
        deployment = await deploy(other, schedule=YEARLY)
        await tick(server, new_year(deployment) + timedelta(minutes=10))
        assert [run.deployment_id async for run in other.beta.deployment_runs.list()] == [deployment.id]
    async with server.client(await server.key(workspace_id=DEFAULT_WORKSPACE)) as client:
        assert [run async for run in client.beta.deployment_runs.list()] == []


async def test_a_changed_schedule_counts_from_now(client: AsyncAnthropic, server: Server) -> None:
    deployment = await deploy(client, schedule=YEARLY)
    summer = YEARLY | {"expression": "0 0 1 7 *"}
    changed = await client.beta.deployments.update(deployment.id, schedule=summer)
    assert new_year(changed).month == 7
    cleared = await client.beta.deployments.update(deployment.id, schedule=None)
    assert cleared.schedule is None
    await tick(server, datetime.now(UTC) + timedelta(days=800))
    assert [run async for run in client.beta.deployment_runs.list()] == []


async def test_a_run_that_fails_for_no_known_reason_is_recorded_and_the_others_go_on(
    client: AsyncAnthropic, server: Server
) -> None:
    broken, whole = await deploy(client, schedule=YEARLY), await deploy(client, schedule=YEARLY)
    async with server.service.database.connection() as connection:
        query = "UPDATE deployments SET initial_events = '[{}]', next_fires_at = next_scheduled_at WHERE id = %s"
        await connection.execute(query, [broken.id])
    await tick(server, new_year(whole) + timedelta(minutes=10))
    runs = {run.deployment_id: run async for run in client.beta.deployment_runs.list()}
    error = runs[broken.id].error
    assert error is not None
    assert (error.type, runs[whole.id].error) == ("unknown_error", None)


async def test_webhooks_are_told_of_scheduled_runs_and_what_became_of_them(
    client: AsyncAnthropic, server: Server
) -> None:
    async with server.service.database.connection() as connection:
        await connection.execute(
            "INSERT INTO webhook_endpoints (id, name, url, event_types, secret, enabled, created_at, updated_at) VALUES"
            " ('e', 'e', 'http://127.0.0.1:9', %s, '', true, now(), now())",
            [["deployment_run.started", "deployment_run.succeeded", "deployment_run.failed", "deployment.paused"]],
        )
    good, bad = await deploy(client, schedule=YEARLY), await deploy(client, schedule=YEARLY)
    await client.beta.environments.archive(bad.environment_id)
    await client.beta.deployments.run(good.id)
    await tick(server, new_year(good) + timedelta(minutes=10))
    async with server.service.database.connection() as connection:
        rows = await connection.execute("SELECT event -> 'data' ->> 'type' FROM webhook_deliveries")
        told = sorted(row[0] for row in await rows.fetchall())
    assert told == [
        "deployment.paused",
        "deployment_run.failed",
        "deployment_run.started",
        "deployment_run.started",
        "deployment_run.succeeded",
    ]


async def test_a_run_says_which_of_its_parts_is_gone(client: AsyncAnthropic) -> None:
    vault = await client.beta.vaults.create(display_name="v")
    file = await client.files.upload(file=("a.txt", b"a"))
    resting = await deploy(client, vault_ids=[vault.id])
    missing = await deploy(client, resources=[{"type": "file", "file_id": file.id}])
    await client.beta.vaults.archive(vault.id)
    await client.files.delete(file.id)
    errors = [(await client.beta.deployments.run(deployment.id)).error for deployment in (resting, missing)]
    assert [error and error.type for error in errors] == ["vault_archived_error", "file_not_found_error"]
