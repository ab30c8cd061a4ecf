"""Live trials over HTTP: begun, read, looked at, decided and taken back."""

import asyncio
from random import Random
from typing import Any

import httpx2
import pytest
from anthropic import Anthropic, AsyncAnthropic
from httpx2 import AsyncClient

from reverie import AsyncClient as Reverie
from reverie import Client
from reverie.storage.postgres.database import Database
from reverie.testing.patience import PATIENCE_SECONDS
from tests.api.conftest import Server
from tests.jobs.tried import ADVICE, Tried, chances, open_tried
from tests.quick_server import TLS


async def harmed(tried: Tried) -> None:
    """Sessions enough to see that the advice does harm."""
    await tried.sessions(160, chances(Random(1), hidden=0.9, shown=0.3))


async def test_a_trial_that_is_begun_over_http_is_told_with_what_would_change_it(
    tried: Tried, reverie: Reverie
) -> None:
    begun = await reverie.start_trial(tried.store_id, advice=f"  {ADVICE}.\n", policy={"horizon_exposures": 500})
    assert (begun.title, begun.state, begun.mode) == (ADVICE, "trial", "act")
    assert (begun.policy.horizon_exposures, begun.numbers.sessions) == (500, 0)
    assert begun.what_next.startswith("rolled back at an e-value of 20 for harm")
    assert begun.forecast is not None and begun.forecast.months_to_go == pytest.approx(90 / 30.4)
    await tried.sessions(20, chances(Random(1), hidden=0.5, shown=0.5))
    read = await reverie.trial(begun.id)
    assert (read.numbers.sessions, read.numbers.waiting, read.contaminated) == (20, 0, 0.0)
    curve = await reverie.trial_curve(begun.id)
    assert [point.sessions for point in curve.points] == list(range(1, 21))
    assert (curve.points[-1].effect, curve.points[-1].low) == (read.numbers.effect, read.numbers.low)


async def test_a_look_decides_and_an_undo_takes_it_back(tried: Tried, reverie: Reverie) -> None:
    trial = await reverie.start_trial(tried.store_id, advice=ADVICE)
    await harmed(tried)
    before = await reverie.trial(trial.id)
    assert (before.state, before.what_next[:32]) == ("trial", "at the next look roll back: it d")
    looked = await reverie.look_at_trial(trial.id)
    assert (looked.state, looked.what_next, [one.act for one in looked.decisions]) == ("rolled_back", "", ["roll_back"])
    undone = await reverie.undo_trial(trial.id)
    assert (undone.state, [one.act for one in undone.decisions]) == ("ended", ["roll_back", "end"])
    assert await tried.paths() == []


async def test_a_person_decides_with_a_note(tried: Tried, reverie: Reverie) -> None:
    trial = await reverie.start_trial(tried.store_id, advice=ADVICE)
    decided = await reverie.decide_trial(trial.id, "adopt", "undo if the law changes")
    (decision,) = decided.decisions
    assert (decided.state, decision.note, decision.by[:7]) == ("ended", "undo if the law changes", "apikey_")
    assert decision.note in decided.reason and len(await tried.paths()) == 1
    assert (await reverie.undo_trial(trial.id)).state == "ended" and await tried.paths() == []


async def test_the_client_without_await_says_the_same(tried: Tried, server: Server) -> None:
    trial = await tried.begin()
    sdk = Anthropic(
        api_key=await server.key(), base_url=server.url, http_client=httpx2.Client(verify=TLS, timeout=PATIENCE_SECONDS)
    )

    def call() -> list[Any]:
        with Client(sdk=sdk) as client:
            given = client.brief([tried.store_id], reference="run-1")
            found = [one.id for one in client.trials(store_id=tried.store_id)]
            ended = client.decide_trial(trial.id, "end").state
            return [found, ended, client.briefing(given.id) == given, client.trial_curve(trial.id).points]

    assert await asyncio.to_thread(call) == [[trial.id], "ended", True, ()]


async def test_trials_are_listed_newest_first_by_store_and_state(
    tried: Tried, reverie: Reverie, http: AsyncClient
) -> None:
    ids = [(await reverie.start_trial(tried.store_id, advice=f"Do number {number}")).id for number in range(3)]
    await reverie.decide_trial(ids[0], "reject")
    other = await open_tried(tried.database)
    await reverie.start_trial(other.store_id, advice=ADVICE)
    assert sorted([one.id async for one in reverie.trials(store_id=tried.store_id)]) == sorted(ids)
    assert [one.id async for one in reverie.trials(state="rejected")] == [ids[0]]
    page = (await http.get("/v1/trials", params={"limit": 3})).json()
    rest = (await http.get("/v1/trials", params={"limit": 3, "page": page["next_page"]})).json()
    times = [one["created_at"] for one in (*page["data"], *rest["data"])]
    assert len(times) == 4 and times == sorted(times, reverse=True)


async def test_trials_that_wait_for_a_person_are_found(tried: Tried, reverie: Reverie) -> None:
    await tried.set_policy(mode="ask")
    harmful = await reverie.start_trial(tried.store_id, advice=ADVICE)
    await harmed(tried)
    await reverie.start_trial(tried.store_id, advice="Be kind")
    assert [one.id async for one in reverie.trials(waiting=True)] == []
    await reverie.look_at_trial(harmful.id)
    assert [one.id async for one in reverie.trials(waiting=True)] == [harmful.id]
    await reverie.decide_trial(harmful.id, "roll_back")
    assert [one.id async for one in reverie.trials(waiting=True)] == []


@pytest.mark.parametrize(
    ("body", "status", "words"),
    [
        ({}, 400, "give lesson_id or advice"),
        ({"advice": "Do", "lesson_id": "lsn_1"}, 400, "give lesson_id or advice"),
        ({"advice": " \n "}, 400, "say what to do"),
        ({"advice": "x" * 601}, 400, "at most 600 characters, not 601"),
        ({"lesson_id": "lsn_1"}, 404, "has no lesson 'lsn_1'"),
        ({"lesson_id": "lsn_1", "agent": "clerk"}, 400, "agent and task_family go with advice"),
        ({"advice": "Do", "policy": {"mode": "act"}}, 400, "policy.mode: goes for all trials of the store"),
        ({"advice": "Do", "policy": {"horizon": 1}}, 400, "policy: Object contains unknown field `horizon`"),
        (
            {"advice": "Do", "policy": {"shares": [{"from_exposure": 0, "share": 1.0}]}},
            400,
            "policy: Expected `float` <",
        ),
        ({"advice": "Do", "memory_store_id": "memstore_nobody"}, 404, "memstore_nobody"),
    ],
)
async def test_a_trial_that_cannot_be_is_refused_with_the_reason(
    tried: Tried, http: AsyncClient, body: dict[str, Any], status: int, words: str
) -> None:
    answer = await http.post("/v1/trials", json={"memory_store_id": tried.store_id, **body})
    assert (answer.status_code, words in answer.json()["error"]["message"]) == (status, True), answer.text
    assert (await http.get("/v1/trials")).json()["data"] == []


async def test_an_archived_store_begins_no_trial(tried: Tried, client: AsyncAnthropic, http: AsyncClient) -> None:
    await client.beta.memory_stores.archive(tried.store_id)
    answer = await http.post("/v1/trials", json={"memory_store_id": tried.store_id, "advice": ADVICE})
    assert (answer.status_code, "is archived" in answer.text) == (400, True)


async def test_the_salt_of_a_trial_is_told_to_nobody(tried: Tried, http: AsyncClient) -> None:
    trial = await tried.begin()
    for path in ("/v1/trials", f"/v1/trials/{trial.id}", f"/v1/trials/{trial.id}/curve"):
        assert trial.salt not in (await http.get(path)).text


async def rows(database: Database) -> list[Any]:
    """All that trials consist of."""
    async with database.connection() as connection:
        tables = ("trials", "trial_decisions", "trial_assignments", "memories", "lessons", "briefings")
        found = [await connection.execute(f"SELECT t.*::text FROM {table} t ORDER BY 1".encode()) for table in tables]
        return [await table.fetchall() for table in found]


async def test_a_key_that_may_only_read_changes_nothing(tried: Tried, server: Server) -> None:
    trial = await tried.begin()
    await harmed(tried)
    before = await rows(tried.database)
    async with server.http(await server.key("read")) as http:
        for path in ("", f"/{trial.id}", f"/{trial.id}/curve"):
            assert (await http.get(f"/v1/trials{path}")).status_code == 200
        for path, body in posts(trial.id, tried.store_id):
            assert (await http.post(path, json=body)).status_code == 403
    assert await rows(tried.database) == before


async def test_a_key_that_writes_looks_and_briefs_and_decides_nothing(tried: Tried, server: Server) -> None:
    trial = await tried.begin()
    async with server.http(await server.key("write")) as http:
        answers = {
            path: (await http.post(path, json=body)).status_code for path, body in posts(trial.id, tried.store_id)
        }
    assert sorted(path.rpartition("/")[2] for path, status in answers.items() if status == 200) == ["briefings", "look"]
    assert set(answers.values()) == {200, 403}


def posts(trial_id: str, store_id: str) -> list[tuple[str, dict[str, Any]]]:
    """Every request that could change a trial."""
    return [
        ("/v1/trials", {"memory_store_id": store_id, "advice": "Something else"}),
        *((f"/v1/trials/{trial_id}/decide", {"act": act}) for act in ("adopt", "reject", "roll_back", "end")),
        (f"/v1/trials/{trial_id}/undo", {}),
        (f"/v1/trials/{trial_id}/look", {}),
        ("/v1/briefings", {"memory_store_ids": [store_id]}),
    ]


@pytest.mark.parametrize("act", ["adopt", "reject", "roll_back", "end"])
async def test_nothing_changes_a_trial_that_a_person_ended_but_taking_it_back(
    tried: Tried, reverie: Reverie, http: AsyncClient, act: Any
) -> None:
    trial = await tried.begin()
    await harmed(tried)
    ended = await reverie.decide_trial(trial.id, act)
    before = await rows(tried.database)
    for path, body in posts(trial.id, tried.store_id)[1:]:
        if not path.endswith(("/undo", "/briefings")):
            assert (await http.post(path, json=body)).status_code == (200 if path.endswith("/look") else 400), path
    assert await rows(tried.database) == before and ended.state != "trial"
    first = await http.post(f"/v1/trials/{trial.id}/undo", json={})
    after = await rows(tried.database)
    second = await http.post(f"/v1/trials/{trial.id}/undo", json={})
    assert (first.status_code, second.status_code) == (400 if act == "end" else 200, 400)
    assert await rows(tried.database) == after


async def test_advice_of_a_person_is_a_lesson_without_dreams_that_names_its_trials(
    tried: Tried, reverie: Reverie
) -> None:
    trial = await reverie.start_trial(tried.store_id, advice=ADVICE, task_family="sql")
    (lesson,) = [one async for one in reverie.lessons(tried.store_id, status="trial")]
    assert (lesson.first_dream_id, lesson.last_dream_id, lesson.scope.task_family) == (None, None, "sql")
    assert trial.id in lesson.reason
    explained = await reverie.lesson(lesson.id)
    assert [(one.id, one.state) for one in explained.trials] == [(trial.id, "trial")]
    assert (explained.strata, explained.moments, len(explained.doubts)) == ((), (), 1)
