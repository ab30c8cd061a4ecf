from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import httpx2
import pytest
import pytest_asyncio

from reverie.api.app import ENDPOINTS, make_app
from reverie.api.endpoint import Endpoint
from reverie.api.request_context import RequestContext
from reverie.storage.postgres.workspaces import DEFAULT_WORKSPACE
from reverie.storage.service.api_keys import KeyScope, create_key
from tests.api.conftest import Server
from tests.api.test_work import make_session


async def _echo(context: RequestContext) -> dict[str, Any]:
    return dict(context.path)


# Paths of the kinds that the wire API has, so that what keys cover is tested whatever the resources do.
_PROBES = (
    Endpoint(_echo, "session.read", "GET", "/session/{session_id}", worker=True),
    Endpoint(_echo, "session.change", "POST", "/session/{session_id}"),
    Endpoint(_echo, "store.read", "GET", "/store/{memory_store_id}", worker=True),
    Endpoint(_echo, "store.change", "POST", "/store/{memory_store_id}", worker=True),
    Endpoint(_echo, "skill.read", "GET", "/skill/{skill_id}", worker=True),
)

Ask = Callable[[str, str], Awaitable[int]]


@pytest_asyncio.fixture
async def ask(server: Server) -> AsyncIterator[Ask]:
    """Asks with the token of work on ``sesn_own``; ``sesn_other`` runs in the same environment. Gives the status."""
    now = server.service.clock.now()
    scope = KeyScope(DEFAULT_WORKSPACE, "session", "env_1", "sesn_own", "work_1")
    async with server.service.database.connection() as connection:
        stores = (("memstore_written", "read_write"), ("memstore_read", "read_only"))
        await make_session(connection, "sesn_own", "env_1", *stores)
        await make_session(connection, "sesn_other", "env_1", ("memstore_other", "read_write"))
        _, secret = await create_key(connection, "", scope, now)
    transport = httpx2.ASGITransport(make_app(server.service, endpoints=_PROBES))
    headers = {"authorization": f"Bearer {secret}"}
    async with httpx2.AsyncClient(transport=transport, base_url="http://reverie", headers=headers) as http:

        async def ask(method: str, path: str) -> int:
            return (await http.request(method, path)).status_code

        yield ask


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/session/sesn_own", 200),
        ("GET", "/session/sesn_other", 404),
        ("POST", "/session/sesn_own", 403),
        ("GET", "/store/memstore_written", 200),
        ("POST", "/store/memstore_written", 200),
        ("GET", "/store/memstore_read", 200),
        ("POST", "/store/memstore_read", 404),
        ("GET", "/store/memstore_other", 404),
        ("GET", "/skill/skill_of_sesn_own", 200),
        ("GET", "/skill/skill_of_sesn_other", 404),
    ],
)
async def test_a_token_reaches_its_session_with_its_stores_and_skills_alone(
    ask: Ask, method: str, path: str, status: int
) -> None:
    assert await ask(method, path) == status


def test_every_endpoint_that_a_token_may_call_names_what_its_scope_is_held_against() -> None:
    held = ("{session_id}", "{memory_store_id}", "{skill_id}", "{work_id}")
    open_to_tokens = [endpoint for endpoint in ENDPOINTS if endpoint.worker]
    assert open_to_tokens
    assert [endpoint.name for endpoint in open_to_tokens if not any(name in endpoint.path for name in held)] == []
