"""A team's dream writes to all of its stores or to none, wherever it is killed, and to each once."""

import asyncio
from collections.abc import Iterator
from typing import Any

import pytest

from reverie.dreams.dream import DreamResult
from reverie.settings import Settings
from reverie.storage.postgres.database import open_database
from reverie.storage.postgres.embedded import EmbeddedServer
from tests.jobs.team_desk import declare, import_desk, team_desk
from tests.recovery.test_dream_killed import copied, dream_at, kill_at, rows

KILLS = {
    "before the agents' findings are kept": ("reverie.jobs.stages.member_mining", "write_member_findings", 1, "before"),
    "after the agents' findings are kept": ("reverie.jobs.stages.member_mining", "write_member_findings", 1, "after"),
    "after the first store": ("reverie.jobs.stages.conclusion", "apply_edits", 1, "after"),
    "after the second store": ("reverie.jobs.stages.conclusion", "apply_edits", 2, "after"),
    "after the third store": ("reverie.jobs.stages.conclusion", "apply_edits", 3, "after"),
    "after the last transaction": ("reverie.jobs.dreams", "conclude_dream", 1, "after"),
}
WRITTEN = """
    SELECT s.name, r.number FROM store_revisions r JOIN memory_stores s ON s.id = r.memory_store_id ORDER BY 1, 2
"""
WHOLE = [("critic's notes", 1), ("desk", 1), ("writer's notes", 1)]


@pytest.fixture(scope="module")
def team_database(database_server: EmbeddedServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Name of a database with the team and its sessions."""
    with copied(database_server, "template", "team") as url:
        folder = tmp_path_factory.mktemp("team")

        async def furnish() -> None:
            settings = Settings(folder, database_url=url, workers=1)
            async with open_database(settings) as database:
                await import_desk(database, settings, team_desk(folder / "desk.jsonl"))
                await declare(database)

        asyncio.run(furnish())
        yield "team"


@pytest.fixture(scope="module")
def unbroken(database_server: EmbeddedServer, team_database: str) -> DreamResult:
    """What the team's dream gives when nothing disturbs it."""
    with copied(database_server, team_database, "unbroken_team") as url:
        return asyncio.run(dream_at(url))


@pytest.fixture
def team_url(database_server: EmbeddedServer, team_database: str) -> Iterator[str]:
    """A fresh copy of it."""
    with copied(database_server, team_database, "killed_team") as url:
        yield url


def claims(result: DreamResult) -> list[Any]:
    """What must not depend on the run."""
    lessons = sorted((x.id, x.status, x.reason) for x in result.lessons)
    placed = sorted((x.lesson_id, x.way) for x in result.placed)
    return [lessons, placed, sorted((x.name, x.revision, x.changes, x.adopted) for x in result.stores)]


@pytest.mark.parametrize("point", KILLS.values(), ids=KILLS.keys())
def test_a_joint_dream_killed_anywhere_resumes_and_writes_to_each_store_once(
    point: tuple[Any, ...], team_url: str, unbroken: DreamResult
) -> None:
    kill_at(team_url, *point)
    completed = rows(team_url, "SELECT id FROM dreams WHERE status = 'completed'")
    assert rows(team_url, WRITTEN) == (WHOLE if completed else [])

    resumed = asyncio.run(dream_at(team_url))
    assert rows(team_url, WRITTEN) == WHOLE
    if not completed:
        assert claims(resumed) == claims(unbroken)
        assert rows(team_url, "SELECT count(*), min(id) FROM dreams") == [(1, resumed.dream_id)]
    assert rows(team_url, "SELECT count(*) FROM dreams WHERE member_findings IS NOT NULL") == [(0,)]


def test_a_first_joint_dream_writes_to_every_store(unbroken: DreamResult) -> None:
    assert {store.name: store.revision for store in unbroken.stores} == {
        "desk": 1,
        "writer's notes": 1,
        "critic's notes": 1,
    }
