"""Code that is loaded when it is first needed, so that the server is ready before the statistics libraries are."""

import asyncio
import sys
from typing import Any

from reverie.api.endpoint import Call, Handler
from reverie.api.wire_type import resolve


async def loaded(address: str) -> Any:
    """The object at ``module:Name``; loading its module does not hold up other requests."""
    if address.partition(":")[0] in sys.modules:
        return resolve(address)
    return await asyncio.to_thread(resolve, address)


def late(address: str) -> Handler:
    """The handler at ``module:name``, loaded with its first call."""

    async def handle(call: Call) -> Any:
        handler: Handler = await loaded(address)
        return await handler(call)

    return handle
