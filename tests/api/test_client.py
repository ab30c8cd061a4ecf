import asyncio
import inspect
import re
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest
import pytest_asyncio
from anthropic import AsyncAnthropic, BadRequestError, NotFoundError
from hypothesis import given
from hypothesis import strategies as st

from reverie import AsyncClient, Client, Metric
from reverie.api.app import ENDPOINTS
from reverie.api.records import MeasuredMetric, RevisionDiff, StoreRevision
from reverie.client import calls
from reverie.client.calls import ApiCall
from reverie.errors import InputError
from reverie.testing.patience import PATIENCE_SECONDS
from tests.api.conftest import Server, check_answer
from tests.api.dream_desk import at_rest
from tests.dreams.small_desk import small_desk
from tests.quick_server import TLS


@pytest_asyncio.fixture
async def reverie(server: Server) -> AsyncIterator[AsyncClient]:
    """A client with an admin's key, whose answers are checked strictly."""
    http = httpx2.AsyncClient(event_hooks={"response": [check_answer]}, timeout=PATIENCE_SECONDS, verify=TLS)
    sdk = AsyncAnthropic(api_key=await server.key(), base_url=server.url, http_client=http)
    async with AsyncClient(sdk=sdk) as reverie:
        yield reverie


async def test_the_learning_loop_closes_through_the_client(
    server: Server, reverie: AsyncClient, tmp_path: Path
) -> None:
    store = (await reverie.beta.memory_stores.create(name="desk")).id
    desk = small_desk(tmp_path / "desk.jsonl")
    imported = await reverie.import_sessions(desk, strict=True)
    assert imported.sessions.created > 0 and imported.errors == []
    estimate = await reverie.estimate_dream(store, where="reward >= 0")
    assert estimate.sessions.new == imported.sessions.created
    asked = await reverie.dream(store, where="reward >= 0", update=True)
    dream = await at_rest(reverie.sdk, server.service.database.url, asked.id)
    assert dream.status == "completed"

    result = await reverie.dream_result(dream.id)
    adopted = [lesson async for lesson in reverie.lessons(store, status="adopted")]
    assert {lesson.id for lesson in adopted} == {x.id for x in result.lessons if x.status == "adopted"} != set()
    explained = await reverie.lesson(adopted[0].id)
    assert explained.last_dream_id == dream.id and explained.strata and explained.moments[0].turns
    assert len([pattern async for pattern in reverie.patterns(store)]) == len(result.patterns)
    assert "<html" in await reverie.dream_report(dream.id)

    hits = await reverie.recall(store, adopted[0].statement, limit=3)
    assert hits[0].reasons and hits[0].snippet
    (revision,) = [revision async for revision in reverie.revisions(store)]
    assert (await reverie.diff(store, revision.number)).created == revision.created > 0
    back = await reverie.rollback(store, 0, "start over")
    assert back.revision is not None and back.revision.deleted == revision.created


async def test_metrics_and_scores_are_records(reverie: AsyncClient, tmp_path: Path) -> None:
    await reverie.import_sessions(small_desk(tmp_path / "desk.jsonl", tasks=2))
    preview = await reverie.preview_segment()
    session = preview.first_session_ids[0]
    defined = await reverie.define_metric(Metric("speed", "minimize", "s", 0, 60, target=20))
    assert (defined.name, defined.target, defined.defined, defined.sessions) == ("speed", 20, True, 0)
    scored = await reverie.score(session, {"speed": 30})
    assert {score.metric: score.value for score in scored.scores}["speed"] == 30
    assert scored == await reverie.scores(session)
    assert "speed" in {metric.name for metric in await reverie.metrics()}
    assert (await reverie.transcript(session)).startswith("[0]")


async def test_events_are_recorded_and_the_audit_log_tells_of_it(reverie: AsyncClient) -> None:
    environment = await reverie.beta.environments.create(name="desk")
    agent = await reverie.beta.agents.create(name="a", model="m")
    session = await reverie.beta.sessions.create(agent=agent.id, environment_id=environment.id)
    said = {"type": "agent.message", "content": [{"type": "text", "text": "Done."}]}
    (event,) = await reverie.record(session.id, [said])
    assert event["content"] == said["content"]
    acts = [act.action async for act in reverie.audit_log(resource_id=session.id)]
    assert acts == ["sessions.record", "sessions.create"]


async def test_errors_are_the_official_clients(reverie: AsyncClient) -> None:
    with pytest.raises(NotFoundError, match="memstore_none"):
        await reverie.diff("memstore_none", 1)
    with pytest.raises(BadRequestError):
        await reverie.preview_segment("reward <")
    with pytest.raises(InputError, match="not both"):
        await reverie.dream("memstore_none", where="", session_ids=[])


async def test_the_synchronous_client_does_the_same(server: Server, tmp_path: Path) -> None:
    key, desk = await server.key(), small_desk(tmp_path / "desk.jsonl", tasks=2)

    def work() -> None:
        with Client(server.url, key) as reverie:
            store = reverie.beta.memory_stores.create(name="desk")
            assert reverie.import_sessions(desk).sessions.created == reverie.preview_segment().sessions
            reverie.beta.memory_stores.memories.create(store.id, path="/hours.md", content="Open from nine to five.")
            assert [hit.path for hit in reverie.recall(store.id, "open hours")] == ["/hours.md"]
            assert [revision.act for revision in reverie.revisions(store.id)] == ["write"]
            assert reverie.messages is reverie.sdk.messages

    await asyncio.to_thread(work)


def test_both_clients_have_the_same_calls_with_the_same_parameters_and_docstrings() -> None:
    public = [{name for name in vars(kind) if not name.startswith("_")} for kind in (AsyncClient, Client)]
    assert public[0] == public[1]
    told = [
        [(inspect.signature(getattr(kind, name)).parameters, getattr(kind, name).__doc__) for name in sorted(public[0])]
        for kind in (AsyncClient, Client)
    ]
    assert told[0] == told[1]
    assert all(doc for _, doc in told[0])


def test_a_call_says_what_it_gives() -> None:
    given = {
        (kind.__name__, name): inspect.signature(getattr(kind, name)).return_annotation
        for kind in (AsyncClient, Client)
        for name in ("diff", "metrics", "revisions")
    }
    assert given == {
        ("AsyncClient", "diff"): RevisionDiff,
        ("AsyncClient", "metrics"): tuple[MeasuredMetric, ...],
        ("AsyncClient", "revisions"): AsyncIterator[StoreRevision],
        ("Client", "diff"): RevisionDiff,
        ("Client", "metrics"): tuple[MeasuredMetric, ...],
        ("Client", "revisions"): Iterator[StoreRevision],
    }


def test_every_call_leads_to_an_endpoint_of_the_server() -> None:
    made: list[ApiCall[Any]] = [
        *(calls.recall("s", "q"), calls.revisions("s"), calls.diff("s", 1), calls.rollback("s", 1, "r")),
        *(
            calls.lessons("s"),
            calls.lesson("l"),
            calls.patterns("s"),
            calls.metrics(),
            calls.define_metric(Metric("m")),
        ),
        *(calls.scores("s"), calls.score("s", {}), calls.preview_segment(), calls.record("s", []), calls.turn("s")),
        *(calls.transcript("s"), calls.import_sessions("f"), calls.dream("s"), calls.estimate_dream("s")),
        *(calls.dream_result("d"), calls.dream_report("d"), calls.audit_log(), calls.audit_seals()),
        *(calls.seal_history(), calls.verify_history()),
    ]
    known = [(x.method, re.compile(re.sub(r"{\w+}", "[^/{}]+", x.path) + "$")) for x in ENDPOINTS if x.extension]
    lost = [call for call in made if not any(call.method == m and path.match(call.path) for m, path in known)]
    assert lost == []


@given(st.text() | st.sampled_from([".", "..", "a/../b", "?a=b"]))
def test_an_id_cannot_lead_to_another_path(text: str) -> None:
    try:
        path = httpx2.URL("http://here" + calls.lesson(text).path).raw_path.decode()
    except InputError:
        return
    assert path.startswith("/v1/lessons/") and path.count("/") == 3 and not {"?", "#"} & set(path)


def test_an_answer_of_another_form_is_told() -> None:
    with pytest.raises(InputError, match="unknown form"):
        ApiCall("GET", "/v1/metrics", int).read(b'"text"')
