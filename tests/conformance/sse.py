"""Event streams: read to an event of a type, or message by message as they are on the wire."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx2
from anthropic import AsyncStream
from anthropic.types.beta.sessions import BetaManagedAgentsStreamSessionEvents


async def until(stream: AsyncStream[BetaManagedAgentsStreamSessionEvents], last: str) -> AsyncIterator[Any]:
    """Events of a stream up to the first of type ``last``."""
    async for event in stream:
        yield event
        if event.type == last:
            return


@asynccontextmanager
async def raw_messages(http: httpx2.AsyncClient, path: str) -> AsyncIterator[AsyncIterator[tuple[str, Any]]]:
    """Name and data of each message of a stream that is open by the time this gives it, pings left out."""
    async with http.stream("GET", path) as response:
        assert response.status_code == 200, await response.aread()
        assert response.headers["content-type"].partition(";")[0] == "text/event-stream"
        yield _messages(response)


async def _messages(response: httpx2.Response) -> AsyncIterator[tuple[str, Any]]:
    name = ""
    async for line in response.aiter_lines():
        field, _, value = line.partition(": ")
        if field == "event":
            name = value
        elif field == "data" and name != "ping":
            yield name, json.loads(value)
