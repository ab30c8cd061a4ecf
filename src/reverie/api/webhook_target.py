"""Where webhooks may be sent: public addresses only, so that nobody reaches the server's own network through it."""

import ipaddress

import httpx2

from reverie.agents.web_address import is_public
from reverie.errors import InputError
from reverie.turns.public_transport import Pinned, Resolve, pin, resolve


def check_url(url: str, *, private: bool) -> httpx2.URL:
    """Accept the address of an endpoint; ``private`` allows plain HTTP and private networks.

    Raises:
        InputError: it is no address that webhooks may be sent to.
    """
    try:
        parts = httpx2.URL(url)
    except httpx2.InvalidURL as error:
        raise InputError(f"url: {error}") from error
    if parts.scheme != "https" and not (private and parts.scheme == "http"):
        hint = "; serve with --private-webhooks to allow http://" if parts.scheme == "http" else ""
        raise InputError(f"url: it must start with https://{hint}")
    if not parts.host or parts.userinfo:
        raise InputError("url: it needs a host, and no user name")
    if not private and _is_address(parts.host):
        _check_public(parts.host, parts.host)
    return parts


async def find_target(url: str, *, private: bool, resolve: Resolve = resolve) -> Pinned:
    """Where to connect to for ``url``: the very address that was checked, whatever its name stands for afterwards.

    Raises:
        InputError: it stands for an address of a private network.
        OSError: its host has no address.
    """
    parts = check_url(url, private=private)
    if private:
        return Pinned(url, {}, {})
    addresses = await resolve(parts.host, parts.port or 443)
    for address in addresses:
        _check_public(address, parts.host)
    return pin(parts, addresses[0])


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def _check_public(text: str, host: str) -> None:
    if not is_public(text):
        raise InputError(f"url: {host} is not on the public internet; serve with --private-webhooks to allow it")
