"""Dreams: asked for, watched, canceled, archived; and what they found, as a report or as data."""

import asyncio
from typing import Any

import msgspec
from starlette.responses import HTMLResponse, Response

from reverie.api import on_demand
from reverie.api.endpoint import endpoint
from reverie.api.pages import answer_page
from reverie.api.records import (
    CompletedDream,
    DreamEstimateParams,
    DreamRequestParams,
    DreamSummary,
    DreamSummaryListParams,
    EstimatedDream,
)
from reverie.api.request_context import RequestContext
from reverie.api.service import Service
from reverie.api.wire_type import RecordType, SdkType
from reverie.dreams.dream import DreamRequest
from reverie.dreams.request import read_inputs, read_request, segment_of
from reverie.dreams.summary import SummarizedDream
from reverie.errors import NotFoundError, StateError
from reverie.ids import new_id
from reverie.jobs.report import read_coordinators, read_evidence, read_trials, write_report
from reverie.memory.memory import MemoryStore
from reverie.storage.learning import served_dreams as table
from reverie.storage.learning.dream_summaries import list_summaries, read_summary
from reverie.storage.learning.dreams import missing_sessions, read_result
from reverie.storage.learning.served_dreams import ServedDream
from reverie.storage.memory.policies import read_policy
from reverie.storage.memory.stores import read_store
from reverie.storage.postgres.database import Connection

_DREAM = SdkType("beta.BetaDream")
_ONE = "/v1/dreams/{dream_id}"
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


@endpoint("dreams.create", "POST", "/v1/dreams", body=SdkType("beta.DreamCreateParams"), answer=_DREAM)
async def create(context: RequestContext) -> dict[str, Any]:
    """Learn from sessions into a memory store.

    A server runs the dream as soon as there is room.
    """
    return await ask(context, read_request(context.body))


@endpoint(
    "dream_requests.create",
    "POST",
    "/v1/dream_requests",
    body=RecordType(DreamRequestParams),
    answer=_DREAM,
    extension=True,
)
async def create_request(context: RequestContext) -> dict[str, Any]:
    """Learn from any number of sessions, named or chosen by an expression."""
    return await ask(context, read_request(context.body, most_sessions=None))


async def ask(context: RequestContext, request: DreamRequest) -> dict[str, Any]:
    """Have the server dream; the dream as it is answered.

    Raises:
        InputError: it names a session that the store may not learn from.
        NotFoundError: there is no such store or session.
        StateError: the store is archived.
    """
    segment_of(request)
    store = await _open_store(context.connection, request.store)
    missing = await missing_sessions(context.connection, request.session_ids or ())
    if missing:
        raise NotFoundError(f"inputs.session_ids: there is no session {missing[0]!r}")
    if request.session_ids is None and request.where is None:
        policy = await read_policy(context.connection, store.id)
        request = msgspec.structs.replace(request, where=policy.where)
    output_id = new_id("memstore", context.now) if request.clone else store.id
    row = await table.ask_for_dream(context.connection, new_id("drm", context.now), output_id, request, context.now)
    context.resource_id = row.id
    return wire_dream(await table.read_served(context.connection, row.id))


async def _open_store(connection: Connection, store_id: str) -> MemoryStore:
    store = await read_store(connection, store_id)
    if store.archived_at is not None:
        raise StateError(f"memory store {store_id} is archived; dream over another one")
    return store


@endpoint("dreams.retrieve", "GET", _ONE, answer=_DREAM)
async def retrieve(context: RequestContext) -> dict[str, Any]:
    """Read a dream."""
    return wire_dream(await table.read_served(context.connection, context.path["dream_id"]))


@endpoint("dreams.list", "GET", "/v1/dreams", query=SdkType("beta.DreamListParams"), answer=_DREAM, is_list=True)
async def list_all(context: RequestContext) -> dict[str, Any]:
    """List dreams, newest first."""
    return await answer_page(
        context.query,
        wire_dream,
        lambda before, limit: table.list_served(
            context.connection,
            before=before,
            statuses=context.query.get("statuses", ()),
            created_after=context.query.get("created_at_gt"),
            created_before=context.query.get("created_at_lt"),
            include_archived=context.query.get("include_archived", False),
            limit=limit,
        ),
    )


@endpoint(
    "dream_summaries.list",
    "GET",
    "/v1/dream_summaries",
    query=RecordType(DreamSummaryListParams),
    answer=RecordType(DreamSummary),
    is_list=True,
    extension=True,
)
async def list_in_lines(context: RequestContext) -> dict[str, Any]:
    """List dreams with what was asked and what came of it, a line each.

    Newest first; those that were begun from the command line too.
    """
    query = context.query
    return await answer_page(
        query,
        _wire_summary,
        lambda before, limit: list_summaries(
            context.connection,
            store_id=query.get("memory_store_id"),
            statuses=[query["status"]] if "status" in query else [],
            include_archived=query.get("include_archived", False),
            before=before,
            limit=limit,
        ),
    )


@endpoint(
    "dream_summaries.retrieve",
    "GET",
    "/v1/dream_summaries/{dream_id}",
    answer=RecordType(DreamSummary),
    extension=True,
)
async def retrieve_line(context: RequestContext) -> DreamSummary:
    """Read what was asked of a dream and what came of it, without its result."""
    return _wire_summary(await read_summary(context.connection, context.path["dream_id"]))


def _wire_summary(row: SummarizedDream) -> DreamSummary:
    return DreamSummary(**msgspec.structs.asdict(row))


@endpoint("dreams.cancel", "POST", f"{_ONE}/cancel", answer=_DREAM)
async def cancel(context: RequestContext) -> dict[str, Any]:
    """Cancel a dream.

    One that has ended cannot be; again, it changes nothing.
    """
    return wire_dream(await table.cancel_dream(context.connection, context.path["dream_id"], context.now))


@endpoint("dreams.archive", "POST", f"{_ONE}/archive", answer=_DREAM)
async def archive(context: RequestContext) -> dict[str, Any]:
    """Archive a dream.

    It has to have ended; again, it changes nothing.
    """
    return wire_dream(await table.archive_dream(context.connection, context.path["dream_id"], context.now))


@endpoint(
    "dreams.estimate",
    "POST",
    "/v1/dreams/estimate",
    body=RecordType(DreamEstimateParams),
    answer=RecordType(EstimatedDream),
    role="read",
    extension=True,
    transaction=False,
)
async def estimate(context: RequestContext) -> EstimatedDream:
    """Say what a dream would read and cost."""
    store_id, where, session_ids = read_inputs(context.body["inputs"], None)
    async with context.database.connection() as connection:
        policy = await read_policy(connection, store_id)
    if session_ids is None and where is None:
        where = policy.where
    request = DreamRequest(store_id, where, session_ids)
    estimate_dream = await on_demand.load(lambda: on_demand.estimate_dream)
    found = await estimate_dream(context.database, request, policy, context.service.settings.model)
    return EstimatedDream(**msgspec.structs.asdict(found))


@endpoint("dreams.result", "GET", f"{_ONE}/result", answer=RecordType(CompletedDream), extension=True)
async def result(context: RequestContext) -> CompletedDream:
    """Read all that a dream found and did."""
    await table.read_served(context.connection, context.path["dream_id"])
    found = await read_result(context.connection, context.path["dream_id"])
    return CompletedDream(**msgspec.structs.asdict(found))


@endpoint("dreams.report", "GET", f"{_ONE}/report", answer_media="text/html", extension=True, transaction=False)
async def report(context: RequestContext) -> Response:
    """Read a dream's report.

    One HTML page.
    """
    async with context.database.connection() as connection:
        await table.read_served(connection, context.path["dream_id"])
        found = await read_result(connection, context.path["dream_id"])
        evidence = await read_evidence(connection, found)
        trials = await read_trials(connection, found, context.now)
        routers = await read_coordinators(connection, found)
        report_routing = (await on_demand.load(lambda: on_demand.report_routing)) if routers else None
        routing = [await report_routing(connection, agent_id) for agent_id in routers] if report_routing else []
    page = await asyncio.to_thread(write_report, found, evidence, trials, routing, context.now)
    return HTMLResponse(page, headers=_REPORT_HEADERS)


async def run_dreams(service: Service) -> None:
    """Run dreams for as long as the server does."""
    queue = await on_demand.load(lambda: on_demand.DreamQueue)
    await queue(service.database, service.settings, service.clock, service.telemetry.stage).work()
