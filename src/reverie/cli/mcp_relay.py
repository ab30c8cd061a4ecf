"""``reverie mcp --url``: standard input and output on this side, a server's ``/mcp`` on the other.

Everything is the server's: tools, resources, what they say, what the key may do.
"""

from collections.abc import Iterable
from importlib.metadata import version
from typing import Any
from urllib.parse import urlencode

import httpx2
from mcp import Client
from mcp.client.streamable_http import streamable_http_client
from mcp.server.lowlevel.helper_types import ReadResourceContents
from mcp.server.mcpserver import Context, MCPServer
from mcp_types import CallToolResult, InputRequiredResult, Resource, ResourceTemplate, TextResourceContents, Tool
from mcp_types.jsonrpc import INVALID_PARAMS

from reverie.errors import SettingsError

_SECONDS = 60.0


class _Relay(MCPServer[Any]):
    """Asks another server."""

    def __init__(self, far: Client) -> None:
        super().__init__("reverie", instructions=far.instructions, version=version("reverie"), log_level="WARNING")
        self._far = far

    async def list_tools(self) -> list[Tool]:
        return (await self._far.list_tools()).tools

    async def call_tool(
        self,
        name: str,
        arguments: dict[str, Any],
        context: Context[Any, Any] | None = None,  # noqa: ARG002 - the SDK's signature
    ) -> CallToolResult | InputRequiredResult:
        return await self._far.call_tool(name, arguments)

    async def list_resources(self) -> list[Resource]:
        return (await self._far.list_resources()).resources

    async def list_resource_templates(self) -> list[ResourceTemplate]:
        return (await self._far.list_resource_templates()).resource_templates

    async def read_resource(
        self,
        uri: Any,
        context: Context[Any, Any] | None = None,  # noqa: ARG002
    ) -> Iterable[ReadResourceContents] | InputRequiredResult:
        found = (await self._far.read_resource(str(uri))).contents
        return [
            ReadResourceContents(content=one.text, mime_type=one.mime_type)
            for one in found
            if isinstance(one, TextResourceContents)
        ]


async def serve(url: str, key: str | None, place: list[tuple[str, str]]) -> None:
    """Serve one client on standard input and output until it ends.

    Raises:
        SettingsError: the server cannot be reached, or declines the key.
    """
    headers = {} if key is None else {"x-api-key": key}
    address, query = f"{url.rstrip('/')}/mcp", urlencode(place)
    async with httpx2.AsyncClient(headers=headers, timeout=_SECONDS) as http:
        address = f"{address}?{query}" if query else address
        await _check(http, address)
        transport = streamable_http_client(address, http_client=http)
        async with Client(transport, mode="legacy") as far:
            await _Relay(far).run_stdio_async()


async def _check(http: httpx2.AsyncClient, address: str) -> None:
    """Say in a sentence what an agent's log would else have as a traceback.

    Raises:
        SettingsError: there is no server, or it declines.
    """
    try:
        # Of a method and a form that MCP has no answer for, so that nothing begins.
        answer = await http.delete(address)
    except (httpx2.HTTPError, httpx2.InvalidURL) as error:
        raise SettingsError(
            f"no server answers at {address}: {error}; check --url or REVERIE_URL, and that the server runs"
        ) from error
    told = answer.json() if "json" in answer.headers.get("content-type", "") else {}
    problem = told.get("error") if isinstance(told, dict) else None
    if not isinstance(problem, dict):
        return
    if problem.get("code") == INVALID_PARAMS:
        raise SettingsError(f"{answer.url.host}: {problem['message']}")
    if answer.status_code in (401, 403, 404) and told.get("type") == "error":
        raise SettingsError(f"{address}: {problem['message']}; give a key by --key or REVERIE_API_KEY")
