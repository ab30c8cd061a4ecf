"""What is named has to be known here; what did not read an erased session keeps what it found."""

import psycopg
import pytest

from reverie.clock import ManualClock
from reverie.errors import NotFoundError
from reverie.jobs.erasure import erase, rehearse
from reverie.storage.erasure.erasure import Erasure
from reverie.storage.erasure.report import ErasureRequest
from reverie.storage.postgres.database import Database
from tests.jobs.erased import USER
from tests.jobs.test_erased_notes import ACTOR, NOW, Desk, desk
from tests.jobs.test_erasure import dreamt, erased, rows, url
from tests.jobs.tried import insert_session

__all__ = ["desk", "dreamt", "url"]
OVERVIEWS = "SELECT count(*) FROM dreams WHERE result ->> 'overview' IS NOT NULL"


async def ask(database: Database, *session_ids: str, user: str | None = None, agent: str | None = None) -> Erasure:
    return await erase(database, ErasureRequest(session_ids, user, agent), ACTOR, ManualClock(NOW))


async def stored(database: Database) -> list[str]:
    async with database.connection() as connection:
        found = await (await connection.execute("SELECT id FROM sessions ORDER BY id")).fetchall()
    return [session_id for (session_id,) in found]


@pytest.mark.parametrize(
    ("asked", "named"),
    [
        (ErasureRequest(("sesn_anna", "nosuch")), "no session 'nosuch'"),
        (ErasureRequest(("sesn_ann",)), "no session 'sesn_ann'"),
        (ErasureRequest(("sesn_anna",), "nobody"), "no session of a user 'nobody'"),
        (ErasureRequest(("sesn_anna",), None, "noclerk"), "no agent 'noclerk'"),
    ],
)
async def test_what_is_not_known_is_named_before_anything_changes(
    desk: Desk, asked: ErasureRequest, named: str
) -> None:
    for act in (erase, rehearse):
        with pytest.raises(NotFoundError, match=named):
            await act(desk.database, asked, ACTOR, ManualClock(NOW))
    assert await stored(desk.database) == ["sesn_anna", "sesn_bert"]


async def test_what_was_erased_before_can_be_asked_for_again(desk: Desk) -> None:
    await ask(desk.database, agent="clerk")
    assert await stored(desk.database) == []
    for again in (await ask(desk.database, agent="clerk"), await ask(desk.database, "sesn_bert")):
        assert (again.state, again.progress.sessions) == ("done", ())


async def test_a_session_that_is_gone_is_known_by_what_names_it_whole(desk: Desk) -> None:
    await desk.write("/a.md", "Seen in sesn_carl, and in sesn_dora2.\n")
    await desk.erase("sesn_carl")
    with pytest.raises(NotFoundError, match="'sesn_dora'"):
        await desk.erase("sesn_dora")
    assert await desk.contents() == {}


async def test_sessions_in_which_an_agent_was_called_in_are_its_sessions_too(desk: Desk) -> None:
    async with desk.database.connection() as connection:
        live = await insert_session(connection, "sesn_live", "lead", None, NOW)
        brought = await insert_session(connection, "sesn_brought", "lead", None, NOW)
        await insert_session(connection, "sesn_alone", "lead", None, NOW)
        await connection.execute(
            "INSERT INTO session_threads (id, session_key, agent, status, created_at, updated_at)"
            """ VALUES ('sthr_1', %s, '{"id": "agent_x", "name": "critic"}', 'idle', %s, %s)""",
            [live, NOW, NOW],
        )
        await connection.execute(
            "INSERT INTO events (session_key, sequence, type, payload)"
            """ VALUES (%s, 0, 'session.thread_created', '{"session_thread_id": "t", "agent_name": "critic"}')""",
            [brought],
        )
    by_id = await rehearse(desk.database, ErasureRequest((), None, "agent_x"), ACTOR, ManualClock(NOW))
    assert [one.id for one in by_id.progress.sessions] == ["sesn_live"]
    await ask(desk.database, agent="critic")
    assert await stored(desk.database) == ["sesn_alone", "sesn_anna", "sesn_bert"]


def test_a_dream_that_read_no_erased_session_keeps_what_it_found(url: str) -> None:
    assert rows(url, OVERVIEWS) == [(1,)]
    with pytest.raises(NotFoundError, match="nosuch"):
        erased(url, "nosuch")
    with psycopg.connect(url) as connection:
        connection.execute(
            "INSERT INTO sessions (id, source, imported_at, event_count, content_sha256)"
            " VALUES ('new', '', now(), 0, '')"
        )
    assert erased(url, "new").dreams_changed == ()
    assert erased(url, "new").dreams_changed == ()
    assert rows(url, OVERVIEWS) == [(1,)]
    assert len(erased(url, user=USER).dreams_changed) == 1
    assert rows(url, OVERVIEWS) == [(0,)]
