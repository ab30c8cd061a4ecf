"""Run by a test in a process of its own: looks at trials, and kills itself (SIGKILL) at the named call."""

import asyncio
import importlib
import sys
from datetime import datetime
from pathlib import Path

from reverie.jobs.trials import Outcome, look_at, open_trials
from reverie.settings import Settings
from reverie.storage.postgres.database import open_database
from tests.recovery.dream_and_die import dying_at


async def heard(outcome: Outcome | None) -> None:
    """Called after the transaction of each trial."""


async def look(url: str, now: datetime) -> None:
    """Look at all trials once, as a server does."""
    async with open_database(Settings(Path("unused"), database_url=url, workers=1)) as database:
        for trial_id in await open_trials(database):
            outcome = await look_at(database, trial_id, "wrkspc_default", now)
            await sys.modules[__name__].heard(outcome)  # looked up when called: it may have been replaced


def decide_and_die(url: str, now: datetime, module: str, name: str, moment: str) -> None:
    """Look at the trials at ``url`` until the first call of ``module.name``; ``moment`` is before or after."""
    target = importlib.import_module(module)
    setattr(target, name, dying_at(getattr(target, name), 1, before=moment == "before"))
    asyncio.run(look(url, now))
