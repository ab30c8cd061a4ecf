"""Addresses that users give: of the web, and without a name and password in them, since addresses are shown."""

import ipaddress
from urllib.parse import urlsplit

from reverie.errors import InputError

MOST_CHARACTERS = 2048
_NAT64 = ipaddress.ip_network("64:ff9b::/96")


def check_web_address(field: str, address: str, *, plain: bool) -> str:
    """Accept an address of the web; ``plain`` allows ``http://`` besides ``https://``.

    Raises:
        InputError: it is none, or holds a user name or a password.
    """
    starts = "https:// or http://" if plain else "https://"
    if len(address) > MOST_CHARACTERS:
        raise InputError(f"{field}: {len(address):,} characters; at most {MOST_CHARACTERS:,} are allowed")
    if any(character.isspace() or not character.isprintable() or character == "\\" for character in address):
        raise InputError(f"{field}: an address has no spaces, control characters or backslashes")
    try:
        parts = urlsplit(address)
        parts.port  # noqa: B018 - raises where it is no number
    except ValueError as error:
        raise InputError(f"{field}: {error}") from error
    if parts.scheme not in ("https", *(["http"] if plain else [])) or not parts.hostname:
        raise InputError(f"{field}: give an address that starts with {starts} and names a host")
    if "@" in parts.netloc:
        raise InputError(f"{field}: leave the user name and password out of the address; it is stored and shown")
    return address


def is_public(text: str) -> bool:
    """Whether an IP address is on the public internet, and not a way to write one that is not.

    Raises:
        ValueError: it is no IP address.
    """
    address = ipaddress.ip_address(text.partition("%")[0])
    hidden = isinstance(address, ipaddress.IPv6Address) and (
        address.ipv4_mapped is not None
        or address.sixtofour is not None
        or address.teredo is not None
        or address in _NAT64
    )
    return not hidden and not address.is_multicast and address.is_global
