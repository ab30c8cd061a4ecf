from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from httpx2 import AsyncClient

from reverie.storage.sessions.import_summary import ImportOptions
from reverie.storage.sessions.ingest import import_sessions
from tests.api.conftest import Server
from tests.conftest import ChatFile


@pytest_asyncio.fixture
async def sessions(server: Server, chat_file: ChatFile) -> list[str]:
    """The ids of three imported sessions without scores."""
    messages = [{"role": "user", "content": "hello"}, {"role": "assistant", "content": "good day"}]
    path: Path = chat_file("chats.jsonl", *({"id": f"s{n}", "messages": messages} for n in range(3)))
    service, options = server.service, ImportOptions(overrides={"agent": "desk"})
    await import_sessions(service.database, service.settings, [path], options, service.clock, lambda _: None)
    async with service.database.connection() as connection:
        rows = await connection.execute("SELECT id FROM sessions ORDER BY key")
        return [row[0] async for row in rows]


async def score(http: AsyncClient, session: str, **values: float) -> Any:
    scores = [{"metric": metric, "value": value} for metric, value in values.items()]
    return (await http.post(f"/v1/sessions/{session}/scores", json={"scores": scores})).json()


async def test_the_reward_of_a_session_follows_its_scores_and_the_metrics(
    http: AsyncClient, sessions: list[str]
) -> None:
    await http.post("/v1/metrics", json={"name": "resolved"})
    seconds = {"name": "seconds", "direction": "minimize", "high": 100, "weight": 1.0, "target": 30}
    assert (await http.post("/v1/metrics", json=seconds)).json()["sessions"] == 0
    scored = await score(http, sessions[0], resolved=1, seconds=20)
    assert scored["reward"] == pytest.approx(0.9)
    assert scored["scores"] == [{"metric": "resolved", "value": 1.0}, {"metric": "seconds", "value": 20.0}]
    assert (await score(http, sessions[0], seconds=100))["reward"] == pytest.approx(0.5)
    assert (await http.get(f"/v1/sessions/{sessions[0]}/scores")).json()["reward"] == pytest.approx(0.5)


async def test_metrics_are_listed_with_how_the_sessions_stand_on_them(http: AsyncClient, sessions: list[str]) -> None:
    await http.post("/v1/metrics", json={"name": "resolved", "target": 1})
    await score(http, sessions[0], resolved=1, stars=0.5)
    await score(http, sessions[1], resolved=0)
    listed = (await http.get("/v1/metrics")).json()["data"]
    assert [(metric["name"], metric["defined"], metric["sessions"]) for metric in listed] == [
        ("resolved", True, 2),
        ("stars", False, 1),
    ]
    assert (listed[0]["mean"], listed[0]["on_target"]) == (0.5, 0.5)


@pytest.mark.parametrize(
    "wrong", [{"name": ""}, {"name": "m", "low": 1, "high": 1}, {"name": "m", "weight": -1}, {"name": "m", "best": 1}]
)
async def test_a_metric_that_makes_no_sense_is_refused(http: AsyncClient, wrong: dict[str, Any]) -> None:
    assert (await http.post("/v1/metrics", json=wrong)).status_code == 400


async def test_a_number_beyond_all_bounds_is_refused(http: AsyncClient, sessions: list[str]) -> None:
    json = {"content-type": "application/json"}
    metric = await http.post("/v1/metrics", content=b'{"name": "m", "target": 1e999}', headers=json)
    beyond = b'{"scores": [{"metric": "m", "value": 1e999}]}'
    value = await http.post(f"/v1/sessions/{sessions[0]}/scores", content=beyond, headers=json)
    assert (metric.status_code, value.status_code) == (400, 400)


async def test_a_session_that_is_not_there_has_no_scores(http: AsyncClient) -> None:
    assert (await http.get("/v1/sessions/sesn_x/scores")).status_code == 404
    body = {"scores": [{"metric": "m", "value": 1}]}
    assert (await http.post("/v1/sessions/sesn_x/scores", json=body)).status_code == 404


async def test_an_expression_is_tried_before_a_dream_reads_it(http: AsyncClient, sessions: list[str]) -> None:
    await score(http, sessions[0], reward=0.25)
    await score(http, sessions[1], reward=0.75)
    chosen = (await http.post("/v1/segments/preview", json={"where": "agent = 'desk'"})).json()
    assert (chosen["sessions"], chosen["scored"], chosen["mean_reward"]) == (3, 2, 0.5)
    assert chosen["first_session_ids"] == sessions
    none = (await http.post("/v1/segments/preview", json={"where": "reward > 0.8"})).json()
    assert (none["sessions"], none["mean_reward"], none["first_session_ids"]) == (0, None, [])
    assert (await http.post("/v1/segments/preview", json={})).json()["sessions"] == 3


@pytest.mark.parametrize("where", ["agent =", "agent; drop table sessions", "password = 'x'"])
async def test_an_expression_that_cannot_be_read_is_refused_with_a_reason(http: AsyncClient, where: str) -> None:
    answer = await http.post("/v1/segments/preview", json={"where": where})
    assert answer.status_code == 400
    assert "allowed are" in answer.json()["error"]["message"]
