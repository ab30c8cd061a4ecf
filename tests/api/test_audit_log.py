from anthropic import AsyncAnthropic
from httpx2 import AsyncClient

from tests.api.conftest import Server


async def test_acts_are_listed_newest_first_and_chosen_by_resource_and_action(
    client: AsyncAnthropic, http: AsyncClient
) -> None:
    store = await client.beta.memory_stores.create(name="notes")
    memory = await client.beta.memory_stores.memories.create(store.id, path="/a", content="1")
    await client.beta.memory_stores.memories.update(memory.id, memory_store_id=store.id, content="2")
    first = (await http.get("/v1/audit_log", params={"limit": 2})).json()
    rest = (await http.get("/v1/audit_log", params={"limit": 2, "page": first["next_page"]})).json()
    assert [(entry["action"], entry["resource_id"]) for entry in [*first["data"], *rest["data"]]] == [
        ("memory_stores.memories.update", memory.id),
        ("memory_stores.memories.create", memory.id),
        ("memory_stores.create", store.id),
    ]
    (made,) = (await http.get("/v1/audit_log", params={"resource_id": store.id})).json()["data"]
    assert made["actor"]["type"] == "api_actor"
    changes = await http.get("/v1/audit_log", params={"action": "memory_stores.memories.update"})
    assert len(changes.json()["data"]) == 1


async def test_only_an_admin_reads_the_audit_log(server: Server) -> None:
    async with server.http(await server.key("write")) as writer:
        assert (await writer.get("/v1/audit_log")).status_code == 403
