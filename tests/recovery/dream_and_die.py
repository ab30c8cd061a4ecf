"""Run by a test in a process of its own: dreams, and kills itself (SIGKILL) at the named call."""

import asyncio
import importlib
import os
import signal
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from reverie.clock import SystemClock
from reverie.dreams.dream import DreamRequest
from reverie.dreams.policy import DreamPolicy
from reverie.jobs import engine
from reverie.jobs.dream_runtime import Runtime
from reverie.settings import Settings
from reverie.storage.postgres.database import open_database
from reverie.testing.scripted_model import ScriptedModel


def die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def dying_at(function: Callable[..., Any], call: int, *, before: bool) -> Callable[..., Any]:
    calls = 0

    async def wrapped(*args: Any, **options: Any) -> Any:
        nonlocal calls
        calls += 1
        if before and calls == call:
            die()
        result = await function(*args, **options)
        if calls == call:
            die()
        return result

    return wrapped


async def dream_of_the_desk(url: str, script: Sequence[dict[str, Any]] | None) -> None:
    settings = Settings(Path("unused"), database_url=url, workers=1)
    model = None if script is None else ScriptedModel(script)
    async with open_database(settings) as database:
        runtime = Runtime(database, settings, DreamPolicy(), SystemClock(), lambda *_: None, model)
        # Looked up when called: it may have been replaced.
        await engine.dream(runtime, DreamRequest("desk"))


def dream_and_die(
    url: str, module: str, name: str, call: int, moment: str, script: Sequence[dict[str, Any]] | None = None
) -> None:
    """Dream over the desk at ``url`` until the given call of ``module.name``; ``moment`` is before or after.

    ``script`` holds the answers of a model.
    """
    target = importlib.import_module(module)
    setattr(target, name, dying_at(getattr(target, name), call, before=moment == "before"))
    asyncio.run(dream_of_the_desk(url, script))
