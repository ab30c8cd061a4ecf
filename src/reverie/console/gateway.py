"""The API as the console asks it: in this process, with the key of the visitor."""

from typing import TYPE_CHECKING

import httpx2
from starlette.types import ASGIApp, Receive, Scope, Send

from reverie.lazy_modules import load_module

if TYPE_CHECKING:
    from reverie.client.client import AsyncClient

_INSIDE = "http://localhost"
"""Stands for this process, which answers to this name; nothing is looked up by it."""
_OWN_HEADERS = {b"cookie", b"authorization", b"x-api-key", b"origin", b"referer"}
"""What a browser says to the console, and the API is not told."""


class Gateway:
    """Asks the app of the API without a network between."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self._http = httpx2.AsyncClient(transport=httpx2.ASGITransport(app=app), timeout=None)

    def client(self, secret: str) -> "AsyncClient":
        """A client of the API with this key; an error is answered, not tried again."""
        # The official SDK, under it, takes longer to load than the server does.
        client: AsyncClient = load_module("reverie.client.client").client_over(self._http, _INSIDE, secret)
        return client

    def forward(self, path: str, secret: str) -> ASGIApp:
        """An answer of the API as it is, streams included: what it says to GET ``path`` with this key."""

        async def app(scope: Scope, receive: Receive, send: Send) -> None:
            told = [(name, value) for name, value in scope["headers"] if name not in _OWN_HEADERS]
            headers = [*told, (b"x-api-key", secret.encode())]
            inner = {**scope, "method": "GET", "path": path, "raw_path": path.encode(), "headers": headers}
            await self._app({key: value for key, value in inner.items() if key not in _ROUTED}, receive, send)

        return app


_ROUTED = ("endpoint", "path_params", "route", "router")
"""What routing to the console has put into a scope."""
