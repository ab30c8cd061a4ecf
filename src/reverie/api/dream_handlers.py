"""What the endpoints of dreams do; loaded with the first of them, since dreams need the statistics libraries."""

import asyncio
from typing import Any

import msgspec
from starlette.responses import HTMLResponse, Response

from reverie.api.endpoint import Call
from reverie.api.pages import decode_position, envelope, page_of
from reverie.dreams.dream import DreamRequest
from reverie.dreams.request import read_inputs, read_request, segment_of
from reverie.errors import NotFoundError, StateError
from reverie.ids import new_id
from reverie.jobs.engine import estimate_dream
from reverie.jobs.report import read_evidence, write_report
from reverie.memory.memory import MemoryStore
from reverie.storage.learning import served_dreams as table
from reverie.storage.learning.dreams import missing_sessions, read_result
from reverie.storage.learning.served_dreams import ServedDream
from reverie.storage.memory.policies import read_policy
from reverie.storage.memory.stores import read_store
from reverie.storage.postgres.database import Connection

_NO_MODEL = "none"
"""What is shown as the model of a dream that asked for none."""
# A report holds text that agents and users wrote: whatever gets past its escaping can neither run nor load anything.
_REPORT_HEADERS = {
    "content-security-policy": "default-src 'none'; style-src 'unsafe-inline'; img-src data:",
    "x-content-type-options": "nosniff",
}


def wire_dream(dream: ServedDream) -> dict[str, Any]:
    """A dream as it is answered."""
    request, store_id = dream.request, dream.memory_store_id
    sessions: dict[str, Any] = {"type": "sessions", "session_ids": list(request.session_ids or ())}
    if request.session_ids is None:
        sessions["where"] = request.where or ""
    behaviour = {"type": "update_existing", "memory_store_id": store_id}
    failed = dream.status == "failed"
    return {
        "id": dream.id,
        "type": "dream",
        "status": dream.status,
        "inputs": [{"type": "memory_store", "memory_store_id": request.store if request.clone else store_id}, sessions],
        "outputs": [{"type": "memory_store", "memory_store_id": store_id}] if dream.has_output else [],
        "output_behavior": {"type": "create_new"} if request.clone else behaviour,
        "model": {"id": request.model or _NO_MODEL, "speed": "standard"},
        "instructions": request.instructions,
        "session_id": dream.session_id,
        "usage": {
            "input_tokens": dream.usage.input_tokens,
            "output_tokens": dream.usage.output_tokens,
            "cache_read_input_tokens": dream.usage.cache_read_tokens,
            "cache_creation_input_tokens": dream.usage.cache_write_tokens,
        },
        "error": {"type": dream.error_type or "internal_error", "message": dream.error or ""} if failed else None,
        "created_at": dream.created_at,
        "ended_at": dream.ended_at,
        "archived_at": dream.archived_at,
    }


async def create(call: Call) -> dict[str, Any]:
    """Ask for a dream; a server runs it as soon as there is room."""
    return await _ask(call, read_request(call.body))


async def create_request(call: Call) -> dict[str, Any]:
    """Ask for a dream over any number of sessions."""
    return await _ask(call, read_request(call.body, most_sessions=None))


async def _ask(call: Call, request: DreamRequest) -> dict[str, Any]:
    segment_of(request)
    store = await _open_store(call.connection, request.store)
    missing = await missing_sessions(call.connection, request.session_ids or ())
    if missing:
        raise NotFoundError(f"inputs.session_ids: there is no session {missing[0]!r}")
    if request.session_ids is None and request.where is None:
        policy = await read_policy(call.connection, store.id)
        request = msgspec.structs.replace(request, where=policy.where)
    output_id = new_id("memstore", call.now) if request.clone else store.id
    row = await table.ask_for_dream(call.connection, new_id("drm", call.now), output_id, request, call.now)
    call.resource_id = row.id
    return wire_dream(await table.read_served(call.connection, row.id))


async def _open_store(connection: Connection, store_id: str) -> MemoryStore:
    store = await read_store(connection, store_id)
    if store.archived_at is not None:
        raise StateError(f"memory store {store_id} is archived; dream over another one")
    return store


async def retrieve(call: Call) -> dict[str, Any]:
    """One dream, archived or not."""
    return wire_dream(await table.read_served(call.connection, call.path["dream_id"]))


async def list_all(call: Call) -> dict[str, Any]:
    """Dreams, newest first."""
    limit = call.query.get("limit", 20)
    rows = await table.list_served(
        call.connection,
        before=decode_position(call.query.get("page")),
        statuses=call.query.get("statuses", ()),
        created_after=call.query.get("created_at_gt"),
        created_before=call.query.get("created_at_lt"),
        include_archived=call.query.get("include_archived", False),
        limit=limit + 1,
    )
    shown, next_page = page_of(rows, limit, lambda row: (row.created_at, row.id))
    return envelope([wire_dream(row) for row in shown], next_page)


async def cancel(call: Call) -> dict[str, Any]:
    """Cancel a dream that has not ended; again, it changes nothing."""
    return wire_dream(await table.cancel_dream(call.connection, call.path["dream_id"], call.now))


async def archive(call: Call) -> dict[str, Any]:
    """Archive a dream that has ended; again, it changes nothing."""
    return wire_dream(await table.archive_dream(call.connection, call.path["dream_id"], call.now))


async def estimate(call: Call) -> dict[str, Any]:
    """What a dream would read, how long it would take, and what a model would cost."""
    store_id, where, session_ids = read_inputs(call.body["inputs"], None)
    async with call.database.connection() as connection:
        policy = await read_policy(connection, store_id)
    request = DreamRequest(store_id, where, session_ids)
    found = await estimate_dream(call.database, request, policy, call.service.settings.model)
    return {"type": "dream_estimate", **msgspec.to_builtins(found)}


async def result(call: Call) -> dict[str, Any]:
    """All that a completed dream found and did."""
    await table.read_served(call.connection, call.path["dream_id"])
    found = await read_result(call.connection, call.path["dream_id"])
    return {"type": "dream_result", **msgspec.to_builtins(found)}


async def report(call: Call) -> Response:
    """The report of a completed dream as one HTML page."""
    async with call.database.connection() as connection:
        await table.read_served(connection, call.path["dream_id"])
        found = await read_result(connection, call.path["dream_id"])
        evidence = await read_evidence(connection, found)
    page = await asyncio.to_thread(write_report, found, evidence, call.now)
    return HTMLResponse(page, headers=_REPORT_HEADERS)
