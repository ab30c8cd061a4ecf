"""The work of self-hosted environments: workers poll for sessions to serve, and hold each by heartbeats."""

import asyncio
import base64
from datetime import datetime, timedelta
from typing import Any

import msgspec

from reverie.api.endpoint import Call, Endpoint
from reverie.api.metadata import patch_metadata
from reverie.api.pages import decode_position, envelope, page_of
from reverie.api.wire_type import WireType
from reverie.storage.live import work as table
from reverie.storage.live.lost_calls import answer_lost_calls
from reverie.storage.live.work import WorkItem
from reverie.storage.postgres.database import Connection
from reverie.storage.postgres.outbox import write_notices
from reverie.storage.service.api_keys import KeyScope, create_key
from reverie.storage.service.environments import read_environment

_TYPES = "anthropic.types.beta.environments"
_WORK = WireType(f"{_TYPES}.beta_self_hosted_work:BetaSelfHostedWork")
_RECLAIM_MS = 5000
_TOKEN_LIFE = timedelta(days=1)
"""Tokens end with their work; this ends those whose server died before it could."""


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


async def poll(call: Call) -> dict[str, Any] | None:
    """The next item, waited for as long as the worker wishes; None when there is none."""
    environment_id = call.path["environment_id"]
    worker_id = call.request.headers.get("anthropic-worker-id")
    async with call.database.connection() as connection:
        await read_environment(connection, environment_id)
        if worker_id:
            await table.note_poller(connection, environment_id, worker_id, call.now)
    time = asyncio.get_running_loop().time
    end = time() + (call.query.get("block_ms") or 0) / 1000
    with call.service.live.follow(environment_id) as queued:
        while True:
            queued.clear()
            taken = await _take(call, environment_id)
            left = end - time()
            if taken is not None or left <= 0 or call.service.live.closing.is_set():
                return taken
            try:
                await asyncio.wait_for(queued.wait(), left)
            except TimeoutError:
                continue  # One more look: a lease may have lapsed meanwhile.


async def _take(call: Call, environment_id: str) -> dict[str, Any] | None:
    now = call.service.clock.now()
    reclaim_ms = call.query.get("reclaim_older_than_ms")
    reclaim_after = timedelta(milliseconds=_RECLAIM_MS if reclaim_ms is None else reclaim_ms)
    async with call.database.connection() as connection:
        await _release_lapsed(call, connection, environment_id, now)
        item = await table.take_work(connection, environment_id, now, reclaim_after)
        if item is None:
            return None
        scope = KeyScope(
            call.key.workspace_id,
            "session",
            environment_id=environment_id,
            session_id=item.session_id,
            work_id=item.id,
            expires_at=now + _TOKEN_LIFE,
        )
        _, token = await create_key(connection, "", scope, now)
    payload = msgspec.json.encode({"sessions_token": token})
    return wire_work(item, base64.urlsafe_b64encode(payload).decode())


async def _release_lapsed(call: Call, connection: Connection, environment_id: str, now: datetime) -> None:
    """Queue again what workers have let go of, and answer the calls that they may have run."""
    lapsed = await table.release_lapsed(connection, environment_id, now)
    notices = await answer_lost_calls(connection, environment_id, lapsed, now)
    await write_notices(connection, notices, call.key.workspace_id, now)


async def _locked(call: Call) -> WorkItem:
    return await table.read_work(call.connection, call.path["environment_id"], call.path["work_id"], lock=True)


async def retrieve(call: Call) -> dict[str, Any]:
    """One item."""
    return wire_work(await table.read_work(call.connection, call.path["environment_id"], call.path["work_id"]))


async def list_all(call: Call) -> dict[str, Any]:
    """An environment's items, newest first."""
    environment_id, limit = call.path["environment_id"], call.query.get("limit", 20)
    await read_environment(call.connection, environment_id)
    before = decode_position(call.query.get("page"))
    rows = await table.list_work(call.connection, environment_id, before=before, limit=limit + 1)
    shown, next_page = page_of(rows, limit, lambda row: (row.created_at, row.id))
    return envelope([wire_work(row) for row in shown], next_page)


async def update(call: Call) -> dict[str, Any]:
    """Change an item's metadata."""
    item = await _locked(call)
    await table.change_work_metadata(call.connection, item.id, patch_metadata(item.metadata, call.body["metadata"]))
    return await retrieve(call)


async def acknowledge(call: Call) -> dict[str, Any]:
    """Take an item off the queue for the worker that polled it."""
    await table.acknowledge_work(call.connection, await _locked(call), call.now)
    return await retrieve(call)


async def heartbeat(call: Call) -> dict[str, Any]:
    """Extend the lease on an item, or tell its worker to stop."""
    expected, ttl_seconds = call.query.get("expected_last_heartbeat"), call.query.get("desired_ttl_seconds")
    extended = await table.beat(call.connection, await _locked(call), expected, ttl_seconds, call.now)
    item = await table.read_work(call.connection, call.path["environment_id"], call.path["work_id"])
    return {
        "type": "work_heartbeat",
        "last_heartbeat": item.last_heartbeat or "",
        "lease_extended": extended,
        "state": item.state,
        "ttl_seconds": item.ttl_seconds,
    }


async def stop(call: Call) -> dict[str, Any]:
    """Ask an item's worker to stop, or end the item at once; a worker that is asked to confirms by calling it too."""
    by_worker = call.key.role in ("worker", "session")
    if by_worker:
        await table.hold_session(call.connection, call.path["environment_id"], call.path["work_id"])
    item = await _locked(call)
    at_once = call.body.get("force", False) or (by_worker and item.state == "stopping")
    await table.stop_work(call.connection, item, at_once=at_once, now=call.now)
    if by_worker and at_once and item.state != "stopping":
        await table.queue_again(call.connection, item, call.now)
    return await retrieve(call)


async def stats(call: Call) -> dict[str, Any]:
    """How long the queue is, and how many workers poll it."""
    environment_id = call.path["environment_id"]
    await read_environment(call.connection, environment_id)
    await _release_lapsed(call, call.connection, environment_id, call.now)
    measured = await table.measure_queue(call.connection, environment_id, call.now)
    return {"type": "work_queue_stats", **msgspec.structs.asdict(measured)}


_ALL = "/v1/environments/{environment_id}/work"
_ONE = f"{_ALL}/{{work_id}}"
ENDPOINTS = (
    Endpoint(
        "environments.work.poll",
        "GET",
        f"{_ALL}/poll",
        poll,
        "Wait for the next piece of work.",
        query=WireType(f"{_TYPES}.work_poll_params:WorkPollParams"),
        answer=WireType("reverie.api.answers:PolledWork"),
        worker_key=True,
        transaction=False,
    ),
    Endpoint(
        "environments.work.stats",
        "GET",
        f"{_ALL}/stats",
        stats,
        "Measure the queue.",
        answer=WireType(f"{_TYPES}.beta_self_hosted_work_queue_stats:BetaSelfHostedWorkQueueStats"),
        worker_key=True,
    ),
    Endpoint(
        "environments.work.list",
        "GET",
        _ALL,
        list_all,
        "List pieces of work, newest first.",
        query=WireType(f"{_TYPES}.work_list_params:WorkListParams"),
        answer=_WORK,
        is_list=True,
        worker_key=True,
    ),
    Endpoint(
        "environments.work.retrieve", "GET", _ONE, retrieve, "Read a piece of work.", answer=_WORK, worker_key=True
    ),
    Endpoint(
        "environments.work.update",
        "POST",
        _ONE,
        update,
        "Change the metadata of a piece of work.",
        body=WireType(f"{_TYPES}.work_update_params:WorkUpdateParams", leave_out=("environment_id",)),
        answer=_WORK,
        worker_key=True,
    ),
    Endpoint(
        "environments.work.ack",
        "POST",
        f"{_ONE}/ack",
        acknowledge,
        "Take a polled piece of work off the queue.",
        answer=_WORK,
        worker_key=True,
    ),
    Endpoint(
        "environments.work.heartbeat",
        "POST",
        f"{_ONE}/heartbeat",
        heartbeat,
        "Keep the lease on a piece of work.",
        query=WireType(f"{_TYPES}.work_heartbeat_params:WorkHeartbeatParams", leave_out=("environment_id",)),
        answer=WireType(f"{_TYPES}.beta_self_hosted_work_heartbeat_response:BetaSelfHostedWorkHeartbeatResponse"),
        audited=False,
        worker=True,
    ),
    Endpoint(
        "environments.work.stop",
        "POST",
        f"{_ONE}/stop",
        stop,
        "Stop a piece of work.",
        body=WireType(f"{_TYPES}.work_stop_params:WorkStopParams", leave_out=("environment_id",)),
        answer=_WORK,
        worker=True,
    ),
)
