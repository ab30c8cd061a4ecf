"""Dreams."""

import asyncio
from typing import Any

import pytest
from anthropic import BadRequestError, ConflictError
from anthropic.types.beta import BetaDream

from reverie.testing.patience import PATIENCE_SECONDS
from tests.conformance.exercises.dreams import dream
from tests.conformance.sse import until
from tests.conformance.world import World


async def finished(world: World, made: BetaDream) -> BetaDream:
    """The dream once it has ended, as its session's stream tells."""
    async with asyncio.timeout(PATIENCE_SECONDS):
        return await _finished(world, made)


async def _finished(world: World, made: BetaDream) -> BetaDream:
    while made.session_id is None and made.ended_at is None:
        made = await world.client.beta.dreams.retrieve(made.id)
    if made.session_id is not None and made.ended_at is None:
        stream = await world.client.beta.sessions.events.stream(made.session_id)
        async with stream:
            async for _ in until(stream, "session.status_terminated"):
                pass
    return await world.client.beta.dreams.retrieve(made.id)


async def test_a_dream_over_real_sessions_gives_a_store_of_its_own(world: World) -> None:
    """Outputs are empty while pending, then one store; the input store stays as it was."""
    made = await dream(world, sessions=2)
    assert made.outputs == []
    done = await finished(world, made)
    assert (done.status, done.error) == ("completed", None)
    (output,) = done.outputs
    given = next(x.memory_store_id for x in done.inputs if x.type == "memory_store")
    assert output.memory_store_id != given
    cloned = await world.client.beta.memory_stores.memories.list(output.memory_store_id, path_prefix="/", view="full")
    assert "/a" in [memory.path for memory in cloned.data]
    assert len((await world.client.beta.memory_stores.memories.list(given)).data) == 1


async def test_session_ids_are_answered_sorted(world: World) -> None:
    made = await dream(world, sessions=3)
    (ids,) = [x.session_ids for x in made.inputs if x.type == "sessions"]
    assert ids == sorted(ids) and len(ids) == 3


async def test_canceling_again_changes_nothing(world: World) -> None:
    """200 on a canceled dream; a canceled dream stays canceled."""
    made = await dream(world)
    first = await world.client.beta.dreams.cancel(made.id)
    again = await world.client.beta.dreams.cancel(made.id)
    assert (first.status, again.status) == ("canceled", "canceled")


async def test_a_completed_dream_cannot_be_canceled_but_archived_twice(world: World) -> None:
    """Only final states are archived; archiving is idempotent."""
    made = await finished(world, await dream(world))
    with pytest.raises(BadRequestError):
        await world.client.beta.dreams.cancel(made.id)
    first = await world.client.beta.dreams.archive(made.id)
    again = await world.client.beta.dreams.archive(made.id)
    assert first.archived_at == again.archived_at is not None
    assert (await world.client.beta.dreams.retrieve(made.id)).status == "completed"


@pytest.mark.parametrize("sessions", [0, 101])
async def test_a_dream_takes_one_to_a_hundred_sessions(sessions: int, world: World) -> None:
    inputs: Any = [
        {"type": "memory_store", "memory_store_id": await world.store()},
        {"type": "sessions", "session_ids": [f"sesn_{number}" for number in range(sessions)]},
    ]
    with pytest.raises(BadRequestError):
        await world.client.beta.dreams.create(inputs=inputs, model="m")


async def test_one_dream_at_a_time_updates_a_store(world: World) -> None:
    """A second ``update_existing`` dream is a 409 until the first has fully stopped."""
    store_id, session_id = await world.store(), await world.session()
    inputs: Any = [
        {"type": "memory_store", "memory_store_id": store_id},
        {"type": "sessions", "session_ids": [session_id]},
    ]
    behavior: Any = {"type": "update_existing", "memory_store_id": store_id}
    await world.client.beta.dreams.create(inputs=inputs, model="m", output_behavior=behavior)
    with pytest.raises(ConflictError):
        await world.client.beta.dreams.create(inputs=inputs, model="m", output_behavior=behavior)


@pytest.mark.parametrize(
    "fields",
    [
        {"model": {"id": "m", "speed": "fast"}},
        {"instructions": "x" * 4_097},
        {"instructions": ""},
        {"inputs": []},
    ],
)
async def test_what_a_dream_cannot_be_given_is_refused(fields: dict[str, Any], world: World) -> None:
    inputs = [
        {"type": "memory_store", "memory_store_id": await world.store()},
        {"type": "sessions", "session_ids": [await world.session()]},
    ]
    answer = await world.http.post("/v1/dreams", json={"inputs": inputs, "model": "m", **fields})
    assert answer.status_code == 400
