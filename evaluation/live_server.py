"""Lessons in trial through a server process: a client's sessions, a fake model server, and the server's own looks."""

import asyncio
import os
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from random import Random

from evaluation.closed_loop import HARDNESS, open_loop
from evaluation.live_store import Outcomes, open_live_store, outcomes_of
from evaluation.sql_agent import act
from evaluation.sql_world import SqlWorld
from reverie.client.client import AsyncClient
from reverie.clock import SystemClock
from reverie.settings import Settings
from reverie.storage.postgres.database import open_database
from reverie.testing.fake_models import FakeModels
from reverie.testing.server_process import running_server


def run_through_server(
    world: SqlWorld, advice: Mapping[str, str], sessions: int, told: Callable[[str], None]
) -> dict[str, Outcomes]:
    """Plant advice in one store and run about so many sessions, 16 at a time; what became of each trial."""
    with tempfile.TemporaryDirectory(prefix="reverie-live-") as folder, FakeModels(act) as models:
        os.environ |= {"REVERIE_MODEL": "anthropic:habits", "REVERIE_MODEL_URL": models.url}
        settings = Settings(home=Path(folder) / "home", workers=1)
        with running_server(settings, Path(folder) / "log", "--no-key") as server:
            return asyncio.run(_run(settings, server.url, world, advice, sessions, told))


async def _run(
    settings: Settings,
    url: str,
    world: SqlWorld,
    advice: Mapping[str, str],
    sessions: int,
    told: Callable[[str], None],
) -> dict[str, Outcomes]:
    tasks, random, done = [task for task in world.tasks if task.hardness in HARDNESS], Random(1), 0

    def ended() -> None:
        nonlocal done
        done += 1
        told(f"through a server: {done:,} of {sessions:,} sessions")

    async with AsyncClient(url) as client, open_database(settings) as database:
        store = await open_live_store(database, "through a server", SystemClock().now())
        trials = {name: await store.begin(line) for name, line in advice.items()}
        loop = await open_loop(world, client, ended)
        for draw in range(-(-sessions // len(tasks))):
            drawn = random.sample(tasks, min(len(tasks), sessions - draw * len(tasks)))
            await loop.run("live", drawn, range(draw, draw + 1), store.id)
        store.now = SystemClock().now()
        await store.look()  # the server may have looked some seconds before the last sessions ended
        return {name: await outcomes_of(database, trial_id, store.now) for name, trial_id in trials.items()}
