"""Deployments and their runs."""

from typing import Any

from anthropic.types.beta import BetaManagedAgentsDeployment

from tests.conformance.world import World, message


async def deployment(world: World, **fields: Any) -> BetaManagedAgentsDeployment:
    """A fresh deployment without a schedule, unless one is given."""
    return await world.client.beta.deployments.create(
        name="nightly",
        agent=await world.agent(),
        environment_id=await world.environment(),
        initial_events=[message("Tidy up.")],
        **fields,
    )


async def create(world: World) -> None:
    made = await deployment(world, schedule={"type": "cron", "expression": "0 3 * * *", "timezone": "Europe/Vienna"})
    assert made.status == "active"
    assert made.schedule is not None
    assert len(made.schedule.upcoming_runs_at or ()) == 5


async def retrieve(world: World) -> None:
    made = await deployment(world)
    assert (await world.client.beta.deployments.retrieve(made.id)).agent == made.agent


async def update(world: World) -> None:
    made = await deployment(world)
    changed = await world.client.beta.deployments.update(made.id, name="weekly", description="d")
    assert (changed.name, changed.description) == ("weekly", "d")


async def list_all(world: World) -> None:
    made = await deployment(world)
    page = await world.client.beta.deployments.list(agent_id=made.agent.id, status="active")
    assert [listed.id for listed in page.data] == [made.id]


async def archive(world: World) -> None:
    archived = await world.client.beta.deployments.archive((await deployment(world)).id)
    assert archived.archived_at is not None
    assert archived.status == "active"


async def pause(world: World) -> None:
    paused = await world.client.beta.deployments.pause((await deployment(world)).id)
    assert paused.status == "paused"
    assert paused.paused_reason is not None and paused.paused_reason.type == "manual"


async def unpause(world: World) -> None:
    made = await deployment(world)
    await world.client.beta.deployments.pause(made.id)
    resumed = await world.client.beta.deployments.unpause(made.id)
    assert (resumed.status, resumed.paused_reason) == ("active", None)


async def run(world: World) -> None:
    made = await deployment(world)
    ran = await world.client.beta.deployments.run(made.id)
    assert (ran.deployment_id, ran.trigger_context.type, ran.error) == (made.id, "manual", None)
    assert ran.session_id is not None
    assert (await world.client.beta.sessions.retrieve(ran.session_id)).deployment_id == made.id


async def list_runs(world: World) -> None:
    made = await deployment(world)
    ran = await world.client.beta.deployments.run(made.id)
    page = await world.client.beta.deployment_runs.list(
        deployment_id=made.id, has_error=False, trigger_type="manual", created_at_gt="2020-01-01T00:00:00Z"
    )
    assert [listed.id for listed in page.data] == [ran.id]


async def retrieve_run(world: World) -> None:
    ran = await world.client.beta.deployments.run((await deployment(world)).id)
    assert (await world.client.beta.deployment_runs.retrieve(ran.id)).session_id == ran.session_id


EXERCISES = {
    "deployments.create": create,
    "deployments.retrieve": retrieve,
    "deployments.update": update,
    "deployments.list": list_all,
    "deployments.archive": archive,
    "deployments.pause": pause,
    "deployments.unpause": unpause,
    "deployments.run": run,
    "deployment_runs.list": list_runs,
    "deployment_runs.retrieve": retrieve_run,
}
