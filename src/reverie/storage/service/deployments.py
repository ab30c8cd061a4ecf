"""Deployments in the database: an agent with everything that its sessions start with, and when they start."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import msgspec
from psycopg.rows import class_row
from psycopg.types.json import Jsonb

from reverie.agents.schedule import Due, Schedule, next_due
from reverie.errors import NotFoundError
from reverie.storage.postgres.database import Connection
from reverie.storage.postgres.one_row import read_one
from reverie.storage.service.agents import ARCHIVE_DEPLOYMENT

_COLUMNS = """
    id, name, description, agent_id, agent_version, environment_id, initial_events, resources, vault_ids, budget,
    schedule, metadata, paused_reason, last_run_at, next_scheduled_at, next_fires_at, created_at, updated_at,
    archived_at
"""


class Deployment(msgspec.Struct, frozen=True):
    """What sessions are made of again and again, by hand or by a schedule."""

    id: str
    name: str
    description: str | None
    agent_id: str
    agent_version: int
    environment_id: str
    initial_events: list[dict[str, Any]]
    resources: list[dict[str, Any]]
    vault_ids: list[str]
    budget: dict[str, Any] | None
    schedule: dict[str, str] | None
    metadata: dict[str, str]
    created_at: datetime
    updated_at: datetime
    paused_reason: dict[str, Any] | None = None
    last_run_at: datetime | None = None
    next_scheduled_at: datetime | None = None
    """The moment of the schedule that comes next; None while nothing is to be run by it."""
    next_fires_at: datetime | None = None
    archived_at: datetime | None = None

    def following(self, after: datetime) -> Due | None:
        """The schedule's first moment later than ``after``; None where the schedule is not to run anything."""
        if self.schedule is None or self.paused_reason is not None or self.archived_at is not None:
            return None
        return next_due(Schedule(**self.schedule), self.id, after)

    def due_after(self, after: datetime) -> "Deployment":
        """The same deployment waiting for its first moment later than ``after``."""
        due = self.following(after)
        return msgspec.structs.replace(
            self,
            next_scheduled_at=due.scheduled_at if due is not None else None,
            next_fires_at=due.fires_at if due is not None else None,
        )

    def session_request(self) -> dict[str, Any]:
        """What each session is made of, as the wire's parameters."""
        return {
            "agent": {"type": "agent", "id": self.agent_id, "version": self.agent_version},
            "environment_id": self.environment_id,
            "initial_events": self.initial_events,
            "resources": self.resources,
            "vault_ids": self.vault_ids,
            **({"budget": self.budget} if self.budget is not None else {}),
        }


async def insert_deployment(connection: Connection, deployment: Deployment) -> None:
    """Record a new deployment."""
    await connection.execute(
        """
        INSERT INTO deployments (id, name, description, agent_id, agent_version, environment_id, initial_events,
            resources, vault_ids, budget, schedule, metadata, next_scheduled_at, next_fires_at, created_at, updated_at)
        VALUES (%(id)s, %(name)s, %(description)s, %(agent_id)s, %(agent_version)s, %(environment_id)s,
            %(initial_events)s, %(resources)s, %(vault_ids)s, %(budget)s, %(schedule)s, %(metadata)s,
            %(next_scheduled_at)s, %(next_fires_at)s, %(created_at)s, %(updated_at)s)
        """,
        _values(deployment),
    )


async def update_deployment(connection: Connection, deployment: Deployment) -> None:
    """Replace what may change of a deployment."""
    await connection.execute(
        """
        UPDATE deployments SET name = %(name)s, description = %(description)s, agent_id = %(agent_id)s,
            agent_version = %(agent_version)s, environment_id = %(environment_id)s,
            initial_events = %(initial_events)s, resources = %(resources)s, vault_ids = %(vault_ids)s,
            budget = %(budget)s, schedule = %(schedule)s, metadata = %(metadata)s, paused_reason = %(paused_reason)s,
            last_run_at = %(last_run_at)s, next_scheduled_at = %(next_scheduled_at)s,
            next_fires_at = %(next_fires_at)s, updated_at = %(updated_at)s
        WHERE id = %(id)s
        """,
        _values(deployment),
    )


def _values(deployment: Deployment) -> dict[str, Any]:
    values = msgspec.structs.asdict(deployment)
    for name in ("initial_events", "resources", "budget", "schedule", "metadata", "paused_reason"):
        values[name] = Jsonb(values[name]) if values[name] is not None else None
    return values


async def read_deployment(connection: Connection, deployment_id: str, *, lock: bool = False) -> Deployment:
    """One deployment, locked until the transaction ends where asked for.

    Raises:
        NotFoundError: there is none.
    """
    missing = NotFoundError(f"there is no deployment {deployment_id!r}")
    query = f"{_COLUMNS} FROM deployments WHERE id = %s"
    return await read_one(connection, Deployment, query, [deployment_id], missing, lock=lock)


async def list_deployments(
    connection: Connection, query: Mapping[str, Any], *, before: tuple[datetime, str] | None, limit: int
) -> list[Deployment]:
    """Deployments that ``query`` (the wire API's filters) asks for, newest first, after the position ``before``."""
    async with connection.cursor(row_factory=class_row(Deployment)) as cursor:
        await cursor.execute(
            f"""
            SELECT {_COLUMNS} FROM deployments
            WHERE (%(at)s::timestamptz IS NULL OR (created_at, id) < (%(at)s, %(id)s))
                AND (%(agent)s::text IS NULL OR agent_id = %(agent)s)
                AND (%(since)s::timestamptz IS NULL OR created_at >= %(since)s)
                AND (%(until)s::timestamptz IS NULL OR created_at <= %(until)s)
                AND (%(status)s::text IS NULL OR (paused_reason IS NOT NULL) = (%(status)s = 'paused'))
                AND (%(archived)s OR archived_at IS NULL)
            ORDER BY created_at DESC, id DESC LIMIT %(limit)s
            """,
            {
                "at": before[0] if before else None,
                "id": before[1] if before else None,
                "agent": query.get("agent_id"),
                "since": query.get("created_at_gte"),
                "until": query.get("created_at_lte"),
                "status": query.get("status"),
                "archived": query.get("include_archived", False),
                "limit": limit,
            },
        )
        return await cursor.fetchall()


async def archive_deployment(connection: Connection, deployment_id: str, now: datetime) -> Deployment:
    """Archive a deployment unless it is archived already.

    Raises:
        NotFoundError: there is none.
    """
    await connection.execute(
        f"UPDATE deployments SET {ARCHIVE_DEPLOYMENT} WHERE id = %(id)s AND archived_at IS NULL",
        {"now": now, "id": deployment_id},
    )
    return await read_deployment(connection, deployment_id)


async def count_scheduled(connection: Connection) -> int:
    """How many deployments have a schedule and are not archived."""
    row = await connection.execute(
        "SELECT count(*) FROM deployments WHERE schedule IS NOT NULL AND archived_at IS NULL"
    )
    found = await row.fetchone()
    return found[0] if found is not None else 0


async def due_deployments(connection: Connection, now: datetime) -> list[str]:
    """The deployments whose next run is to begin, the one that waits longest first."""
    rows = await connection.execute(
        "SELECT id FROM deployments WHERE next_fires_at <= %s ORDER BY next_fires_at, id", [now]
    )
    return [row[0] for row in await rows.fetchall()]


async def claim_due(connection: Connection, deployment_id: str, now: datetime) -> Deployment | None:
    """A deployment whose next run is to begin, locked; None where another process is at it or it is no longer due."""
    async with connection.cursor(row_factory=class_row(Deployment)) as cursor:
        query = f"SELECT {_COLUMNS} FROM deployments WHERE id = %s AND next_fires_at <= %s FOR UPDATE SKIP LOCKED"
        await cursor.execute(query.encode(), [deployment_id, now])
        return await cursor.fetchone()
