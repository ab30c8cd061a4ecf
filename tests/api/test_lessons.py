from pathlib import Path
from typing import Any

import msgspec
import pytest
from click.testing import CliRunner
from httpx2 import AsyncClient

from reverie.cli.dream import dream
from reverie.cli.sessions import import_sessions
from reverie.clock import SystemClock
from reverie.dreams.dream import DreamResult
from reverie.ids import event_id, event_sequence
from reverie.storage.memory.clone import clone_store
from reverie.storage.postgres.database import Database
from reverie.storage.sessions.replacement import GONE, record_renumbering
from tests.api.conftest import Server
from tests.dreams.small_desk import small_desk

STATUSES = ["adopted", "trial", "candidate", "retired", "refused"]


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


async def test_lessons_of_all_stores_are_listed_with_what_holds_first_and_the_greatest_effect_first(
    dreamt: DreamResult, http: AsyncClient
) -> None:
    seen: list[dict[str, Any]] = []
    page: str | None = ""
    while page is not None:
        answer = (await http.get("/v1/lessons", params={"limit": 2, **({"page": page} if page else {})})).json()
        seen += answer["data"]
        page = answer["next_page"]
    ranks = [(STATUSES.index(x["status"]), -abs(x["effect"]["estimate"])) for x in seen]
    assert ranks == sorted(ranks)
    assert {x["id"] for x in seen} == {x.id for x in dreamt.lessons} and len(seen) == len(dreamt.lessons)


@pytest.mark.usefixtures("dreamt")
@pytest.mark.parametrize(
    ("query", "found"),
    [({"agent": "desk"}, True), ({"agent": "another"}, False), ({"memory_store_id": "memstore_none"}, False)],
)
async def test_lessons_of_all_stores_are_chosen_by_agent_and_store(
    http: AsyncClient, query: dict[str, str], found: bool
) -> None:
    listed = (await http.get("/v1/lessons", params={**query, "status": "adopted"})).json()["data"]
    assert bool(listed) is found


async def test_the_history_of_a_lesson_names_the_dream_that_judged_it_and_the_revision_that_wrote_it(
    dreamt: DreamResult, http: AsyncClient
) -> None:
    lesson = next(lesson for lesson in dreamt.lessons if lesson.status == "adopted")
    told = (await http.get(f"/v1/lessons/{lesson.id}/history")).json()
    assert [(x["act"], x["what"], x["by"]) for x in told["events"]] == [
        ("judged", "adopted", dreamt.dream_id),
        ("written", "created", dreamt.dream_id),
    ]
    assert told["events"][0]["effect"]["estimate"] == lesson.effect.estimate
    assert told["events"][1]["revision"] == dreamt.revision
    assert told["placebo"] == {"runs": dreamt.placebo.runs, "lessons": dreamt.placebo.lessons}
    pattern = next(row for row in dreamt.patterns if row.behaviour == lesson.behaviour)
    assert told["naive_effect"] == pattern.naive_effect
    other = await http.get(f"/v1/lessons/{lesson.id}/history", params={"memory_store_id": "memstore_none"})
    assert other.status_code == 404
    document = await http.get(f"{await store_path(http)}/document", params={"path": told["document_path"]})
    assert document.json()["version"]["lesson_id"] == lesson.id


async def test_a_lesson_s_history_goes_on_with_trials_and_with_its_document_s_end(
    dreamt: DreamResult, http: AsyncClient
) -> None:
    path = await store_path(http)
    lesson = next(lesson for lesson in dreamt.lessons if lesson.status == "adopted")
    await http.post(f"{path}/policy", json={"policy": {"live": {"mode": "ask"}}})
    store_id = path.rpartition("/")[2]
    trial = (await http.post("/v1/trials", json={"memory_store_id": store_id, "lesson_id": lesson.id})).json()
    await http.post(f"/v1/trials/{trial['id']}/decide", json={"act": "roll_back", "note": "not ours"})
    told = (await http.get(f"/v1/lessons/{lesson.id}/history")).json()
    assert [x["what"] for x in told["events"] if x["trial_id"] == trial["id"]] == ["trial", "roll_back"]
    assert [x["what"] for x in told["events"] if x["act"] == "written"] == ["created", "deleted"]
    assert told["document_path"] is None


@pytest.mark.parametrize("call", ["history", ""])
async def test_a_lesson_of_a_clone_is_told_apart_by_its_store(
    dreamt: DreamResult, http: AsyncClient, database: Database, call: str
) -> None:
    store_id = (await store_path(http)).rpartition("/")[2]
    now = SystemClock().now()
    async with database.connection() as connection:
        await clone_store(connection, store_id, "memstore_copy", "drm_x", None, now)
    lesson_id = dreamt.lessons[0].id
    for store in (store_id, "memstore_copy"):
        query = {"memory_store_id": store}
        told = await http.get(f"/v1/lessons/{lesson_id}/{call}".rstrip("/"), params=query)
        assert told.json()["memory_store_id"] == store
