"""Pictures of the console for the pages: of a planted world, at a time that stands still. ``make screenshots``."""

import os
import re
import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random

import pytest

from reverie.api.app import make_app
from reverie.api.live import LiveEvents
from reverie.api.service import Service, ServiceOptions
from reverie.clock import ManualClock
from reverie.console.app import PAGES, console_routes
from reverie.console.page import pages_of
from reverie.library import AsyncReverie
from reverie.settings import Settings
from reverie.storage.memory.stores import create_store
from reverie.storage.postgres.database import Database, open_database
from reverie.storage.postgres.workspaces import ensure_workspaces
from reverie.testing.worlds import plain_world, write_world
from tests.api.conftest import Server
from tests.console.conftest import browsing
from tests.jobs.tried import Tried, chances
from tests.quick_server import quick_server

FOLDER = os.environ.get("REVERIE_SCREENSHOTS")
"""Where pictures are to stay; else they are looked at and thrown away."""
NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
DAYS = 20
"""That the trial has been going on for."""
MOST_BYTES = 200_000
SIZE = {"width": 1180, "height": 860}
ADVICE = "Look up the order before you promise a date"
SHOTS = {
    "home": "/console",
    "session": "/console/sessions/{session_id}",
    "lesson": "/console/lessons/{lesson_id}",
    "trial": "/console/trials/{trial_id}",
}
"""Pictures by the path that the console declares."""
_DECLARED = {re.sub(r"{\w+}", "{}", page.path) for module in PAGES for page in pages_of(module)}


@asynccontextmanager
async def server_that_stands_still(settings: Settings) -> AsyncIterator[Server]:
    """A server whose clock stands, and beside whose requests nothing runs."""
    async with open_database(settings) as database:
        await ensure_workspaces(database, NOW)
        live = LiveEvents()
        async with live.listening(database):
            service = Service(database, settings, ManualClock(NOW), live, ServiceOptions())
            async with quick_server(make_app(service, pages=console_routes)) as url:
                yield Server(url, service)
            live.close()


async def plant(database: Database, settings: Settings, folder: Path) -> dict[str, str]:
    """A dream over a planted world, and a trial that is under way; what paths call them."""
    write_world(plain_world(1, 600, 60), folder / "world.jsonl")
    desk = AsyncReverie(database, settings, ManualClock(NOW))
    await desk.import_sessions([folder / "world.jsonl"])
    async with database.connection() as connection:
        store = await create_store(connection, "desk", "What the desk has learned.", {}, NOW)
    result = await desk.dream("desk")
    lesson = next(one for one in result.lessons if one.status == "adopted")
    tried = Tried(database, store.id, NOW - timedelta(days=DAYS))
    await tried.set_policy(mode="ask", least_effect=0.02)
    trial = await tried.begin(ADVICE)
    rewards = chances(Random(3), hidden=0.45, shown=0.85)
    for _ in range(DAYS):
        await tried.sessions(7, rewards, advice=ADVICE)
        tried.later(24 * 60 - 7)
    await tried.look(trial.id)
    session_id = lesson.evidence[0].session_id
    return {"session_id": session_id, "lesson_id": lesson.id, "trial_id": trial.id}


async def test_pictures_of_the_console_are_small_and_show_a_planted_world(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(secrets, "randbits", Random(1).getrandbits)
    folder = Path(FOLDER or tmp_path / "screenshots")
    async with server_that_stands_still(settings) as server:
        known = await plant(server.service.database, settings, tmp_path)
        async with browsing(server) as screen:
            await screen.page.set_viewport_size(SIZE)  # type: ignore[arg-type]
            for name, path in SHOTS.items():
                if re.sub(r"{\w+}", "{}", path) in _DECLARED:
                    await screen.open(path.format(**known))
                    await screen.page.wait_for_load_state("networkidle")
                    taken = await screen.page.screenshot(path=folder / f"{name}.png", animations="disabled")
                    assert 10_000 < len(taken) < MOST_BYTES, f"{name}.png has {len(taken):,} bytes"
    assert screen.said == []
