"""A plain connection to the server."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from urllib.parse import urlsplit

from tests.conformance.world import World


@asynccontextmanager
async def raw_connection(world: World) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    """A connection to the server, for what no HTTP client would send."""
    address = urlsplit(world.served.url)
    reader, writer = await asyncio.open_connection(address.hostname, address.port)
    try:
        yield reader, writer
    finally:
        writer.close()


def head(world: World, method: str, path: str, length: int = 0) -> bytes:
    """A request's head."""
    lines = [
        f"{method} {path} HTTP/1.1",
        "host: reverie",
        f"authorization: {world.http.headers['authorization']}",
        f"content-length: {length}",
    ]
    return "\r\n".join([*lines, "", ""]).encode()
