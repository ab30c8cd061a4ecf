import asyncio
from contextlib import AsyncExitStack

import httpx2

from reverie.api.server import MOST_CONNECTIONS
from reverie.testing.patience import PATIENCE_SECONDS
from tests.abuse.connection import head, raw_connection
from tests.conformance.sse import raw_messages
from tests.conformance.world import World, message

MANY = 3 * MOST_CONNECTIONS
"""More than the server has connections to its database."""
STREAMS = 200


async def test_clients_that_trickle_their_bodies_hold_up_nobody(world: World) -> None:
    async with AsyncExitStack() as stack:
        for _ in range(MANY):
            _, writer = await stack.enter_async_context(raw_connection(world))
            writer.write(head(world, "POST", "/v1/environments", 1_000) + b'{"name')
            await writer.drain()
        assert (await world.http.get("/v1/environments")).status_code == 200


async def test_a_trickled_body_is_read_to_its_end(world: World) -> None:
    body = b'{"name": "slow"}'
    async with raw_connection(world) as (reader, writer):
        writer.write(head(world, "POST", "/v1/environments", len(body)))
        for byte in body:
            writer.write(bytes([byte]))
            await writer.drain()
        assert (await reader.readline()).split()[1] == b"200"


async def test_bodies_that_break_off_leave_nothing_behind(world: World) -> None:
    before = (await world.http.get("/v1/environments")).json()
    for _ in range(MANY):
        async with raw_connection(world) as (_, writer):
            writer.write(head(world, "POST", "/v1/environments", 1_000) + b'{"name": "a"}')
            await writer.drain()
    assert (await world.http.get("/v1/environments")).json() == before


async def test_what_is_no_http_is_turned_away(world: World) -> None:
    for nonsense in (b"\x16\x03\x01\x02\x00\x01\x00", b"GET / SPDY/9\r\n\r\n", b"\r\n" * 1_000, b"\0" * 10_000):
        async with raw_connection(world) as (reader, writer):
            writer.write(nonsense)
            writer.write_eof()
            await reader.read()
    assert (await world.http.get("/health")).status_code == 200


async def test_dropped_streams_are_let_go(world: World) -> None:
    path = f"/v1/sessions/{await world.session()}/events/stream"
    for _ in range(MANY):
        async with raw_connection(world) as (reader, writer):
            writer.write(head(world, "GET", path))
            assert (await reader.readline()).split()[1] == b"200"
    assert (await world.http.get("/v1/sessions")).status_code == 200


async def test_two_hundred_idle_streams_all_hear_of_an_event(world: World) -> None:
    session_id = await world.session()
    path = f"/v1/sessions/{session_id}/events/stream"
    limits = httpx2.Limits(max_connections=None, max_keepalive_connections=None)
    async with (
        httpx2.AsyncClient(
            base_url=world.served.url, headers=world.http.headers, limits=limits, timeout=PATIENCE_SECONDS
        ) as http,
        AsyncExitStack() as stack,
    ):
        opened = [stack.enter_async_context(raw_messages(http, path)) for _ in range(STREAMS)]
        streams = [await stream for stream in opened]
        assert (await world.http.get("/v1/sessions")).status_code == 200
        await world.client.beta.sessions.events.send(session_id, events=[message("all of you")])
        heard = await asyncio.gather(*(anext(stream) for stream in streams))
    assert {data["id"] for _, data in heard} == {heard[0][1]["id"]}


async def test_polls_that_wait_hold_up_nobody(world: World) -> None:
    environment_id = await world.environment("self_hosted")
    async with world.served.client(await world.served.key("worker", environment_id=environment_id)) as client:
        work = client.beta.environments.work
        polls = [
            asyncio.create_task(work.poll(environment_id, block_ms=999, anthropic_worker_id=f"w{number}"))
            for number in range(MANY)
        ]
        # The server notes each poller before it lets it wait.
        async with asyncio.timeout(PATIENCE_SECONDS):
            while (await world.client.beta.environments.work.stats(environment_id)).workers_polling != MANY:
                pass
        assert (await world.http.get("/v1/environments")).status_code == 200
        assert set(await asyncio.gather(*polls)) == {None}
