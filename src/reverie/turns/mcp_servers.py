"""The MCP servers of agents: ready before a turn's first request, kept open between its calls, closed when idle."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, Protocol
from urllib.parse import urlsplit

import structlog

from reverie.cancellation import end_tasks
from reverie.errors import NotFoundError, SettingsError
from reverie.lazy_modules import load_module
from reverie.runtime.tool_catalogue import AgentTool, RemoteTool
from reverie.settings import Settings
from reverie.storage.live.leases import Lease
from reverie.storage.live.sessions import LiveSession
from reverie.storage.postgres.database import Database
from reverie.storage.postgres.secret_box import open_secret_box
from reverie.storage.service.environments import read_environment
from reverie.storage.service.vaults import match_credential
from reverie.turns.desk import ToolCall, ToolOutcome, text_outcome
from reverie.turns.mcp_failure import McpFailure, failure_event

IDLE_SECONDS = 900.0
"""How long a server that nobody uses is kept open, and its list of tools is kept as it was."""
_LOOK_SECONDS = 60.0
_SECRETS = {"static_bearer": "token", "mcp_oauth": "access_token"}
"""Types of credentials, and their secret that goes to the server."""

log = structlog.get_logger("reverie.turns")
Key = tuple[str, str | None, str]
"""A session, one of its threads, and the server's name."""


class Connection(Protocol):
    """See :class:`reverie.turns.mcp_client.McpConnection`."""

    @property
    def is_over(self) -> bool: ...
    async def tools(self) -> Sequence[RemoteTool]: ...
    async def call(self, name: str, arguments: Mapping[str, Any], key: str) -> ToolOutcome: ...
    async def close(self) -> None: ...


Opener = Callable[[str, Mapping[str, str]], Awaitable[Connection]]
"""Connects to an address with headers, or raises :class:`McpFailure`."""


@dataclass(slots=True)
class _Server:
    """A server as one thread of a session knows it."""

    url: str
    used_at: float
    is_ready: bool = False
    tools: Sequence[RemoteTool] | None = None
    """As it listed them first: a list that changes would cost the provider's cache of the whole session."""
    connection: Connection | None = None
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    """Held while it is being connected to."""
    stale: list[Connection] = field(default_factory=list)
    """Connections that failed; they are closed when no call may be using them."""
    calls: int = 0
    """That wait for an answer now."""

    def drop(self, connection: Connection) -> None:
        """Use a connection no more."""
        self.stale.append(connection)
        if self.connection is connection:
            self.connection = None

    def take_stale(self) -> list[Connection]:
        """Connections that are to be closed now."""
        if self.calls:
            return []
        taken, self.stale = self.stale, []
        return taken


@dataclass(frozen=True, slots=True)
class McpServers:
    """Open connections of this process."""

    settings: Settings
    open: Opener
    known: dict[Key, _Server] = field(default_factory=dict)

    def host(self, database: Database) -> "McpHost":
        """The servers of one workspace's sessions."""
        return McpHost(database, self)

    def find(self, key: Key, url: str) -> _Server:
        """What is known of a server; a fresh record where its address is another one now."""
        server = self.known.get(key)
        if server is None or server.url != url:
            server = self.known[key] = _Server(url, 0.0)
        server.used_at = asyncio.get_running_loop().time()
        return server

    async def tend(self) -> None:
        """Close what nobody uses, until cancelled; then everything."""
        try:
            while True:
                await asyncio.sleep(_LOOK_SECONDS)
                await self.close_unused(asyncio.get_running_loop().time() - IDLE_SECONDS)
        finally:
            await self.close_unused(float("inf"))

    async def close_unused(self, since: float) -> None:
        """Close and forget servers that have not been used since a time of the event loop."""
        left = {key: server for key, server in self.known.items() if server.used_at < since and not server.calls}
        closing = [connection for server in self.known.values() for connection in server.take_stale()]
        for key, server in left.items():
            del self.known[key]
            closing += [server.connection] if server.connection else []
        await asyncio.gather(*(connection.close() for connection in closing))


@asynccontextmanager
async def open_servers(settings: Settings, *, private: bool) -> AsyncIterator[McpServers]:
    """The MCP servers that agents of this process use; their connections end with the context.

    Args:
        private: whether servers may be on private networks, on this machine, and be spoken to over plain HTTP.
    """

    async def connect(url: str, headers: Mapping[str, str]) -> Connection:
        try:
            client = await asyncio.to_thread(load_module, "reverie.turns.mcp_client")
        except ModuleNotFoundError as error:
            raise McpFailure(f"the server lacks {error.name}: pip install 'reverie[mcp]'") from error
        connection: Connection = await client.open_connection(url, headers, private=private)
        return connection

    servers = McpServers(settings, connect)
    tending = asyncio.create_task(servers.tend())
    try:
        yield servers
    finally:
        await end_tasks(tending)


@dataclass(frozen=True, slots=True)
class McpHost:
    """Connects to servers for a workspace's sessions, and runs calls of their tools."""

    database: Database
    servers: McpServers

    async def connect(
        self, session: LiveSession, thread: str | None, agent: Mapping[str, Any]
    ) -> Sequence[dict[str, Any]]:
        """Have an agent's servers ready for a turn, side by side; a ``session.error`` for each that is not."""
        named = agent.get("mcp_servers") or ()
        failures = await asyncio.gather(*(self._make_ready(session, thread, server) for server in named))
        return [
            failure_event(server["name"], failure) for server, failure in zip(named, failures, strict=True) if failure
        ]

    def listed(
        self, session: LiveSession, thread: str | None, agent: Mapping[str, Any]
    ) -> Mapping[str, Sequence[RemoteTool]]:
        """The tools of each server that was ready when the turn began."""
        found = {}
        for named in agent.get("mcp_servers") or ():
            server = self.servers.find((session.id, thread, named["name"]), named["url"])
            if server.is_ready:
                found[named["name"]] = server.tools or ()
        return found

    def runs(self, _session: LiveSession, tool: AgentTool) -> bool:
        """Whether it is a tool of an MCP server."""
        return tool.kind == "mcp"

    async def run(self, session: LiveSession, lease: Lease, call: ToolCall) -> ToolOutcome:
        """Run a call; once more where the connection was lost and a repetition does no harm."""
        server = self.servers.known.get((session.id, lease.thread, str(call.tool.server)))
        if server is None:
            return text_outcome(f"The MCP server {call.tool.server} is not connected.", is_error=True)
        server.calls += 1
        try:
            try:
                return await self._call(session, server, call)
            except McpFailure as failure:
                if failure.may_have_run and not call.tool.repeatable:
                    raise
                return await self._call(session, server, call)
        except McpFailure as failure:
            ran = "it may have run, so look before you call it again" if failure.may_have_run else "it did not run"
            return text_outcome(
                f"The MCP server {call.tool.server} did not answer this call ({ran}): {failure}", is_error=True
            )
        finally:
            server.calls -= 1
            server.used_at = asyncio.get_running_loop().time()

    async def _call(self, session: LiveSession, server: _Server, call: ToolCall) -> ToolOutcome:
        connection = await self._connected(session, server)
        try:
            return await connection.call(call.tool.name, call.input, call.id)
        except McpFailure:
            server.drop(connection)
            raise

    async def _make_ready(
        self, session: LiveSession, thread: str | None, named: Mapping[str, Any]
    ) -> McpFailure | None:
        server = self.servers.find((session.id, thread, named["name"]), named["url"])
        server.is_ready = False
        try:
            await self._check_allowed(session, named["url"])
            tools = await self._list(session, server)
        except McpFailure as failure:
            log.info("an MCP server is not ready", session_id=session.id, server=named["name"], error=str(failure))
            return failure
        server.tools = tools if server.tools is None else server.tools
        server.is_ready = True
        return None

    async def _list(self, session: LiveSession, server: _Server) -> Sequence[RemoteTool]:
        """What a server lists now, on a fresh connection where the one at hand is not good any more."""
        kept = server.connection
        connection = await self._connected(session, server)
        try:
            return await connection.tools()
        except McpFailure:
            server.drop(connection)
            if connection is not kept:
                raise
        return await (await self._connected(session, server)).tools()

    async def _connected(self, session: LiveSession, server: _Server) -> Connection:
        async with server.lock:
            if server.connection is None or server.connection.is_over:
                try:
                    server.connection = await self.servers.open(server.url, await self._headers(session, server.url))
                except McpFailure as failure:
                    raise McpFailure(str(failure), failure.kind, may_have_run=False) from failure
            return server.connection

    async def _headers(self, session: LiveSession, url: str) -> dict[str, str]:
        """What the session authenticates with: the credential for this address, of the first vault that has one."""
        async with self.database.connection() as connection:
            credential = await match_credential(connection, session.vault_ids, url)
        if credential is None or credential.sealed is None:
            return {}
        try:
            secrets = open_secret_box(self.servers.settings).open(credential.sealed)
        except SettingsError as error:
            raise McpFailure(f"credential {credential.id}: {error}", "authentication") from error
        return {"Authorization": f"Bearer {secrets[_SECRETS[credential.auth['type']]]}"}

    async def _check_allowed(self, session: LiveSession, url: str) -> None:
        """Refuse a server that the session's environment does not let it reach."""
        async with self.database.connection() as connection:
            try:
                environment = await read_environment(connection, str(session.environment_id))
            except NotFoundError as error:
                raise McpFailure(str(error)) from error
        networking = environment.config.get("networking") or {}
        if networking.get("type", "unrestricted") == "unrestricted" or networking.get("allow_mcp_servers"):
            return
        host = urlsplit(url).hostname or ""
        if not any(_covers(allowed, host) for allowed in networking.get("allowed_hosts") or ()):
            raise McpFailure(
                f"the environment's networking does not let sessions reach {host}: set allow_mcp_servers, "
                "or add it to allowed_hosts"
            )


def _covers(allowed: str, host: str) -> bool:
    return host == allowed or (allowed.startswith("*.") and host.endswith(allowed[1:]))
