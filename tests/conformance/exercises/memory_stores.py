"""Memory stores, memories and their versions."""

import hashlib

from tests.conformance.world import World


async def create(world: World) -> None:
    store = await world.client.beta.memory_stores.create(name="notes", metadata={"team": "desk"})
    assert (store.name, store.description, store.metadata) == ("notes", "", {"team": "desk"})


async def retrieve(world: World) -> None:
    store_id = await world.store()
    assert (await world.client.beta.memory_stores.retrieve(store_id)).id == store_id


async def update(world: World) -> None:
    store = await world.client.beta.memory_stores.update(await world.store(), name="other", description="d")
    assert (store.name, store.description) == ("other", "d")


async def list_all(world: World) -> None:
    store_id = await world.store()
    page = await world.client.beta.memory_stores.list(created_at_gte="2020-01-01T00:00:00Z", include_archived=True)
    assert page.data[0].id == store_id


async def archive(world: World) -> None:
    assert (await world.client.beta.memory_stores.archive(await world.store())).archived_at is not None


async def delete(world: World) -> None:
    store_id = await world.store(a="text")
    deleted = await world.client.beta.memory_stores.delete(store_id)
    assert (deleted.id, deleted.type) == (store_id, "memory_store_deleted")


async def create_memory(world: World) -> None:
    memory = await world.client.beta.memory_stores.memories.create(
        await world.store(), path="/a.md", content="é", view="full"
    )
    assert (memory.content, memory.content_size_bytes) == ("é", 2)
    assert memory.content_sha256 == hashlib.sha256("é".encode()).hexdigest()


async def retrieve_memory(world: World) -> None:
    store_id = await world.store()
    made = await world.client.beta.memory_stores.memories.create(store_id, path="/a", content="text")
    memory = await world.client.beta.memory_stores.memories.retrieve(made.id, memory_store_id=store_id)
    assert (made.content, memory.content) == (None, "text")


async def update_memory(world: World) -> None:
    store_id = await world.store()
    made = await world.client.beta.memory_stores.memories.create(store_id, path="/a", content="old")
    changed = await world.client.beta.memory_stores.memories.update(
        made.id,
        memory_store_id=store_id,
        path="/b",
        content="new",
        view="full",
        precondition={"type": "content_sha256", "content_sha256": made.content_sha256},
    )
    assert (changed.id, changed.path, changed.content) == (made.id, "/b", "new")
    assert changed.memory_version_id != made.memory_version_id


async def list_memories(world: World) -> None:
    store_id = await world.store(a="1", **{"d/b": "2", "d/c": "3"})
    page = await world.client.beta.memory_stores.memories.list(store_id, path_prefix="/", depth=1, view="basic")
    assert [(item.type, item.path) for item in page.data] == [("memory", "/a"), ("memory_prefix", "/d/")]


async def delete_memory(world: World) -> None:
    store_id = await world.store()
    made = await world.client.beta.memory_stores.memories.create(store_id, path="/a", content="text")
    deleted = await world.client.beta.memory_stores.memories.delete(
        made.id, memory_store_id=store_id, expected_content_sha256=made.content_sha256
    )
    assert (deleted.id, deleted.type) == (made.id, "memory_deleted")


async def list_versions(world: World) -> None:
    store_id = await world.store(a="text")
    page = await world.client.beta.memory_stores.memory_versions.list(store_id, operation="created", view="full")
    assert [(version.path, version.content) for version in page.data] == [("/a", "text")]


async def retrieve_version(world: World) -> None:
    store_id = await world.store()
    made = await world.client.beta.memory_stores.memories.create(store_id, path="/a", content="text")
    version = await world.client.beta.memory_stores.memory_versions.retrieve(
        made.memory_version_id, memory_store_id=store_id
    )
    assert (version.memory_id, version.operation, version.content) == (made.id, "created", "text")
    assert version.created_by is not None and version.created_by.type == "api_actor"


async def redact_version(world: World) -> None:
    store_id = await world.store()
    made = await world.client.beta.memory_stores.memories.create(store_id, path="/a", content="secret")
    await world.client.beta.memory_stores.memories.update(made.id, memory_store_id=store_id, content="clean")
    version = await world.client.beta.memory_stores.memory_versions.redact(
        made.memory_version_id, memory_store_id=store_id
    )
    assert (version.content, version.path, version.content_sha256) == (None, None, None)
    assert version.redacted_at is not None


EXERCISES = {
    "memory_stores.create": create,
    "memory_stores.retrieve": retrieve,
    "memory_stores.update": update,
    "memory_stores.list": list_all,
    "memory_stores.archive": archive,
    "memory_stores.delete": delete,
    "memory_stores.memories.create": create_memory,
    "memory_stores.memories.retrieve": retrieve_memory,
    "memory_stores.memories.update": update_memory,
    "memory_stores.memories.list": list_memories,
    "memory_stores.memories.delete": delete_memory,
    "memory_stores.memory_versions.list": list_versions,
    "memory_stores.memory_versions.retrieve": retrieve_version,
    "memory_stores.memory_versions.redact": redact_version,
}
