"""Memory stores as the SDK's worker and other clients rely on them."""

import asyncio

import pytest
from anthropic import BadRequestError, ConflictError
from anthropic.types.beta.memory_stores import BetaManagedAgentsMemory, BetaManagedAgentsPreconditionParam

from tests.conformance.attempts import attempts
from tests.conformance.world import World


async def memory(world: World, content: str = "old") -> BetaManagedAgentsMemory:
    """A fresh memory in a fresh store."""
    return await world.client.beta.memory_stores.memories.create(await world.store(), path="/a", content=content)


def given(sha256: str) -> BetaManagedAgentsPreconditionParam:
    return {"type": "content_sha256", "content_sha256": sha256}


async def test_a_change_on_outdated_content_is_refused_in_one_attempt(world: World) -> None:
    """Optimistic concurrency by the content's hash."""
    made = await memory(world)
    await world.client.beta.memory_stores.memories.update(
        made.id, memory_store_id=made.memory_store_id, content="new", precondition=given(made.content_sha256)
    )
    async with attempts(world.served) as (client, sent):
        with pytest.raises(ConflictError) as refused:
            await client.beta.memory_stores.memories.update(
                made.id, memory_store_id=made.memory_store_id, content="late", precondition=given(made.content_sha256)
            )
    assert len(sent) == 1
    assert kind(refused.value) == "memory_precondition_failed_error"


async def test_a_change_that_is_already_there_is_accepted_whatever_its_precondition(world: World) -> None:
    """200 when content and path equal the request, and no version is written."""
    made = await memory(world)
    again = await world.client.beta.memory_stores.memories.update(
        made.id, memory_store_id=made.memory_store_id, path="/a", content="old", precondition=given("0" * 64)
    )
    assert again.memory_version_id == made.memory_version_id


async def test_the_precondition_of_a_rename_is_about_the_present_content(world: World) -> None:
    made = await memory(world)
    with pytest.raises(ConflictError):
        await world.client.beta.memory_stores.memories.update(
            made.id, memory_store_id=made.memory_store_id, path="/b", precondition=given("0" * 64)
        )


async def test_of_many_concurrent_changes_on_the_same_content_one_wins(world: World) -> None:
    made = await memory(world)
    changes = [
        world.client.beta.memory_stores.memories.update(
            made.id, memory_store_id=made.memory_store_id, content=f"n{i}", precondition=given(made.content_sha256)
        )
        for i in range(8)
    ]
    results = await asyncio.gather(*changes, return_exceptions=True)
    assert sum(isinstance(result, BetaManagedAgentsMemory) for result in results) == 1
    assert sum(isinstance(result, ConflictError) for result in results) == 7
    versions = await world.client.beta.memory_stores.memory_versions.list(made.memory_store_id)
    assert len(versions.data) == 2


async def test_creating_on_an_occupied_path_names_what_is_there(world: World) -> None:
    """409 ``memory_path_conflict_error``; a create never overwrites."""
    made = await memory(world)
    with pytest.raises(ConflictError) as refused:
        await world.client.beta.memory_stores.memories.create(made.memory_store_id, path="/a", content="other")
    assert kind(refused.value) == "memory_path_conflict_error"
    body = refused.value.body
    assert isinstance(body, dict)
    assert (body["error"]["conflicting_memory_id"], body["error"]["conflicting_path"]) == (made.id, "/a")


async def test_a_file_cannot_also_be_a_folder(world: World) -> None:
    """Memories are mounted as a tree."""
    made = await memory(world)
    with pytest.raises(ConflictError):
        await world.client.beta.memory_stores.memories.create(made.memory_store_id, path="/a/b", content="x")


async def test_deleting_on_outdated_content_deletes_nothing(world: World) -> None:
    made = await memory(world)
    with pytest.raises(ConflictError):
        await world.client.beta.memory_stores.memories.delete(
            made.id, memory_store_id=made.memory_store_id, expected_content_sha256="0" * 64
        )
    kept = await world.client.beta.memory_stores.memories.retrieve(made.id, memory_store_id=made.memory_store_id)
    assert kept.content == "old"


async def test_the_head_of_a_live_memory_cannot_be_redacted(world: World) -> None:
    """Write a new version or delete first; redacting twice changes nothing."""
    made = await memory(world)
    redact = world.client.beta.memory_stores.memory_versions.redact
    with pytest.raises(BadRequestError):
        await redact(made.memory_version_id, memory_store_id=made.memory_store_id)
    await world.client.beta.memory_stores.memories.delete(made.id, memory_store_id=made.memory_store_id)
    await world.client.beta.memory_stores.archive(made.memory_store_id)
    first = await redact(made.memory_version_id, memory_store_id=made.memory_store_id)
    again = await redact(made.memory_version_id, memory_store_id=made.memory_store_id)
    assert (first.content, first.redacted_at) == (None, again.redacted_at)
    assert first.created_by is not None


async def test_versions_outlive_their_memory(world: World) -> None:
    """A ``deleted`` row keeps the path, without content, hash and size."""
    made = await memory(world)
    await world.client.beta.memory_stores.memories.delete(made.id, memory_store_id=made.memory_store_id)
    page = await world.client.beta.memory_stores.memory_versions.list(made.memory_store_id, view="full")
    deleted, created = page.data
    assert (deleted.operation, deleted.path, deleted.content, deleted.content_sha256) == ("deleted", "/a", None, None)
    assert (created.operation, created.content) == ("created", "old")


async def test_pages_with_content_are_clamped_to_twenty(world: World) -> None:
    """``view=full`` is the one list whose too large limit is not refused."""
    store_id = await world.store(**{f"m{i:02}": "x" for i in range(21)})
    page = await world.client.beta.memory_stores.memories.list(store_id, view="full", limit=100)
    assert (len(page.data), page.has_next_page()) == (20, True)


async def test_content_is_limited_to_102400_bytes(world: World) -> None:
    """102,401 bytes fail."""
    assert (await memory(world, "x" * 102_400)).content_size_bytes == 102_400
    with pytest.raises(BadRequestError):
        await memory(world, "é" * 51_201)


async def test_an_archived_store_is_read_deleted_from_and_redacted_but_not_written(world: World) -> None:
    made = await memory(world)
    await world.client.beta.memory_stores.archive(made.memory_store_id)
    with pytest.raises(BadRequestError):
        await world.client.beta.memory_stores.memories.create(made.memory_store_id, path="/b", content="x")
    with pytest.raises(BadRequestError):
        await world.client.beta.memory_stores.update(made.memory_store_id, name="n")
    read = await world.client.beta.memory_stores.memories.retrieve(made.id, memory_store_id=made.memory_store_id)
    assert read.content == "old"
    await world.client.beta.memory_stores.memories.delete(made.id, memory_store_id=made.memory_store_id)


def kind(error: ConflictError) -> str:
    assert isinstance(error.body, dict)
    return str(error.body["error"]["type"])
