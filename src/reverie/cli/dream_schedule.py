"""Schedules of dreams, as commands set and show them."""

from typing import Any

import click
import msgspec

from reverie.agents.schedule import read_schedule
from reverie.cli.memory_text import echo_json
from reverie.cli.run import run
from reverie.clock import SystemClock
from reverie.dreams.dream import DreamRequest
from reverie.dreams.request import segment_of
from reverie.errors import StoreArchivedError
from reverie.storage.learning.dream_schedules import DreamSchedule, delete_schedule, find_schedule, write_schedule
from reverie.storage.memory.stores import ensure_store, find_store, lock_store
from reverie.storage.postgres.database import Database


def set_schedule(request: DreamRequest, expression: str, timezone: str, as_json: bool) -> None:
    """Have a store dream by itself, in place of the schedule that it has; the store is made if missing.

    Raises:
        InputError: the expression, the time zone or ``where`` cannot be read.
        StoreArchivedError: the store is archived.
    """
    schedule = read_schedule(expression, timezone)
    segment_of(request)

    async def work(database: Database) -> DreamSchedule:
        now = SystemClock().now()
        async with database.connection() as connection:
            store = await lock_store(connection, (await ensure_store(connection, request.store, now)).id)
            if store.archived_at is not None:
                raise StoreArchivedError(
                    f"memory store {store.name!r} ({store.id}) is archived; it learns nothing more"
                )
            present = await find_schedule(connection, store.id, lock=True)
            made = DreamSchedule(
                memory_store_id=store.id,
                schedule=schedule,
                request=msgspec.structs.replace(request, store=store.id),
                created_at=now if present is None else present.created_at,
                updated_at=now,
                last_run=None if present is None else present.last_run,
            ).due_after(now)
            await write_schedule(connection, made)
            return made

    made = run(work)
    if as_json:
        echo_json(fields_of(made))
        return
    click.echo(f"{request.store}: {describe_schedule(made)}")
    click.echo("Dreams begin while a server runs (reverie serve), and only when there are new or changed sessions.")


def remove_schedule(name: str, as_json: bool) -> None:
    """Have a store dream by itself no more.

    Raises:
        NotFoundError: there is no such store, or it has no schedule.
    """

    async def work(database: Database) -> str:
        async with database.connection() as connection:
            store = await find_store(connection, name)
            await lock_store(connection, store.id)
            await delete_schedule(connection, store.id)
            return store.id

    store_id = run(work)
    if as_json:
        echo_json({"memory_store_id": store_id, "type": "dream_schedule_deleted"})
    else:
        click.echo(f"{name}: dreams by itself no more")


def fields_of(schedule: DreamSchedule) -> dict[str, Any]:
    """A schedule in JSON, with the names that the API has for it."""
    told: dict[str, Any] = msgspec.to_builtins(schedule)
    request = told.pop("request")
    del told["open_dream_id"]
    told["status"] = "active" if schedule.paused_reason is None else "paused"
    return told | {name: request[name] for name in ("where", "instructions", "budget")}


def describe_schedule(schedule: DreamSchedule) -> str:
    """When it dreams, and what became of the last moment."""
    cron, run = schedule.schedule, schedule.last_run
    told = [f'dreams at "{cron.expression}" {cron.timezone}']
    if schedule.paused_reason is not None:
        error = schedule.paused_reason.get("error") or {}
        told.append("paused" + (f" ({error['message']})" if "message" in error else ""))
    elif schedule.next_scheduled_at is not None:
        told.append(f"next {schedule.next_scheduled_at:%Y-%m-%d %H:%M}Z")
    if run is not None:
        what = f"dream {run.dream_id}" if run.skipped is None else f"nothing, {run.skipped}"
        told.append(f"last {run.scheduled_at:%Y-%m-%d %H:%M}Z: {what}")
    return "; ".join(told)
