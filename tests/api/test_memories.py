import asyncio
from hashlib import sha256
from typing import Any

import pytest
import pytest_asyncio
from anthropic import AsyncAnthropic, BadRequestError, ConflictError, NotFoundError
from anthropic.types.beta.memory_stores import BetaManagedAgentsMemory
from httpx2 import AsyncClient

from reverie.memory.memory import Edit
from reverie.storage.memory.memories import apply_edits
from tests.api.conftest import Server


@pytest_asyncio.fixture
async def store(client: AsyncAnthropic) -> str:
    """The id of an empty store."""
    return (await client.beta.memory_stores.create(name="notes")).id


async def fill(client: AsyncAnthropic, store: str, *paths: str) -> list[BetaManagedAgentsMemory]:
    return [await client.beta.memory_stores.memories.create(store, path=path, content=path) for path in paths]


async def listed(client: AsyncAnthropic, store: str, **query: Any) -> list[str]:
    return [item.path async for item in client.beta.memory_stores.memories.list(store, **query)]


async def versions(client: AsyncAnthropic, store: str) -> list[str]:
    return [version.operation async for version in client.beta.memory_stores.memory_versions.list(store)]


def error_of(caught: pytest.ExceptionInfo[ConflictError]) -> dict[str, Any]:
    body: Any = caught.value.body
    assert caught.value.response.headers["x-should-retry"] == "false"
    error: dict[str, Any] = body["error"]
    return error


async def test_a_memory_is_named_by_the_hash_of_its_exact_bytes(client: AsyncAnthropic, store: str) -> None:
    made = await client.beta.memory_stores.memories.create(store, path="/é", content="é\r\n", view="full")
    assert (made.content, made.content_size_bytes) == ("é\r\n", 4)
    assert made.content_sha256 == sha256("é\r\n".encode()).hexdigest()
    assert await client.beta.memory_stores.memories.retrieve(made.id, memory_store_id=store) == made


async def test_contents_are_shown_by_default_only_where_one_memory_is_read(client: AsyncAnthropic, store: str) -> None:
    (made,) = await fill(client, store, "/a")
    changed = await client.beta.memory_stores.memories.update(made.id, memory_store_id=store, content="2")
    (item,) = (await client.beta.memory_stores.memories.list(store)).data
    read = await client.beta.memory_stores.memories.retrieve(made.id, memory_store_id=store)
    basic = await client.beta.memory_stores.memories.retrieve(made.id, memory_store_id=store, view="basic")
    assert isinstance(item, BetaManagedAgentsMemory)
    assert [x.content for x in (made, changed, item, basic, read)] == [None, None, None, None, "2"]


async def test_making_a_memory_never_overwrites_one(client: AsyncAnthropic, store: str) -> None:
    (made,) = await fill(client, store, "/a")
    with pytest.raises(ConflictError) as caught:
        await client.beta.memory_stores.memories.create(store, path="/a", content="/a")
    error = error_of(caught)
    assert error["type"] == "memory_path_conflict_error"
    assert (error["conflicting_memory_id"], error["conflicting_path"]) == (made.id, "/a")
    with pytest.raises(ConflictError, match="cannot also be a directory"):
        await client.beta.memory_stores.memories.create(store, path="/a/b", content="")


async def test_a_renamed_memory_keeps_its_id_and_its_content(client: AsyncAnthropic, store: str) -> None:
    (made, _) = await fill(client, store, "/a", "/taken")
    moved = await client.beta.memory_stores.memories.update(made.id, memory_store_id=store, path="/b", view="full")
    assert (moved.id, moved.path, moved.content, moved.created_at) == (made.id, "/b", "/a", made.created_at)
    assert await listed(client, store) == ["/b", "/taken"]
    assert await versions(client, store) == ["modified", "created", "created"]
    with pytest.raises(ConflictError) as caught:
        await client.beta.memory_stores.memories.update(made.id, memory_store_id=store, path="/taken")
    assert error_of(caught)["conflicting_path"] == "/taken"


async def test_a_precondition_is_held_against_the_present_content_even_on_a_rename(
    client: AsyncAnthropic, store: str
) -> None:
    (made,) = await fill(client, store, "/a")
    with pytest.raises(ConflictError) as caught:
        await client.beta.memory_stores.memories.update(
            made.id,
            memory_store_id=store,
            path="/b",
            precondition={"type": "content_sha256", "content_sha256": sha256(b"read before").hexdigest()},
        )
    assert error_of(caught)["type"] == "memory_precondition_failed_error"
    assert await listed(client, store) == ["/a"]


async def test_a_change_that_is_made_already_succeeds_whatever_its_precondition_and_writes_nothing(
    client: AsyncAnthropic, store: str
) -> None:
    (made,) = await fill(client, store, "/a")
    again = await client.beta.memory_stores.memories.update(
        made.id,
        memory_store_id=store,
        content="/a",
        path="/a",
        precondition={"type": "content_sha256", "content_sha256": sha256(b"read before").hexdigest()},
    )
    assert again == made
    assert await versions(client, store) == ["created"]


async def test_of_two_clients_with_one_precondition_exactly_one_wins(client: AsyncAnthropic, store: str) -> None:
    (made,) = await fill(client, store, "/a")

    async def write(content: str) -> BetaManagedAgentsMemory:
        return await client.beta.memory_stores.memories.update(
            made.id,
            memory_store_id=store,
            content=content,
            precondition={"type": "content_sha256", "content_sha256": made.content_sha256},
        )

    outcomes = await asyncio.gather(*(write(str(number)) for number in range(6)), return_exceptions=True)
    (won,) = [outcome for outcome in outcomes if isinstance(outcome, BetaManagedAgentsMemory)]
    assert sum(isinstance(outcome, ConflictError) for outcome in outcomes) == 5
    now = await client.beta.memory_stores.memories.retrieve(made.id, memory_store_id=store)
    assert now.content_sha256 == won.content_sha256


async def test_of_many_clients_that_make_one_path_exactly_one_does(client: AsyncAnthropic, store: str) -> None:
    makers = (client.beta.memory_stores.memories.create(store, path="/a", content=str(n)) for n in range(6))
    outcomes = await asyncio.gather(*makers, return_exceptions=True)
    assert sum(isinstance(outcome, ConflictError) for outcome in outcomes) == 5
    assert await versions(client, store) == ["created"]


async def test_a_memory_is_deleted_only_while_it_is_as_expected(client: AsyncAnthropic, store: str) -> None:
    (made,) = await fill(client, store, "/a")
    memories = client.beta.memory_stores.memories
    with pytest.raises(ConflictError):
        await memories.delete(made.id, memory_store_id=store, expected_content_sha256=sha256(b"other").hexdigest())
    gone = await memories.delete(made.id, memory_store_id=store, expected_content_sha256=made.content_sha256)
    assert (gone.id, gone.type) == (made.id, "memory_deleted")
    with pytest.raises(NotFoundError):
        await memories.delete(made.id, memory_store_id=store)


async def test_an_archived_store_can_be_read_and_emptied_but_not_written(client: AsyncAnthropic, store: str) -> None:
    (made,) = await fill(client, store, "/a")
    await client.beta.memory_stores.archive(store)
    with pytest.raises(BadRequestError, match="archived"):
        await client.beta.memory_stores.memories.create(store, path="/b", content="")
    with pytest.raises(BadRequestError, match="archived"):
        await client.beta.memory_stores.memories.update(made.id, memory_store_id=store, content="2")
    assert await listed(client, store) == ["/a"]
    await client.beta.memory_stores.memories.delete(made.id, memory_store_id=store)
    assert await listed(client, store) == []


async def test_memories_are_paged_in_byte_order_of_their_paths(client: AsyncAnthropic, store: str) -> None:
    await fill(client, store, "/b/é", "/b/Z", "/b/a_%", "/bc", "/B/x", "/b.md")
    assert await listed(client, store, limit=2) == ["/B/x", "/b.md", "/b/Z", "/b/a_%", "/b/é", "/bc"]
    assert await listed(client, store, limit=1, path_prefix="/b/") == ["/b/Z", "/b/a_%", "/b/é"]
    assert await listed(client, store, depth=0, path_prefix="/nothing/") == []


async def test_at_depth_one_deeper_memories_are_one_prefix_each_in_path_order(
    client: AsyncAnthropic, store: str
) -> None:
    await fill(client, store, "/a/b/c", "/a/b/d/e", "/a/b.md", "/a/b0", "/a/z", "/a/q/r", "/top", "/0/deep")
    directly = ["/a/b.md", "/a/b/", "/a/b0", "/a/q/", "/a/z"]
    for limit in (1, 2, 100):
        assert await listed(client, store, depth=1, path_prefix="/a/", limit=limit) == directly
        assert await listed(client, store, depth=1, limit=limit) == ["/0/", "/a/", "/top"]
    page = await client.beta.memory_stores.memories.list(store, depth=1, path_prefix="/a/", limit=2)
    assert [item.type for item in page.data] == ["memory", "memory_prefix"]


async def test_a_page_with_contents_is_cut_to_twenty_and_any_other_too_large_one_is_refused(
    client: AsyncAnthropic, store: str
) -> None:
    await fill(client, store, *(f"/{number}" for number in range(22)))
    page = await client.beta.memory_stores.memories.list(store, view="full", limit=500)
    assert len(page.data) == 20
    assert page.next_page is not None
    with pytest.raises(BadRequestError, match="limit"):
        await client.beta.memory_stores.memories.list(store, limit=101)


@pytest.mark.parametrize("query", ["depth=2", "path_prefix=/a", "page=page_x", "limit=0", "view=all", "colour=red"])
async def test_a_malformed_listing_is_refused(http: AsyncClient, store: str, query: str) -> None:
    assert (await http.get(f"/v1/memory_stores/{store}/memories?{query}")).status_code == 400


async def test_an_order_that_older_clients_ask_for_is_ignored(http: AsyncClient, store: str) -> None:
    answer = await http.get(f"/v1/memory_stores/{store}/memories?order=desc&order_by=created_at&depth=1")
    assert (answer.status_code, answer.json()["data"]) == (200, [])


@pytest.mark.parametrize(
    "body",
    [
        {"path": "a", "content": ""},
        {"path": "/a//b", "content": ""},
        {"path": "/a", "content": "x" * 102_401},
        {"path": "/a", "content": "\0"},
        {"path": "/a", "content": None},
        {"path": "/a"},
    ],
)
async def test_a_path_or_content_out_of_bounds_is_refused(http: AsyncClient, store: str, body: dict[str, Any]) -> None:
    answer = await http.post(f"/v1/memory_stores/{store}/memories", json=body)
    assert (answer.status_code, answer.json()["error"]["type"]) == (400, "invalid_request_error")


@pytest.mark.parametrize(
    "body", [{}, {"content": "b", "precondition": {"type": "content_sha256"}}, {"content": None, "path": None}]
)
async def test_a_change_of_nothing_is_refused(
    client: AsyncAnthropic, http: AsyncClient, store: str, body: dict[str, Any]
) -> None:
    (made,) = await fill(client, store, "/a")
    assert (await http.post(f"/v1/memory_stores/{store}/memories/{made.id}", json=body)).status_code == 400


async def test_a_full_store_takes_no_new_memory_and_its_memories_stay_editable(
    server: Server, client: AsyncAnthropic, store: str
) -> None:
    edits = [Edit(f"/{number:04}", "", "") for number in range(2_000)]
    async with server.service.database.connection() as connection:
        now = server.service.clock.now()
        await apply_edits(connection, store, edits, act="import", actor="user", reason="test", now=now)
    with pytest.raises(BadRequestError, match="at most 2,000"):
        await client.beta.memory_stores.memories.create(store, path="/more", content="")
    (first,) = (await client.beta.memory_stores.memories.list(store, limit=1)).data
    assert first.type == "memory"
    await client.beta.memory_stores.memories.update(first.id, memory_store_id=store, content="new", path="/moved")
