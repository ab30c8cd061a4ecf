"""The server that a command speaks to, by the official client."""

import os
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, TypeVar

import click
import httpx2
from anthropic import (
    APIConnectionError,
    APIStatusError,
    AsyncAnthropic,
    AuthenticationError,
    DefaultAsyncHttpxClient,
)

from reverie.errors import ReverieError

DEFAULT_URL = "http://127.0.0.1:8700"
_NO_KEY = "no-key"
"""What is sent to a server that asks for no key."""

Function = TypeVar("Function", bound=Callable[..., Any])


class RemoteError(ReverieError):
    """The server cannot be reached, or declined."""


@dataclass(frozen=True)
class Remote:
    """Where the server is, and the key that it takes."""

    url: str
    key: str | None


def remote_options(function: Function) -> Function:
    """Adds ``--url`` and ``--key``."""
    url = click.option(
        "--url", envvar="REVERIE_URL", default=DEFAULT_URL, show_default=True, help="The server; REVERIE_URL."
    )
    key = click.option("--key", envvar="REVERIE_API_KEY", help="An API key of the server; REVERIE_API_KEY.")
    return url(key(function))


@asynccontextmanager
async def speaking(remote: Remote, http: httpx2.AsyncClient | None = None) -> AsyncIterator[AsyncAnthropic]:
    """A client of the server, by ``http`` if given.

    Raises:
        RemoteError: the server cannot be reached, or declines what is asked of it.
    """
    # A redirect would take the key along, to wherever it leads.
    http = http or DefaultAsyncHttpxClient(follow_redirects=False)
    client = AsyncAnthropic(base_url=remote.url, api_key=remote.key or _NO_KEY, http_client=http)
    # What ANTHROPIC_AUTH_TOKEN holds is for another server.
    client.auth_token = None
    async with client:
        try:
            yield client
        except APIConnectionError as error:
            if isinstance(error.__cause__, ReverieError):
                raise RemoteError(str(error.__cause__)) from error
            raise RemoteError(_unreachable(remote.url)) from error
        except AuthenticationError as error:
            raise RemoteError(
                f"{remote.url}: {told(error)}; make a key on the server with `reverie keys create` and give it by "
                "--key or REVERIE_API_KEY"
            ) from error
        except APIStatusError as error:
            raise RemoteError(f"{remote.url}: {told(error)}") from error


def told(error: APIStatusError) -> str:
    """What the server said is wrong."""
    body: Any = error.body
    detail = body.get("error") if isinstance(body, dict) else None
    return str(detail["message"]) if isinstance(detail, dict) and "message" in detail else error.message


def _unreachable(url: str) -> str:
    if url.rstrip("/") == DEFAULT_URL and "REVERIE_URL" not in os.environ:
        return f"no server answers at {url}; start one here with `reverie serve --no-key --with-worker`, or give --url"
    return f"no server answers at {url}; check --url or REVERIE_URL, and that the server runs"
