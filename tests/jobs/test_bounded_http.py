"""Answers of services of others that would not end."""

import asyncio
import gzip
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import httpx2
import pytest
from anthropic import APIConnectionError, AsyncAnthropic
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from reverie.cli.remote import Remote, RemoteError, speaking
from reverie.jobs.bounded_http import AnswerError, BoundedClient, each_listed
from reverie.testing.patience import PATIENCE_SECONDS
from tests.quick_server import TLS, quick_server

STORE = {"type": "memory_store", "name": "notes", "created_at": "2026-03-01T00:00:00Z"}

Answering = Callable[[Request], Any]


@asynccontextmanager
async def serving(answer: Answering) -> AsyncIterator[AsyncAnthropic]:
    """The official client, over a bounded one, of a server that answers so to all."""
    app = Starlette(routes=[Route("/{path:path}", answer)])
    http = BoundedClient(verify=TLS, timeout=PATIENCE_SECONDS)
    async with quick_server(app) as url, speaking(Remote(url, "any"), http) as client:
        client.max_retries = 0
        yield client


def page(number: int, following: str | None) -> Response:
    return JSONResponse({"data": [{**STORE, "id": f"memstore_{number}"}], "next_page": following})


async def listed(client: AsyncAnthropic) -> list[str]:
    return [one.id async for one in each_listed(client.beta.memory_stores.list(limit=1), "memory stores")]


async def test_all_pages_are_read() -> None:
    pages = {None: page(1, "b"), "b": JSONResponse({"data": [], "next_page": "c"}), "c": page(3, None)}
    async with serving(lambda request: pages[request.query_params.get("page")]) as client:
        assert await listed(client) == ["memstore_1", "memstore_3"]


async def test_a_page_that_leads_back_ends_the_list_by_an_error() -> None:
    async with serving(lambda _: page(1, "again")) as client:
        with pytest.raises(AnswerError, match="the list of memory stores leads from a page back to the same"):
            await listed(client)


async def test_a_list_without_an_end_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("reverie.jobs.bounded_http.MOST_PAGES", 5)

    def answer(request: Request) -> Response:
        number = int(request.query_params.get("page", "0"))
        return page(number, str(number + 1))

    async with serving(answer) as client:
        with pytest.raises(AnswerError, match="the list of memory stores has more than 5 pages; ask for fewer"):
            await listed(client)


async def test_an_answer_that_is_too_long_is_given_up_and_said_as_what_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("reverie.jobs.bounded_http.MOST_BYTES", 100_000)

    async def pieces() -> AsyncIterator[bytes]:
        for _ in range(100):
            yield b" " * 10_000

    with pytest.raises(RemoteError, match="answers more than 100,000 bytes"):
        async with serving(lambda _: StreamingResponse(pieces(), media_type="application/json")) as client:
            await listed(client)


async def test_an_answer_that_never_comes_to_its_end_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("reverie.jobs.bounded_http.MOST_SECONDS", 0.05)
    asked = asyncio.Event()

    async def pieces() -> AsyncIterator[bytes]:
        yield b"{"
        await asked.wait()

    async with serving(lambda _: StreamingResponse(pieces(), media_type="application/json")) as client:
        try:
            with pytest.raises(APIConnectionError) as given:
                await listed(client)
        finally:
            asked.set()
    assert isinstance(given.value.__cause__, httpx2.ReadTimeout)


async def test_what_is_packed_counts_for_what_it_holds(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("reverie.jobs.bounded_http.MOST_BYTES", 100_000)
    packed = gzip.compress(b" " * 1_000_000)
    assert len(packed) < 10_000
    with pytest.raises(RemoteError, match="answers more than 100,000 bytes"):
        async with serving(lambda _: Response(packed, headers={"content-encoding": "gzip"})) as client:
            await listed(client)
