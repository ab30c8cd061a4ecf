"""Nothing that a server acknowledged is lost when it is killed while it receives and puts together."""

import asyncio
import json
from contextlib import suppress
from pathlib import Path
from typing import Any

import httpx2
import psycopg
import pytest

from reverie.settings import Settings
from reverie.testing.patience import PATIENCE_SECONDS
from reverie.testing.server_process import ServerProcess, running_server
from tests.quick_server import TLS
from tests.sessions.otlp_spans import chat, request, text

SENDERS, KILLED_AFTER = 8, 60


def turn(conversation: int, number: int) -> bytes:
    """A trace of its own that goes on with a conversation."""
    said = chat(
        number + 1,
        number,
        number + 0.5,
        [text("user", f"question {number}")],
        [text("assistant", f"answer {number}")],
        more={"gen_ai.conversation.id": f"conv-{conversation}"},
        trace=f"{conversation + 1:016x}{number + 1:016x}",
    )
    return json.dumps(request([said])).encode()


async def send_until_killed(server: ServerProcess) -> dict[int, set[int]]:
    """Send turns of as many conversations as there are senders; those that were acknowledged."""
    taken: dict[int, set[int]] = {number: set() for number in range(SENDERS)}
    headers = {"content-type": "application/json"}

    async def send(http: httpx2.AsyncClient, conversation: int) -> None:
        with suppress(httpx2.TransportError):
            for number in range(1_000):
                answer = await http.post("/v1/traces", content=turn(conversation, number), headers=headers)
                assert answer.status_code == 200
                taken[conversation].add(number)
                if sum(map(len, taken.values())) == KILLED_AFTER:
                    server.process.kill()

    async with httpx2.AsyncClient(base_url=server.url, timeout=PATIENCE_SECONDS, verify=TLS) as http:
        await asyncio.gather(*(send(http, conversation) for conversation in range(SENDERS)))
    return taken


def rows(url: str, query: str) -> list[tuple[Any, ...]]:
    with psycopg.connect(url) as connection:
        return connection.execute(query.encode()).fetchall()


@pytest.mark.parametrize("rest", ["0", "1"], ids=["while it puts together", "before it puts anything together"])
async def test_what_was_acknowledged_is_in_the_sessions_of_the_next_server(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, rest: str
) -> None:
    monkeypatch.setenv("REVERIE_RECEIVE_REST_SECONDS", rest)
    url = settings.database_url or ""
    with running_server(settings, tmp_path / "first.log", "--no-key") as first:
        taken = await send_until_killed(first)
    assert sum(map(len, taken.values())) >= KILLED_AFTER
    with running_server(settings, tmp_path / "second.log", "--no-key"):
        while rows(url, "SELECT FROM received_traces WHERE version <> assembled_version"):
            pass
    told = rows(url, "SELECT s.id, e.payload::text FROM events e JOIN sessions s ON s.key = e.session_key")
    found = {(session_id, said) for session_id, payload in told for said in payload.split('"') if "answer" in said}
    acknowledged = {(f"conv-{one}", f"answer {number}") for one, numbers in taken.items() for number in numbers}
    assert acknowledged <= found
    assert {session_id for session_id, _ in told} == {f"conv-{number}" for number in range(SENDERS)}
