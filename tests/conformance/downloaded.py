"""The bytes of a download, of the sync client or the async one."""

import inspect
from typing import Any


async def downloaded(content: Any) -> bytes:
    """All bytes of a binary answer."""
    read = content.read()
    data: bytes = await read if inspect.isawaitable(read) else read
    return data
