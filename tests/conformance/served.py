"""A server process on a fresh database, and keys to it."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import cast

import httpx2
from anthropic import AsyncAnthropic
from psycopg import AsyncConnection

from reverie.clock import SystemClock
from reverie.settings import Settings
from reverie.storage.postgres.database import open_database
from reverie.storage.postgres.workspaces import DEFAULT_WORKSPACE, create_workspace
from reverie.storage.service.api_keys import KeyRole, KeyScope, create_key
from reverie.testing.patience import PATIENCE_SECONDS
from reverie.testing.server_process import ServerProcess
from tests.conformance.blocking import Blocking
from tests.conformance.judge import StrictAnthropic, StrictAsyncAnthropic
from tests.quick_server import TLS


@dataclass(frozen=True, slots=True)
class Served:
    """A running server process and the database that it serves."""

    process: ServerProcess
    settings: Settings

    @property
    def url(self) -> str:
        """Where it listens."""
        return self.process.url

    async def key(
        self, role: KeyRole = "admin", workspace_id: str = DEFAULT_WORKSPACE, environment_id: str | None = None
    ) -> str:
        """The secret of a fresh key."""
        assert self.settings.database_url is not None
        scope = KeyScope(workspace_id, role, environment_id=environment_id)
        async with await AsyncConnection.connect(self.settings.database_url, autocommit=True) as connection:
            return (await create_key(connection, "test", scope, SystemClock().now()))[1]

    async def workspace(self, name: str) -> str:
        """The id of a fresh workspace."""
        async with open_database(self.settings) as database:
            return (await create_workspace(database, name, SystemClock().now())).id

    @asynccontextmanager
    async def client(self, secret: str) -> AsyncIterator[StrictAsyncAnthropic]:
        """The official async client, strict; it never tries twice."""
        async with StrictAsyncAnthropic(
            api_key=secret, base_url=self.url, max_retries=0, timeout=PATIENCE_SECONDS
        ) as client:
            yield client

    @asynccontextmanager
    async def sync_client(self, secret: str) -> AsyncIterator[AsyncAnthropic]:
        """The official sync client, strict, to be awaited like the async one."""
        with StrictAnthropic(api_key=secret, base_url=self.url, max_retries=0, timeout=PATIENCE_SECONDS) as client:
            yield cast(AsyncAnthropic, Blocking(client))

    @asynccontextmanager
    async def http(self, secret: str) -> AsyncIterator[httpx2.AsyncClient]:
        """A plain client, for what the official ones cannot say."""
        async with httpx2.AsyncClient(
            base_url=self.url, headers={"authorization": f"Bearer {secret}"}, timeout=PATIENCE_SECONDS, verify=TLS
        ) as client:
            yield client
