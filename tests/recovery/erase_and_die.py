"""Run by a test in a process of its own: erases a user, and kills itself (SIGKILL) at the named call."""

import asyncio
import importlib
from pathlib import Path

from reverie.clock import SystemClock
from reverie.jobs import erasure
from reverie.settings import Settings
from reverie.storage.erasure import sessions
from reverie.storage.erasure.erasure import Erasure
from reverie.storage.erasure.report import ErasureRequest
from reverie.storage.postgres.database import open_database
from tests.jobs.erased import USER
from tests.recovery.dream_and_die import dying_at


async def erase_user(url: str) -> Erasure:
    """Erase the desk's user."""
    async with open_database(Settings(Path("unused"), database_url=url, workers=1)) as database:
        actor = {"type": "system", "name": "test"}
        return await erasure.erase(database, ErasureRequest(user_id=USER), actor, SystemClock())


def erase_and_die(url: str, module: str, name: str, call: int, moment: str) -> None:
    """Erase at ``url``, one session at a time, until the given call of ``module.name``."""
    setattr(sessions, "AT_ONCE", 1)  # noqa: B010 - the process is this function's alone
    target = importlib.import_module(module)
    setattr(target, name, dying_at(getattr(target, name), call, before=moment == "before"))
    asyncio.run(erase_user(url))
