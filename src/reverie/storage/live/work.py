"""The work queue of a self-hosted environment: sessions that wait for a worker, and the leases of those that have one.

An item is queued, then starting (a worker has said that it has it), then active (the worker's heartbeats keep its
lease), then stopping and stopped. A lease that lapses puts its item back into the queue.
"""

from datetime import datetime, timedelta
from typing import Literal

import msgspec
from psycopg.rows import class_row
from psycopg.types.json import Jsonb

from reverie.errors import ConflictError, HeartbeatError, NotFoundError
from reverie.ids import new_id
from reverie.storage.postgres.announcement import announce
from reverie.storage.postgres.database import Connection
from reverie.storage.postgres.newest_first import Position, list_newest
from reverie.storage.service.api_keys import delete_work_tokens

WorkState = Literal["queued", "starting", "active", "stopping", "stopped"]

NO_HEARTBEAT = "NO_HEARTBEAT"
"""What a worker's first heartbeat expects."""
TTL_SECONDS = 90
"""How long a lease lasts after a heartbeat that asked for nothing else."""
STARTING_SECONDS = 120
"""How long a worker may take from taking an item to its first heartbeat: it may have to start a sandbox."""
STOPPING_SECONDS = 120
"""How long a worker that is asked to stop may take: it writes back what it holds of memory."""
POLLER_SECONDS = 30
"""How long a worker counts as polling after a poll."""

_COLUMNS = (
    "id, environment_id, session_id, state, metadata, created_at, acknowledged_at, started_at, latest_heartbeat_at, "
    "ttl_seconds, stop_requested_at, stopped_at"
)


class WorkItem(msgspec.Struct, frozen=True):
    """A session that a worker is to serve."""

    id: str
    environment_id: str
    session_id: str
    state: WorkState
    metadata: dict[str, str]
    created_at: datetime
    acknowledged_at: datetime | None
    started_at: datetime | None
    latest_heartbeat_at: datetime | None
    ttl_seconds: int
    stop_requested_at: datetime | None
    stopped_at: datetime | None

    @property
    def last_heartbeat(self) -> str | None:
        """The latest heartbeat as it is answered, and as the next one has to repeat it."""
        at = self.latest_heartbeat_at
        return None if at is None else str(msgspec.to_builtins(at))


class LapsedWork(msgspec.Struct, frozen=True):
    """An item whose worker let its lease lapse, and how it stood until then."""

    id: str
    session_id: str
    state: WorkState


class QueueStats(msgspec.Struct, frozen=True):
    """How a queue stands."""

    depth: int
    """Items that wait to be taken."""
    pending: int
    """Items given to a worker that has not acknowledged them yet."""
    oldest_queued_at: datetime | None
    workers_polling: int


async def enqueue_work(connection: Connection, environment_id: str, session_id: str, now: datetime) -> str:
    """Have a worker serve a session; gives the item's id. A session that has an item that is not stopping keeps it."""
    # The item in the way is locked, so that whoever stops it meanwhile waits, and sees that there is work again.
    row = await connection.execute(
        """
        INSERT INTO work_items (id, environment_id, session_id, state, created_at, ttl_seconds)
        VALUES (%s, %s, %s, 'queued', %s, %s)
        ON CONFLICT (session_id) WHERE state IN ('queued', 'starting', 'active')
            DO UPDATE SET session_id = excluded.session_id
        RETURNING id
        """,
        [new_id("work", now), environment_id, session_id, now, TTL_SECONDS],
    )
    ((work_id,),) = await row.fetchall()
    await announce(connection, environment_id)
    return str(work_id)


async def environments_with_work(connection: Connection) -> list[str]:
    """Environments with items that have not ended."""
    row = await connection.execute("SELECT DISTINCT environment_id FROM work_items WHERE state <> 'stopped'")
    return [environment_id for (environment_id,) in await row.fetchall()]


async def take_work(
    connection: Connection, environment_id: str, now: datetime, reclaim_after: timedelta
) -> WorkItem | None:
    """The oldest item that waits, now pending; also one that was taken ``reclaim_after`` ago and not acknowledged."""
    async with connection.cursor(row_factory=class_row(WorkItem)) as cursor:
        await cursor.execute(
            f"""
            UPDATE work_items SET polled_at = %(now)s WHERE id = (
                SELECT id FROM work_items
                WHERE environment_id = %(environment)s AND state = 'queued'
                    AND (polled_at IS NULL OR polled_at <= %(reclaim)s)
                ORDER BY created_at, id LIMIT 1 FOR UPDATE SKIP LOCKED
            ) RETURNING {_COLUMNS}
            """,
            {"now": now, "environment": environment_id, "reclaim": now - reclaim_after},
        )
        return await cursor.fetchone()


async def release_lapsed(connection: Connection, environment_id: str, now: datetime) -> list[LapsedWork]:
    """Queue again what workers have let go of; what was being stopped has stopped. Gives what it was.

    The sessions of the items are locked too, and before them: what somebody else has is left for the next time.
    """
    async with connection.cursor(row_factory=class_row(LapsedWork)) as cursor:
        await cursor.execute(
            """
            WITH lapsed AS (
                SELECT w.id, w.state FROM sessions s JOIN work_items w ON w.session_id = s.id
                WHERE w.environment_id = %(environment)s AND w.state IN ('starting', 'active', 'stopping')
                    AND w.lease_expires_at <= %(now)s
                FOR UPDATE OF s, w SKIP LOCKED
            )
            UPDATE work_items w SET
                state = CASE w.state WHEN 'stopping' THEN 'stopped' ELSE 'queued' END,
                stopped_at = CASE w.state WHEN 'stopping' THEN %(now)s END,
                polled_at = NULL, acknowledged_at = NULL, started_at = NULL, latest_heartbeat_at = NULL,
                lease_expires_at = NULL
            FROM lapsed WHERE w.id = lapsed.id RETURNING w.id, w.session_id, lapsed.state
            """,
            {"environment": environment_id, "now": now},
        )
        lapsed = await cursor.fetchall()
    for item in lapsed:
        await delete_work_tokens(connection, item.id)
    return lapsed


async def read_work(connection: Connection, environment_id: str, work_id: str, *, lock: bool = False) -> WorkItem:
    """One item, locked until the transaction ends where asked for.

    Raises:
        NotFoundError: the environment has none of this id.
    """
    async with connection.cursor(row_factory=class_row(WorkItem)) as cursor:
        query = (
            f"SELECT {_COLUMNS} FROM work_items WHERE id = %s AND environment_id = %s{' FOR UPDATE' if lock else ''}"
        )
        await cursor.execute(query.encode(), [work_id, environment_id])
        item = await cursor.fetchone()
    if item is None:
        raise NotFoundError(f"environment {environment_id} has no work {work_id!r}")
    return item


async def list_work(
    connection: Connection, environment_id: str, *, before: Position | None, limit: int
) -> list[WorkItem]:
    """An environment's items, newest first, that come after the position ``before``."""
    return await list_newest(
        connection,
        WorkItem,
        f"{_COLUMNS} FROM work_items",
        before=before,
        limit=limit,
        conditions=["environment_id = %(environment)s"],
        parameters={"environment": environment_id},
    )


async def acknowledge_work(connection: Connection, item: WorkItem, now: datetime) -> None:
    """Take a locked item off the queue for the worker that has it.

    Raises:
        ConflictError: it is not queued, so a worker has it already.
    """
    if item.state != "queued":
        raise ConflictError(f"work {item.id} is {item.state}, so another worker has it; poll for more")
    await connection.execute(
        "UPDATE work_items SET state = 'starting', acknowledged_at = %s, lease_expires_at = %s WHERE id = %s",
        [now, now + timedelta(seconds=STARTING_SECONDS), item.id],
    )


async def beat(
    connection: Connection, item: WorkItem, expected: str | None, ttl_seconds: int | None, now: datetime
) -> bool:
    """Extend the lease of a locked item; False where its worker is to stop.

    ``expected`` is the ``last_heartbeat`` that the worker was given, :data:`NO_HEARTBEAT`, or None to compare nothing.

    Raises:
        HeartbeatError: another worker holds the lease, or nobody does since it lapsed.
    """
    if item.state in ("stopping", "stopped"):
        return False
    held = item.last_heartbeat or NO_HEARTBEAT
    if item.state == "queued" or (expected is not None and expected != held):
        current = {
            "last_heartbeat": item.last_heartbeat,
            "lease_extended": False,
            "state": item.state,
            "ttl_seconds": item.ttl_seconds,
        }
        raise HeartbeatError(f"the lease of work {item.id} has moved on; stop serving it", current=current)
    ttl = ttl_seconds or item.ttl_seconds
    await connection.execute(
        """
        UPDATE work_items SET state = 'active', started_at = coalesce(started_at, %(now)s),
            latest_heartbeat_at = %(now)s, ttl_seconds = %(ttl)s, lease_expires_at = %(end)s
        WHERE id = %(id)s
        """,
        {"now": now, "ttl": ttl, "end": now + timedelta(seconds=ttl), "id": item.id},
    )
    return True


async def stop_work(connection: Connection, item: WorkItem, *, at_once: bool, now: datetime) -> None:
    """Ask the worker of a locked item to stop, or end the item at once; one without a worker ends at once always.

    Raises:
        ConflictError: it has stopped already.
    """
    if item.state == "stopped":
        raise ConflictError(f"work {item.id} has stopped already")
    ended = at_once or item.state == "queued"
    await connection.execute(
        """
        UPDATE work_items SET state = %(state)s, stop_requested_at = coalesce(stop_requested_at, %(now)s),
            stopped_at = %(stopped)s, lease_expires_at = %(end)s
        WHERE id = %(id)s
        """,
        {
            "state": "stopped" if ended else "stopping",
            "now": now,
            "stopped": now if ended else None,
            "end": None if ended else now + timedelta(seconds=STOPPING_SECONDS),
            "id": item.id,
        },
    )
    if ended:
        await delete_work_tokens(connection, item.id)


async def hold_session(connection: Connection, environment_id: str, work_id: str) -> None:
    """Lock the session of an item as :func:`queue_again` needs it; before the item, as those who enqueue do."""
    await connection.execute(
        "SELECT FROM sessions WHERE id = (SELECT session_id FROM work_items WHERE id = %s AND environment_id = %s)"
        " FOR KEY SHARE",
        [work_id, environment_id],
    )


async def queue_again(connection: Connection, item: WorkItem, now: datetime) -> None:
    """Queue the session of an item that its worker has stopped, when the session still needs a worker.

    The fresh item counts as just polled, so that a session that no worker can serve does not keep them all busy.
    """
    await connection.execute(
        """
        INSERT INTO work_items (id, environment_id, session_id, state, created_at, ttl_seconds, polled_at)
        SELECT %(id)s, %(environment)s, s.id, 'queued', %(now)s, %(ttl)s, %(now)s
        FROM sessions s JOIN live_sessions l ON l.session_key = s.key
        WHERE s.id = %(session)s AND l.archived_at IS NULL AND (
            l.status = 'running' OR l.pending @> '[{"outside": true}]' OR l.pending @> '[{"confirmed": false}]'
        )
        ON CONFLICT DO NOTHING
        """,
        {
            "id": new_id("work", now),
            "environment": item.environment_id,
            "now": now,
            "ttl": TTL_SECONDS,
            "session": item.session_id,
        },
    )


async def change_work_metadata(connection: Connection, work_id: str, metadata: dict[str, str]) -> None:
    """Replace an item's metadata."""
    await connection.execute("UPDATE work_items SET metadata = %s WHERE id = %s", [Jsonb(metadata), work_id])


async def note_poller(connection: Connection, environment_id: str, worker_id: str, now: datetime) -> None:
    """Remember that a worker polls."""
    await connection.execute(
        """
        INSERT INTO work_pollers (environment_id, worker_id, seen_at) VALUES (%s, %s, %s)
        ON CONFLICT (environment_id, worker_id) DO UPDATE SET seen_at = excluded.seen_at
        """,
        [environment_id, worker_id, now],
    )
    # Rows that another poll holds are left to it, so that two polls never wait for each other.
    await connection.execute(
        """
        DELETE FROM work_pollers USING (
            SELECT worker_id FROM work_pollers WHERE environment_id = %(environment)s AND seen_at < %(recent)s
            FOR UPDATE SKIP LOCKED
        ) AS gone
        WHERE work_pollers.environment_id = %(environment)s AND work_pollers.worker_id = gone.worker_id
        """,
        {"environment": environment_id, "recent": now - timedelta(seconds=POLLER_SECONDS)},
    )


async def measure_queue(connection: Connection, environment_id: str, now: datetime) -> QueueStats:
    """How an environment's queue stands."""
    async with connection.cursor(row_factory=class_row(QueueStats)) as cursor:
        await cursor.execute(
            """
            SELECT count(*) FILTER (WHERE polled_at IS NULL) AS depth,
                count(*) FILTER (WHERE polled_at IS NOT NULL) AS pending, min(created_at) AS oldest_queued_at,
                (SELECT count(*) FROM work_pollers WHERE environment_id = %(environment)s AND seen_at > %(recent)s)
                    AS workers_polling
            FROM work_items WHERE environment_id = %(environment)s AND state = 'queued'
            """,
            {"environment": environment_id, "recent": now - timedelta(seconds=POLLER_SECONDS)},
        )
        (stats,) = await cursor.fetchall()
    return stats
