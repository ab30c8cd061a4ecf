"""Schedules of dreams in the database: one a store, what they began, and why they began nothing."""

from datetime import datetime
from typing import Any

import msgspec
from psycopg.rows import dict_row
from psycopg.types.json import Jsonb

from reverie.agents.schedule import MOST_LATE, Due, Schedule, next_due
from reverie.dreams.dream import DreamRequest, ScheduledDream
from reverie.dreams.request import segment_of
from reverie.errors import ConflictError, NotFoundError, ReverieError, StoreArchivedError
from reverie.ids import new_id
from reverie.storage.learning.dreams import held_to_store, last_mark, mark_sessions
from reverie.storage.learning.served_dreams import ask_for_dream
from reverie.storage.memory.policies import read_policy
from reverie.storage.memory.stores import lock_store
from reverie.storage.postgres.database import Connection

MOST_FAILURES = 3
"""Dreams of a schedule that fail one after another before it is paused."""
_COLUMNS = (
    *("memory_store_id", "schedule", "request", "paused_reason", "failures", "last_run", "open_dream_id"),
    *("next_scheduled_at", "next_fires_at", "created_at", "updated_at"),
)
_DOCUMENTS = ("schedule", "request", "paused_reason", "last_run")
_WRITE = f"""
    INSERT INTO dream_schedules ({", ".join(_COLUMNS)}) VALUES ({", ".join(f"%({name})s" for name in _COLUMNS)})
    ON CONFLICT (memory_store_id) DO UPDATE SET {", ".join(f"{name} = excluded.{name}" for name in _COLUMNS[1:])}
"""
_SETTLE = """
    UPDATE dream_schedules s SET open_dream_id = NULL, failures = ended.failures, paused_reason = ended.reason,
        next_scheduled_at = CASE WHEN ended.reason IS NULL THEN s.next_scheduled_at END,
        next_fires_at = CASE WHEN ended.reason IS NULL THEN s.next_fires_at END
    FROM (
        SELECT o.memory_store_id, o.open_dream_id, told.failures, CASE
            WHEN o.paused_reason IS NULL AND d.status = 'failed' AND told.failures >= %(most)s
            THEN jsonb_build_object('type', 'error', 'error', jsonb_build_object(
                'type', coalesce(d.error_type, 'internal_error'),
                'message', format('%%s dreams failed one after another; the last, %%s: %%s', told.failures, d.id,
                    d.error)
            ))
            ELSE o.paused_reason
        END AS reason
        FROM dream_schedules o JOIN dreams d ON d.id = o.open_dream_id CROSS JOIN LATERAL (
            SELECT CASE d.status WHEN 'failed' THEN o.failures + 1 WHEN 'completed' THEN 0 ELSE o.failures END
        ) AS told (failures)
        WHERE d.status NOT IN ('pending', 'running')
        FOR UPDATE OF o
    ) AS ended
    WHERE s.memory_store_id = ended.memory_store_id
"""


class DreamSchedule(msgspec.Struct, frozen=True):
    """When a store dreams by itself, and over what."""

    memory_store_id: str
    schedule: Schedule
    request: DreamRequest
    """Where it names no sessions, they are those that the store's policy names when the time comes."""
    created_at: datetime
    updated_at: datetime
    paused_reason: dict[str, Any] | None = None
    failures: int = 0
    """Its dreams that failed one after another, up to the last one that ended."""
    last_run: ScheduledDream | None = None
    open_dream_id: str | None = None
    """The dream that it began and whose end has not been counted."""
    next_scheduled_at: datetime | None = None
    """The moment that comes next; None while the schedule is paused."""
    next_fires_at: datetime | None = None

    def due_after(self, now: datetime) -> "DreamSchedule":
        """The same schedule waiting for its first moment later than now, and than the last one that came.

        A server whose clock is behind would else have a moment come twice.
        """
        after = now if self.last_run is None else max(now, self.last_run.scheduled_at)
        due = None if self.paused_reason is not None else next_due(self.schedule, self.memory_store_id, after)
        return self._waiting_for(due)

    def _waiting_for(self, due: Due | None) -> "DreamSchedule":
        return msgspec.structs.replace(
            self,
            next_scheduled_at=None if due is None else due.scheduled_at,
            next_fires_at=None if due is None else due.fires_at,
        )


async def write_schedule(connection: Connection, schedule: DreamSchedule) -> None:
    """Record a store's schedule in place of the one that it has."""
    values = {name: msgspec.to_builtins(getattr(schedule, name)) for name in _DOCUMENTS}
    documents = {name: None if value is None else Jsonb(value) for name, value in values.items()}
    await connection.execute(_WRITE.encode(), {**msgspec.structs.asdict(schedule), **documents})


async def find_schedule(connection: Connection, store_id: str, *, lock: bool = False) -> DreamSchedule | None:
    """A store's schedule, locked until the transaction ends where asked for; None where it has none."""
    async with connection.cursor(row_factory=dict_row) as cursor:
        query = f"SELECT {', '.join(_COLUMNS)} FROM dream_schedules WHERE memory_store_id = %s"
        await cursor.execute(f"{query}{' FOR UPDATE' if lock else ''}".encode(), [store_id])
        row = await cursor.fetchone()
    return None if row is None else msgspec.convert(row, DreamSchedule)


async def list_schedules(
    connection: Connection, *, store_id: str | None, after: str | None, limit: int
) -> list[DreamSchedule]:
    """The schedules of stores that are not archived, by the store's id, after one of them."""
    async with connection.cursor(row_factory=dict_row) as cursor:
        await cursor.execute(
            f"""
            SELECT {", ".join(f"d.{name}" for name in _COLUMNS)}
            FROM dream_schedules d JOIN memory_stores s ON s.id = d.memory_store_id
            WHERE s.archived_at IS NULL AND (%(store)s::text IS NULL OR d.memory_store_id = %(store)s)
                AND (%(after)s::text IS NULL OR d.memory_store_id > %(after)s)
            ORDER BY d.memory_store_id LIMIT %(limit)s
            """.encode(),
            {"store": store_id, "after": after, "limit": limit},
        )
        return [msgspec.convert(row, DreamSchedule) for row in await cursor.fetchall()]


async def read_schedule_of(connection: Connection, store_id: str, *, lock: bool = False) -> DreamSchedule:
    """A store's schedule, locked until the transaction ends where asked for.

    Raises:
        NotFoundError: it has none.
    """
    schedule = await find_schedule(connection, store_id, lock=lock)
    if schedule is None:
        raise NotFoundError(f"memory store {store_id} has no dream schedule")
    return schedule


async def delete_schedule(connection: Connection, store_id: str) -> None:
    """Have a store dream by itself no more; a dream that is begun goes on.

    Raises:
        NotFoundError: it has no schedule.
    """
    done = await connection.execute("DELETE FROM dream_schedules WHERE memory_store_id = %s", [store_id])
    if not done.rowcount:
        raise NotFoundError(f"memory store {store_id} has no dream schedule")


async def settle_dreams(connection: Connection) -> None:
    """Count what became of dreams that schedules began; one whose dreams keep failing is paused."""
    await connection.execute(_SETTLE, {"most": MOST_FAILURES})


async def due_stores(connection: Connection, now: datetime) -> list[str]:
    """The stores whose next dream is due, the one that waits longest first."""
    rows = await connection.execute(
        "SELECT memory_store_id FROM dream_schedules WHERE next_fires_at <= %s ORDER BY next_fires_at", [now]
    )
    return [row[0] for row in await rows.fetchall()]


async def run_scheduled_dream(connection: Connection, store_id: str, now: datetime) -> None:
    """Ask for the dream that a store's schedule has due, or record why there is none to ask for.

    Nothing is done where another process was faster: both are one transaction, so a moment begins at most one dream.
    """
    due = await _claim(connection, store_id, now)
    if due is None:
        return
    schedule, moment = due
    late = schedule.next_fires_at is not None and now - schedule.next_fires_at > MOST_LATE
    dream_id: str | None = None
    try:
        async with connection.transaction():
            dream_id, skipped = (None, _TOO_LATE) if late else await _ask(connection, schedule, now)
    except ReverieError as error:
        skipped = str(error)
        if (kind := _lasting(error)) is not None:
            reason = {"type": "error", "error": {"type": kind, "message": skipped}}
            schedule = msgspec.structs.replace(schedule, paused_reason=reason, updated_at=now)
    await _conclude(connection, schedule, ScheduledDream(moment, now, dream_id, skipped))


def _lasting(error: ReverieError) -> str | None:
    """The type of an error that stays until someone does something about it; None of one that passes."""
    if isinstance(error, StoreArchivedError):
        return "memory_store_archived_error"
    return None if isinstance(error, ConflictError) else "dream_rejected_error"


async def skip_scheduled_dream(connection: Connection, store_id: str, now: datetime, reason: str) -> None:
    """Record that the dream that a store's schedule has due could not be asked for."""
    due = await _claim(connection, store_id, now)
    if due is not None:
        await _conclude(connection, due[0], ScheduledDream(due[1], now, skipped=reason))


_TOO_LATE = f"no server looked at the schedule within {MOST_LATE.seconds // 60} minutes of the moment"


async def _claim(connection: Connection, store_id: str, now: datetime) -> tuple[DreamSchedule, datetime] | None:
    """A schedule whose dream is due, and the moment that came; None where another process was faster.

    The store is locked first, as whoever changes a schedule does, so that nobody waits in a circle.
    """
    try:
        await lock_store(connection, store_id)
    except NotFoundError:
        return None
    schedule = await find_schedule(connection, store_id, lock=True)
    if schedule is None or schedule.next_scheduled_at is None or schedule.next_fires_at is None:
        return None
    return (schedule, schedule.next_scheduled_at) if schedule.next_fires_at <= now else None


async def _ask(connection: Connection, schedule: DreamSchedule, now: datetime) -> tuple[str | None, str | None]:
    """The id of the dream that was asked for, or why there is nothing to dream about.

    Raises:
        ConflictError: a dream writes to the store.
        ReverieError: no dream of this schedule can be asked for.
    """
    store_id = schedule.memory_store_id
    if (await lock_store(connection, store_id)).archived_at is not None:
        raise StoreArchivedError(f"memory store {store_id} is archived; it learns nothing more")
    where = schedule.request.where or (await read_policy(connection, store_id)).where
    request = await held_to_store(connection, msgspec.structs.replace(schedule.request, where=where))
    count, mark = await mark_sessions(connection, segment_of(request))
    last = await last_mark(connection, store_id, request)
    if not count:
        return None, "there are no sessions to learn from"
    if last is not None and last[1] == mark:
        return None, f"no new or changed sessions since dream {last[0]}"
    row = await ask_for_dream(connection, new_id("drm", now), store_id, request, now)
    return row.id, None


async def _conclude(connection: Connection, schedule: DreamSchedule, run: ScheduledDream) -> None:
    """Record what became of a moment, and wait for the next one."""
    open_dream_id = run.dream_id or schedule.open_dream_id
    changed = msgspec.structs.replace(schedule, last_run=run, open_dream_id=open_dream_id)
    await write_schedule(connection, changed.due_after(run.at))
