import pytest
from anthropic import AsyncAnthropic
from httpx2 import AsyncClient


@pytest.mark.parametrize("meaning", ["true", "false"])
async def test_a_hit_says_what_its_score_is_made_of(client: AsyncAnthropic, http: AsyncClient, meaning: str) -> None:
    store = await client.beta.memory_stores.create(name="notes")
    for path, content in {"/refunds": "Refunds take 30 days.", "/tone": "Be brief.", "/other": "Refunds."}.items():
        await client.beta.memory_stores.memories.create(store.id, path=path, content=content)
    query = {"query": "how long do refunds take", "limit": "1", "meaning": meaning}
    (hit,) = (await http.get(f"/v1/memory_stores/{store.id}/recall", params=query)).json()["data"]
    assert (hit["path"], hit["snippet"]) == ("/refunds", "Refunds take 30 days.")
    assert "refunds" in [reason["term"] for reason in hit["reasons"]]
    assert hit["score"] == pytest.approx(hit["relevance"] * hit["activation"] * hit["impact"])
    assert hit["relevance"] == pytest.approx(sum(r["contribution"] for r in hit["reasons"]) + hit["meaning"])
    assert (hit["meaning"] > 0) == (meaning == "true")


async def test_recall_needs_a_query_and_a_store(client: AsyncAnthropic, http: AsyncClient) -> None:
    store = await client.beta.memory_stores.create(name="notes")
    assert (await http.get(f"/v1/memory_stores/{store.id}/recall")).status_code == 400
    assert (await http.get("/v1/memory_stores/memstore_x/recall", params={"query": "q"})).status_code == 404


async def test_who_asks_is_taken_and_an_unknown_word_of_it_refused(client: AsyncAnthropic, http: AsyncClient) -> None:
    store = await client.beta.memory_stores.create(name="notes")
    await client.beta.memory_stores.memories.create(store.id, path="/refunds", content="退款会在十天内退回。")
    asked = {"query": "退款", "agent": "desk", "tools": ["lookup", "refund"], "task_family": "late", "scope": "true"}
    (hit,) = (await http.get(f"/v1/memory_stores/{store.id}/recall", params=asked)).json()["data"]
    assert (hit["path"], hit["scope"], hit["snippet"]) == ("/refunds", 0.0, "退款会在十天内退回。")
    assert (await http.get(f"/v1/memory_stores/{store.id}/recall", params=asked | {"user": "x"})).status_code == 400
