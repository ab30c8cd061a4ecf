"""Keys of a workspace over HTTP: made, listed, revoked."""

import json

import httpx2
import pytest

from reverie import AsyncClient as Reverie
from reverie.storage.service.api_keys import KeyRole
from tests.api.conftest import Server


async def test_a_key_that_is_made_works_in_its_role_until_it_is_revoked(server: Server, reverie: Reverie) -> None:
    made = await reverie.create_api_key("read", name="dashboard", expires_in_days=7)
    assert made.secret is not None and made.role == "read" and made.expires_at is not None
    async with server.http(made.secret) as http:
        assert (await http.get("/v1/metrics")).status_code == 200
        assert (await http.post("/v1/metrics", json={"name": "helpful"})).status_code == 403
    other = await reverie.create_api_key("write")
    revoked = await reverie.revoke_api_key(other.id)
    assert revoked.revoked_at is not None and other.secret is not None
    async with server.http(other.secret) as http:
        assert (await http.get("/v1/metrics")).status_code == 401


async def test_a_secret_is_told_once_and_stands_in_no_log(http: httpx2.AsyncClient, reverie: Reverie) -> None:
    made = await reverie.create_api_key("write", name="once")
    listed = [key async for key in reverie.api_keys()]
    assert listed[0].id == made.id and {key.secret for key in listed} == {None}
    (act,) = (await http.get("/v1/audit_log", params={"action": "api_keys.create"})).json()["data"]
    assert act["resource_id"] == made.id and str(made.secret) not in json.dumps(act)


async def test_keys_are_paged_newest_first_without_those_of_environments_and_of_other_workspaces(
    server: Server, http: httpx2.AsyncClient, reverie: Reverie
) -> None:
    made = [(await reverie.create_api_key("read", name=str(number))).id for number in range(3)]
    await server.key("worker", environment_id="env_1")
    await server.key("admin", await server.workspace("other"))
    first = (await http.get("/v1/api_keys", params={"limit": 2})).json()
    rest = (await http.get("/v1/api_keys", params={"limit": 2, "page": first["next_page"]})).json()
    found = [key["id"] for key in (*first["data"], *rest["data"])]
    assert set(made) < set(found) and len(found) == 4  # the fourth is the one that asks
    assert found == sorted(found, reverse=True)


async def test_a_key_does_not_revoke_itself_nor_one_of_another_place(server: Server, reverie: Reverie) -> None:
    made = await reverie.create_api_key("admin")
    stranger = await server.key("admin", await server.workspace("other"))
    async with server.http(str(made.secret)) as http:
        own = await http.post(f"/v1/api_keys/{made.id}/revoke")
        assert (own.status_code, "the key that asks" in own.json()["error"]["message"]) == (400, True)
    async with server.http(stranger) as http:
        assert (await http.post(f"/v1/api_keys/{made.id}/revoke")).status_code == 404


@pytest.mark.parametrize(
    ("body", "words"),
    [({}, "role"), ({"role": "worker"}, "role"), ({"role": "read", "expires_in_days": 0}, "expires_in_days")],
)
async def test_a_key_that_cannot_be_is_refused_by_the_field(
    http: httpx2.AsyncClient, body: dict[str, object], words: str
) -> None:
    answer = await http.post("/v1/api_keys", json=body)
    assert (answer.status_code, words in answer.json()["error"]["message"]) == (400, True)


@pytest.mark.parametrize("role", ["read", "write"])
async def test_keys_and_the_state_of_the_server_are_an_admins_business(server: Server, role: KeyRole) -> None:
    async with server.http(await server.key(role)) as http:
        assert (await http.get("/v1/api_keys")).status_code == 403
        assert (await http.post("/v1/api_keys", json={"role": "read"})).status_code == 403
        assert (await http.get("/v1/server")).status_code == 403
