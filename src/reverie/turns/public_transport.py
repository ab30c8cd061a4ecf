"""HTTP requests to the public internet alone, so that nobody reaches the server's own network through an address."""

import asyncio
import socket
from collections.abc import Awaitable, Callable
from typing import Any

import httpx2
import msgspec

from reverie.agents.web_address import is_public

Resolve = Callable[[str, int], Awaitable[list[str]]]
"""The IP addresses of a host, for a port."""


async def resolve(host: str, port: int) -> list[str]:
    """The IP addresses of a host.

    Raises:
        OSError: it has none.
    """
    found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return [str(address[0]) for *_, address in found]


class Pinned(msgspec.Struct, frozen=True):
    """What to send a request to, so that it goes to one address whatever its host's name stands for by then."""

    url: str
    headers: dict[str, str]
    extensions: dict[str, Any]


def pin(url: httpx2.URL, address: str) -> Pinned:
    """A request for ``url`` that goes to ``address``, one of its host's."""
    pinned = str(url.copy_with(host=address))
    return Pinned(pinned, {"host": url.netloc.decode("ascii")}, {"sni_hostname": url.raw_host.decode("ascii")})


class AddressRefused(httpx2.ConnectError):
    """An address that requests may not go to."""


class PublicTransport(httpx2.AsyncHTTPTransport):
    """Sends each request, a redirect's too, over HTTPS to the very address that was checked."""

    def __init__(self, allow: str, resolve: Resolve = resolve) -> None:
        """``allow`` is the option that lifts the rule, for messages."""
        super().__init__()
        self._allow = allow
        self._resolve = resolve

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        """Send a request.

        Raises:
            AddressRefused: it is for plain HTTP, or for an address of a private network.
        """
        url = request.url
        if url.scheme != "https":
            raise AddressRefused(f"{url.scheme}:// is not allowed; use https://, or serve with {self._allow}")
        try:
            addresses = await self._resolve(url.host, url.port or 443)
        except OSError as error:
            raise httpx2.ConnectError(f"{url.host} has no address: {error}") from error
        if not all(is_public(address) for address in addresses):
            raise AddressRefused(f"{url.host} is not on the public internet; serve with {self._allow} to allow it")
        target = pin(url, addresses[0])
        pinned = httpx2.Request(
            request.method,
            target.url,
            headers=request.headers,
            stream=request.stream,
            extensions=request.extensions | target.extensions,
        )
        return await super().handle_async_request(pinned)
