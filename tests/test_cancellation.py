"""Tasks are ended although a cancellation was dropped on the way."""

import asyncio

import pytest

from reverie.cancellation import end_tasks


async def test_a_task_that_drops_a_cancellation_is_ended_all_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("reverie.cancellation._AGAIN_SECONDS", 0)
    begun = asyncio.Event()
    dropped = 0

    async def deaf() -> None:
        nonlocal dropped
        while dropped < 3:
            try:
                begun.set()
                await asyncio.Event().wait()
            except asyncio.CancelledError:
                dropped += 1

    task = asyncio.create_task(deaf())
    await begun.wait()
    await end_tasks(task)
    assert task.done() and dropped == 3
