import asyncio
import base64
import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import pytest
import pytest_asyncio
from anthropic import APIStatusError, AsyncAnthropic, ConflictError
from anthropic import NotFoundError as WireNotFoundError
from anthropic.types.beta.environments import BetaSelfHostedWork

from reverie.errors import HeartbeatError
from reverie.storage.live import work as queue
from reverie.storage.live.work import NO_HEARTBEAT, enqueue_work
from reverie.storage.postgres.database import Connection
from reverie.testing.patience import PATIENCE_SECONDS
from tests.api.conftest import Server

NOW = datetime(2026, 3, 1, tzinfo=UTC)


async def make_session(connection: Connection, session_id: str, environment_id: str, *stores: tuple[str, str]) -> None:
    """A live session that runs in an environment, with stores (id and access) attached."""
    row = await connection.execute(
        "INSERT INTO sessions (id, source, imported_at, event_count, content_sha256) VALUES (%s, 'live', now(), 0, %s)"
        " RETURNING key",
        [session_id, session_id],
    )
    ((key,),) = await row.fetchall()
    resources = [{"type": "memory_store", "memory_store_id": store, "access": access} for store, access in stores]
    await connection.execute(
        "INSERT INTO live_sessions (session_key, status, environment_id, agent_id, agent_version, agent, resources,"
        " last_event_at, updated_at) VALUES (%s, 'running', %s, 'agent_a', 1, %s, %s, now(), now())",
        [key, environment_id, json.dumps({"skills": [{"skill_id": f"skill_of_{session_id}"}]}), json.dumps(resources)],
    )


class Desk:
    """A self-hosted environment with its worker's client."""

    def __init__(self, server: Server, environment_id: str, worker: AsyncAnthropic) -> None:
        self.server, self.environment_id, self.worker = server, environment_id, worker

    async def enqueue(self, session_id: str, *stores: tuple[str, str]) -> str:
        """Have a fresh session's work queued; gives the item's id."""
        async with self.server.service.database.connection() as connection:
            await make_session(connection, session_id, self.environment_id, *stores)
            return await enqueue_work(connection, self.environment_id, session_id, self.server.service.clock.now())

    async def poll(self, block_ms: int = 1, reclaim_older_than_ms: int = 5000) -> BetaSelfHostedWork | None:
        """What the worker is given."""
        work = self.worker.beta.environments.work
        return await work.poll(
            self.environment_id,
            block_ms=block_ms,
            reclaim_older_than_ms=reclaim_older_than_ms,
            anthropic_worker_id="worker-1",
        )

    async def poll_until_given(self) -> BetaSelfHostedWork:
        """The next item, however often it takes a poll of the longest time to be given one."""
        async with asyncio.timeout(PATIENCE_SECONDS):
            while (item := await self.poll(block_ms=999)) is None:
                pass
            return item

    async def start(self, session_id: str) -> BetaSelfHostedWork:
        """Fresh work that the worker has polled and acknowledged."""
        await self.enqueue(session_id)
        item = await self.poll()
        assert item is not None
        await self.worker.beta.environments.work.ack(item.id, environment_id=self.environment_id)
        return item


@pytest_asyncio.fixture
async def desk(server: Server, client: AsyncAnthropic) -> AsyncIterator[Desk]:
    environment = await client.beta.environments.create(name="desk", config={"type": "self_hosted"})
    async with server.client(await server.key("worker", environment_id=environment.id)) as worker:
        yield Desk(server, environment.id, worker)


def token_of(item: BetaSelfHostedWork) -> str:
    assert item.secret is not None
    token = json.loads(base64.urlsafe_b64decode(item.secret))["sessions_token"]
    assert isinstance(token, str)
    return token


async def test_an_empty_queue_answers_null(desk: Desk) -> None:
    assert await desk.poll() is None


async def test_a_waiting_poll_is_given_work_as_soon_as_there_is_some(desk: Desk) -> None:
    waiting = asyncio.create_task(desk.poll_until_given())
    work_id = await desk.enqueue("sesn_1")
    item = await waiting
    assert (item.id, item.state, item.data.id) == (work_id, "queued", "sesn_1")


async def test_asking_for_a_sessions_work_again_keeps_the_item_that_waits(desk: Desk) -> None:
    work_id = await desk.enqueue("sesn_1")
    async with desk.server.service.database.connection() as connection:
        assert await enqueue_work(connection, desk.environment_id, "sesn_1", NOW) == work_id


async def test_each_item_goes_to_one_worker(desk: Desk) -> None:
    made = {await desk.enqueue(f"sesn_{i}") for i in range(5)}
    given = await asyncio.gather(*(desk.poll() for _ in range(8)))
    assert sorted(item.id for item in given if item is not None) == sorted(made)


async def test_an_item_that_was_polled_but_not_acknowledged_comes_back(desk: Desk) -> None:
    await desk.enqueue("sesn_1")
    first = await desk.poll()
    assert await desk.poll() is None
    again = await desk.poll(reclaim_older_than_ms=0)
    assert first is not None and again is not None and first.id == again.id


async def test_only_one_worker_can_acknowledge_an_item(desk: Desk) -> None:
    item = await desk.start("sesn_1")
    with pytest.raises(ConflictError):
        await desk.worker.beta.environments.work.ack(item.id, environment_id=desk.environment_id)


async def test_a_worker_holds_its_item_by_repeating_the_last_heartbeat(desk: Desk) -> None:
    item, work = await desk.start("sesn_1"), desk.worker.beta.environments.work
    first = await work.heartbeat(item.id, environment_id=desk.environment_id, expected_last_heartbeat=NO_HEARTBEAT)
    second = await work.heartbeat(
        item.id,
        environment_id=desk.environment_id,
        expected_last_heartbeat=first.last_heartbeat,
        desired_ttl_seconds=60,
    )
    assert (second.state, second.lease_extended, second.ttl_seconds) == ("active", True, 60)
    assert second.last_heartbeat > first.last_heartbeat


async def test_a_heartbeat_that_expects_another_one_is_told_how_the_lease_stands(desk: Desk) -> None:
    item, work = await desk.start("sesn_1"), desk.worker.beta.environments.work
    held = await work.heartbeat(item.id, environment_id=desk.environment_id, expected_last_heartbeat=NO_HEARTBEAT)
    with pytest.raises(APIStatusError) as refused:
        await work.heartbeat(item.id, environment_id=desk.environment_id, expected_last_heartbeat=NO_HEARTBEAT)
    assert refused.value.status_code == 412
    assert refused.value.body["error"]["details"] == {  # type: ignore[index]
        "error_code": "heartbeat_precondition_failed",
        "current_state": {
            "last_heartbeat": held.last_heartbeat,
            "lease_extended": False,
            "state": "active",
            "ttl_seconds": held.ttl_seconds,
        },
    }


async def test_a_worker_that_is_asked_to_stop_hears_it_by_heartbeat_and_confirms(
    desk: Desk, client: AsyncAnthropic
) -> None:
    item, work = await desk.start("sesn_1"), desk.worker.beta.environments.work
    asked = await client.beta.environments.work.stop(item.id, environment_id=desk.environment_id)
    heard = await work.heartbeat(item.id, environment_id=desk.environment_id, expected_last_heartbeat=NO_HEARTBEAT)
    confirmed = await work.stop(item.id, environment_id=desk.environment_id)
    assert (asked.state, heard.state, heard.lease_extended, confirmed.state) == (
        "stopping",
        "stopping",
        False,
        "stopped",
    )
    with pytest.raises(ConflictError):
        await work.stop(item.id, environment_id=desk.environment_id, force=True)


async def test_a_lapsed_lease_puts_the_item_back_and_ends_the_hold_of_its_worker(desk: Desk) -> None:
    item = await desk.start("sesn_1")
    async with desk.server.service.database.connection() as connection:
        later = desk.server.service.clock.now() + timedelta(seconds=queue.STARTING_SECONDS + 1)
        held = await queue.read_work(connection, desk.environment_id, item.id)
        await queue.release_lapsed(connection, desk.environment_id, held.created_at)
        assert (await queue.read_work(connection, desk.environment_id, item.id)).state == "starting"
        await queue.release_lapsed(connection, desk.environment_id, later)
        lapsed = await queue.read_work(connection, desk.environment_id, item.id)
        assert lapsed.state == "queued"
        with pytest.raises(HeartbeatError):
            await queue.beat(connection, lapsed, NO_HEARTBEAT, None, later)
    async with desk.server.client(token_of(item)) as token:
        with pytest.raises(APIStatusError) as refused:
            await token.beta.environments.work.stop(item.id, environment_id=desk.environment_id)
        assert refused.value.status_code == 401


async def test_the_queue_is_measured(desk: Desk) -> None:
    await desk.enqueue("sesn_1")
    await desk.enqueue("sesn_2")
    await desk.poll()
    stats = await desk.worker.beta.environments.work.stats(desk.environment_id)
    assert (stats.depth, stats.pending, stats.workers_polling) == (1, 1, 1)
    assert stats.oldest_queued_at is not None


async def test_listing_shows_no_secrets_and_metadata_is_changed_key_by_key(desk: Desk, client: AsyncAnthropic) -> None:
    made = [(await desk.start(f"sesn_{i}")).id for i in range(3)]
    work = client.beta.environments.work
    await work.update(made[0], environment_id=desk.environment_id, metadata={"a": "1", "b": "2"})
    await work.update(made[0], environment_id=desk.environment_id, metadata={"a": None})
    listed = [item async for item in work.list(desk.environment_id, limit=2)]
    assert [item.id for item in listed] == made[::-1]
    assert {item.secret for item in listed} == {None}
    assert listed[-1].metadata == {"b": "2"}


async def test_a_poll_must_not_block_for_a_second_or_more(desk: Desk) -> None:
    with pytest.raises(APIStatusError, match="block_ms"):
        await desk.poll(block_ms=1000)


async def test_a_token_holds_and_stops_its_own_item_and_no_other(desk: Desk) -> None:
    own, other = await desk.start("sesn_1"), await desk.start("sesn_2")
    async with desk.server.client(token_of(own)) as token:
        work = token.beta.environments.work
        await work.heartbeat(own.id, environment_id=desk.environment_id, expected_last_heartbeat=NO_HEARTBEAT)
        with pytest.raises(WireNotFoundError):
            await work.heartbeat(other.id, environment_id=desk.environment_id, expected_last_heartbeat=NO_HEARTBEAT)
        with pytest.raises(WireNotFoundError):
            await work.stop(other.id, environment_id=desk.environment_id, force=True)
        await work.stop(own.id, environment_id=desk.environment_id, force=True)


@pytest.mark.parametrize("path", ["", "/work", "/work/poll", "/work/stats", "/work/{work_id}", "/keys"])
async def test_a_token_reads_nothing_else_of_its_environment(desk: Desk, path: str) -> None:
    item = await desk.start("sesn_1")
    async with desk.server.http(token_of(item)) as token:
        answer = await token.get(f"/v1/environments/{desk.environment_id}{path.format(work_id=item.id)}")
        assert answer.status_code == 403


async def test_a_worker_reaches_no_other_environment(desk: Desk, client: AsyncAnthropic) -> None:
    other = await client.beta.environments.create(name="other", config={"type": "self_hosted"})
    with pytest.raises(WireNotFoundError):
        await desk.worker.beta.environments.work.poll(other.id)
