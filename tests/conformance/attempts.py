"""A client that tries again as the official one does by default, and the requests that it sent."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx2
from anthropic import AsyncAnthropic

from reverie.testing.patience import PATIENCE_SECONDS
from tests.conformance.served import Served
from tests.quick_server import TLS


@asynccontextmanager
async def attempts(served: Served) -> AsyncIterator[tuple[AsyncAnthropic, list[str]]]:
    """The client with its usual retries, and a list that grows by a line for every request."""
    sent: list[str] = []

    async def note(request: httpx2.Request) -> None:
        sent.append(f"{request.method} {request.url.path}")

    http = httpx2.AsyncClient(event_hooks={"request": [note]}, timeout=PATIENCE_SECONDS, verify=TLS)
    async with AsyncAnthropic(api_key=await served.key(), base_url=served.url, http_client=http) as client:
        yield client, sent
