from typing import Any

import pytest
import pytest_asyncio
from anthropic import AsyncAnthropic
from httpx2 import AsyncClient

from tests.api.conftest import Server


@pytest_asyncio.fixture
async def store(client: AsyncAnthropic) -> str:
    """A store with three revisions: /a made, /a changed, /b made."""
    store = await client.beta.memory_stores.create(name="notes")
    made = await client.beta.memory_stores.memories.create(store.id, path="/a", content="1\n")
    await client.beta.memory_stores.memories.update(made.id, memory_store_id=store.id, content="2\n")
    await client.beta.memory_stores.memories.create(store.id, path="/b", content="")
    return f"/v1/memory_stores/{store.id}"


async def test_every_write_is_one_revision_in_the_name_of_its_key(http: AsyncClient, store: str) -> None:
    first = (await http.get(f"{store}/revisions", params={"limit": 2})).json()
    rest = (await http.get(f"{store}/revisions", params={"limit": 2, "page": first["next_page"]})).json()
    listed = [*first["data"], *rest["data"]]
    assert rest["next_page"] is None
    assert [(r["number"], r["created"], r["modified"]) for r in listed] == [(3, 1, 0), (2, 0, 1), (1, 1, 0)]
    assert {(r["act"], r["actor"].partition("_")[0]) for r in listed} == {("write", "apikey")}


async def test_a_revision_is_compared_with_the_one_before_or_with_any_other(http: AsyncClient, store: str) -> None:
    step = (await http.get(f"{store}/revisions/2/diff")).json()
    assert (step["against"], step["modified"], step["differences"][0]["operation"]) == (1, 1, "modified")
    assert step["differences"][0]["diff"].endswith("-1\n+2\n")
    whole = (await http.get(f"{store}/revisions/3/diff", params={"against": 0})).json()
    assert [difference["path"] for difference in whole["differences"]] == ["/a", "/b"]
    assert whole["created"] == 2


async def test_a_rollback_is_a_new_revision_and_says_when_there_is_nothing_to_do(http: AsyncClient, store: str) -> None:
    back = (await http.post(f"{store}/revisions/1/rollback", json={"reason": "it was better"})).json()
    assert (back["revision"]["number"], back["revision"]["act"]) == (4, "rollback")
    assert "it was better" in back["revision"]["reason"]
    again = (await http.post(f"{store}/revisions/1/rollback", json={"reason": "once more"})).json()
    assert again["revision"] is None
    (memory,) = (await http.get(f"{store}/memories", params={"view": "full"})).json()["data"]
    assert (memory["path"], memory["content"]) == ("/a", "1\n")


async def test_a_rollback_needs_a_reason_and_a_revision_that_was(http: AsyncClient, store: str) -> None:
    assert (await http.post(f"{store}/revisions/1/rollback", json={})).status_code == 400
    for number in ("4", "one", "-1"):
        answer = await http.post(f"{store}/revisions/{number}/rollback", json={"reason": "r"})
        assert answer.status_code == 404
    assert (await http.get(f"{store}/revisions/2/diff", params={"against": 9})).status_code == 404


async def test_a_key_that_may_only_read_cannot_roll_back(server: Server, store: str) -> None:
    async with server.http(await server.key("read")) as reader:
        assert (await reader.get(f"{store}/revisions")).status_code == 200
        answer = await reader.post(f"{store}/revisions/1/rollback", json={"reason": "r"})
        assert answer.status_code == 403


async def test_a_rollback_of_what_has_changed_since_it_was_looked_at_is_refused(http: AsyncClient, store: str) -> None:
    body = {"reason": "as shown", "expected_revision": 2}
    refused = await http.post(f"{store}/revisions/1/rollback", json=body)
    assert (refused.status_code, "has changed since" in refused.text) == (409, True)
    done = await http.post(f"{store}/revisions/1/rollback", json={**body, "expected_revision": 3})
    assert done.json()["revision"]["number"] == 4


async def test_a_revision_is_compared_at_one_path_alone(http: AsyncClient, store: str) -> None:
    told = (await http.get(f"{store}/revisions/3/diff", params={"against": 0, "path": "/b"})).json()
    assert [difference["path"] for difference in told["differences"]] == ["/b"]
    assert (told["created"], told["modified"]) == (1, 0)


async def test_a_document_is_read_by_its_path_with_every_act_that_made_it_so(http: AsyncClient, store: str) -> None:
    now = (await http.get(f"{store}/document", params={"path": "/a"})).json()
    assert (now["content"], now["is_current"], now["version"]["revision"]) == ("2\n", True, 2)
    assert [(x["revision"], x["operation"], x["act"]) for x in now["versions"]] == [
        (2, "modified", "write"),
        (1, "created", "write"),
    ]
    assert {x["actor"].partition("_")[0] for x in now["versions"]} == {"apikey"}
    then = (await http.get(f"{store}/document", params={"path": "/a", "revision": 1})).json()
    assert (then["content"], then["is_current"], then["version"]["id"]) == ("1\n", False, now["versions"][1]["id"])


@pytest.mark.parametrize("query", [{"path": "/none"}, {"path": "/b", "revision": 2}, {"path": "/a", "revision": 9}])
async def test_a_document_that_is_not_or_was_not_there_is_not_found(
    http: AsyncClient, store: str, query: dict[str, Any]
) -> None:
    assert (await http.get(f"{store}/document", params=query)).status_code == 404
