import asyncio
import json
from collections.abc import AsyncIterator, Iterator
from typing import Any

import httpx2
import pytest
import pytest_asyncio
from anthropic import AsyncAnthropic
from anthropic.types.beta.beta_webhook_event import BetaWebhookEvent
from pydantic import TypeAdapter
from standardwebhooks import WebhookVerificationError

from reverie.api.routes.webhooks import TRIAL_EVENTS
from reverie.api.service import ServiceOptions
from reverie.settings import Settings
from tests.api.conftest import Server, running
from tests.api.webhook_receiver import Receiver, receiving
from tests.jobs.tried import open_tried

PATH = "/v1/organizations/webhooks"


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as receiver:
        yield receiver


@pytest_asyncio.fixture
async def server(settings: Settings) -> AsyncIterator[Server]:
    """A server that may reach the receiver."""
    async with running(settings, ServiceOptions(private_webhooks=True)) as server:
        yield server


async def make_endpoint(http: httpx2.AsyncClient, url: str, *events: str) -> dict[str, Any]:
    answer = await http.post(PATH, json={"url": url, "enabled_events": list(events)})
    assert answer.status_code == 200, answer.text
    made: dict[str, Any] = answer.json()
    return made


async def test_a_delivery_is_signed_as_the_official_client_verifies_and_of_its_type(
    client: AsyncAnthropic, http: httpx2.AsyncClient, receiver: Receiver
) -> None:
    endpoint = await make_endpoint(http, receiver.url, "environment.created")
    environment = await client.beta.environments.create(name="desk")
    received = await asyncio.to_thread(receiver.next)
    event = client.beta.webhooks.unwrap(received.body, headers=received.headers, key=endpoint["signing_secret"])
    assert (event.data.type, event.data.id) == ("environment.created", environment.id)
    assert event.id == received.headers["webhook-id"]
    TypeAdapter(BetaWebhookEvent).validate_json(received.body, strict=True)


async def test_a_fresh_signing_secret_replaces_the_old_one(
    client: AsyncAnthropic, http: httpx2.AsyncClient, receiver: Receiver
) -> None:
    endpoint = await make_endpoint(http, receiver.url, "environment.created")
    fresh = await client.beta.organization.webhooks.regenerate_signing_secret(endpoint["id"])
    await client.beta.environments.create(name="desk")
    received = await asyncio.to_thread(receiver.next)
    client.beta.webhooks.unwrap(received.body, headers=received.headers, key=fresh.signing_secret)
    with pytest.raises(WebhookVerificationError):
        client.beta.webhooks.unwrap(received.body, headers=received.headers, key=endpoint["signing_secret"])


async def test_an_endpoint_hears_only_of_what_it_listens_to_in_its_own_workspace(
    server: Server, client: AsyncAnthropic, http: httpx2.AsyncClient, receiver: Receiver
) -> None:
    await make_endpoint(http, receiver.url, "environment.archived")
    elsewhere = await server.key("admin", await server.workspace("elsewhere"))
    async with server.client(elsewhere) as other:
        await other.beta.environments.archive((await other.beta.environments.create(name="other")).id)
    environment = await client.beta.environments.create(name="desk")
    await client.beta.environments.archive(environment.id)
    received = await asyncio.to_thread(receiver.next)
    assert environment.id in received.body
    assert receiver.received.empty()


async def test_secrets_are_shown_once_and_kept_sealed(
    server: Server, http: httpx2.AsyncClient, receiver: Receiver
) -> None:
    endpoint = await make_endpoint(http, receiver.url, "environment.created")
    shown = (await http.get(f"{PATH}/{endpoint['id']}")).text + (await http.get(PATH)).text
    async with server.service.database.connection() as connection:
        row = await connection.execute("SELECT secret FROM webhook_endpoints")
        ((kept,),) = await row.fetchall()
    assert endpoint["signing_secret"] not in shown + kept


async def test_endpoints_are_paged_by_the_official_client(
    client: AsyncAnthropic, http: httpx2.AsyncClient, receiver: Receiver
) -> None:
    made = [(await make_endpoint(http, receiver.url, "agent.created"))["id"] for _ in range(5)]
    webhooks = client.beta.organization.webhooks
    assert [endpoint.id async for endpoint in webhooks.list(limit=2)] == made[::-1]
    assert [endpoint.id async for endpoint in webhooks.list(limit=2, order="asc")] == made
    before = await webhooks.list(before_id=made[1])
    assert [endpoint.id for endpoint in before.data] == made[:1:-1]


async def test_an_update_keeps_what_it_leaves_out(client: AsyncAnthropic, http: httpx2.AsyncClient) -> None:
    endpoint = await make_endpoint(http, "http://127.0.0.1/hook", "agent.created")
    changed = await client.beta.organization.webhooks.update(
        endpoint["id"], name="desk", enabled_events=[], state="disabled"
    )
    assert (changed.name, changed.enabled_events, changed.state) == ("desk", ["agent.created"], "disabled")
    assert changed.url == endpoint["url"]


async def test_a_deleted_endpoint_is_gone(client: AsyncAnthropic, http: httpx2.AsyncClient) -> None:
    endpoint = await make_endpoint(http, "http://127.0.0.1/hook", "agent.created")
    await client.beta.organization.webhooks.delete(endpoint["id"])
    assert (await http.get(f"{PATH}/{endpoint['id']}")).status_code == 404


async def test_an_event_that_does_not_exist_is_refused_by_name(http: httpx2.AsyncClient) -> None:
    answer = await http.post(PATH, json={"url": "https://example.com", "enabled_events": ["agent.born"]})
    assert answer.status_code == 400
    assert "agent.born" in answer.json()["error"]["message"]


async def test_webhooks_are_an_admins_business(server: Server) -> None:
    async with server.http(await server.key("write")) as http:
        assert (await http.get(PATH)).status_code == 403


async def test_a_server_refuses_private_addresses_unless_it_was_told_to_allow_them(settings: Settings) -> None:
    async with running(settings, ServiceOptions()) as server, server.http(await server.key()) as http:
        for url in ("https://127.0.0.1/hook", "https://10.0.0.1", "https://[::1]", "http://example.com"):
            answer = await http.post(PATH, json={"url": url, "enabled_events": ["agent.created"]})
            assert answer.status_code == 400, url


async def test_what_becomes_of_trials_is_delivered_to_those_who_listen(
    server: Server, http: httpx2.AsyncClient, receiver: Receiver
) -> None:
    tried = await open_tried(server.service.database)
    await make_endpoint(http, receiver.url, *TRIAL_EVENTS)
    trial = await tried.begin()
    assert (await http.post(f"/v1/trials/{trial.id}/decide", json={"act": "reject"})).status_code == 200
    received = await asyncio.to_thread(receiver.next)
    data = json.loads(received.body)["data"]
    assert (data["type"], data["id"], data["decision_id"][:4]) == ("trial.rejected", trial.id, "trd_")


def test_every_event_of_trials_can_be_listened_to() -> None:
    became = {
        "adopted",
        "rejected",
        "rolled_back",
        "inconclusive",
        "frozen",
        "ended",
        "decision_needed",
        "needs_review",
    }
    assert {f"trial.{one}" for one in became} == TRIAL_EVENTS
