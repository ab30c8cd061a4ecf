"""A connection to one MCP server over Streamable HTTP.

Loaded where an agent has such servers: the ``mcp`` package is an optional extra, and takes a second to load.
"""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import anyio
import httpx2
from mcp import Client, MCPError
from mcp.client.streamable_http import streamable_http_client
from mcp.types import CONNECTION_CLOSED, REQUEST_TIMEOUT, Implementation

from reverie.runtime.mcp_content import remote_tool, result_blocks
from reverie.runtime.tool_catalogue import RemoteTool
from reverie.turns.desk import ToolOutcome, text_outcome
from reverie.turns.mcp_failure import McpFailure
from reverie.turns.public_transport import PublicTransport

CONNECT_SECONDS = 20.0
"""The longest wait for a server to answer that it is there, and to list its tools."""
CALL_SECONDS = 150.0
"""The longest wait for one call, as the SDK's worker has it."""
MOST_PAGES = 20
"""Pages of a list of tools; a server that never ends it is read no further."""
_LOST = (httpx2.HTTPError, OSError, anyio.ClosedResourceError, anyio.BrokenResourceError)


@dataclass(slots=True)
class _Watch:
    """The last answer that was an error: the client's own exceptions do not tell its status."""

    status: int | None = None

    async def note(self, response: httpx2.Response) -> None:
        if response.status_code >= 400 and response.request.method == "POST":
            self.status = response.status_code


@dataclass(frozen=True, slots=True)
class McpConnection:
    """An open connection, held by a task of its own."""

    _client: Client
    _watch: _Watch
    _task: asyncio.Task[None]
    _closing: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def is_over(self) -> bool:
        """Whether it has ended."""
        return self._task.done()

    async def tools(self) -> Sequence[RemoteTool]:
        """All tools that the server has now.

        Raises:
            McpFailure: it does not list them.
        """
        found: dict[str, RemoteTool] = {}
        cursor: str | None = None
        self._watch.status = None
        try:
            async with asyncio.timeout(CONNECT_SECONDS):
                for _ in range(MOST_PAGES):
                    page = await self._client.list_tools(cursor=cursor)
                    for listed in page.tools:
                        tool = remote_tool(listed.model_dump(mode="json", by_alias=True, exclude_none=True))
                        found.setdefault(tool.name, tool)
                    cursor = page.next_cursor
                    if not cursor:
                        break
        except (MCPError, TimeoutError, *_LOST) as error:
            raise _failure(error, self._watch) from error
        return tuple(found.values())

    async def call(self, name: str, arguments: Mapping[str, Any], key: str) -> ToolOutcome:
        """Call a tool; what the tool or the server says against the call is an outcome.

        Args:
            key: the same for every try of one call.

        Raises:
            McpFailure: there is no answer.
        """
        self._watch.status = None
        meta: Any = {"idempotency_key": key}
        try:
            result = await self._client.call_tool(name, dict(arguments), CALL_SECONDS, meta=meta)
        except MCPError as error:
            if self._watch.status is None and error.code not in (CONNECTION_CLOSED, REQUEST_TIMEOUT):
                return text_outcome(f"The server refused the call: {error.message}", is_error=True)
            raise _failure(error, self._watch) from error
        except _LOST as error:
            raise _failure(error, self._watch) from error
        said = result.model_dump(mode="json", by_alias=True, exclude_none=True)
        blocks = result_blocks(said.get("content") or (), said.get("structuredContent"))
        return ToolOutcome(blocks, bool(said.get("isError")))

    async def close(self) -> None:
        """End it, and tell the server so."""
        self._closing.set()
        done, _ = await asyncio.wait({self._task}, timeout=CONNECT_SECONDS)
        if not done:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)


async def open_connection(url: str, headers: Mapping[str, str], *, private: bool) -> McpConnection:
    """Connect to a server.

    Args:
        private: whether private networks and plain HTTP are allowed.

    Raises:
        McpFailure: it cannot be reached, or lets nobody in with these headers.
    """
    opened: asyncio.Future[Client] = asyncio.get_running_loop().create_future()
    watch, closing = _Watch(), asyncio.Event()
    task = asyncio.create_task(_hold(url, headers, private, watch, opened, closing))
    task.add_done_callback(lambda ended: ended.cancelled() or ended.exception())
    try:
        both: set[asyncio.Future[Any]] = {task, opened}
        await asyncio.wait(both, timeout=CONNECT_SECONDS, return_when=asyncio.FIRST_COMPLETED)
    finally:
        if not opened.done():
            task.cancel()
    if not opened.done():
        (error,) = await asyncio.gather(task, return_exceptions=True)
        assert isinstance(error, BaseException)
        raise _failure(error, watch)
    return McpConnection(opened.result(), watch, task, closing)


async def _hold(
    url: str,
    headers: Mapping[str, str],
    private: bool,
    watch: _Watch,
    opened: asyncio.Future[Client],
    closing: asyncio.Event,
) -> None:
    """Keep a connection open until it is to be closed: the client must end in the task that began it."""
    http = httpx2.AsyncClient(
        headers=headers,
        timeout=httpx2.Timeout(CONNECT_SECONDS, read=CALL_SECONDS),
        transport=None if private else PublicTransport("--private-mcp"),
        trust_env=private,  # a proxy of the environment would be asked in place of the checked address
        event_hooks={"response": [watch.note]},
    )
    name = Implementation(name="reverie", version="1")
    async with http:
        transport = streamable_http_client(url, http_client=http)
        async with Client(transport, cache=None, read_timeout_seconds=CALL_SECONDS, client_info=name) as client:
            opened.set_result(client)
            await closing.wait()


def _failure(error: BaseException, watch: _Watch) -> McpFailure:
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    if watch.status in (401, 403):
        message = f"the server answered {watch.status}: put a credential for its URL into a vault of the session"
        return McpFailure(message, "authentication", may_have_run=False)
    if isinstance(error, asyncio.CancelledError | TimeoutError):
        return McpFailure(f"no answer within {CONNECT_SECONDS:g} seconds")
    answered = f" (HTTP {watch.status})" if watch.status else ""
    never_arrived = isinstance(error, httpx2.ConnectError) or watch.status == 404
    return McpFailure(f"{str(error) or type(error).__name__}{answered}", may_have_run=not never_arrived)
