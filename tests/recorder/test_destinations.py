"""Recorded sessions in a real server, and in a home."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import closing
from pathlib import Path

import pytest
import pytest_asyncio

import reverie
from reverie.api.app import make_app
from reverie.api.server import open_service
from reverie.api.service import ServiceOptions
from reverie.recorder import recording
from reverie.recorder.destination import AwayError, BriefingAsked, RefusedError
from reverie.recorder.server import ServerDestination
from reverie.settings import Settings
from reverie.storage.postgres.database import Database
from reverie.storage.postgres.workspaces import DEFAULT_WORKSPACE
from reverie.storage.service.api_keys import KeyScope, create_key
from reverie.storage.sessions.transcripts import read_transcript
from reverie.testing.patience import PATIENCE_SECONDS
from tests.jobs.tried import ADVICE, Tried, open_tried
from tests.quick_server import quick_server
from tests.recorder.conftest import told


@pytest.fixture(autouse=True)
def spool(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Couriers of this test alone, which end with it."""
    monkeypatch.setenv("REVERIE_SPOOL", str(tmp_path / "spool"))
    yield
    while recording._couriers:
        recording._couriers.popitem()[1].close(PATIENCE_SECONDS)


@pytest_asyncio.fixture
async def served(settings: Settings) -> AsyncIterator[tuple[str, str, str]]:
    """A server's address, and keys of the roles write and read."""
    async with open_service(settings, ServiceOptions()) as service, quick_server(make_app(service)) as url:
        keys = []
        async with service.database.connection() as connection:
            for role in ("write", "read"):
                scope = KeyScope(DEFAULT_WORKSPACE, role)
                keys.append((await create_key(connection, role, scope, service.clock.now()))[1])
        yield url, keys[0], keys[1]


async def flushed() -> int:
    return await asyncio.to_thread(reverie.flush_recordings, PATIENCE_SECONDS)


async def stored(database: Database, session_id: str) -> tuple[list[tuple[str, str]], dict[str, float], dict[str, str]]:
    async with database.connection() as connection:
        found = await read_transcript(connection, session_id)
    return told(found), {one.metric: one.value for one in found.scores}, found.session.metadata


async def test_a_server_stores_what_was_recorded_and_its_scores(
    database: Database, served: tuple[str, str, str]
) -> None:
    url, key, _ = served
    async with reverie.record(url=url, key=key, agent="desk", id="run-1") as session:
        session.user("Hello")
        session.score("reward", 0.5)
    assert await flushed() == 0
    session.score("thumbs", 1)
    assert await flushed() == 0
    assert await stored(database, "run-1") == (
        [("user.message", "Hello")],
        {"reward": 0.5, "thumbs": 1.0},
        {},
    )


async def test_the_session_meets_the_briefing_that_it_was_given(
    database: Database, served: tuple[str, str, str]
) -> None:
    tried: Tried = await open_tried(database)
    trial = await tried.begin()
    url, key, _ = served
    async with reverie.record(url=url, key=key, agent="clerk", task="How many?") as session:
        given = await session.briefing_async("desk", seconds=PATIENCE_SECONDS)
        assert given.failure is None and (ADVICE in given.text) == bool(given.shown)
        session.score("reward", 1)
    assert await flushed() == 0
    await tried.look(trial.id)
    async with database.connection() as connection:
        rows = await connection.execute("SELECT s.id FROM trial_assignments a JOIN sessions s ON s.key = a.session_key")
        assert await rows.fetchall() == [(session.id,)]


async def test_a_home_stores_what_was_recorded_and_gives_guidance(database: Database, settings: Settings) -> None:
    await open_tried(database)
    with reverie.record(settings=settings, id="run-1") as session:
        given = await asyncio.to_thread(session.briefing, seconds=PATIENCE_SECONDS)
        missing = await asyncio.to_thread(session.briefing, "nowhere", seconds=PATIENCE_SECONDS)
        session.user("Hello")
    assert await flushed() == 0
    session.score("thumbs", 1)
    assert await flushed() == 0
    transcript, scores, metadata = await stored(database, "run-1")
    assert (transcript, scores) == ([("user.message", "Hello")], {"thumbs": 1.0})
    assert metadata["reverie_briefing"] == given.briefing_id
    assert "nowhere" in str(missing.failure)


async def test_what_a_server_says_tells_whether_to_try_again(served: tuple[str, str, str]) -> None:
    url, key, reads = served
    asked = BriefingAsked(("nowhere",), "run-1")

    def tried() -> None:
        with closing(ServerDestination(url, reads)) as reader, pytest.raises(AwayError, match="needs a key of role w"):
            reader.deliver("run-1", b"{}\n")
        with closing(ServerDestination(url, "no")) as nobody, pytest.raises(AwayError, match="unknown, revoked"):
            nobody.score("run-1", {"a": 1})
        with (
            closing(ServerDestination("http://127.0.0.1:9", key)) as nowhere,
            pytest.raises(AwayError, match="reached"),
        ):
            nowhere.deliver("run-1", b"")
        with closing(ServerDestination(url, key)) as writer:
            with pytest.raises(RefusedError, match="run-1"):
                writer.deliver("run-1", b'{"session": 5, "events": []}\n')
            with pytest.raises(AwayError, match="nowhere"):
                writer.brief(asked, PATIENCE_SECONDS)

    await asyncio.to_thread(tried)


def test_a_program_that_records_nothing_is_not_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REVERIE_WORKERS", "many")
    for options in ({"enabled": False}, {}):
        with reverie.record(**options) as session:  # type: ignore[arg-type]
            session.user("Hello")
            assert session.briefing("support").text == ""
    assert recording._couriers == {}
