from pathlib import Path

import msgspec
import pytest
from click.testing import CliRunner
from httpx2 import AsyncClient

from reverie.cli.dream import dream
from reverie.cli.sessions import import_sessions
from reverie.dreams.dream import DreamResult
from reverie.ids import event_id, event_sequence
from reverie.storage.sessions.replacement import GONE, record_renumbering
from tests.api.conftest import Server
from tests.dreams.small_desk import small_desk


@pytest.fixture
def dreamt(database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> DreamResult:
    """What a dream over the small desk found."""
    monkeypatch.setenv("DATABASE_URL", database_url)
    monkeypatch.setenv("REVERIE_WORKERS", "1")
    CliRunner().invoke(import_sessions, [str(small_desk(tmp_path / "desk.jsonl"))], catch_exceptions=False)
    told = CliRunner().invoke(dream, ["--json"], catch_exceptions=False).stdout
    return msgspec.json.decode(told, type=DreamResult)


async def store_path(http: AsyncClient) -> str:
    (store,) = (await http.get("/v1/memory_stores")).json()["data"]
    return f"/v1/memory_stores/{store['id']}"


async def test_what_a_dream_concluded_can_be_listed_explained_and_traced_to_its_patterns(
    dreamt: DreamResult, http: AsyncClient
) -> None:
    path = await store_path(http)
    listed = (await http.get(f"{path}/lessons", params={"status": "adopted", "limit": 100})).json()["data"]
    adopted = {lesson.id for lesson in dreamt.lessons if lesson.status == "adopted"}
    assert {lesson["id"] for lesson in listed} == adopted != set()
    told = (await http.get(f"/v1/lessons/{listed[0]['id']}")).json()
    assert {key: told[key] for key in listed[0]} == listed[0]
    assert sum(row["share"] for row in told["strata"]) == pytest.approx(1)
    assert [moment["supports"] for moment in told["moments"]] == [True, True, True, False, False]
    assert told["doubts"]
    first = (await http.get(f"{path}/patterns", params={"limit": 1})).json()
    rest = (await http.get(f"{path}/patterns", params={"limit": 100, "page": first["next_page"]})).json()
    assert [row["behaviour"] for row in [*first["data"], *rest["data"]]] == [p.behaviour for p in dreamt.patterns[:101]]
    assert first["data"][0]["dream_id"] == dreamt.dream_id


async def test_the_sessions_behind_a_lesson_are_followed_when_they_are_put_together_anew(
    dreamt: DreamResult, server: Server, http: AsyncClient
) -> None:
    lesson = next(lesson for lesson in dreamt.lessons if lesson.status == "adopted")
    moved, gone = lesson.evidence[:2]
    number, later = event_sequence(moved.event_id), server.service.clock.now()
    async with server.service.database.connection() as connection:
        places = [*range(number), number + 1]
        await record_renumbering(connection, moved.session_id, moved.session_id, places, later)
        await record_renumbering(connection, gone.session_id, gone.session_id, [GONE], later)
    moments = (await http.get(f"/v1/lessons/{lesson.id}")).json()["moments"]
    assert (moments[0]["session_id"], moments[0]["event_id"]) == (
        moved.session_id,
        event_id(moved.session_id, number + 1),
    )
    assert gone.session_id not in {moment["session_id"] for moment in moments}


async def test_lessons_are_paged_by_id_and_chosen_by_kind(dreamt: DreamResult, http: AsyncClient) -> None:
    path, seen, page = await store_path(http), [], ""
    kind = dreamt.lessons[0].kind
    while page is not None:
        query = {"kind": kind, "limit": "1", **({"page": page} if page else {})}
        answer = (await http.get(f"{path}/lessons", params=query)).json()
        seen += [lesson["id"] for lesson in answer["data"]]
        page = answer["next_page"]
    assert seen == sorted(lesson.id for lesson in dreamt.lessons if lesson.kind == kind)
    assert (await http.get(f"{path}/lessons", params={"kind": "rumour"})).status_code == 400


async def test_a_store_that_never_dreamt_has_neither_lessons_nor_patterns(http: AsyncClient) -> None:
    store = (await http.post("/v1/memory_stores", json={"name": "new"})).json()["id"]
    for listing in ("lessons", "patterns"):
        assert (await http.get(f"/v1/memory_stores/{store}/{listing}")).json()["data"] == []
    assert (await http.get("/v1/lessons/lsn_x")).status_code == 404
