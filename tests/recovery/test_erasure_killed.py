"""Whoever is killed while erasing leaves no half of a step, and the next who asks goes on to the same end."""

import asyncio
import signal
from collections.abc import Iterator
from multiprocessing import get_context
from typing import Any

import psycopg
import pytest

from reverie.storage.postgres.embedded import EmbeddedServer
from reverie.testing.patience import PATIENCE_SECONDS
from tests.jobs.erased import ANNAS, ANNAS_TOOL, USER, make_desk, tables_that_say, word_of
from tests.recovery.erase_and_die import erase_and_die, erase_user
from tests.recovery.test_dream_killed import copied

HERE = "reverie.jobs.erasure"
KILLS = {
    "in the first session": ((HERE, "erase_sessions", 1, "after"), 0),
    "after the first session": ((HERE, "erase_some", 2, "before"), 1),
    "after the sessions": ((HERE, "conclude", 1, "before"), 2),
    "after the lessons": ((HERE, "change_lessons", 1, "after"), 2),
    "after the documents": ((HERE, "change_documents", 1, "after"), 2),
    "after the report": ((HERE, "record_act", 1, "after"), 2),
}
"""Where it is killed, and how many sessions are erased by then."""
TEXTS = (USER, ANNAS_TOOL, *map(word_of, ANNAS))


@pytest.fixture(scope="module")
def dreamt(database_server: EmbeddedServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Name of a database whose desk has dreamt."""
    with copied(database_server, "template", "dreamt_once") as url:
        make_desk(url, tmp_path_factory.mktemp("dreamt"))
        yield "dreamt_once"


def kill_at(url: str, point: tuple[Any, ...]) -> None:
    context = get_context("forkserver")
    context.set_forkserver_preload(["tests.recovery.erase_and_die"])
    process = context.Process(target=erase_and_die, args=(url, *point))
    process.start()
    process.join(timeout=PATIENCE_SECONDS)
    assert process.exitcode == -signal.SIGKILL


@pytest.mark.parametrize(("point", "by_then"), KILLS.values(), ids=KILLS.keys())
def test_an_erasure_killed_at_any_step_goes_on_to_the_same_end(
    point: tuple[Any, ...], by_then: int, database_server: EmbeddedServer, dreamt: str
) -> None:
    with copied(database_server, dreamt, "cut_short") as url:
        kill_at(url, point)
        with psycopg.connect(url) as connection:
            left = connection.execute("SELECT count(*) FROM sessions WHERE id = ANY (%s)", [list(ANNAS)]).fetchone()
        assert left == (len(ANNAS) - by_then,)
        report = asyncio.run(erase_user(url)).report
        assert report is not None
        assert sorted(one.id for one in report.sessions) == list(ANNAS)
        assert {text: tables_that_say(url, text) for text in TEXTS} == {text: {} for text in TEXTS}
        with psycopg.connect(url) as connection:
            assert connection.execute("SELECT state FROM erasures").fetchall() == [("done",)]
