from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx2
import pytest
import pytest_asyncio

from reverie.api.live import LiveEvents
from reverie.api.service import Service, ServiceOptions
from reverie.api.webhook_delivery import HOLD, PAUSES_SECONDS, DeliveryContext, deliver_due
from reverie.clock import ManualClock
from reverie.settings import Settings
from reverie.storage.postgres.database import Database
from reverie.storage.postgres.outbox import WebhookNotice, write_notices
from reverie.storage.postgres.secret_box import open_secret_box
from reverie.storage.service import webhooks as table
from reverie.storage.service.webhooks import WebhookEndpoint
from reverie.testing.patience import PATIENCE_SECONDS
from tests.api.webhook_receiver import Receiver, receiving

NOW = datetime(2026, 3, 1, tzinfo=UTC)
SECRET = "whsec_dGhlIHRlc3RzIGtlZXAgbm8gc2VjcmV0IGF0IGFsbC4="


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as receiver:
        yield receiver


class Post:
    """A context whose clock the test sets, and an endpoint that listens to one event."""

    def __init__(self, database: Database, settings: Settings, http: httpx2.AsyncClient, *, private: bool) -> None:
        self.database, self.clock = database, ManualClock(NOW)
        options = ServiceOptions(private_webhooks=private)
        service = Service(database, settings, self.clock, LiveEvents(), options)
        self.context = DeliveryContext(service, http, max, self._resolve)
        self.settings = settings

    async def _resolve(self, host: str, port: int) -> list[str]:  # noqa: ARG002 - the signature of a resolver
        return ["10.0.0.7"]

    async def queue(self, url: str, events: int = 1) -> None:
        """Have events due to a fresh endpoint."""
        secret = open_secret_box(self.settings).seal(SECRET)
        endpoint = WebhookEndpoint("whep_1", "", "", url, ["agent.created"], secret, True, None, NOW, NOW)
        async with self.database.connection() as connection:
            await table.insert_endpoint(connection, endpoint)
            notices = [WebhookNotice("agent.created", f"agent_{number}") for number in range(events)]
            await write_notices(connection, notices, "wrkspc_1", NOW)

    async def round(self, after_seconds: float = 0.0) -> int:
        """Deliver what is due after the given time; gives how many attempts there were."""
        self.clock.set(self.clock.now() + timedelta(seconds=after_seconds))
        return await deliver_due(self.context, self.database)

    async def endpoint(self) -> WebhookEndpoint:
        async with self.database.connection() as connection:
            return await table.read_endpoint(connection, "whep_1")

    async def rows(self) -> list[tuple[Any, ...]]:
        """Attempts, whether delivered, whether another attempt is due, and the last error, of each delivery."""
        async with self.database.connection() as connection:
            rows = await connection.execute(
                "SELECT attempts, delivered_at IS NOT NULL, next_attempt_at IS NOT NULL, last_error"
                " FROM webhook_deliveries ORDER BY id"
            )
            return await rows.fetchall()


@pytest_asyncio.fixture
async def post(database: Database, settings: Settings) -> AsyncIterator[Post]:
    async with httpx2.AsyncClient(timeout=PATIENCE_SECONDS) as http:
        yield Post(database, settings, http, private=True)


async def test_a_failed_attempt_is_repeated_after_a_pause_with_the_same_event(post: Post, receiver: Receiver) -> None:
    receiver.statuses = [500]
    await post.queue(receiver.url)
    assert await post.round() == 1
    assert await post.round() == 0
    assert await post.round(after_seconds=PAUSES_SECONDS[0][1]) == 1
    first, second = receiver.next(), receiver.next()
    assert (first.headers["webhook-id"], first.body) == (second.headers["webhook-id"], second.body)
    assert first.headers["webhook-timestamp"] != second.headers["webhook-timestamp"]
    assert await post.rows() == [(2, True, False, None)]


async def test_after_three_attempts_a_delivery_is_dropped_with_its_last_error(post: Post, receiver: Receiver) -> None:
    receiver.statuses = [500, 502, 503]
    await post.queue(receiver.url)
    for pause in (0.0, 30.0, 120.0):
        assert await post.round(after_seconds=pause) == 1
    assert await post.round(after_seconds=86_400) == 0
    assert await post.rows() == [(3, False, False, "it answered with status 503")]


async def test_a_redirect_disables_the_endpoint_and_drops_what_waits(post: Post, receiver: Receiver) -> None:
    receiver.statuses = [302]
    await post.queue(receiver.url)
    await post.round()
    endpoint = await post.endpoint()
    assert not endpoint.enabled
    assert "redirect (302)" in (endpoint.disabled_reason or "")
    assert receiver.next() and receiver.received.empty()
    assert [due for _, _, due, _ in await post.rows()] == [False]


async def test_an_endpoint_that_cannot_be_reached_is_tried_again(post: Post) -> None:
    await post.queue("http://127.0.0.1:1/hook")
    await post.round()
    ((attempts, delivered, due, error),) = await post.rows()
    assert (attempts, delivered, due) == (1, False, True)
    assert error


async def test_a_name_that_stands_for_a_private_address_is_not_connected_to(
    database: Database, settings: Settings
) -> None:
    async with httpx2.AsyncClient(timeout=PATIENCE_SECONDS) as http:
        post = Post(database, settings, http, private=False)
        await post.queue("https://inside.example.com/hook")
        await post.round()
    ((_, delivered, _, error),) = await post.rows()
    assert not delivered
    assert "not on the public internet" in error


async def test_what_another_server_claimed_is_left_to_it_until_its_hold_ends(post: Post, receiver: Receiver) -> None:
    await post.queue(receiver.url, events=3)
    async with post.database.connection() as connection:
        assert len(await table.claim_deliveries(connection, NOW, HOLD, 2)) == 2
    assert await post.round() == 1
    assert await post.round(after_seconds=HOLD.total_seconds()) == 2
    assert await post.rows() == [(1, True, False, None)] * 3
