"""The switch that keeps requests on this machine: ``REVERIE_MODEL_REQUESTS=local``.

It is read from the environment at every request, so that it also holds in the processes a test or a program starts.
"""

import ipaddress
import os
from urllib.parse import urlsplit

from reverie.errors import SettingsError

VARIABLE = "REVERIE_MODEL_REQUESTS"


def check_allowed(base_url: str) -> None:
    """Say nothing when a request may go to ``base_url``.

    Raises:
        SettingsError: requests must stay on this machine and this one would not, or the switch has no such position.
    """
    position = os.environ.get(VARIABLE) or "any"
    if position not in ("any", "local"):
        raise SettingsError(f"{VARIABLE}={position!r} must be 'any' or 'local'")
    if position == "local" and not _is_local(base_url):
        raise SettingsError(f"{VARIABLE}=local forbids a model request to {base_url}; nothing was sent")


def check_extension_allowed(base_url: str | None, provider: str) -> None:
    """Say nothing when a model of another package may be opened, whose requests are not seen here.

    Raises:
        SettingsError: requests must stay on this machine, and ``base_url`` does not say that this one's do.
    """
    position = os.environ.get(VARIABLE) or "any"
    if position == "local" and base_url is None:
        raise SettingsError(
            f"{VARIABLE}=local forbids {provider}, which may send requests anywhere; "
            "if it stays on this machine, say where by REVERIE_MODEL_URL, such as http://localhost"
        )
    if base_url is not None or position != "any":
        check_allowed(base_url or "")


def _is_local(base_url: str) -> bool:
    host = urlsplit(base_url).hostname or ""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
