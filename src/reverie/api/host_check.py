"""Which names the server answers to, and whose web pages may call it.

A page of any site can have its own name resolve to this machine, and can send requests to ``localhost``. Where no key
is asked for, nothing else would stand between it and the data, so each request is held to the names that the server
is known by (its ``Host``), and to pages that may call (its ``Origin``).
Source: the MCP specification, transports, "Security Warning"; RFC 9110, sections 7.2 and 4.2.2; RFC 6454, section 7.
"""

import re
from collections.abc import Sequence
from ipaddress import IPv4Address, IPv6Address, ip_address
from urllib.parse import urlsplit

from starlette.requests import Request
from starlette.types import ASGIApp, Receive, Scope, Send

from reverie.api.pipeline import error_response
from reverie.api.service import ServiceOptions
from reverie.clock import Clock
from reverie.errors import InputError, RoleError
from reverie.ids import new_id

_NAME = re.compile(r"[a-z0-9._:-]+")


class HostCheck:
    """Lets requests through that name this server; the others get status 403, whatever they are for."""

    def __init__(self, app: ASGIApp, options: ServiceOptions, clock: Clock) -> None:
        self._app = app
        self._options = options
        self._clock = clock

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        request = Request(scope)
        try:
            check_host(request, self._options)
            if not self._options.require_key:
                check_origin(request, self._options)
        except RoleError as error:
            await error_response(error, new_id("req", self._clock.now()))(scope, receive, send)
            return
        await self._app(scope, receive, send)


def check_host(request: Request, options: ServiceOptions) -> None:
    """Accept a request that names this server. With keys, and no names to answer to, any name will do.

    Raises:
        RoleError: it names another.
    """
    if options.require_key and not options.host_names:
        return
    named = _name(request.headers.get("host", ""))
    if not _is_own(named, options.listens_on, options.host_names):
        raise RoleError(
            f"this server answers to localhost and to the address that it listens on, not to {named or 'no host'!r}; "
            f"start it with --allow-host {named or 'NAME'} if that name is yours"
        )


def check_origin(request: Request, options: ServiceOptions) -> None:
    """Refuse what a web page sends, unless it is one of ours or was allowed: its visitor knows nothing of it.

    Raises:
        RoleError: it is another's.
    """
    origin, allowed = request.headers.get("origin"), options.cors_origins
    if origin is None or "*" in allowed or origin in allowed:
        return
    if urlsplit(origin).netloc != request.headers.get("host"):
        raise RoleError(f"pages of {origin} may not call; start the server with --cors-origin {origin} to let them")


def read_host_name(text: str) -> str:
    """A name that the server shall answer to, as it is compared.

    Raises:
        InputError: it is no name alone.
    """
    name = _name(text)
    if not _NAME.fullmatch(name) or name != text.lower().rstrip(".").strip("[]"):
        raise InputError(
            f"{text!r} is no host name; give it without scheme, port and path, such as reverie.example.com"
        )
    return name


def is_loopback(name: str) -> bool:
    """Whether a name or an address is this machine's own, which no other machine reaches."""
    address = _address(name)
    return name == "localhost" or (address is not None and address.is_loopback)


def _is_own(name: str, listens_on: str, names: Sequence[str]) -> bool:
    if is_loopback(name) or name in (_name(listens_on), *names):
        return True
    # A server that listens everywhere has each address of the machine; and an address is nobody's name to rebind.
    everywhere = _address(_name(listens_on))
    return everywhere is not None and everywhere.is_unspecified and _address(name) is not None


def _name(host: str) -> str:
    """The host of ``host[:port]``, in small letters; nothing if it cannot be read."""
    bare = f"[{host}]" if host.count(":") > 1 and not host.startswith("[") else host
    try:
        parts = urlsplit(f"//{bare}")
    except ValueError:
        return ""
    return "" if parts.netloc != bare or "@" in bare else (parts.hostname or "").rstrip(".")


def _address(name: str) -> IPv4Address | IPv6Address | None:
    try:
        return ip_address(name)
    except ValueError:
        return None
