"""Schedules of dreams: when a memory store dreams by itself, and what became of the last moment."""

from typing import Any

import msgspec

from reverie.agents.schedule import read_schedule, upcoming
from reverie.api.endpoint import endpoint
from reverie.api.pages import Order, answer_page
from reverie.api.records import (
    CronSchedule,
    DeletedDreamSchedule,
    DreamScheduleListParams,
    DreamScheduleParams,
    DreamScheduleRun,
)
from reverie.api.records import DreamSchedule as WireSchedule
from reverie.api.request_context import RequestContext
from reverie.api.wire_type import RecordType
from reverie.dreams.dream import DreamBudget, DreamRequest
from reverie.dreams.policy import DreamPolicy
from reverie.dreams.request import budgeted, segment_of
from reverie.errors import InputError, StoreArchivedError
from reverie.memory.memory import MemoryStore
from reverie.settings import ModelSettings
from reverie.storage.learning import dream_schedules as table
from reverie.storage.learning.dream_schedules import DreamSchedule
from reverie.storage.memory.policies import read_policy
from reverie.storage.memory.stores import lock_store, read_store

_ONE = "/v1/memory_stores/{memory_store_id}/dream_schedule"
_SCHEDULE = RecordType(WireSchedule)
_BY_STORE = Order[DreamSchedule](tuple[str], lambda row: (row.memory_store_id,))


@endpoint(
    "dream_schedules.list",
    "GET",
    "/v1/dream_schedules",
    query=RecordType(DreamScheduleListParams),
    answer=_SCHEDULE,
    is_list=True,
    extension=True,
)
async def list_all(context: RequestContext) -> dict[str, Any]:
    """List when memory stores dream by themselves, without those that are archived."""
    query = context.query
    return await answer_page(
        query,
        lambda schedule: _wire(context, schedule),
        lambda after, limit: table.list_schedules(
            context.connection, store_id=query.get("memory_store_id"), after=after, limit=limit
        ),
        _BY_STORE,
    )


@endpoint("memory_stores.dream_schedule.retrieve", "GET", _ONE, answer=_SCHEDULE, extension=True)
async def retrieve(context: RequestContext) -> WireSchedule:
    """Read when a memory store dreams by itself."""
    store = await read_store(context.connection, context.path["memory_store_id"])
    return _wire(
        context, await table.read_schedule_of(context.connection, store.id), archived=store.archived_at is not None
    )


@endpoint(
    "memory_stores.dream_schedule.update",
    "POST",
    _ONE,
    body=RecordType(DreamScheduleParams),
    answer=_SCHEDULE,
    extension=True,
)
async def update(context: RequestContext) -> WireSchedule:
    """Set when a memory store dreams by itself.

    It replaces the schedule that the store has, begins now and is not paused. A moment without new or changed
    sessions since the store's last dream over them begins none.
    """
    store, body = await _open_store(context), context.body
    budget = None if body.get("budget") is None else DreamBudget(**body["budget"])
    request = DreamRequest(
        store.id, where=(body.get("where") or "").strip() or None, instructions=body.get("instructions"), budget=budget
    )
    segment_of(request)
    _check_budget(await read_policy(context.connection, store.id), budget, context.service.settings.model)
    present = await table.find_schedule(context.connection, store.id, lock=True)
    schedule = DreamSchedule(
        memory_store_id=store.id,
        schedule=read_schedule(body["schedule"]["expression"], body["schedule"]["timezone"]),
        request=request,
        created_at=context.now if present is None else present.created_at,
        updated_at=context.now,
        last_run=None if present is None else present.last_run,
    )
    return await _write(context, schedule)


def _check_budget(policy: DreamPolicy, budget: DreamBudget | None, model: ModelSettings | None) -> None:
    """Accept a budget that a dream could be held to."""
    most = budgeted(policy, budget).budget
    if most.usd is not None and most.price is None and model is not None and model.price is None:
        raise InputError("budget.usd: a limit in money needs the model's price; set REVERIE_MODEL_PRICE")


async def _open_store(context: RequestContext) -> MemoryStore:
    store = await lock_store(context.connection, context.path["memory_store_id"])
    context.resource_id = store.id
    if store.archived_at is not None:
        raise StoreArchivedError(f"memory store {store.name!r} ({store.id}) is archived; it learns nothing more")
    return store


async def _write(context: RequestContext, schedule: DreamSchedule) -> WireSchedule:
    schedule = schedule.due_after(context.now)
    await table.write_schedule(context.connection, schedule)
    return _wire(context, schedule)


@endpoint("memory_stores.dream_schedule.pause", "POST", f"{_ONE}/pause", answer=_SCHEDULE, extension=True)
async def pause(context: RequestContext) -> WireSchedule:
    """Pause the schedule of a memory store.

    One that is paused already stays as it is.
    """
    store = await _open_store(context)
    present = await table.read_schedule_of(context.connection, store.id, lock=True)
    if present.paused_reason is not None:
        return _wire(context, present)
    reason = {"type": "manual"}
    changed = msgspec.structs.replace(present, paused_reason=reason, updated_at=context.now)
    return await _write(context, changed)


@endpoint("memory_stores.dream_schedule.unpause", "POST", f"{_ONE}/unpause", answer=_SCHEDULE, extension=True)
async def unpause(context: RequestContext) -> WireSchedule:
    """Unpause the schedule of a memory store.

    It goes on from now; moments that passed meanwhile are not made up for.
    """
    store = await _open_store(context)
    present = await table.read_schedule_of(context.connection, store.id, lock=True)
    if present.paused_reason is None:
        return _wire(context, present)
    changed = msgspec.structs.replace(present, paused_reason=None, failures=0, updated_at=context.now)
    return await _write(context, changed)


@endpoint(
    "memory_stores.dream_schedule.delete", "DELETE", _ONE, answer=RecordType(DeletedDreamSchedule), extension=True
)
async def delete(context: RequestContext) -> DeletedDreamSchedule:
    """Have a memory store dream by itself no more.

    A dream that is begun goes on.
    """
    store = await lock_store(context.connection, context.path["memory_store_id"])
    await table.delete_schedule(context.connection, store.id)
    return DeletedDreamSchedule(store.id)


def _wire(context: RequestContext, schedule: DreamSchedule, *, archived: bool = False) -> WireSchedule:
    to_come = [] if archived else upcoming(schedule.schedule, context.now)
    request, run = schedule.request, schedule.last_run
    return WireSchedule(
        memory_store_id=schedule.memory_store_id,
        schedule=CronSchedule(schedule.schedule.expression, schedule.schedule.timezone, tuple(to_come)),
        where=request.where,
        instructions=request.instructions,
        budget=request.budget,
        status="active" if schedule.paused_reason is None else "paused",
        paused_reason=schedule.paused_reason,
        failures=schedule.failures,
        last_run=None if run is None else DreamScheduleRun(**msgspec.structs.asdict(run)),
        created_at=schedule.created_at,
        updated_at=schedule.updated_at,
    )
