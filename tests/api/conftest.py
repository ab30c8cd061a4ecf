"""A real server on a free port, in the test's own event loop, and official clients that talk to it."""

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

import httpx2
import pytest_asyncio
from anthropic import AsyncAnthropic

from reverie import AsyncClient as Reverie
from reverie.api.app import ENDPOINTS, make_app
from reverie.api.server import open_service
from reverie.api.service import Service, ServiceOptions
from reverie.settings import Settings
from reverie.storage.postgres.workspaces import DEFAULT_WORKSPACE, create_workspace
from reverie.storage.service.api_keys import KeyRole, KeyScope, create_key
from reverie.testing.patience import PATIENCE_SECONDS
from tests.jobs.tried import Tried, open_tried
from tests.quick_server import TLS, quick_server


def _pattern(path: str) -> re.Pattern[str]:
    return re.compile(re.sub(r"{\w+}", "[^/]+", re.sub(r"{\w+:path}", ".+", path)) + "$")


_ROUTES = [(x, _pattern(x.path)) for x in ENDPOINTS]


@dataclass(frozen=True, slots=True)
class Server:
    """A running server."""

    url: str
    service: Service

    async def key(
        self, role: KeyRole = "admin", workspace_id: str = DEFAULT_WORKSPACE, environment_id: str | None = None
    ) -> str:
        """The secret of a fresh key."""
        scope = KeyScope(workspace_id, role, environment_id=environment_id)
        async with self.service.database.connection() as connection:
            return (await create_key(connection, "test", scope, self.service.clock.now()))[1]

    async def workspace(self, name: str) -> str:
        """The id of a fresh workspace."""
        return (await create_workspace(self.service.database, name, self.service.clock.now())).id

    @asynccontextmanager
    async def client(self, secret: str) -> AsyncIterator[AsyncAnthropic]:
        """An official client whose answers are checked strictly."""
        http = httpx2.AsyncClient(event_hooks={"response": [check_answer]}, timeout=PATIENCE_SECONDS, verify=TLS)
        async with AsyncAnthropic(api_key=secret, base_url=self.url, http_client=http) as client:
            yield client

    @asynccontextmanager
    async def http(self, secret: str) -> AsyncIterator[httpx2.AsyncClient]:
        """A plain HTTP client, for what the official one cannot say."""
        headers = {"x-api-key": secret}
        hooks = {"response": [check_answer]}
        async with httpx2.AsyncClient(
            base_url=self.url, headers=headers, event_hooks=hooks, timeout=PATIENCE_SECONDS, verify=TLS
        ) as client:
            yield client


async def check_answer(response: httpx2.Response) -> None:
    """Every successful answer is exactly of the type that its endpoint declares; nothing is coerced."""
    if response.status_code != 200 or "json" not in response.headers.get("content-type", ""):
        return
    await response.aread()
    for endpoint, pattern in _ROUTES:
        if endpoint.method == response.request.method and pattern.match(response.request.url.path):
            if endpoint.answer is not None and endpoint.is_list:
                for item in response.json()["data"]:
                    endpoint.answer.read_strictly(item)
            elif endpoint.answer is not None:
                endpoint.answer.read_strictly(response.json())
            return


@asynccontextmanager
async def running(settings: Settings, options: ServiceOptions) -> AsyncIterator[Server]:
    """A server for as long as the context lasts."""
    async with open_service(settings, options) as service, quick_server(make_app(service)) as url:
        try:
            yield Server(url, service)
        finally:
            service.live.close()


@pytest_asyncio.fixture
async def server(settings: Settings) -> AsyncIterator[Server]:
    """A server on the test's fresh database."""
    async with running(settings, ServiceOptions()) as server:
        yield server


@pytest_asyncio.fixture
async def client(server: Server) -> AsyncIterator[AsyncAnthropic]:
    """The official client with an admin's key of the default workspace."""
    async with server.client(await server.key()) as client:
        yield client


@pytest_asyncio.fixture
async def http(server: Server) -> AsyncIterator[httpx2.AsyncClient]:
    """A plain client with an admin's key of the default workspace."""
    async with server.http(await server.key()) as client:
        yield client


@pytest_asyncio.fixture
async def tried(server: Server) -> Tried:
    """A store of the server whose trials outcomes decide; its sessions are of the server's present."""
    tried = await open_tried(server.service.database)
    tried.now = server.service.clock.now()
    return tried


@pytest_asyncio.fixture
async def reverie(client: AsyncAnthropic) -> AsyncIterator[Reverie]:
    """Our own client, on top of the official one."""
    async with Reverie(sdk=client) as reverie:
        yield reverie
