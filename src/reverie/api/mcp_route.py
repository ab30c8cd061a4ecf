"""``/mcp``: lessons and memory for agents of other makers, as an MCP server with the keys and roles of the API."""

from starlette.requests import Request
from starlette.types import ASGIApp, Receive, Scope, Send

from reverie.api.access import KeyRing
from reverie.api.host_check import check_origin
from reverie.api.pipeline import error_response
from reverie.api.rates import RateLimiter
from reverie.api.service import Service
from reverie.errors import ReverieError, RoleError
from reverie.ids import new_id
from reverie.storage.service.api_keys import ApiKey

_ROLES = ("read", "write", "admin")


class McpRoute:
    """Answers at ``/mcp``."""

    def __init__(self, service: Service, keys: KeyRing, rates: RateLimiter) -> None:
        self._service = service
        self._keys = keys
        self._rates = rates

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive)
        try:
            check_origin(request, self._service.options)
            key, database = await self._keys.identify(request, self._service)
            _check_role(key)
            self._rates.count(key.id)
            server = await self._service.mcp.server(self._service)
        except ReverieError as error:
            answer: ASGIApp = error_response(error, new_id("req", self._service.clock.now()))
        else:
            answer = await server.for_session(request, key, database)
        await answer(scope, receive, send)


def _check_role(key: ApiKey) -> None:
    if key.role not in _ROLES:
        raise RoleError(f"a {key.role} key may not call /mcp; make another one with: reverie keys create --role write")
