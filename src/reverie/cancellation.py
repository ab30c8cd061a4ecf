"""Ending tasks for good."""

import asyncio

_AGAIN_SECONDS = 30.0
"""Longer than any task here takes to end in good order."""


async def end_tasks(*tasks: asyncio.Task[None]) -> None:
    """Cancel tasks until each has ended; how they ended is nobody's concern.

    Once is not enough: before Python 3.12 ``asyncio.wait_for``, by which the database's driver and its pool wait, drops
    a cancellation that comes together with what was waited for, and the task goes on.
    """
    pending = {task for task in tasks if not task.done()}
    while pending:
        for task in pending:
            task.cancel()
        _, pending = await asyncio.wait(pending, timeout=_AGAIN_SECONDS)
    await asyncio.gather(*tasks, return_exceptions=True)
