"""``reverie score``: by values and by reports of tests, here and on a server."""

import asyncio
import json
import os
import sys
from asyncio.subprocess import PIPE
from pathlib import Path

import pytest_asyncio

from reverie.api.app import make_app
from reverie.api.server import open_service
from reverie.api.service import ServiceOptions
from reverie.clock import SystemClock
from reverie.outcomes.metric import Metric
from reverie.settings import Settings
from reverie.storage.postgres.database import Database
from reverie.storage.postgres.workspaces import DEFAULT_WORKSPACE
from reverie.storage.service.api_keys import KeyScope, create_key
from reverie.storage.sessions.import_summary import ImportOptions
from reverie.storage.sessions.ingest import import_sessions
from reverie.storage.sessions.scores import define_metric
from tests.conftest import ChatFile
from tests.quick_server import quick_server

REPORT = (
    '<testsuite><testcase name="a"/><testcase name="b"><failure message="no"/></testcase>'
    '<testcase name="c"/><testcase name="d"/></testsuite>'
)

POINTS = (
    "points 7 is kept, and no part of the reward: nobody said what it is worth, and it is outside 0 to 1; "
    "reverie metric define points --low LOW --high HIGH"
)


@pytest_asyncio.fixture
async def session(database: Database, settings: Settings, chat_file: ChatFile) -> str:
    """One session, that of the briefing ``brf_1``."""
    messages = [{"role": "user", "content": "Mend it."}, {"role": "assistant", "content": "Done."}]
    path = chat_file("one.jsonl", {"id": "s1", "messages": messages, "metadata": {"reverie_briefing": "brf_1"}})
    await import_sessions(database, settings, [path], ImportOptions(), SystemClock(), lambda _: None)
    return "s1"


async def score(settings: Settings, *arguments: str, key: str = "") -> tuple[int, str]:
    """The exit code, and what is said."""
    environment = {**os.environ, "DATABASE_URL": str(settings.database_url), "REVERIE_HOME": str(settings.home)}
    environment |= {"REVERIE_API_KEY": key} if key else {}
    command = [sys.executable, "-m", "reverie.cli.main", "score", *arguments]
    process = await asyncio.create_subprocess_exec(*command, stdout=PIPE, stderr=PIPE, env=environment)
    out, err = await process.communicate()
    return process.returncode or 0, (out + err).decode()


async def kept(database: Database) -> tuple[dict[str, float], dict[str, str]]:
    async with database.connection() as connection:
        scores = await connection.execute("SELECT metric, value FROM scores")
        row = await (await connection.execute("SELECT metadata FROM sessions")).fetchone()
        assert row is not None
        return dict(await scores.fetchall()), row[0]


async def test_tests_that_passed_are_a_score_and_those_that_failed_are_named(
    database: Database, settings: Settings, session: str, tmp_path: Path
) -> None:
    report = tmp_path / "report.xml"
    report.write_text(REPORT, encoding="utf-8")
    code, said = await score(settings, session, "resolved=1", "--from-junit", str(report))
    assert (code, said) == (0, "s1: tests 0.75\ns1: reward 0.875\n")
    scores, metadata = await kept(database)
    assert scores == {"tests": 0.75, "resolved": 1.0}
    assert (metadata["tests_failed"], metadata["tests_failed_count"]) == ("b", "1")


async def test_a_server_is_told_by_the_reference_of_a_briefing(
    database: Database, settings: Settings, session: str, tmp_path: Path
) -> None:
    report = tmp_path / "report.xml"
    report.write_text(REPORT, encoding="utf-8")
    async with open_service(settings, ServiceOptions()) as service, quick_server(make_app(service)) as url:
        async with service.database.connection() as connection:
            scope = KeyScope(DEFAULT_WORKSPACE, "write")
            key = (await create_key(connection, "ci", scope, service.clock.now()))[1]
        options = ("--session", "brf_1", "--metric", "unit", "--from-junit", str(report), "--url", url, "--json")
        code, said = await score(settings, *options, key=key)
        assert (code, json.loads(said)) == (0, {"session": session, "reward": 0.75, "notes": []})
        code, said = await score(settings, "--session", "none", "x=1", "--url", url, key=key)
    assert code == 1 and "there is no session 'none', nor one of a briefing of that name; import it first" in said
    scores, metadata = await kept(database)
    assert scores == {"unit": 0.75} and metadata["tests_failed"] == "b"


async def test_what_is_left_out_is_asked_for(settings: Settings) -> None:
    for arguments in ((), ("s1",), ("--session", "s1")):
        code, said = await score(settings, *arguments)
        assert code == 2 and "name a session, and METRIC=VALUE or --from-junit FILE" in said


async def test_a_reward_that_is_none_is_refused_here_and_on_a_server(
    database: Database, settings: Settings, session: str
) -> None:
    told = "is outside 0 to 1; give it another name"
    async with (
        open_service(settings, ServiceOptions(require_key=False)) as service,
        quick_server(make_app(service)) as url,
    ):
        for where in ((), ("--url", url)):
            for value in ("2", "-0.5"):
                code, said = await score(settings, session, f"reward={value}", "resolved=1", *where)
                assert (code, f"{value} {told}" in said) == (1, True), said
            code, said = await score(settings, session, "resolved=nan", *where)
            assert (code, "nan is not a finite number" in said) == (1, True), said
    assert (await kept(database))[0] == {}


async def test_what_is_no_part_of_the_reward_is_said_here_and_on_a_server(settings: Settings, session: str) -> None:
    async with (
        open_service(settings, ServiceOptions(require_key=False)) as service,
        quick_server(make_app(service)) as url,
    ):
        async with service.database.connection() as connection:
            await define_metric(connection, Metric("seconds", "minimize", high=60))
        for where in ((), ("--url", url)):
            code, said = await score(settings, session, "points=7", "seconds=90", *where)
            assert (code, said.splitlines()) == (
                0,
                ["s1: reward 0.000", POINTS, "seconds 90 counts as 60 in the reward: the metric goes from 0 to 60"],
            )
