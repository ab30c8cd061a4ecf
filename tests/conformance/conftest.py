"""One server process a test process: each test makes what it needs, so that none minds the others."""

from collections.abc import AsyncIterator, Iterator

import pytest
import pytest_asyncio
from cryptography.fernet import Fernet

from reverie.settings import Secret, Settings
from reverie.testing.server_process import running_server
from tests.conformance.judge import COMPLAINTS
from tests.conformance.served import Served
from tests.conformance.world import World
from tests.database_pool import DatabasePool


@pytest.fixture(scope="session")
def served(database_pool: DatabasePool, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """The server process, on a database of its own."""
    folder = tmp_path_factory.mktemp("served")
    with database_pool.database() as url:
        keys = (Secret(Fernet.generate_key().decode()),)
        settings = Settings(home=folder / "home", database_url=url, workers=1, secret_keys=keys)
        with running_server(settings, folder / "log", "--private-webhooks", "--no-agents") as process:
            yield Served(process, settings)


@pytest_asyncio.fixture
async def world(served: Served) -> AsyncIterator[World]:
    """The server, with an admin's clients of the default workspace."""
    COMPLAINTS.clear()
    secret = await served.key()
    async with served.client(secret) as client, served.http(secret) as http:
        yield World(served, client, http)
    assert COMPLAINTS == []
