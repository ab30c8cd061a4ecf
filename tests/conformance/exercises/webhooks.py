"""Webhooks, as a receiver verifies and reads them with the SDK."""

import asyncio
from collections.abc import Mapping

from anthropic.types.beta import BetaWebhookEvent

from reverie.testing.patience import PATIENCE_SECONDS
from tests.conformance.world import World


async def unwrap(world: World) -> None:
    secret, agent_id, headers, body = await delivery(world)
    event: BetaWebhookEvent = world.client.beta.webhooks.unwrap(body, headers=headers, key=secret)
    assert (event.id, event.data.type) == (headers["webhook-id"], "agent.created")
    assert event.data.id == agent_id


async def parse_unverified(world: World) -> None:
    _, agent_id, _, body = await delivery(world)
    event: BetaWebhookEvent = world.client.beta.webhooks.parse_unverified(body)
    assert (event.data.type, event.data.id) == ("agent.created", agent_id)


async def delivery(world: World) -> tuple[str, str, Mapping[str, str], str]:
    """A signing secret, an agent's id, and the headers and body of the delivery that tells of the agent."""
    received: asyncio.Future[tuple[Mapping[str, str], str]] = asyncio.get_running_loop().create_future()

    async def receive(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
        headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in head[1:]) if name}
        body = await reader.readexactly(int(headers["content-length"]))
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\nconnection: close\r\n\r\n")
        await writer.drain()
        writer.close()
        if not received.done():
            received.set_result((headers, body.decode()))

    receiver = await asyncio.start_server(receive, "127.0.0.1", 0)
    async with receiver:
        port = receiver.sockets[0].getsockname()[1]
        endpoint = await world.http.post(
            "/v1/organizations/webhooks",
            json={"url": f"http://127.0.0.1:{port}/", "enabled_events": ["agent.created"], "name": "here"},
        )
        assert endpoint.status_code == 200, endpoint.text
        agent_id = await world.agent()
        async with asyncio.timeout(PATIENCE_SECONDS):
            headers, body = await received
        await world.http.delete(f"/v1/organizations/webhooks/{endpoint.json()['id']}")
    return endpoint.json()["signing_secret"], agent_id, headers, body


EXERCISES = {"webhooks.unwrap": unwrap, "webhooks.parse_unverified": parse_unverified}
