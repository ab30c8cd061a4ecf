from pathlib import Path
from typing import Any

import httpx2
import psycopg
import pytest
import pytest_asyncio
from anthropic import AsyncAnthropic, BadRequestError, ConflictError, NotFoundError, PermissionDeniedError

from tests.api.conftest import Server
from tests.api.dream_desk import (
    IDS,
    at_rest,
    contents,
    everything,
    fill_desk,
    inputs,
    make_store,
    slot_taken,
    table_locked,
    waiting_for,
)


@pytest_asyncio.fixture
async def store(server: Server, tmp_path: Path) -> str:
    """A store with one note, beside a hundred sessions."""
    return await fill_desk(server.service.database, server.service.settings, tmp_path)


def rows(url: str, query: str) -> list[tuple[Any, ...]]:
    with psycopg.connect(url) as connection:
        return connection.execute(query.encode()).fetchall()


@pytest.fixture
def url(server: Server) -> str:
    """The address of the server's database."""
    return server.service.database.url


async def test_a_dream_leaves_its_input_alone_and_writes_lessons_to_a_clone_that_goes_on_learning(
    server: Server, client: AsyncAnthropic, http: httpx2.AsyncClient, url: str, tmp_path: Path
) -> None:
    database = server.service.database
    store = await fill_desk(database, server.service.settings, tmp_path, tasks=60)
    before = await contents(database, store)
    listens = (
        "INSERT INTO webhook_endpoints VALUES ('w', '', '', '{memory_store.created}', '', true, NULL, now(), now())"
    )
    rows(url, f"{listens} RETURNING id")
    asked = (await http.post("/v1/dream_requests", json={"inputs": everything(store)["inputs"]})).json()
    assert (asked["status"], asked["outputs"], asked["session_id"], asked["ended_at"]) == ("pending", [], None, None)
    dream = await at_rest(client, url, asked["id"])
    assert (dream.status, dream.error) == ("completed", None)
    clone = dream.outputs[0].memory_store_id
    assert await contents(database, store) == before
    learnt = await contents(database, clone)
    assert before.items() < learnt.items()
    assert rows(url, f"SELECT act FROM store_revisions WHERE memory_store_id = '{clone}' ORDER BY number") == [
        ("import",),
        ("dream",),
    ]
    assert rows(url, "SELECT event -> 'data' ->> 'id' FROM webhook_deliveries") == [(clone,)]

    again = (await http.post("/v1/dream_requests", json=everything(clone))).json()
    assert (await at_rest(client, url, again["id"])).outputs[0].memory_store_id == clone
    assert (await contents(database, clone)).keys() == learnt.keys(), "lessons keep their documents in a clone"


async def test_a_dream_can_be_watched_in_a_session_that_is_archived_when_it_ends(
    client: AsyncAnthropic, http: httpx2.AsyncClient, url: str, store: str
) -> None:
    asked = await client.beta.dreams.create(inputs=inputs(store), model="any-model", instructions="Mind the hours.")
    dream = await at_rest(client, url, asked.id)
    assert (dream.status, dream.model.id, dream.model.speed) == ("completed", "any-model", "standard")
    session = await client.beta.sessions.retrieve(str(dream.session_id))
    types = [event.type async for event in client.beta.sessions.events.list(session.id)]
    assert (types[-1], "session.status_idle" in types) == ("session.status_terminated", True)
    text = (await http.get(f"/v1/sessions/{session.id}/transcript")).text
    assert text.index("Reading sessions") < text.index("Writing lessons") < text.index("The dream is complete")

    found = (await http.get(f"/v1/dreams/{dream.id}/result")).json()
    assert found["sessions"] == {"read": 100, "new": 100, "scored": 100, "dated": 0}
    assert found["notes"] == [
        "the request named the model any-model; no model was asked",
        "the instructions steered nothing without a model",
    ]
    report = await http.get(f"/v1/dreams/{dream.id}/report")
    assert (report.status_code, report.headers["content-type"]) == (200, "text/html; charset=utf-8")
    assert "default-src 'none'" in report.headers["content-security-policy"]
    estimate = (await http.post("/v1/dreams/estimate", json={"inputs": inputs(store, IDS[:5])})).json()
    assert estimate["sessions"] == {"read": 5, "new": 0, "scored": 5, "dated": None}


REFUSED: dict[str, dict[str, Any]] = {
    "no sessions": {"session_ids": []},
    "too many sessions": {"session_ids": [f"s{i}" for i in range(101)]},
    "a session twice": {"session_ids": [IDS[0], IDS[0]]},
    "speed fast": {"model": {"id": "m", "speed": "fast"}},
    "an empty model id": {"model": ""},
    "empty instructions": {"instructions": ""},
    "long instructions": {"instructions": "x" * 4097},
    "another output store": {"output_behavior": {"type": "update_existing", "memory_store_id": "memstore_other"}},
    "two stores": {"stores": 2},
    "no store": {"stores": 0},
}


@pytest.mark.parametrize("change", REFUSED.values(), ids=REFUSED.keys())
async def test_a_malformed_request_is_refused(client: AsyncAnthropic, store: str, change: dict[str, Any]) -> None:
    body: dict[str, Any] = {"model": "m", **change}
    to_store, to_sessions = inputs(store, body.pop("session_ids", IDS))
    stores = [to_store] * body.pop("stores", 1)
    with pytest.raises(BadRequestError):
        await client.beta.dreams.create(inputs=[*stores, to_sessions], **body)
    assert [dream.id async for dream in client.beta.dreams.list()] == []


async def test_what_is_not_there_or_archived_cannot_be_dreamt_over(
    client: AsyncAnthropic, store: str, url: str
) -> None:
    with pytest.raises(NotFoundError, match="no memory store"):
        await client.beta.dreams.create(inputs=inputs("memstore_none"), model="m")
    with pytest.raises(NotFoundError, match="there is no session 'sesn_none'"):
        await client.beta.dreams.create(inputs=inputs(store, ["sesn_none"]), model="m")
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("UPDATE memory_stores SET archived_at = now() WHERE id = %s", [store])
    with pytest.raises(BadRequestError, match="archived"):
        await client.beta.dreams.create(inputs=inputs(store), model="m")


async def test_a_key_that_only_reads_may_not_ask_for_a_dream(server: Server, store: str) -> None:
    async with server.client(await server.key("read")) as client:
        with pytest.raises(PermissionDeniedError):
            await client.beta.dreams.create(inputs=inputs(store), model="m")


async def test_a_dream_that_waits_can_be_canceled_and_then_archived(
    client: AsyncAnthropic, store: str, url: str
) -> None:
    updating: Any = {"type": "update_existing", "memory_store_id": store}
    with slot_taken(url, store):
        dream = await client.beta.dreams.create(inputs=inputs(store), model="m", output_behavior=updating)
        with pytest.raises(ConflictError, match="fully stopped"):
            await client.beta.dreams.create(inputs=inputs(store), model="m", output_behavior=updating)
        with pytest.raises(BadRequestError, match="is pending"):
            await client.beta.dreams.archive(dream.id)
        canceled = await client.beta.dreams.cancel(dream.id)
        assert (canceled.status, canceled.outputs, canceled.session_id) == ("canceled", [], None)
        assert (await client.beta.dreams.cancel(dream.id)) == canceled
        archived = await client.beta.dreams.archive(dream.id)
        assert (archived.status, archived.archived_at is not None) == ("canceled", True)
        assert (await client.beta.dreams.archive(dream.id)) == archived
        other = await client.beta.dreams.create(inputs=inputs(store), model="m", output_behavior=updating)
        await client.beta.dreams.cancel(other.id)
    assert [x.id async for x in client.beta.dreams.list()] == [other.id]


async def test_dreams_are_listed_newest_first_by_status_and_time(
    server: Server, client: AsyncAnthropic, store: str, url: str
) -> None:
    stores = [store, *[await make_store(server.service.database, name) for name in "ab"]]
    dreams = []
    for each in stores:
        updating: Any = {"type": "update_existing", "memory_store_id": each}
        with slot_taken(url, each):
            made = await client.beta.dreams.create(inputs=inputs(each), model="m", output_behavior=updating)
            dreams.append(await client.beta.dreams.cancel(made.id))
    ids = [dream.id for dream in dreams[::-1]]
    assert [dream.id async for dream in client.beta.dreams.list(limit=2)] == ids
    assert [dream.id async for dream in client.beta.dreams.list(statuses=["running", "canceled"], limit=1)] == ids
    assert [dream.id async for dream in client.beta.dreams.list(statuses=["completed"])] == []
    between = client.beta.dreams.list(created_at_gt=dreams[0].created_at, created_at_lt=dreams[2].created_at)
    assert [dream.id async for dream in between] == [dreams[1].id]
    await client.beta.dreams.archive(ids[0])
    assert [dream.id async for dream in client.beta.dreams.list()] == ids[1:]
    assert [dream.id async for dream in client.beta.dreams.list(include_archived=True)] == ids


async def test_a_dream_canceled_while_it_runs_writes_nothing_and_holds_its_store_until_it_has_stopped(
    server: Server, client: AsyncAnthropic, store: str, url: str
) -> None:
    before = await contents(server.service.database, store)
    updating: Any = {"type": "update_existing", "memory_store_id": store}
    with table_locked(url, "behaviours"):
        dream = await client.beta.dreams.create(inputs=inputs(store), model="m", output_behavior=updating)
        await waiting_for(url, "behaviours")
        assert (await client.beta.dreams.cancel(dream.id)).status == "canceled"
        with pytest.raises(ConflictError, match=dream.id):
            await client.beta.dreams.create(inputs=inputs(store), model="m", output_behavior=updating)
    assert (await at_rest(client, url, dream.id)).status == "canceled"
    assert await contents(server.service.database, store) == before
    next_one = await client.beta.dreams.create(inputs=inputs(store), model="m", output_behavior=updating)
    assert (await at_rest(client, url, next_one.id)).status == "completed"
    with pytest.raises(BadRequestError, match="completed"):
        await client.beta.dreams.cancel(next_one.id)


async def test_dreams_take_turns_in_the_order_they_were_asked_for(client: AsyncAnthropic, store: str, url: str) -> None:
    with table_locked(url, "behaviours"):
        first = await client.beta.dreams.create(inputs=inputs(store), model="m")
        await waiting_for(url, "behaviours")
        others = [await client.beta.dreams.create(inputs=inputs(store, IDS[:9]), model="m") for _ in range(2)]
        states = [(await client.beta.dreams.retrieve(dream.id)).status for dream in (first, *others)]
    assert states == ["running", "pending", "pending"]
    ends = [(await at_rest(client, url, dream.id)).ended_at for dream in (first, *others)]
    assert ends == sorted(ends, key=str)


GONE = {
    "input_session_unavailable": "DELETE FROM sessions WHERE id = 't0-0'",
    "input_memory_store_unavailable": "UPDATE memory_stores SET archived_at = now() WHERE name = 'desk'",
    "input_memory_store_unavailable ": "DELETE FROM memory_stores WHERE name = 'desk'",
}


@pytest.mark.parametrize(("kind", "loss"), GONE.items(), ids=GONE.keys())
async def test_a_dream_fails_by_name_when_what_it_reads_goes_meanwhile(
    client: AsyncAnthropic, store: str, url: str, kind: str, loss: str
) -> None:
    with table_locked(url, "behaviours"):
        dream = await client.beta.dreams.create(inputs=inputs(store), model="m")
        await waiting_for(url, "behaviours")
        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute(loss.encode())
    failed = await at_rest(client, url, dream.id)
    assert (failed.status, failed.error and failed.error.type) == ("failed", kind.strip())


async def test_dreams_of_a_workspace_stay_in_it(
    server: Server, client: AsyncAnthropic, url: str, tmp_path: Path
) -> None:
    workspace = await server.workspace("other")
    async with server.service.database.connection() as connection:
        row = await connection.execute("SELECT schema FROM workspaces WHERE id = %s", [workspace])
        ((schema,),) = await row.fetchall()
    database = server.service.database.of_schema(schema)
    store = await fill_desk(database, server.service.settings, tmp_path)
    async with server.client(await server.key(workspace_id=workspace)) as theirs:
        dream = await theirs.beta.dreams.create(inputs=inputs(store), model="m")
        with pytest.raises(NotFoundError):
            await client.beta.dreams.retrieve(dream.id)
        assert (await at_rest(theirs, url, dream.id)).status == "completed"


async def test_dreams_are_listed_in_lines_with_what_was_asked_and_what_came_of_it(
    client: AsyncAnthropic, http: httpx2.AsyncClient, store: str, url: str
) -> None:
    asked = await client.beta.dreams.create(inputs=inputs(store), model="m", instructions="Mind the hours.")
    await at_rest(client, url, asked.id)
    (line,) = (await http.get("/v1/dream_summaries")).json()["data"]
    assert (line["id"], line["status"], line["named_sessions"]) == (asked.id, "completed", 100)
    assert (line["read_store_id"], line["clone"], line["instructions"]) == (store, True, "Mind the hours.")
    assert line["sessions"] == {"read": 100, "new": 100, "scored": 100, "dated": 0}
    found = (await http.get(f"/v1/dreams/{asked.id}/result")).json()
    assert sum(line["lessons"].values()) == len(found["lessons"])
    assert (line["changes"], line["revision"], line["cost_usd"]) == (len(found["changes"]), found["revision"], None)
    assert (await http.get(f"/v1/dream_summaries/{asked.id}")).json() == line
    assert (await http.get("/v1/dream_summaries/drm_none")).status_code == 404


async def test_dreams_in_lines_are_paged_and_chosen_by_store_and_status(
    server: Server, client: AsyncAnthropic, http: httpx2.AsyncClient, store: str, url: str
) -> None:
    ids = []
    for each in (store, await make_store(server.service.database, "other")):
        updating: Any = {"type": "update_existing", "memory_store_id": each}
        with slot_taken(url, each):
            made = await client.beta.dreams.create(inputs=inputs(each), model="m", output_behavior=updating)
            ids.append((await client.beta.dreams.cancel(made.id)).id)
    path = "/v1/dream_summaries"
    first = (await http.get(path, params={"limit": 1})).json()
    rest = (await http.get(path, params={"limit": 1, "page": first["next_page"]})).json()
    assert [x["id"] for x in [*first["data"], *rest["data"]]] == ids[::-1]
    of_store = (await http.get(path, params={"memory_store_id": store, "status": "canceled"})).json()["data"]
    assert [(x["id"], x["sessions"], x["lessons"]) for x in of_store] == [(ids[0], None, None)]
    await client.beta.dreams.archive(ids[0])
    assert [x["id"] for x in (await http.get(path)).json()["data"]] == ids[1:]
    assert len((await http.get(path, params={"include_archived": "true"})).json()["data"]) == 2


async def test_a_request_of_our_own_that_chooses_no_sessions_reads_those_of_the_policy(
    client: AsyncAnthropic, http: httpx2.AsyncClient, store: str, url: str
) -> None:
    policy = {"where": "task_id = 't1'"}
    await http.post(f"/v1/memory_stores/{store}/policy", json={"policy": policy})
    body: dict[str, Any] = {"inputs": [{"type": "memory_store", "memory_store_id": store}]}
    estimate = (await http.post("/v1/dreams/estimate", json=body)).json()
    asked = (await http.post("/v1/dream_requests", json=body)).json()
    await at_rest(client, url, asked["id"])
    line = (await http.get(f"/v1/dream_summaries/{asked['id']}")).json()
    assert (line["where"], line["sessions"]["read"], estimate["sessions"]["read"]) == (policy["where"], 10, 10)
    with pytest.raises(BadRequestError, match="give exactly one"):
        await client.beta.dreams.create(inputs=body["inputs"], model="m")
