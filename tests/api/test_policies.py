from anthropic import AsyncAnthropic
from httpx2 import AsyncClient as Http

from reverie import AsyncClient


async def test_a_policy_is_shown_whole_and_set_whole(client: AsyncAnthropic, http: Http) -> None:
    path = f"/v1/memory_stores/{(await client.beta.memory_stores.create(name='notes')).id}/policy"
    defaults = (await http.get(path)).json()["policy"]
    assert defaults["memory"]["tiers"]["short_days"] == 7.0
    changed = await http.post(path, json={"policy": {"memory": {"tiers": {"short_days": 3}}}})
    assert changed.json()["policy"]["memory"]["tiers"]["short_days"] == 3.0
    assert (await http.get(path)).json() == changed.json()
    assert (await http.post(path, json={"policy": {}})).json()["policy"] == defaults


async def test_clients_read_and_set_a_policy(client: AsyncAnthropic, reverie: AsyncClient) -> None:
    store = await client.beta.memory_stores.create(name="notes")
    changed = await reverie.set_policy(store.id, {"live": {"mode": "ask"}})
    assert changed.policy["live"]["mode"] == "ask" and await reverie.policy(store.id) == changed


async def test_an_unknown_setting_or_an_archived_store_is_refused(client: AsyncAnthropic, http: Http) -> None:
    store = await client.beta.memory_stores.create(name="notes")
    path = f"/v1/memory_stores/{store.id}/policy"
    answer = await http.post(path, json={"policy": {"mining": {"least_efect": 0.1}}})
    assert answer.status_code == 400
    assert "least_efect" in answer.json()["error"]["message"]
    await client.beta.memory_stores.archive(store.id)
    assert (await http.post(path, json={"policy": {}})).status_code == 400
    assert (await http.get(path)).status_code == 200
