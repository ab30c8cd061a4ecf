"""What came from a session goes with it, wherever it went; what stands without it stays."""

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest

from reverie.clock import SystemClock
from reverie.errors import InputError, StateError
from reverie.jobs.erasure import erase, rehearse
from reverie.settings import Settings
from reverie.storage.erasure.erasure import Erasure
from reverie.storage.erasure.report import ErasureReport, ErasureRequest
from reverie.storage.postgres.database import open_database
from reverie.storage.postgres.embedded import EmbeddedServer
from tests.jobs.erased import ANNAS, ANNAS_TOOL, USER, cited_words, dream_of_desk, make_desk, tables_that_say, word_of
from tests.recovery.test_dream_killed import copied

ACTOR = {"type": "system", "name": "test"}
OF_VERIFY = "lesson ->> 'behaviour' = 'start | call:verify'"


@pytest.fixture(scope="module")
def dreamt(database_server: EmbeddedServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Name of a database whose desk has dreamt."""
    with copied(database_server, "template", "dreamt") as url:
        result = make_desk(url, tmp_path_factory.mktemp("dreamt"))
        assert [x.behaviour for x in result.lessons if x.status == "adopted"] == ["start | call:verify"]
        yield "dreamt"


@pytest.fixture
def url(database_server: EmbeddedServer, dreamt: str) -> Iterator[str]:
    """A fresh copy of it."""
    with copied(database_server, dreamt, "erased") as url:
        yield url


def erased(url: str, *session_ids: str, user: str | None = None, dry: bool = False) -> ErasureReport:
    async def work() -> Erasure:
        async with open_database(Settings(Path("unused"), database_url=url, workers=1)) as database:
            act = rehearse if dry else erase
            return await act(database, ErasureRequest(session_ids, user), ACTOR, SystemClock())

    report = asyncio.run(work()).report
    assert report is not None
    return report


def rows(url: str, query: str) -> list[tuple[Any, ...]]:
    with psycopg.connect(url) as connection:
        return connection.execute(query).fetchall()


def verify_lesson(url: str) -> str:
    """The id of the lesson that the desk adopts."""
    ((lesson_id,),) = rows(url, f"SELECT id FROM lessons WHERE {OF_VERIFY}")
    return str(lesson_id)


def test_nothing_of_a_user_is_found_in_any_table(url: str) -> None:
    before = tables_that_say(url, ANNAS_TOOL)
    assert {"public.events", "public.behaviours"} <= before.keys()
    report = erased(url, user=USER)
    assert sorted(one.id for one in report.sessions) == list(ANNAS)
    for text in (USER, ANNAS_TOOL, *map(word_of, ANNAS)):
        assert tables_that_say(url, text) == {}, text


def test_a_lesson_is_told_anew_from_the_sessions_that_are_left(url: str) -> None:
    one, *others = sorted(cited_words(url))
    report = erased(url, one)
    assert tables_that_say(url, word_of(one)) == {}
    assert verify_lesson(url) in report.lessons_retold
    assert (report.lessons_retired, report.lessons_removed) == ((), ())
    assert len(report.memories_changed) == 1
    ((content,),) = rows(url, "SELECT content FROM memories")
    assert one not in content
    assert any(other in content for other in others)
    assert rows(url, "SELECT count(*) FROM memory_versions WHERE redacted_at IS NOT NULL") == [(1,)]


def test_a_lesson_is_retired_when_all_that_it_cites_is_erased(url: str) -> None:
    cited = sorted(cited_words(url))
    report = erased(url, *cited)
    assert report.lessons_retired == (verify_lesson(url),)
    assert len(report.memories_removed) == 1
    assert rows(url, "SELECT count(*) FROM memories") == [(0,)]
    ((status, reason),) = rows(url, f"SELECT status, lesson ->> 'reason' FROM lessons WHERE {OF_VERIFY}")
    assert status == "retired"
    assert reason.startswith("all ")
    assert {text: tables_that_say(url, word_of(text)) for text in cited} == {text: {} for text in cited}
    again = asyncio.run(dream_of_desk(url))
    assert [x.status for x in again.lessons if x.behaviour == "start | call:verify"] == ["adopted"]


def test_what_was_learned_from_a_session_that_was_deleted_before_is_erased_too(url: str) -> None:
    one = min(cited_words(url))
    with psycopg.connect(url) as connection:
        connection.execute("DELETE FROM sessions WHERE id = %s", [one])
    assert tables_that_say(url, word_of(one)) != {}
    report = erased(url, one)
    assert report.sessions == ()
    assert verify_lesson(url) in report.lessons_retold
    assert tables_that_say(url, word_of(one)) == {}


def test_a_rehearsal_tells_the_same_and_does_nothing(url: str) -> None:
    before = (rows(url, "SELECT count(*) FROM sessions"), tables_that_say(url, word_of(ANNAS[0])))
    told = erased(url, user=USER, dry=True)
    assert (rows(url, "SELECT count(*) FROM sessions"), tables_that_say(url, word_of(ANNAS[0]))) == before
    assert rows(url, "SELECT count(*) FROM erasures") == [(0,)]
    assert erased(url, user=USER) == told


def test_the_report_and_the_audit_log_hold_counts_and_ids_and_no_content(url: str) -> None:
    report = erased(url, user=USER)
    assert report.rows["sessions"] == len(ANNAS)
    assert report.rows["events"] > 0
    ((details,),) = rows(url, "SELECT details FROM audit_log WHERE action = 'sessions.erase'")
    told = len(report.lessons_retold) + len(report.lessons_retired) + len(report.lessons_removed)
    assert details == {"sessions": 2, "rows": report.rows, "lessons": told, "left": 0}


def test_an_erasure_of_nothing_is_refused(url: str) -> None:
    with pytest.raises(InputError, match="say whose sessions"):
        erased(url)
    with pytest.raises(InputError, match="say whose sessions"):
        erased(url, "")


def test_nothing_is_erased_while_a_dream_may_read_it(url: str) -> None:
    with psycopg.connect(url) as connection:
        connection.execute("UPDATE dreams SET status = 'running'")
    with pytest.raises(StateError, match="is running and may read"):
        erased(url, user=USER)
