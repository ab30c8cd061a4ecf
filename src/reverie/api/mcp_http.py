"""MCP over Streamable HTTP, by the official SDK: one MCP session, or one stated reference, is one session of an agent.

Loaded when ``/mcp`` is first called.
"""

import asyncio
from contextvars import ContextVar
from difflib import get_close_matches

from mcp.server.auth.middleware.bearer_auth import AuthenticatedUser
from mcp.server.auth.provider import AccessToken
from mcp.server.streamable_http import MCP_SESSION_ID_HEADER
from mcp.server.transport_security import TransportSecuritySettings
from mcp.shared.inbound import MCP_PROTOCOL_VERSION_HEADER
from mcp_types.jsonrpc import INVALID_PARAMS, UNSUPPORTED_PROTOCOL_VERSION
from mcp_types.version import HANDSHAKE_PROTOCOL_VERSIONS
from starlette.datastructures import QueryParams
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from reverie.api.mcp_desk import McpDesk, Place
from reverie.api.mcp_tools import make_server
from reverie.api.service import Service
from reverie.errors import ConflictError, InputError, NotFoundError
from reverie.ids import derived_id, new_id
from reverie.jobs.outcome_report import outcome_session_id
from reverie.storage.postgres.database import Database
from reverie.storage.service.api_keys import ApiKey

REFERENCE_HEADER = "reverie-reference"
_PARAMETERS = ("store", "agent", "reference")
"""Of the address; ``store`` may be repeated."""
_IDLE_SECONDS = 12 * 3600.0
"""A session's draw is bound to it, so it is kept for as long as an agent may work on one task."""
_BODY_BYTES = 1024 * 1024

_desk: ContextVar[McpDesk] = ContextVar("reverie_mcp_desk")
"""Of the session that a message belongs to: the SDK handles messages in the context that their session began in."""


class McpServer:
    """The sessions of all clients of this process."""

    def __init__(self, service: Service) -> None:
        self._service = service
        self._stop = asyncio.Event()
        server = make_server(_desk.get)
        server.streamable_http_app(
            json_response=True,
            session_idle_timeout=_IDLE_SECONDS,
            max_request_body_size=_BODY_BYTES,
            # The SDK's would have to be told hosts and origins; ours has looked at both before it is asked.
            transport_security=TransportSecuritySettings(enable_dns_rebinding_protection=False),
        )
        self._manager = server.session_manager
        self._running: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Take requests from now on."""
        begun = asyncio.Event()

        async def run() -> None:
            async with self._manager.run():
                begun.set()
                await self._stop.wait()

        self._running = asyncio.create_task(run())
        await begun.wait()

    async def close(self) -> None:
        """End all sessions."""
        self._stop.set()
        if self._running is not None:
            await self._running
            self._running = None

    async def for_session(self, request: Request, key: ApiKey, database: Database) -> ASGIApp:
        """What answers a request of this key."""
        place = _place(request, key, new_id("mcp", self._service.clock.now()))
        desk = McpDesk(database, self._service.settings, self._service.clock, place)
        version = request.headers.get(MCP_PROTOCOL_VERSION_HEADER)
        if version is not None and version not in HANDSHAKE_PROTOCOL_VERSIONS and not _stated_reference(request):
            return JSONResponse(_unsupported(version), 400)
        try:
            _check_parameters(request.query_params)
            if MCP_SESSION_ID_HEADER not in request.headers:
                await desk.check_stores()
        except (InputError, NotFoundError, ConflictError) as error:
            return JSONResponse(_told(INVALID_PARAMS, str(error)), 400)

        async def answer(scope: Scope, receive: Receive, send: Send) -> None:
            token = _desk.set(desk)
            try:
                await self._manager.handle_request({**scope, "user": _user(key)}, receive, send)
            finally:
                _desk.reset(token)

        return answer


async def start(service: Service) -> McpServer:
    """The server, running."""
    server = McpServer(service)
    await server.start()
    return server


def _user(key: ApiKey) -> AuthenticatedUser:
    """Whose the session is: the SDK lets nobody else into it."""
    return AuthenticatedUser(AccessToken(token=key.id, client_id=f"{key.workspace_id}/{key.id}", scopes=[key.role]))


def _stated_reference(request: Request) -> str | None:
    return request.query_params.get("reference") or request.headers.get(REFERENCE_HEADER)


def _place(request: Request, key: ApiKey, fresh: str) -> Place:
    """Which session it is, by its reference, else by the MCP session, which has yet to begin otherwise."""
    asked: QueryParams = request.query_params
    mcp_session = request.headers.get(MCP_SESSION_ID_HEADER)
    stated = _stated_reference(request)
    reference = stated or (fresh if mcp_session is None else derived_id("mcp", key.id, mcp_session))
    session_id = stated or outcome_session_id(derived_id("brf", reference))
    actor = {"type": "api_actor", "api_key_id": key.id}
    return Place(tuple(asked.getlist("store")), asked.get("agent"), reference, session_id, actor, key.role)


def _check_parameters(asked: QueryParams) -> None:
    """Accept what an address may say.

    Raises:
        InputError: it says something else, or one thing twice.
    """
    for name in asked:
        if name not in _PARAMETERS:
            known = " and ".join((", ".join(_PARAMETERS[:-1]), _PARAMETERS[-1]))
            close = get_close_matches(name, _PARAMETERS, 1)
            meant = f" (did you mean {close[0]!r}?)" if close else ""
            raise InputError(f"the address of /mcp has no parameter {name!r}{meant}; it takes {known}")
        if not all(asked.getlist(name)):
            raise InputError(f"{name}: it is empty in the address of /mcp; give it a value, or leave it out")
        if name != "store" and len(asked.getlist(name)) > 1:
            raise InputError(f"{name}: it is given twice in the address of /mcp; give one")


def _told(code: int, message: str, **members: object) -> dict[str, object]:
    """An error as JSON-RPC has it, of a request whose id was not read."""
    return {"jsonrpc": "2.0", "id": None, "error": {"code": code, "message": message, **members}}


def _unsupported(version: str) -> dict[str, object]:
    """Without a handshake there are no sessions, and nothing that a draw could be bound to but a stated reference."""
    told = (
        f"without a handshake (version {version}) a reference is needed: add ?reference=ID to the address, or send "
        f"{REFERENCE_HEADER}"
    )
    versions = {"requested": version, "supported": list(HANDSHAKE_PROTOCOL_VERSIONS)}
    return _told(UNSUPPORTED_PROTOCOL_VERSION, told, data=versions)
