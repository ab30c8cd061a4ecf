from datetime import timedelta

import pytest
from anthropic import AsyncAnthropic, BadRequestError, NotFoundError
from httpx2 import AsyncClient

from tests.api.conftest import Server


async def test_a_store_without_a_description_has_an_empty_one(client: AsyncAnthropic) -> None:
    store = await client.beta.memory_stores.create(name="notes", metadata={"team": "desk"})
    assert (store.description, store.metadata, store.archived_at) == ("", {"team": "desk"}, None)
    assert await client.beta.memory_stores.retrieve(store.id) == store


async def test_listing_pages_through_the_stores_of_a_time_newest_first(client: AsyncAnthropic) -> None:
    made = [await client.beta.memory_stores.create(name="same") for _ in range(5)]
    await client.beta.memory_stores.archive(made[3].id)
    listed = [store.id async for store in client.beta.memory_stores.list(limit=2)]
    assert listed == [made[number].id for number in (4, 2, 1, 0)]
    within = client.beta.memory_stores.list(
        created_at_gte=made[1].created_at, created_at_lte=made[3].created_at, include_archived=True, limit=1
    )
    assert [store.id async for store in within] == [made[number].id for number in (3, 2, 1)]
    assert (await client.beta.memory_stores.list(created_at_lte=made[0].created_at - timedelta(days=1))).data == []


async def test_what_is_left_out_of_a_change_is_kept(client: AsyncAnthropic) -> None:
    store = await client.beta.memory_stores.create(name="a", description="d", metadata={"x": "1", "y": "2"})
    changed = await client.beta.memory_stores.update(store.id, metadata={"x": None, "z": "3"})
    assert (changed.name, changed.description, changed.metadata) == ("a", "d", {"y": "2", "z": "3"})
    assert changed.updated_at > store.updated_at
    assert (await client.beta.memory_stores.update(store.id, description="")).description == ""


async def test_only_a_change_of_the_store_itself_moves_its_time(client: AsyncAnthropic) -> None:
    store = await client.beta.memory_stores.create(name="a")
    await client.beta.memory_stores.memories.create(store.id, path="/a", content="1")
    assert (await client.beta.memory_stores.update(store.id, name="a")).updated_at == store.updated_at
    assert (await client.beta.memory_stores.archive(store.id)).updated_at > store.updated_at


async def test_an_archived_store_cannot_be_changed_and_stays_archived_since_the_first_time(
    client: AsyncAnthropic,
) -> None:
    store = await client.beta.memory_stores.create(name="a")
    first = await client.beta.memory_stores.archive(store.id)
    assert await client.beta.memory_stores.archive(store.id) == first
    with pytest.raises(BadRequestError, match="archived"):
        await client.beta.memory_stores.update(store.id, name="b")


@pytest.mark.parametrize("wrong", [{"name": ""}, {"name": "a\nb"}, {"name": "a", "description": "d" * 1_025}])
async def test_a_store_with_a_field_out_of_bounds_is_refused(http: AsyncClient, wrong: dict[str, str]) -> None:
    assert (await http.post("/v1/memory_stores", json=wrong)).status_code == 400


async def test_a_deleted_store_takes_its_memories_and_versions_along(client: AsyncAnthropic) -> None:
    store = await client.beta.memory_stores.create(name="a")
    memory = await client.beta.memory_stores.memories.create(store.id, path="/a", content="1")
    await client.beta.memory_stores.memories.update(memory.id, memory_store_id=store.id, content="2")
    assert (await client.beta.memory_stores.delete(store.id)).type == "memory_store_deleted"
    with pytest.raises(NotFoundError):
        await client.beta.memory_stores.memories.retrieve(memory.id, memory_store_id=store.id)
    with pytest.raises(NotFoundError):
        await client.beta.memory_stores.memory_versions.list(store.id)
    with pytest.raises(NotFoundError):
        await client.beta.memory_stores.delete(store.id)


async def test_a_store_of_another_workspace_is_not_there(server: Server, client: AsyncAnthropic) -> None:
    store = await client.beta.memory_stores.create(name="a")
    async with server.client(await server.key(workspace_id=await server.workspace("other"))) as other:
        with pytest.raises(NotFoundError):
            await other.beta.memory_stores.retrieve(store.id)
        with pytest.raises(NotFoundError):
            await other.beta.memory_stores.memories.create(store.id, path="/a", content="1")
