"""The process that serves one piece of work of a self-hosted environment: the SDK's own worker, for one session.

It reads a :class:`ItemOrder` as a line of JSON from standard input, so that no secret is on a command line or in an
environment. A second line asks it to finish: the call that runs comes to its end, and no other is begun. When its
input ends without one, so do it and all that it started, and the lease lapses.
"""

import asyncio
import logging
import sys

import anyio
import msgspec
from anthropic import AsyncAnthropic
from anthropic.lib.environments import EnvironmentWorker
from anthropic.lib.tools._memories import SessionMemoryError

from reverie.turns.isolation import be_a_tool_process, end_group, hide_memory

MAX_IDLE_SECONDS = 3.0
"""How long a session that has nothing to do keeps its process: another item comes when it has."""
_MOUNT_ADVICE = (
    "memory stores are mounted at /mnt/memory: install bubblewrap, which gives each session one of its own, or run "
    "the worker as a user that may write there, and remove what a worker that was killed has left"
)
FINISH = b"finish\n"


class ItemOrder(msgspec.Struct, frozen=True):
    """An item, and what serving it needs."""

    url: str
    workdir: str
    environment_id: str
    work_id: str
    session_id: str
    secret: str
    limited: bool = False


def main() -> None:
    """Serve one item."""
    logging.basicConfig(level=logging.WARNING, stream=sys.stderr, format="%(message)s")
    try:
        asyncio.run(_serve())
    except* SessionMemoryError as errors:
        for error in errors.exceptions:
            logging.error("the session's memory cannot be mounted: %s", error)
        logging.error(_MOUNT_ADVICE)
        sys.exit(1)


async def _serve() -> None:
    loop = asyncio.get_running_loop()
    reader = asyncio.StreamReader()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    order = msgspec.json.decode(await reader.readline(), type=ItemOrder)
    be_a_tool_process(limited=order.limited)
    hide_memory()  # After that: its own entries below /proc are then root's.
    with anyio.CancelScope() as scope:
        listening = asyncio.create_task(_listen(reader, scope))
        # The token of the item is all that this process has; it ends with the item.
        async with AsyncAnthropic(api_key="unused", base_url=order.url) as client:
            worker = EnvironmentWorker(client, workdir=order.workdir, max_idle=MAX_IDLE_SECONDS)
            await worker.handle_item(
                work_id=order.work_id,
                environment_id=order.environment_id,
                session_id=order.session_id,
                work_secret=order.secret,
            )
        listening.cancel()


async def _listen(reader: asyncio.StreamReader, scope: anyio.CancelScope) -> None:
    while line := await reader.readline():
        if line == FINISH:
            scope.cancel()
    end_group()
