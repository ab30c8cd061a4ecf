"""A dream that finds digests and an overview of earlier dreams gives what one gives that finds nothing."""

import json
import secrets
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from reverie.clock import SystemClock
from reverie.dreams.dream import DreamRequest
from reverie.dreams.policy import DreamPolicy
from reverie.jobs.dream_runtime import Runtime
from reverie.jobs.engine import dream
from reverie.outcomes.metric import REWARD_METRIC
from reverie.sessions.session import Score
from reverie.settings import Settings
from reverie.storage.postgres.database import Database, open_database
from reverie.storage.sessions.import_summary import ImportOptions
from reverie.storage.sessions.ingest import import_sessions
from reverie.storage.sessions.scores import score_session
from reverie.testing.worlds import support_desk

FIRST, ADDED, TOUCHED = 240, 40, 12
OWN = {"id", "dream_id", "lesson_id", "store", "seconds", "stages", "started_at", "changes", "new"}


async def add(database: Database, settings: Settings, folder: Path, lines: Sequence[Any]) -> None:
    path = folder / f"{secrets.token_hex(4)}.jsonl"
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    await import_sessions(database, settings, [path], ImportOptions(), SystemClock(), lambda _: None)


async def change(database: Database, what: str, generator: np.random.Generator) -> None:
    """Score some sessions anew, or delete some."""
    async with database.connection() as connection:
        rows = await connection.execute("SELECT id FROM sessions WHERE source <> 'dream' ORDER BY id")
        ids = [row[0] for row in await rows.fetchall()]
        for session_id in generator.choice(ids, TOUCHED, replace=False).tolist():
            if what == "deleted":
                await connection.execute("DELETE FROM sessions WHERE id = %s", [session_id])
            else:
                await score_session(connection, session_id, [Score(REWARD_METRIC, round(generator.random(), 3))])


async def forget(database: Database) -> None:
    """Delete all that a later dream may take from earlier ones, but for the tests they spent."""
    async with database.connection() as connection:
        await connection.execute("TRUNCATE digests")
        await connection.execute("TRUNCATE behaviours RESTART IDENTITY")
        await connection.execute("UPDATE dreams SET overview = NULL")


def without_ids(found: Any) -> Any:
    """What a dream answers, without what is another one in each store or at each time."""
    if isinstance(found, list | tuple):
        return [without_ids(each) for each in found]
    if isinstance(found, dict):
        return {name: without_ids(value) for name, value in found.items() if name not in OWN}
    return found


async def dreamt(database: Database, settings: Settings) -> Any:
    runtime = Runtime(database, settings, DreamPolicy(), SystemClock(), lambda *_: None)
    return without_ids(msgspec.to_builtins(await dream(runtime, DreamRequest("desk"))))


async def dreams_after_changes(url: str, folder: Path, *, forgetful: bool) -> list[Any]:
    """What dreams found at first, and after sessions were added, scored anew and deleted."""
    settings = Settings(home=folder / "home", database_url=url, workers=1, redaction=False)
    lines = list(support_desk(5, sessions=FIRST + ADDED, tasks=16).lines)
    generator, found = np.random.default_rng(3), []
    async with open_database(settings) as database:
        await add(database, settings, folder, lines[:FIRST])
        found.append(await dreamt(database, settings))
        for what in ("added", "rescored", "deleted"):
            if what == "added":
                await add(database, settings, folder, lines[FIRST:])
            else:
                await change(database, what, generator)
            if forgetful:
                await forget(database)
            found.append(await dreamt(database, settings))
    return found


async def test_what_earlier_dreams_left_changes_no_digit_of_a_dream(
    database_url: str, other_database_url: str, tmp_path: Path
) -> None:
    remembering = await dreams_after_changes(database_url, tmp_path, forgetful=False)
    forgetful = await dreams_after_changes(other_database_url, tmp_path, forgetful=True)
    for mine, theirs in zip(remembering, forgetful, strict=True):
        assert {name: value for name, value in mine.items() if value != theirs[name]} == {}
    assert all(one != other for one, other in pairwise(remembering))
