"""Dreams."""

from anthropic.types.beta import BetaDream

from tests.conformance.world import END_TURN, World, message, said


async def dream(world: World, sessions: int = 1) -> BetaDream:
    """A fresh dream over as many fresh sessions."""
    environment_id, agent_id = await world.environment(), await world.agent()
    session_ids = []
    for _ in range(sessions):
        session_id = await world.session(
            agent=agent_id, environment_id=environment_id, initial_events=[message("Refund order 7.")]
        )
        await world.record(session_id, said("Done."), END_TURN)
        session_ids.append(session_id)
    return await world.client.beta.dreams.create(
        inputs=[
            {"type": "memory_store", "memory_store_id": await world.store(a="text")},
            {"type": "sessions", "session_ids": session_ids[::-1]},
        ],
        model="any-model",
        instructions="Keep it short.",
    )


async def create(world: World) -> None:
    made = await dream(world)
    assert (made.status, made.model.id, made.output_behavior.type) == ("pending", "any-model", "create_new")


async def retrieve(world: World) -> None:
    made = await dream(world)
    assert (await world.client.beta.dreams.retrieve(made.id)).inputs == made.inputs


async def list_all(world: World) -> None:
    made = await dream(world)
    page = await world.client.beta.dreams.list(
        statuses=["pending", "running", "completed"], created_at_gt="2020-01-01T00:00:00Z", include_archived=True
    )
    assert page.data[0].id == made.id


async def cancel(world: World) -> None:
    made = await dream(world)
    canceled = await world.client.beta.dreams.cancel(made.id)
    assert (canceled.id, canceled.status) == (made.id, "canceled")


async def archive(world: World) -> None:
    made = await dream(world)
    await world.client.beta.dreams.cancel(made.id)
    archived = await world.client.beta.dreams.archive(made.id)
    assert archived.archived_at is not None
    assert archived.status == "canceled"


EXERCISES = {
    "dreams.create": create,
    "dreams.retrieve": retrieve,
    "dreams.list": list_all,
    "dreams.cancel": cancel,
    "dreams.archive": archive,
}
