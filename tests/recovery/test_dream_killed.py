import asyncio
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import msgspec
import psycopg
import pytest

from reverie.clock import SystemClock
from reverie.dreams.dream import DreamRequest, DreamResult
from reverie.dreams.policy import DreamPolicy
from reverie.errors import SlotBusyError
from reverie.jobs.dream_runtime import Runtime
from reverie.jobs.engine import dream
from reverie.mining.policy import MiningPolicy
from reverie.settings import Settings
from reverie.storage.postgres.database import Database, open_database
from reverie.storage.postgres.embedded import EmbeddedServer
from reverie.storage.sessions.import_summary import ImportOptions
from reverie.storage.sessions.ingest import import_sessions
from reverie.testing.patience import PATIENCE_SECONDS
from reverie.testing.scripted_model import ScriptedModel
from tests.dreams.small_desk import small_desk
from tests.recovery.dream_and_die import dream_and_die

POLICY = DreamPolicy(mining=MiningPolicy(placebo_runs=5))

KILLS = {
    "before anything is counted": ("reverie.jobs.stages.survey", "measure_segment", 1, "before"),
    "after some digests": ("reverie.jobs.stages.digest_batch", "write_digests", 1, "after"),
    "before the findings are kept": ("reverie.jobs.stages.findings", "write_findings", 1, "before"),
    "after the findings are kept": ("reverie.jobs.stages.findings", "write_findings", 1, "after"),
    "inside the last transaction": ("reverie.jobs.stages.conclusion", "apply_edits", 1, "after"),
    "after the last transaction": ("reverie.jobs.dreams", "conclude_dream", 1, "after"),
    "before the result is read": ("reverie.jobs.engine", "read_result", 1, "before"),
}


NOTHING: dict[str, Any] = {"texts": []}
PROPOSED: dict[str, Any] = {"proposals": []}
ANSWERS = [PROPOSED] * 4 + [NOTHING] * 2
"""Of a model: behaviours to look for (four calls), advice, names of themes."""
MODEL_KILLS = {
    "after the behaviours were kept": (("reverie.jobs.stages.findings", "find_all_matches", 1, "before"), 4),
    "after the words were kept": (("reverie.jobs.dreams", "conclude_dream", 1, "before"), 6),
}
"""Where a dream with a model is killed, and how many answers were kept by then."""


async def import_desk(settings: Settings, folder: Path) -> None:
    async with open_database(settings) as database:
        path = small_desk(folder / "desk.jsonl")
        await import_sessions(database, settings, [path], ImportOptions(), SystemClock(), lambda _: None)


async def dream_at(url: str, model: ScriptedModel | None = None) -> DreamResult:
    settings = Settings(Path("unused"), database_url=url, workers=1)
    async with open_database(settings) as database:
        runtime = Runtime(database, settings, POLICY, SystemClock(), lambda *_: None, model)
        return await dream(runtime, DreamRequest("desk"))


@contextmanager
def copied(database_server: EmbeddedServer, source: str, name: str) -> Iterator[str]:
    """A database with the contents of another, for as long as it is used."""
    with psycopg.connect(database_server.url("postgres"), autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name} TEMPLATE {source}")
        yield database_server.url(name)
        connection.execute(f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture(scope="module")
def desk(database_server: EmbeddedServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Name of a database that holds the small desk's sessions."""
    with copied(database_server, "template", "desk") as url:
        folder = tmp_path_factory.mktemp("desk")
        asyncio.run(import_desk(Settings(folder, database_url=url, workers=1), folder))
        yield "desk"


@pytest.fixture(scope="module")
def unbroken(database_server: EmbeddedServer, desk: str) -> DreamResult:
    """What a dream over the desk gives when nothing disturbs it."""
    with copied(database_server, desk, "unbroken") as url:
        result = asyncio.run(dream_at(url))
    assert [x.behaviour for x in result.lessons if x.status == "adopted"] == ["start | call:verify"]
    return result


@pytest.fixture
def desk_url(database_server: EmbeddedServer, desk: str) -> Iterator[str]:
    """A fresh database with the desk's sessions."""
    with copied(database_server, desk, "killed") as url:
        yield url


def kill_at(url: str, *point: Any) -> None:
    # From a server that has the libraries loaded already: a fresh interpreter would spend its time on imports.
    context = get_context("forkserver")
    context.set_forkserver_preload(["tests.recovery.dream_and_die"])
    process = context.Process(target=dream_and_die, args=(url, *point))
    process.start()
    process.join(timeout=PATIENCE_SECONDS)
    assert process.exitcode == -signal.SIGKILL


def claims(result: DreamResult) -> list[Any]:
    """What must not depend on the run; ids of lessons follow the store's own id."""
    lessons = [msgspec.structs.replace(lesson, id="") for lesson in result.lessons]
    changes = [(change.action, change.path.rsplit("-", 1)[0], change.reason) for change in result.changes]
    return [result.sessions, result.tested, result.placebo, lessons, result.patterns, changes, result.revision]


def rows(url: str, query: str) -> list[tuple[Any, ...]]:
    with psycopg.connect(url) as connection:
        return connection.execute(query).fetchall()


@pytest.mark.parametrize("point", KILLS.values(), ids=KILLS.keys())
def test_a_dream_killed_at_any_step_resumes_to_the_same_result(
    point: tuple[Any, ...], desk_url: str, unbroken: DreamResult
) -> None:
    kill_at(desk_url, *point)
    completed = rows(desk_url, "SELECT id FROM dreams WHERE status = 'completed'")
    written = rows(desk_url, "SELECT count(*) FROM memories")[0][0]
    assert written == (1 if completed else 0), "the store shows all of a dream or nothing"

    resumed = asyncio.run(dream_at(desk_url))
    if not completed:
        assert claims(resumed) == claims(unbroken)
        assert rows(desk_url, "SELECT count(*), min(id) FROM dreams") == [(1, resumed.dream_id)]
    assert rows(desk_url, "SELECT number, act FROM store_revisions") == [(1, "dream")]
    assert rows(desk_url, "SELECT count(*) FROM memories") == [(1,)]


@pytest.mark.parametrize(("point", "kept"), MODEL_KILLS.values(), ids=MODEL_KILLS.keys())
def test_a_model_is_not_paid_twice_for_what_was_kept(
    point: tuple[Any, ...], kept: int, desk_url: str, unbroken: DreamResult
) -> None:
    kill_at(desk_url, *point, ANSWERS)
    model = ScriptedModel(ANSWERS[kept:])
    resumed = asyncio.run(dream_at(desk_url, model))
    assert len(model.requests) == len(ANSWERS) - kept
    assert resumed.usage["calls"] == len(ANSWERS), "what was spent before counts"
    assert claims(resumed) == claims(unbroken)


async def test_one_dream_per_store_at_a_time(database: Database, settings: Settings) -> None:
    runtime = Runtime(database, settings, POLICY, SystemClock(), lambda *_: None)
    await dream(runtime, DreamRequest("desk"))
    with psycopg.connect(database.url, autocommit=True) as holder:
        holder.execute(
            "SELECT pg_advisory_lock(hashtextextended('dream of ' || id, 0)) FROM memory_stores WHERE name = 'desk'"
        )
        with pytest.raises(SlotBusyError, match="another process is dreaming"):
            await dream(runtime, DreamRequest("desk"))
