"""Deliveries of webhooks: signed, at least once, up to three attempts; several servers share the work."""

import asyncio
import random
from collections.abc import Callable
from contextlib import suppress
from datetime import timedelta

import httpx2
import msgspec
import psycopg
import structlog
from psycopg_pool import PoolTimeout
from standardwebhooks import Webhook

from reverie.api.service import Service
from reverie.api.webhook_target import find_target
from reverie.errors import ReverieError
from reverie.storage.postgres.announcement import WEBHOOKS
from reverie.storage.postgres.database import Database
from reverie.storage.postgres.secret_box import open_secret_box
from reverie.storage.postgres.workspaces import list_workspaces
from reverie.storage.service import webhooks as table
from reverie.storage.service.webhooks import Delivery
from reverie.turns.public_transport import Resolve, resolve

ATTEMPT_SECONDS = 10.0
"""How long an endpoint may take to answer."""
PAUSES_SECONDS = ((5.0, 30.0), (30.0, 120.0))
"""Between which bounds the pauses after failed attempts lie; after the last one a delivery is dropped."""
HOLD = timedelta(seconds=ATTEMPT_SECONDS + 5)
"""How long a delivery is held by the server that attempts it."""
KEPT = timedelta(days=30)
"""How long it is remembered what was delivered."""
_MOST_AT_ONCE = 20
_LOOK_SECONDS = 5.0
_TIDY_SECONDS = 3600.0

log = structlog.get_logger("reverie.webhooks")


class DeliveryContext(msgspec.Struct, frozen=True):
    """What deliveries are made with."""

    service: Service
    http: httpx2.AsyncClient
    draw: Callable[[float, float], float]
    """A number between two bounds, at random."""
    resolve: Resolve


class Failure(msgspec.Struct, frozen=True):
    """Why an attempt failed."""

    reason: str
    disables: bool = False
    """Whether the endpoint is given up."""


async def work(service: Service) -> None:
    """Deliver what is due in all workspaces until cancelled."""
    limits = httpx2.Limits(max_keepalive_connections=0)  # Connections are for one host name each, not for an address.
    loop, tidied = asyncio.get_running_loop(), float("-inf")
    async with httpx2.AsyncClient(limits=limits, trust_env=False, timeout=ATTEMPT_SECONDS) as http:
        context = DeliveryContext(service, http, random.SystemRandom().uniform, resolve)
        with service.live.follow(WEBHOOKS) as due:
            while True:
                due.clear()
                tidy = loop.time() - tidied > _TIDY_SECONDS
                try:
                    delivered = await _deliver_everywhere(context, tidy=tidy)
                except (psycopg.Error, PoolTimeout) as error:
                    log.warning("webhooks wait for the database", reason=str(error))
                    delivered = 0
                else:
                    tidied = loop.time() if tidy else tidied
                if not delivered:
                    with suppress(TimeoutError):
                        async with asyncio.timeout(_LOOK_SECONDS):
                            await due.wait()


async def _deliver_everywhere(context: DeliveryContext, *, tidy: bool) -> int:
    database = context.service.database
    async with database.connection() as connection:
        workspaces = await list_workspaces(connection)
    delivered = 0
    for workspace in workspaces:
        there = database.of_schema(workspace.schema)
        if tidy:
            async with there.connection() as connection:
                await table.forget_deliveries(connection, context.service.clock.now() - KEPT)
        delivered += await deliver_due(context, there)
    return delivered


async def deliver_due(context: DeliveryContext, database: Database) -> int:
    """Attempt what is due in one workspace, once; gives how many attempts there were."""
    async with database.connection() as connection:
        due = await table.claim_deliveries(connection, context.service.clock.now(), HOLD, _MOST_AT_ONCE)
    # Each ends by itself; only errors of the database are left to raise.
    ends = await asyncio.gather(*(_deliver(context, database, one) for one in due), return_exceptions=True)
    for end in ends:
        if end is not None:
            raise end
    return len(due)


async def _deliver(context: DeliveryContext, database: Database, delivery: Delivery) -> None:
    failure = await _attempt(context, delivery)
    now = context.service.clock.now()
    async with database.connection() as connection:
        if failure is None:
            await table.record_delivered(connection, delivery, now)
            return
        again = None
        if delivery.attempts < len(PAUSES_SECONDS) and not failure.disables:
            again = now + timedelta(seconds=context.draw(*PAUSES_SECONDS[delivery.attempts]))
        await table.record_failed(connection, delivery, failure.reason, again)
        if failure.disables:
            await table.disable_endpoint(connection, delivery.endpoint_id, failure.reason, now)
    log.info("webhook not delivered", delivery=delivery.id, endpoint=delivery.endpoint_id, reason=failure.reason)


async def _attempt(context: DeliveryContext, delivery: Delivery) -> Failure | None:
    """Send an event; None when it was taken."""
    service = context.service
    try:
        secret = open_secret_box(service.settings).open(delivery.secret)
        body, now = msgspec.json.encode(delivery.event), service.clock.now()
        headers = {
            "content-type": "application/json",
            "user-agent": "Reverie-Webhooks",
            "webhook-id": delivery.id,
            "webhook-timestamp": str(int(now.timestamp())),
            "webhook-signature": Webhook(secret).sign(delivery.id, now, body.decode()),
        }
        async with asyncio.timeout(ATTEMPT_SECONDS):
            target = await find_target(delivery.url, private=service.options.private_webhooks, resolve=context.resolve)
            async with context.http.stream(
                "POST",
                target.url,
                content=body,
                headers=headers | target.headers,
                extensions=target.extensions,
                follow_redirects=False,
            ) as answer:
                return _judge(answer.status_code)
    except TimeoutError:
        return Failure(f"no answer within {ATTEMPT_SECONDS:.0f} s")
    except (httpx2.HTTPError, OSError, UnicodeError, ReverieError) as error:
        return Failure(str(error) or type(error).__name__)


def _judge(status: int) -> Failure | None:
    if 200 <= status < 300:
        return None
    if 300 <= status < 400:
        return Failure(f"it answered with a redirect ({status}); give the address that it leads to", disables=True)
    return Failure(f"it answered with status {status}")
