"""Environments."""

from tests.conformance.world import World


async def create(world: World) -> None:
    environment = await world.client.beta.environments.create(
        name="desk",
        description="Where clerks work.",
        config={"type": "cloud", "networking": {"type": "unrestricted"}, "packages": {"pip": ["pandas"]}},
        metadata={"team": "desk"},
    )
    assert environment.config.type == "cloud"
    assert environment.config.packages.pip == ["pandas"]


async def retrieve(world: World) -> None:
    environment_id = await world.environment("self_hosted")
    environment = await world.client.beta.environments.retrieve(environment_id)
    assert (environment.id, environment.config.type) == (environment_id, "self_hosted")


async def update(world: World) -> None:
    environment = await world.client.beta.environments.update(await world.environment(), name="other", description="d")
    assert (environment.name, environment.description) == ("other", "d")


async def list_all(world: World) -> None:
    environment_id = await world.environment()
    page = await world.client.beta.environments.list(include_archived=True, limit=100)
    assert page.data[0].id == environment_id


async def archive(world: World) -> None:
    environment = await world.client.beta.environments.archive(await world.environment())
    assert environment.archived_at is not None


async def delete(world: World) -> None:
    environment_id = await world.environment()
    deleted = await world.client.beta.environments.delete(environment_id)
    assert (deleted.id, deleted.type) == (environment_id, "environment_deleted")


EXERCISES = {
    "environments.create": create,
    "environments.retrieve": retrieve,
    "environments.update": update,
    "environments.list": list_all,
    "environments.archive": archive,
    "environments.delete": delete,
}
