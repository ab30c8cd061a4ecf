import httpx2
import pytest
import pytest_asyncio
from anthropic import AsyncAnthropic

from tests.api.conftest import Server


@pytest_asyncio.fixture
async def keys(client: AsyncAnthropic) -> str:
    """The address of a self-hosted environment's keys."""
    environment = await client.beta.environments.create(name="desk", config={"type": "self_hosted"})
    return f"/v1/environments/{environment.id}/keys"


async def test_a_fresh_key_polls_for_work_until_it_is_revoked(
    server: Server, http: httpx2.AsyncClient, keys: str
) -> None:
    made = (await http.post(keys, json={"name": "sandbox"})).json()
    other = (await http.post(keys, json={"name": "other"})).json()
    poll = keys.replace("/keys", "/work/poll")
    async with server.http(made["secret"]) as worker:
        assert (await worker.get(poll)).json() is None
    revoked = (await http.post(f"{keys}/{other['id']}/revoke")).json()
    assert revoked["revoked_at"] is not None
    async with server.http(other["secret"]) as worker:
        assert (await worker.get(poll)).status_code == 401


async def test_listed_keys_show_no_secret(http: httpx2.AsyncClient, keys: str) -> None:
    made = [(await http.post(keys, json={"expires_in_days": 7})).json()["id"] for _ in range(2)]
    listed = (await http.get(keys)).json()["data"]
    assert [key["id"] for key in listed] == made[::-1]
    assert {key["secret"] for key in listed} == {None}


async def test_a_cloud_environment_has_no_keys(http: httpx2.AsyncClient, client: AsyncAnthropic) -> None:
    environment = await client.beta.environments.create(name="cloud")
    assert (await http.post(f"/v1/environments/{environment.id}/keys", json={})).status_code == 400


async def test_a_key_is_revoked_through_its_own_environment_only(http: httpx2.AsyncClient, keys: str) -> None:
    made = (await http.post(keys, json={})).json()
    assert (await http.post(f"/v1/environments/env_other/keys/{made['id']}/revoke")).status_code == 404


@pytest.mark.parametrize("role", ["read", "write"])
async def test_keys_of_environments_are_an_admins_business(server: Server, keys: str, role: str) -> None:
    async with server.http(await server.key(role)) as http:  # type: ignore[arg-type]
        assert (await http.get(keys)).status_code == 403
