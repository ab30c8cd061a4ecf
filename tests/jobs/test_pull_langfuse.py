"""Traces brought from a server that answers as Langfuse's API reference says."""

import base64
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import pytest
import pytest_asyncio
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from reverie.clock import ManualClock
from reverie.errors import AccessError, InputError
from reverie.jobs.bounded_http import AnswerError, BoundedClient
from reverie.jobs.pull_langfuse import WAY, LangfuseError, pull_traces
from reverie.jobs.pulling import Source
from reverie.settings import Settings
from reverie.storage.postgres.database import Database
from reverie.testing.patience import PATIENCE_SECONDS
from tests.quick_server import TLS, quick_server

START = datetime(2026, 3, 1, tzinfo=UTC)
KEYS = ("pk-lf-test", "sk-lf-test")


def trace(number: int, conversation: str | None = None, minute: int = 0) -> dict[str, Any]:
    at = f"2026-03-01T10:{minute:02}:{number:02}.000Z"
    return {
        "id": f"t{number}", "timestamp": at, "updatedAt": at, "name": "desk", "sessionId": conversation,
        "userId": "u1", "tags": [], "metadata": {}, "input": f"Question {number}?", "output": f"Answer {number}.",
        "observations": [{
            "id": f"o{number}", "traceId": f"t{number}", "type": "GENERATION", "name": "llm", "model": "some-model",
            "parentObservationId": None, "level": "DEFAULT", "startTime": at, "endTime": at,
            "input": [{"role": "user", "content": f"Question {number}?"}],
            "output": {"role": "assistant", "content": f"Answer {number}."},
        }],
        "scores": [],
    }  # fmt: skip


@dataclass
class Langfuse:
    """Answers lists by pages of two, and is busy now and then."""

    traces: list[dict[str, Any]] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)
    busy: list[int] = field(default_factory=list)
    """Statuses to answer first."""

    def app(self) -> Starlette:
        return Starlette(routes=[Route("/api/public/traces", self.list), Route("/api/public/traces/{id}", self.read)])

    def refused(self, request: Request) -> Response | None:
        expected = base64.b64encode(":".join(KEYS).encode()).decode()
        if request.headers.get("authorization") != f"Basic {expected}":
            return JSONResponse({"message": "Invalid credentials"}, 401)
        self.asked.append(f"{request.url.path}?{request.url.query}")
        return Response("busy", self.busy.pop(0), {"retry-after": "7"}) if self.busy else None

    async def list(self, request: Request) -> Response:
        if (refused := self.refused(request)) is not None:
            return refused
        query = request.query_params
        first, conversation = query.get("fromTimestamp", ""), query.get("sessionId")
        found = [one for one in self.traces if one["timestamp"] >= first and conversation in (None, one["sessionId"])]
        page, size = int(query["page"]), 2
        shown = [
            {**one, "observations": [each["id"] for each in one["observations"]], "scores": []}
            for one in found[(page - 1) * size : page * size]
        ]
        return JSONResponse({"data": shown, "meta": {"page": page, "totalPages": -(-len(found) // size)}})

    async def read(self, request: Request) -> Response:
        if (refused := self.refused(request)) is not None:
            return refused
        found = next((one for one in self.traces if one["id"] == request.path_params["id"]), None)
        return JSONResponse({"message": "not found"}, 404) if found is None else JSONResponse(found)


@dataclass
class Pull:
    """One installation that pulls."""

    langfuse: Langfuse
    source: Source
    http: BoundedClient
    pauses: list[float] = field(default_factory=list)

    async def __call__(self, since: datetime | None = None) -> tuple[int, int, int]:
        """Sessions that are new, longer, and traces as before."""

        async def pause(seconds: float) -> None:
            self.pauses.append(seconds)

        summary, unchanged = await pull_traces(self.http, self.source, since, lambda _: None, pause)
        assert summary.errors == []
        return summary.sessions.created, summary.sessions.extended, unchanged


@pytest_asyncio.fixture
async def pull(database: Database, settings: Settings) -> AsyncIterator[Pull]:
    """With nothing in Langfuse yet."""
    langfuse = Langfuse()
    async with (
        quick_server(langfuse.app()) as url,
        BoundedClient(base_url=url, auth=KEYS, verify=TLS, timeout=PATIENCE_SECONDS) as http,
    ):
        yield Pull(langfuse, Source(database, settings, ManualClock(START), WAY, url, "langfuse"), http)


async def test_traces_are_brought_by_pages_once_and_new_ones_by_the_next_pull(pull: Pull) -> None:
    pull.langfuse.traces = [trace(number) for number in range(5)]
    assert await pull(START) == (5, 0, 0)
    pull.langfuse.traces.append(trace(5))
    pull.langfuse.asked.clear()
    assert await pull() == (1, 0, 5)
    assert sum("/traces/" in path for path in pull.langfuse.asked) == 1


async def test_a_conversation_that_goes_on_is_brought_whole(pull: Pull) -> None:
    pull.langfuse.traces = [trace(1, "conv"), trace(2)]
    assert await pull(START) == (2, 0, 0)
    pull.langfuse.traces.append(trace(3, "conv", minute=5))
    assert await pull() == (0, 1, 2)
    async with pull.source.database.connection() as connection:
        rows = await connection.execute("SELECT id, event_count FROM sessions ORDER BY event_count DESC")
        assert len(await rows.fetchall()) == 2


async def test_a_server_that_is_busy_is_waited_for_as_long_as_it_says(pull: Pull) -> None:
    pull.langfuse.traces = [trace(1)]
    pull.langfuse.busy = [429, 503]
    assert await pull(START) == (1, 0, 0)
    assert pull.pauses == [7.0, 7.0]
    pull.langfuse.busy = [429] * 8
    with pytest.raises(LangfuseError, match="run the same command again later"):
        await pull(START)


async def test_a_pull_that_is_cut_off_goes_on_where_it_was(pull: Pull, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("reverie.jobs.pull_langfuse._TOGETHER", 2)
    pull.langfuse.traces = [trace(number) for number in range(5)]
    gone = pull.langfuse.traces[3]
    pull.langfuse.traces[3] = {**gone, "id": "t3"}
    real = pull.langfuse.read

    async def cut(request: Request) -> Response:
        return Response("no", 418) if request.path_params["id"] == "t3" else await real(request)

    app = Starlette(routes=[Route("/api/public/traces", pull.langfuse.list), Route("/api/public/traces/{id}", cut)])
    async with (
        quick_server(app) as url,
        BoundedClient(base_url=url, auth=KEYS, verify=TLS, timeout=PATIENCE_SECONDS) as http,
    ):
        with pytest.raises(LangfuseError, match="answers 418: no"):
            await Pull(pull.langfuse, pull.source, http)(START)
    assert await pull(START) == (3, 0, 2)


async def test_what_is_missing_is_told(pull: Pull) -> None:
    with pytest.raises(InputError, match="say from when on by --since"):
        await pull()
    pull.http.auth = ("pk-lf-test", "wrong")
    with pytest.raises(AccessError, match="check LANGFUSE_PUBLIC_KEY"):
        await pull(START)


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ("<html>", "no JSON"),
        ("[" * 100_000, "no JSON"),
        ("[]", "something else than a list of traces"),
        ('{"data": {}, "meta": {"totalPages": 1}}', "something else than a list of traces"),
        ('{"data": [{"id": 7}], "meta": {"totalPages": 1}}', "something else than a list of traces"),
        ('{"data": [], "meta": {"totalPages": "many"}}', "something else than a list of traces"),
        ("x" * 2_000_000, "answers more than"),
    ],
)
async def test_a_server_that_answers_anything_is_told_of(
    pull: Pull, monkeypatch: pytest.MonkeyPatch, body: str, said: str
) -> None:
    monkeypatch.setattr("reverie.jobs.bounded_http.MOST_BYTES", 1_000_000)
    app = Starlette(routes=[Route("/api/public/traces", lambda _: Response(body))])
    async with (
        quick_server(app) as url,
        BoundedClient(base_url=url, auth=KEYS, verify=TLS, timeout=PATIENCE_SECONDS) as http,
    ):
        with pytest.raises((LangfuseError, AnswerError), match=said):
            await Pull(pull.langfuse, pull.source, http)(START)


async def test_a_list_without_an_end_ends_where_it_repeats_itself(pull: Pull) -> None:
    pull.langfuse.traces = [trace(1)]
    answer = {"data": [trace(1)], "meta": {"totalPages": 10**12}}
    listed = Route("/api/public/traces", lambda _: JSONResponse(answer))
    routes = [listed, Route("/api/public/traces/{id}", pull.langfuse.read)]
    async with (
        quick_server(Starlette(routes=routes)) as url,
        BoundedClient(base_url=url, auth=KEYS, verify=TLS, timeout=PATIENCE_SECONDS) as http,
    ):
        assert await Pull(pull.langfuse, pull.source, http)(START) == (1, 0, 0)


async def test_a_list_that_goes_on_for_ever_is_no_list(pull: Pull, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("reverie.jobs.pull_langfuse.MOST_PAGES", 5)

    def page(request: Request) -> Response:
        return JSONResponse({"data": [trace(int(request.query_params["page"]))], "meta": {"totalPages": 10**12}})

    async with (
        quick_server(Starlette(routes=[Route("/api/public/traces", page)])) as url,
        BoundedClient(base_url=url, auth=KEYS, verify=TLS, timeout=PATIENCE_SECONDS) as http,
    ):
        with pytest.raises(AnswerError, match="has more than 5 pages; pull by a later --since"):
            await Pull(pull.langfuse, pull.source, http)(START)


async def test_a_conversation_that_is_too_large_is_left_out_and_told(
    pull: Pull, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("reverie.jobs.bounded_http.MOST_BYTES", 3_000)
    large = [trace(number, conversation="long") for number in range(2, 8)]
    pull.langfuse.traces = [trace(1), *large]
    summary, _ = await pull_traces(pull.http, pull.source, START, lambda _: None)
    assert (summary.sessions.created, summary.sessions.failed) == (1, 1)
    assert [str(problem) for problem in summary.errors] == ["long: it has more than 3,000 bytes, and is left out"]


async def test_nobody_is_waited_for_as_long_as_he_likes(pull: Pull, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("reverie.jobs.pull_langfuse._LONGEST_ASKED", 3.0)
    pull.langfuse.traces, pull.langfuse.busy = [trace(1)], [429]
    assert await pull(START) == (1, 0, 0)
    assert pull.pauses == [3.0]
