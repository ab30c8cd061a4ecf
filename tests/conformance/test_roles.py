"""Every endpoint is refused to keys that may not call it, before anything else is looked at."""

import re

import httpx2
import pytest

from reverie.api.app import ENDPOINTS
from reverie.api.endpoint import Endpoint
from reverie.storage.service.api_keys import KeyRole
from reverie.testing.patience import PATIENCE_SECONDS
from tests.conformance.served import Served
from tests.conformance.world import World
from tests.quick_server import TLS

_RANK = {"read": 1, "write": 2, "admin": 3}


async def call(client: httpx2.AsyncClient, endpoint: Endpoint) -> int:
    """The status of a call about nothing that exists."""
    path = re.sub(r"{\w+(:\w+)?}", "none", endpoint.path)
    async with client.stream(endpoint.method, path) as response:
        return response.status_code


@pytest.mark.parametrize("role", ["read", "write"])
async def test_endpoints_that_need_more_refuse_a_key_with(role: KeyRole, served: Served) -> None:
    above = [x for x in ENDPOINTS if _RANK.get(x.least_role, 0) > _RANK[role]]
    assert above
    async with served.http(await served.key(role)) as client:
        answered = {endpoint.name: await call(client, endpoint) for endpoint in above}
    assert {name: status for name, status in answered.items() if status != 403} == {}


@pytest.mark.parametrize("role", ["read", "write", "admin"])
async def test_endpoints_that_need_no_more_never_refuse_a_key_with(role: KeyRole, served: Served) -> None:
    within = [x for x in ENDPOINTS if _RANK.get(x.least_role, 0) <= _RANK[role]]
    async with served.http(await served.key(role)) as client:
        answered = {endpoint.name: await call(client, endpoint) for endpoint in within}
    assert {name: status for name, status in answered.items() if status in (401, 403) or status >= 500} == {}


async def test_environment_keys_call_what_workers_need_and_nothing_else(world: World) -> None:
    closed = [endpoint for endpoint in ENDPOINTS if not (endpoint.worker or endpoint.worker_key)]
    key = await world.served.key("worker", environment_id=await world.environment("self_hosted"))
    async with world.served.http(key) as client:
        answered = {endpoint.name: await call(client, endpoint) for endpoint in closed}
    assert {name: status for name, status in answered.items() if status != 403} == {}


async def test_no_endpoint_answers_without_a_good_key(served: Served) -> None:
    closed = [endpoint for endpoint in ENDPOINTS if endpoint.least_role != "open"]
    for header in ({"authorization": "Bearer sk-reverie-admin-guessed"}, {"x-api-key": "x"}, {}):
        async with httpx2.AsyncClient(
            base_url=served.url, headers=header, timeout=PATIENCE_SECONDS, verify=TLS
        ) as client:
            answered = {endpoint.name: await call(client, endpoint) for endpoint in closed}
        assert {name: status for name, status in answered.items() if status != 401} == {}
