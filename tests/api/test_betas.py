from collections.abc import AsyncIterator

import httpx2
import pytest
import pytest_asyncio

from reverie.api.service import ServiceOptions
from reverie.settings import Settings
from tests.api.conftest import Server, running

AGENTS, MEMORY, DREAMS = "managed-agents-2026-04-01", "agent-memory-2026-07-22", "dreaming-2026-04-21"


@pytest_asyncio.fixture
async def strict(settings: Settings) -> AsyncIterator[Server]:
    """A server that insists on beta headers."""
    async with running(settings, ServiceOptions(strict_betas=True)) as server:
        yield server


async def status(http: httpx2.AsyncClient, path: str, betas: str | None) -> int:
    headers = {} if betas is None else {"anthropic-beta": betas}
    return (await http.get(path, headers=headers)).status_code


@pytest.mark.parametrize(
    ("path", "betas", "expected"),
    [
        ("/v1/agents", AGENTS, 200),
        ("/v1/agents", None, 400),
        ("/v1/agents", f"{AGENTS},made-up-2026-01-01", 400),
        ("/v1/memory_stores", MEMORY, 200),
        ("/v1/memory_stores", AGENTS, 200),
        ("/v1/memory_stores", f"{MEMORY},{AGENTS}", 400),
        ("/v1/dreams", AGENTS, 400),
        ("/v1/dreams", f"{DREAMS}, {AGENTS}", 200),
        ("/v1/sessions/sesn_x/threads", None, 404),
        ("/v1/files", None, 200),
    ],
)
async def test_betas_are_insisted_on_like_on_the_hosted_service(
    strict: Server, path: str, betas: str | None, expected: int
) -> None:
    async with strict.http(await strict.key()) as http:
        assert await status(http, path, betas) == expected


async def test_by_default_no_beta_header_is_needed(http: httpx2.AsyncClient) -> None:
    assert await status(http, "/v1/dreams", None) == 200
    assert await status(http, "/v1/dreams", "made-up-2026-01-01") == 200
