"""Schedules of dreams: what they begin, when, and why they begin nothing. The clock is the test's."""

import asyncio
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from anthropic import AsyncAnthropic
from httpx2 import AsyncClient as Http

from reverie import AsyncClient, Client
from reverie.agents.schedule import Schedule
from reverie.api.schedules import run_due
from reverie.clock import ManualClock
from reverie.dreams.dream import DreamRequest, ScheduledDream
from reverie.dreams.request import segment_of
from reverie.sessions.session import Score
from reverie.storage.learning import dream_schedules as table
from reverie.storage.learning.dream_schedules import DreamSchedule
from reverie.storage.learning.dreams import mark_sessions
from reverie.storage.sessions.scores import score_session
from tests.api.conftest import Server, running
from tests.api.dream_desk import IDS, at_rest, everything, fill_desk, slot_taken

YEARLY = {"type": "cron", "expression": "0 0 1 1 *", "timezone": "UTC"}
"""Far enough away that no server fires by itself while a test runs."""
LATE = timedelta(minutes=10)
"""More than any dream is put off."""


@pytest_asyncio.fixture
async def store(server: Server, tmp_path: Path) -> str:
    """A store with one note, beside a hundred scored sessions."""
    return await fill_desk(server.service.database, server.service.settings, tmp_path)


def path(store: str) -> str:
    return f"/v1/memory_stores/{store}/dream_schedule"


async def put(http: Http, store: str, **fields: Any) -> dict[str, Any]:
    answer = await http.post(path(store), json={"schedule": YEARLY, **fields})
    assert answer.status_code == 200, answer.text
    told: dict[str, Any] = answer.json()
    return told


async def told(http: Http, store: str) -> dict[str, Any]:
    answer: dict[str, Any] = (await http.get(path(store))).json()
    return answer


def new_year(schedule: dict[str, Any], number: int = 0) -> datetime:
    return datetime.fromisoformat(schedule["schedule"]["upcoming_runs_at"][number])


async def tick(server: Server, now: datetime) -> None:
    """Let a server whose clock shows ``now`` look at its schedules."""
    await run_due(replace(server.service, clock=ManualClock(now)))


async def dreams(client: AsyncAnthropic) -> list[str]:
    return [dream.id async for dream in client.beta.dreams.list()]


async def end(server: Server, dream_id: str, status: str) -> None:
    """Have a dream end without running it."""
    async with server.service.database.connection() as connection:
        query = "UPDATE dreams SET status = %s, error = 'no luck', ended_at = now(), at_rest = true WHERE id = %s"
        await connection.execute(query, [status, dream_id])


async def test_a_moment_begins_one_dream_that_writes_to_the_store_itself(
    server: Server, client: AsyncAnthropic, http: Http, store: str
) -> None:
    schedule = await put(http, store, where="task_id <> 't0'", instructions="Mind the hours.", budget={"tokens": 5})
    first, second = new_year(schedule), new_year(schedule, 1)
    for now in (first - timedelta(seconds=1), first + LATE, first + LATE + timedelta(minutes=1), second):
        await tick(server, now)
    (dream_id,) = await dreams(client)
    dream = await at_rest(client, server.service.database.url, dream_id)
    assert (dream.status, dream.output_behavior.type, dream.instructions) == (
        "completed",
        "update_existing",
        "Mind the hours.",
    )
    assert dream.outputs[0].memory_store_id == store
    assert (await http.get(f"/v1/dreams/{dream_id}/result")).json()["sessions"]["read"] == 90
    after = await told(http, store)
    assert after["last_run"] == {
        "scheduled_at": first.isoformat().replace("+00:00", "Z"),
        "at": (first + LATE).isoformat().replace("+00:00", "Z"),
        "dream_id": dream_id,
        "skipped": None,
    }
    assert (after["budget"], after["failures"]) == ({"tokens": 5, "usd": None}, 0)


async def test_nothing_is_dreamt_again_until_a_session_is_new_changed_or_scored_anew(
    server: Server, client: AsyncAnthropic, http: Http, store: str
) -> None:
    url = server.service.database.url
    asked = (await http.post("/v1/dream_requests", json=everything(store))).json()
    await at_rest(client, url, asked["id"])
    schedule = await put(http, store)
    await tick(server, new_year(schedule) + LATE)
    assert await dreams(client) == [asked["id"]]
    run = (await told(http, store))["last_run"]
    assert (run["dream_id"], run["skipped"]) == (None, f"no new or changed sessions since dream {asked['id']}")

    async def scored(value: float) -> None:
        async with server.service.database.connection() as connection:
            await score_session(connection, IDS[0], [Score("tone", value)])

    for number, value in enumerate((0.25, 0.5), 1):
        await scored(value)
        await tick(server, new_year(schedule, number) + LATE)
        newest = (await told(http, store))["last_run"]["dream_id"]
        assert (await at_rest(client, url, newest)).status == "completed"
    await tick(server, new_year(schedule, 3) + LATE)
    assert (await told(http, store))["last_run"]["skipped"] == f"no new or changed sessions since dream {newest}"
    assert len(await dreams(client)) == 3


async def test_the_mark_changes_with_sessions_events_and_scores_and_with_nothing_else(
    server: Server, store: str
) -> None:
    async with server.service.database.connection() as connection:
        marks = [await mark_sessions(connection, segment_of(DreamRequest(store)))]
        for change in (
            "UPDATE memory_stores SET name = 'other'",
            "UPDATE sessions SET event_count = event_count + 1 WHERE id = 't0-0'",
            "UPDATE scores SET value = value + 0.125 WHERE session_key = (SELECT key FROM sessions WHERE id = 't0-1')",
            "DELETE FROM sessions WHERE id = 't0-2'",
        ):
            await connection.execute(change.encode())
            marks.append(await mark_sessions(connection, segment_of(DreamRequest(store))))
        await connection.rollback()
    assert [count for count, _ in marks] == [100, 100, 100, 100, 99]
    assert marks[0] == marks[1]
    assert len({mark for _, mark in marks}) == 4


async def test_a_store_dreams_once_at_a_time(server: Server, client: AsyncAnthropic, http: Http, store: str) -> None:
    schedule = await put(http, store)
    with slot_taken(server.service.database.url, store):
        asked = (await http.post("/v1/dream_requests", json=everything(store))).json()
        await tick(server, new_year(schedule) + LATE)
    assert await dreams(client) == [asked["id"]]
    assert asked["id"] in (await told(http, store))["last_run"]["skipped"]
    await at_rest(client, server.service.database.url, asked["id"])


async def test_servers_that_look_at_once_begin_one_dream(
    server: Server, client: AsyncAnthropic, http: Http, store: str
) -> None:
    now = new_year(await put(http, store)) + LATE
    with slot_taken(server.service.database.url, store):
        async with running(server.service.settings, server.service.options) as other:
            await asyncio.gather(tick(server, now), tick(other, now), tick(server, now), tick(other, now))
        (dream_id,) = await dreams(client)
    assert (await told(http, store))["last_run"]["dream_id"] == dream_id
    await at_rest(client, server.service.database.url, dream_id)


async def test_a_server_that_is_killed_between_dream_and_commit_leaves_the_moment_to_the_next(
    server: Server, client: AsyncAnthropic, http: Http, store: str
) -> None:
    now = new_year(await put(http, store)) + LATE
    async with server.service.database.connection() as connection:
        await table.run_scheduled_dream(connection, store, now)
        await connection.rollback()  # What the database does for a process that is gone.
    assert (await dreams(client), (await told(http, store))["last_run"]) == ([], None)
    await tick(server, now)
    (dream_id,) = await dreams(client)
    await at_rest(client, server.service.database.url, dream_id)


async def test_a_moment_that_no_server_was_up_for_is_passed_over_and_said(
    server: Server, client: AsyncAnthropic, http: Http, store: str
) -> None:
    await tick(server, new_year(await put(http, store)) + timedelta(hours=2))
    assert await dreams(client) == []
    assert "no server looked" in (await told(http, store))["last_run"]["skipped"]


async def test_the_third_failure_one_after_another_pauses_the_schedule(
    server: Server, client: AsyncAnthropic, http: Http, store: str
) -> None:
    schedule = await put(http, store)
    with slot_taken(server.service.database.url, store):
        for number, (status, failures) in enumerate([("failed", 1), ("failed", 2), ("canceled", 2), ("failed", 3)]):
            await tick(server, new_year(schedule, number) + LATE)
            dream_id = (await told(http, store))["last_run"]["dream_id"]
            await end(server, dream_id, status)
            await tick(server, new_year(schedule, number) + LATE)
            after = await told(http, store)
            assert (after["failures"], after["status"]) == (failures, "paused" if failures == 3 else "active")
    assert after["paused_reason"]["error"]["type"] == "internal_error"
    assert f"{dream_id}: no luck" in after["paused_reason"]["error"]["message"]
    await tick(server, new_year(schedule, 4) + LATE)
    assert len(await dreams(client)) == 4
    again = (await http.post(f"{path(store)}/unpause")).json()
    assert (again["status"], again["failures"], again["paused_reason"]) == ("active", 0, None)


async def test_a_paused_schedule_rests_and_goes_on_from_then(
    server: Server, client: AsyncAnthropic, http: Http, store: str
) -> None:
    schedule = await put(http, store)
    paused = (await http.post(f"{path(store)}/pause")).json()
    assert (paused["status"], paused["paused_reason"]) == ("paused", {"type": "manual"})
    assert (await http.post(f"{path(store)}/pause")).json() == paused
    await tick(server, new_year(schedule) + LATE)
    assert (await dreams(client), (await told(http, store))["last_run"]) == ([], None)
    assert (await http.post(f"{path(store)}/unpause")).json()["status"] == "active"
    assert (await put(http, store))["created_at"] == schedule["created_at"]


async def test_a_store_that_was_archived_pauses_its_schedule(
    server: Server, client: AsyncAnthropic, http: Http, store: str
) -> None:
    schedule = await put(http, store)
    await client.beta.memory_stores.archive(store)
    assert (await told(http, store))["schedule"]["upcoming_runs_at"] == []
    await tick(server, new_year(schedule) + LATE)
    after = await told(http, store)
    assert after["paused_reason"]["error"]["type"] == "memory_store_archived_error"
    assert (await http.post(path(store), json={"schedule": YEARLY})).status_code == 400
    assert (await http.delete(path(store))).json() == {"type": "dream_schedule_deleted", "memory_store_id": store}
    assert (await http.get(path(store))).status_code == (await http.delete(path(store))).status_code == 404


REFUSED: dict[str, dict[str, Any]] = {
    "four fields": {"schedule": YEARLY | {"expression": "0 3 * *"}},
    "a name for a moment": {"schedule": YEARLY | {"expression": "@daily"}},
    "no time zone": {"schedule": YEARLY | {"timezone": "Mars/Olympus"}},
    "no such expression": {"where": "reward <"},
    "an unknown field": {"tokens": 5},
    "a negative budget": {"budget": {"tokens": -1}},
    "empty instructions": {"instructions": ""},
}


@pytest.mark.parametrize("change", REFUSED.values(), ids=REFUSED.keys())
async def test_a_malformed_schedule_is_refused_and_changes_nothing(
    http: Http, client: AsyncAnthropic, change: dict[str, Any]
) -> None:
    store = (await client.beta.memory_stores.create(name="notes")).id
    present = await put(http, store)
    answer = await http.post(path(store), json={"schedule": YEARLY, **change})
    assert (answer.status_code, answer.json()["error"]["type"]) == (400, "invalid_request_error")
    assert await told(http, store) == present
    assert (await http.post(path("memstore_none"), json={"schedule": YEARLY})).status_code == 404


async def test_without_sessions_there_is_nothing_to_dream_about(
    server: Server, http: Http, client: AsyncAnthropic
) -> None:
    store = (await client.beta.memory_stores.create(name="notes")).id
    await tick(server, new_year(await put(http, store)) + LATE)
    assert (await told(http, store))["last_run"]["skipped"] == "there are no sessions to learn from"


async def test_both_clients_set_read_pause_and_remove_a_schedule(server: Server) -> None:
    key = await server.key()
    async with AsyncClient(server.url, key) as reverie:
        store = (await reverie.beta.memory_stores.create(name="notes")).id
        made = await reverie.schedule_dreams(store, "0 3 * * *", timezone="Europe/Berlin", tokens=7)
        assert (made.schedule.timezone, made.budget and made.budget.tokens) == ("Europe/Berlin", 7)
        assert (await reverie.pause_dream_schedule(store)).status == "paused"
        assert (await reverie.dream_schedule(store)).paused_reason == {"type": "manual"}

    def work() -> None:
        with Client(server.url, key) as reverie:
            assert reverie.unpause_dream_schedule(store).status == "active"
            assert reverie.dream_schedule(store).schedule.expression == "0 3 * * *"
            assert reverie.delete_dream_schedule(store).memory_store_id == store

    await asyncio.to_thread(work)


BERLIN = Schedule("30 2 * * *", "Europe/Berlin")


def waiting(after: datetime) -> DreamSchedule:
    return DreamSchedule("memstore_1", BERLIN, DreamRequest("memstore_1"), after, after).due_after(after)


def test_a_night_without_half_past_two_is_left_out_and_a_night_with_two_has_two() -> None:
    spring = waiting(datetime(2027, 3, 27, 12, tzinfo=UTC))
    assert spring.next_scheduled_at == datetime(2027, 3, 29, 0, 30, tzinfo=UTC)
    autumn = waiting(datetime(2027, 10, 30, 12, tzinfo=UTC))
    assert autumn.next_scheduled_at == datetime(2027, 10, 31, 0, 30, tzinfo=UTC)
    assert autumn.due_after(datetime(2027, 10, 31, 1, tzinfo=UTC)).next_scheduled_at == datetime(
        2027, 10, 31, 1, 30, tzinfo=UTC
    )


def test_a_server_whose_clock_is_behind_does_not_have_a_moment_come_twice() -> None:
    moment = datetime(2027, 6, 2, 0, 30, tzinfo=UTC)
    ran = ScheduledDream(moment, moment, dream_id="drm_1")
    behind = moment - timedelta(minutes=5)
    schedule = DreamSchedule("memstore_1", BERLIN, DreamRequest("memstore_1"), behind, behind, last_run=ran)
    assert schedule.due_after(behind).next_scheduled_at == moment + timedelta(days=1)


async def test_schedules_of_stores_are_listed_by_page_and_store(
    client: AsyncAnthropic, http: Http, reverie: AsyncClient
) -> None:
    ids = [(await client.beta.memory_stores.create(name=f"store {number}")).id for number in range(4)]
    for store_id in ids:
        await reverie.schedule_dreams(store_id, "0 0 1 1 *")
    await client.beta.memory_stores.archive(ids[3])
    assert sorted([one.memory_store_id async for one in reverie.dream_schedules()]) == sorted(ids[:3])
    assert [one.memory_store_id async for one in reverie.dream_schedules(store_id=ids[1])] == [ids[1]]
    first = (await http.get("/v1/dream_schedules", params={"limit": 2})).json()
    rest = (await http.get("/v1/dream_schedules", params={"limit": 2, "page": first["next_page"]})).json()
    listed = [one["memory_store_id"] for one in (*first["data"], *rest["data"])]
    assert listed == sorted(ids[:3]) and first["data"][0]["status"] == "active"
