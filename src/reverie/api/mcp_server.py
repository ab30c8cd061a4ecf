"""The MCP server of a process, which is made when it is first asked for: it needs an optional extra."""

import asyncio
from typing import TYPE_CHECKING, Protocol

from starlette.requests import Request
from starlette.types import ASGIApp

from reverie.errors import NotFoundError
from reverie.lazy_modules import load_module
from reverie.storage.postgres.database import Database
from reverie.storage.service.api_keys import ApiKey

if TYPE_CHECKING:
    from reverie.api.service import Service


class RunningMcp(Protocol):
    """What :mod:`.mcp_http` starts."""

    async def for_session(self, request: Request, key: ApiKey, database: Database) -> ASGIApp:
        """What answers a request of this key."""

    async def close(self) -> None:
        """End all sessions."""


class McpSessions:
    """All MCP sessions of a process."""

    def __init__(self) -> None:
        self._making = asyncio.Lock()
        self._server: RunningMcp | None = None

    async def server(self, service: "Service") -> RunningMcp:
        """The running server.

        Raises:
            NotFoundError: the ``mcp`` package is not installed.
        """
        async with self._making:
            if self._server is None:
                try:
                    module = await asyncio.to_thread(load_module, "reverie.api.mcp_http")
                except ModuleNotFoundError as error:
                    raise NotFoundError(
                        f"this server speaks no MCP: {error.name} is not installed; run: pip install 'reverie[mcp]'"
                    ) from error
                self._server = await module.start(service)
            return self._server

    async def close(self) -> None:
        """End all sessions."""
        if self._server is not None:
            await self._server.close()
