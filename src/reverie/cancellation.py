"""Cancellations that are dropped on the way, and tasks that are ended all the same.

Before Python 3.12 ``asyncio.wait_for``, by which the database's driver and its pool wait, drops a cancellation that
comes together with what was waited for, and the task goes on.
"""

import asyncio

_AGAIN_SECONDS = 30.0
"""Longer than any task here takes to end in good order."""


def cancellations() -> int:
    """How often the task that runs was told to end."""
    task = asyncio.current_task()
    return 0 if task is None else task.cancelling()


def heed_cancellation(before: int = 0) -> None:
    """End where the task that runs was told to more often than ``before``.

    Raises:
        CancelledError: it was, and something on the way dropped it.
    """
    if cancellations() > before:
        raise asyncio.CancelledError


async def end_tasks(*tasks: asyncio.Task[None]) -> None:
    """Cancel tasks until each has ended, once more where it was dropped; how they ended is nobody's concern."""
    pending = {task for task in tasks if not task.done()}
    while pending:
        for task in pending:
            task.cancel()
        _, pending = await asyncio.wait(pending, timeout=_AGAIN_SECONDS)
    await asyncio.gather(*tasks, return_exceptions=True)
