"""A real MCP server on this machine, of the ``mcp`` package's own, which tests start, stop and lock."""

import asyncio
import socket
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import uvicorn
from mcp.server import Server
from mcp.types import (
    CallToolRequestParams,
    CallToolResult,
    ImageContent,
    ListToolsResult,
    TextContent,
    Tool,
    ToolAnnotations,
)
from starlette.responses import PlainTextResponse
from starlette.types import Receive, Scope, Send

from reverie.testing.patience import PATIENCE_SECONDS

NAMES = ("look", "pay", "fail", "draw")
"""``look`` says that it only reads; ``pay`` does something; ``fail`` fails; ``draw`` gives a picture."""
PICTURE = "iVBORw0KGgo="


@dataclass(slots=True)
class ToolServer:
    """An MCP server that keeps count of its calls."""

    port: int
    token: str | None = None
    """Without it nobody is let in."""
    calls: list[tuple[str, Mapping[str, Any], Any]] = field(default_factory=list)
    """Name, arguments, and ``idempotency_key`` of each."""
    names: tuple[str, ...] = NAMES

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/mcp"

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """It is there for as long as the context lasts."""
        listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(("127.0.0.1", self.port))
        inner = Server("tools", on_list_tools=self._list, on_call_tool=self._call)
        app = inner.streamable_http_app()

        async def gate(scope: Scope, receive: Receive, send: Send) -> None:
            given = dict(scope.get("headers") or ()).get(b"authorization", b"").decode()
            if scope["type"] == "http" and self.token is not None and given != f"Bearer {self.token}":
                await PlainTextResponse("who are you?", 401)(scope, receive, send)
            else:
                await app(scope, receive, send)

        config = uvicorn.Config(gate, log_config=None, ws="none")
        server = uvicorn.Server(config)
        task = asyncio.create_task(server.serve([listener]))
        try:
            yield
        finally:
            server.should_exit = server.force_exit = True
            async with asyncio.timeout(PATIENCE_SECONDS):
                await task
            listener.close()

    async def _list(self, _context: Any, _params: Any) -> ListToolsResult:
        schema = {"type": "object", "properties": {"key": {"type": "string"}}}
        tools = [
            Tool(
                name=name,
                description=f"Can {name}.",
                input_schema=schema,
                annotations=ToolAnnotations(read_only_hint=name == "look"),
            )
            for name in self.names
        ]
        return ListToolsResult(tools=tools)

    async def _call(self, _context: Any, params: CallToolRequestParams) -> CallToolResult:
        key = (params.meta or {}).get("idempotency_key")
        self.calls.append((params.name, params.arguments or {}, key))
        if params.name == "draw":
            return CallToolResult(content=[ImageContent(data=PICTURE, mime_type="image/png")])
        text = TextContent(text=f"{params.name} of {(params.arguments or {}).get('key')}")
        return CallToolResult(content=[text], is_error=params.name == "fail")


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
    return port
