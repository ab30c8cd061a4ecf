import pytest
from anthropic import AsyncAnthropic, BadRequestError, NotFoundError
from anthropic.types.beta.memory_stores import BetaManagedAgentsMemory

from tests.api.conftest import Server


async def write_and_change(client: AsyncAnthropic, store: str, path: str) -> BetaManagedAgentsMemory:
    made = await client.beta.memory_stores.memories.create(store, path=path, content="secret")
    return await client.beta.memory_stores.memories.update(made.id, memory_store_id=store, content="clean")


async def test_every_real_change_is_one_version_that_says_who_made_it(client: AsyncAnthropic) -> None:
    store = await client.beta.memory_stores.create(name="notes")
    memory = await write_and_change(client, store.id, "/a")
    await client.beta.memory_stores.memories.delete(memory.id, memory_store_id=store.id)
    listed = [version async for version in client.beta.memory_stores.memory_versions.list(store.id, view="full")]
    assert [(v.operation, v.path, v.content) for v in listed] == [
        ("deleted", "/a", None),
        ("modified", "/a", "clean"),
        ("created", "/a", "secret"),
    ]
    assert {v.created_by.type if v.created_by else None for v in listed} == {"api_actor"}
    assert memory.memory_version_id == listed[1].id


async def test_versions_are_paged_newest_first_and_without_contents(client: AsyncAnthropic) -> None:
    store = await client.beta.memory_stores.create(name="notes")
    for path in ("/a", "/b", "/c"):
        await write_and_change(client, store.id, path)
    listed = [version async for version in client.beta.memory_stores.memory_versions.list(store.id, limit=2)]
    assert [version.path for version in listed] == ["/c", "/c", "/b", "/b", "/a", "/a"]
    assert {version.content for version in listed} == {None}


async def test_versions_are_chosen_by_memory_operation_author_and_time(server: Server, client: AsyncAnthropic) -> None:
    store = await client.beta.memory_stores.create(name="notes")
    first = await write_and_change(client, store.id, "/a")
    async with server.client(await server.key("write")) as other:
        second = await write_and_change(other, store.id, "/b")
    versions = client.beta.memory_stores.memory_versions
    by = (await versions.retrieve(second.memory_version_id, memory_store_id=store.id)).created_by
    assert by is not None
    assert by.type == "api_actor"
    assert [v.path async for v in versions.list(store.id, api_key_id=by.api_key_id)] == ["/b", "/b"]
    assert [v.memory_id async for v in versions.list(store.id, operation="created")] == [second.id, first.id]
    assert [v.operation async for v in versions.list(store.id, memory_id=first.id)] == ["modified", "created"]
    assert [v.path async for v in versions.list(store.id, created_at_gte=second.updated_at)] == ["/b"]
    assert len([v async for v in versions.list(store.id, created_at_lte=first.updated_at)]) == 2
    assert [v async for v in versions.list(store.id, session_id="sesn_1")] == []
    assert [v async for v in versions.list(store.id, service_account_id="svac_1")] == []


async def test_redaction_blanks_a_version_for_good_and_keeps_its_author(client: AsyncAnthropic) -> None:
    store = await client.beta.memory_stores.create(name="notes")
    await write_and_change(client, store.id, "/a")
    await client.beta.memory_stores.archive(store.id)
    versions = client.beta.memory_stores.memory_versions
    (_, old) = (await versions.list(store.id)).data
    redacted = await versions.redact(old.id, memory_store_id=store.id)
    assert (redacted.path, redacted.content, redacted.content_sha256, redacted.content_size_bytes) == (None,) * 4
    assert redacted.created_by == redacted.redacted_by == old.created_by
    assert redacted.redacted_at is not None
    assert await versions.redact(old.id, memory_store_id=store.id) == redacted
    assert await versions.retrieve(old.id, memory_store_id=store.id) == redacted


async def test_what_a_memory_holds_now_cannot_be_redacted(client: AsyncAnthropic) -> None:
    store = await client.beta.memory_stores.create(name="notes")
    memory = await write_and_change(client, store.id, "/a")
    with pytest.raises(BadRequestError, match="holds now"):
        await client.beta.memory_stores.memory_versions.redact(memory.memory_version_id, memory_store_id=store.id)


async def test_a_version_of_another_store_is_not_there(client: AsyncAnthropic) -> None:
    store, other = [await client.beta.memory_stores.create(name="notes") for _ in range(2)]
    memory = await write_and_change(client, store.id, "/a")
    with pytest.raises(NotFoundError):
        await client.beta.memory_stores.memory_versions.retrieve(memory.memory_version_id, memory_store_id=other.id)
