"""The work of self-hosted environments: workers poll for sessions to serve, and hold each by heartbeats."""

import asyncio
import base64
from datetime import datetime, timedelta
from typing import Any

import msgspec

from reverie.api.endpoint import endpoint
from reverie.api.metadata import patch_metadata
from reverie.api.pages import answer_page
from reverie.api.request_context import RequestContext
from reverie.api.wire_type import SdkType
from reverie.storage.live import work as table
from reverie.storage.live.lost_calls import answer_lost_calls
from reverie.storage.live.work import WorkItem
from reverie.storage.postgres.database import Connection
from reverie.storage.postgres.outbox import write_notices
from reverie.storage.service.api_keys import KeyScope, create_key
from reverie.storage.service.environments import read_environment

_WORK = SdkType("beta.environments.BetaSelfHostedWork")
_RECLAIM_MS = 5000
_TOKEN_LIFE = timedelta(days=1)
"""Tokens end with their work; this ends those whose server died before it could."""
_ALL = "/v1/environments/{environment_id}/work"
_ONE = f"{_ALL}/{{work_id}}"


def wire_work(item: WorkItem, secret: str | None = None) -> dict[str, Any]:
    """An item as it is answered."""
    return {
        "id": item.id,
        "type": "work",
        "environment_id": item.environment_id,
        "data": {"type": "session", "id": item.session_id},
        "state": item.state,
        "secret": secret,
        "metadata": item.metadata,
        "created_at": item.created_at,
        "acknowledged_at": item.acknowledged_at,
        "started_at": item.started_at,
        "latest_heartbeat_at": item.latest_heartbeat_at,
        "stop_requested_at": item.stop_requested_at,
        "stopped_at": item.stopped_at,
    }


@endpoint(
    "environments.work.poll",
    "GET",
    f"{_ALL}/poll",
    query=SdkType("beta.environments.WorkPollParams"),
    answer=SdkType("beta.environments.BetaSelfHostedWork", nullable=True),
    worker_key=True,
    transaction=False,
)
async def poll(context: RequestContext) -> dict[str, Any] | None:
    """Wait for the next piece of work.

    It is waited for as long as the worker wishes; the answer is null when there is none.
    """
    environment_id = context.path["environment_id"]
    worker_id = context.request.headers.get("anthropic-worker-id")
    async with context.database.connection() as connection:
        await read_environment(connection, environment_id)
        if worker_id:
            await table.note_poller(connection, environment_id, worker_id, context.now)
    time = asyncio.get_running_loop().time
    end = time() + (context.query.get("block_ms") or 0) / 1000
    with context.service.live.follow(environment_id) as queued:
        while True:
            queued.clear()
            taken = await _take(context, environment_id)
            left = end - time()
            if taken is not None or left <= 0 or context.service.live.closing.is_set():
                return taken
            try:
                async with asyncio.timeout(left):
                    await queued.wait()
            except TimeoutError:
                continue  # One more look: a lease may have lapsed meanwhile.


async def _take(context: RequestContext, environment_id: str) -> dict[str, Any] | None:
    now = context.service.clock.now()
    reclaim_ms = context.query.get("reclaim_older_than_ms")
    reclaim_after = timedelta(milliseconds=_RECLAIM_MS if reclaim_ms is None else reclaim_ms)
    async with context.database.connection() as connection:
        await _release_lapsed(context, connection, environment_id, now)
        item = await table.take_work(connection, environment_id, now, reclaim_after)
        if item is None:
            return None
        scope = KeyScope(
            context.key.workspace_id,
            "session",
            environment_id=environment_id,
            session_id=item.session_id,
            work_id=item.id,
            expires_at=now + _TOKEN_LIFE,
        )
        _, token = await create_key(connection, "", scope, now)
    payload = msgspec.json.encode({"sessions_token": token})
    return wire_work(item, base64.urlsafe_b64encode(payload).decode())


async def _release_lapsed(context: RequestContext, connection: Connection, environment_id: str, now: datetime) -> None:
    """Queue again what workers have let go of, and answer the calls that they may have run."""
    lapsed = await table.release_lapsed(connection, environment_id, now)
    notices = await answer_lost_calls(connection, environment_id, lapsed, now)
    await write_notices(connection, notices, context.key.workspace_id, now)


@endpoint(
    "environments.work.stats",
    "GET",
    f"{_ALL}/stats",
    answer=SdkType("beta.environments.BetaSelfHostedWorkQueueStats"),
    worker_key=True,
)
async def stats(context: RequestContext) -> dict[str, Any]:
    """Measure the queue.

    How long it is, and how many workers poll it.
    """
    environment_id = context.path["environment_id"]
    await read_environment(context.connection, environment_id)
    await _release_lapsed(context, context.connection, environment_id, context.now)
    measured = await table.measure_queue(context.connection, environment_id, context.now)
    return {"type": "work_queue_stats", **msgspec.structs.asdict(measured)}


async def _locked(context: RequestContext) -> WorkItem:
    return await table.read_work(context.connection, context.path["environment_id"], context.path["work_id"], lock=True)


@endpoint("environments.work.retrieve", "GET", _ONE, answer=_WORK, worker_key=True)
async def retrieve(context: RequestContext) -> dict[str, Any]:
    """Read a piece of work."""
    return wire_work(await table.read_work(context.connection, context.path["environment_id"], context.path["work_id"]))


@endpoint(
    "environments.work.list",
    "GET",
    _ALL,
    query=SdkType("beta.environments.WorkListParams"),
    answer=_WORK,
    is_list=True,
    worker_key=True,
)
async def list_all(context: RequestContext) -> dict[str, Any]:
    """List pieces of work, newest first."""
    environment_id = context.path["environment_id"]
    await read_environment(context.connection, environment_id)
    return await answer_page(
        context.query,
        wire_work,
        lambda before, limit: table.list_work(context.connection, environment_id, before=before, limit=limit),
    )


@endpoint(
    "environments.work.update",
    "POST",
    _ONE,
    body=SdkType("beta.environments.WorkUpdateParams", leave_out=("environment_id",)),
    answer=_WORK,
    worker_key=True,
)
async def update(context: RequestContext) -> dict[str, Any]:
    """Change the metadata of a piece of work."""
    item = await _locked(context)
    await table.change_work_metadata(
        context.connection, item.id, patch_metadata(item.metadata, context.body["metadata"])
    )
    return await retrieve(context)


@endpoint("environments.work.ack", "POST", f"{_ONE}/ack", answer=_WORK, worker_key=True)
async def acknowledge(context: RequestContext) -> dict[str, Any]:
    """Take a polled piece of work off the queue."""
    await table.acknowledge_work(context.connection, await _locked(context), context.now)
    return await retrieve(context)


@endpoint(
    "environments.work.heartbeat",
    "POST",
    f"{_ONE}/heartbeat",
    query=SdkType("beta.environments.WorkHeartbeatParams", leave_out=("environment_id",)),
    answer=SdkType("beta.environments.BetaSelfHostedWorkHeartbeatResponse"),
    audited=False,
    worker=True,
)
async def heartbeat(context: RequestContext) -> dict[str, Any]:
    """Keep the lease on a piece of work.

    Or have its worker stop.
    """
    expected, ttl_seconds = context.query.get("expected_last_heartbeat"), context.query.get("desired_ttl_seconds")
    extended = await table.beat(context.connection, await _locked(context), expected, ttl_seconds, context.now)
    item = await table.read_work(context.connection, context.path["environment_id"], context.path["work_id"])
    return {
        "type": "work_heartbeat",
        "last_heartbeat": item.last_heartbeat or "",
        "lease_extended": extended,
        "state": item.state,
        "ttl_seconds": item.ttl_seconds,
    }


@endpoint(
    "environments.work.stop",
    "POST",
    f"{_ONE}/stop",
    body=SdkType("beta.environments.WorkStopParams", leave_out=("environment_id",)),
    answer=_WORK,
    worker=True,
)
async def stop(context: RequestContext) -> dict[str, Any]:
    """Stop a piece of work.

    Its worker is asked to, or it ends at once; a worker that was asked confirms by calling this too.
    """
    by_worker = context.key.role in ("worker", "session")
    if by_worker:
        await table.hold_session(context.connection, context.path["environment_id"], context.path["work_id"])
    item = await _locked(context)
    at_once = context.body.get("force", False) or (by_worker and item.state == "stopping")
    await table.stop_work(context.connection, item, at_once=at_once, now=context.now)
    if by_worker and at_once and item.state != "stopping":
        await table.queue_again(context.connection, item, context.now)
    return await retrieve(context)
