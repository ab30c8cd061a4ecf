from pathlib import Path

import pytest
import pytest_asyncio
from httpx2 import AsyncClient

from reverie.client.client import AsyncClient as ReverieClient
from reverie.storage.sessions.import_summary import ImportOptions
from reverie.storage.sessions.ingest import import_sessions
from tests.api.conftest import Server
from tests.conftest import ChatFile


@pytest_asyncio.fixture
async def sessions(server: Server, chat_file: ChatFile) -> None:
    """Three imported sessions without scores."""
    messages = [{"role": "user", "content": "hello"}, {"role": "assistant", "content": "good day"}]
    path: Path = chat_file("chats.jsonl", *({"id": f"s{n}", "messages": messages} for n in range(3)))
    service = server.service
    await import_sessions(service.database, service.settings, [path], ImportOptions(), service.clock, lambda _: None)


@pytest.mark.usefixtures("sessions")
async def test_the_next_session_stays_until_it_is_answered(http: AsyncClient) -> None:
    first = (await http.post("/v1/label_tasks", json={})).json()
    assert first["type"] == "label_task"
    assert [turn["text"] for turn in first["turns"]] == ["hello", "good day"]
    assert (await http.post("/v1/label_tasks", json={})).json() == first
    answered = await http.post(f"/v1/label_tasks/{first['session_id']}", json={"value": 1})
    assert answered.json()["progress"]["answered"] == 1
    second = (await http.post("/v1/label_tasks", json={})).json()
    assert second["session_id"] != first["session_id"]
    assert (await http.get(f"/v1/sessions/{first['session_id']}/scores")).json()["reward"] == 1


@pytest.mark.usefixtures("sessions")
async def test_an_answer_is_given_once_and_can_be_taken_back(http: AsyncClient) -> None:
    session_id = (await http.post("/v1/label_tasks", json={})).json()["session_id"]
    path = f"/v1/label_tasks/{session_id}"
    assert (await http.post(path, json={"value": None})).json()["progress"]["skipped"] == 1
    assert (await http.post(path, json={"value": 0})).status_code == 400
    assert (await http.post(f"{path}/take_back", json={})).json()["progress"]["skipped"] == 0
    assert (await http.post(path, json={"value": 0})).status_code == 200


@pytest.mark.usefixtures("sessions")
async def test_a_session_outside_the_labels_is_not_found(http: AsyncClient) -> None:
    await http.post("/v1/label_tasks", json={})
    assert (await http.post("/v1/label_tasks/nobody", json={"value": 1})).status_code == 404
    assert (await http.post("/v1/label_tasks/s1", json={"value": 1, "metric": "tone"})).status_code == 404


@pytest.mark.usefixtures("sessions")
async def test_the_client_labels_to_the_end(server: Server) -> None:
    async with ReverieClient(server.url, await server.key()) as client:
        while (task := await client.next_label_task()).session_id is not None:
            answered = await client.answer_label_task(task.session_id, 1.0)
        assert (answered.probability, answered.progress.answered) == (1.0, 3)
        assert (await client.take_back_label(answered.session_id)).progress.open == 1
