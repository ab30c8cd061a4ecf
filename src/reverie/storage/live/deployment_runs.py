"""Runs of deployments in the database: whether a session was made, and why not."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import msgspec
import psycopg
import structlog
from psycopg.rows import class_row
from psycopg.types.json import Jsonb

from reverie.agents.run_error import UNKNOWN, run_error, stops_schedule
from reverie.agents.schedule import MOST_LATE
from reverie.errors import NotFoundError, ReverieError
from reverie.ids import new_id
from reverie.storage.live.creation import create_session
from reverie.storage.postgres.database import Connection
from reverie.storage.postgres.outbox import WebhookNotice
from reverie.storage.service.deployments import Deployment, claim_due, update_deployment

_COLUMNS = "id, deployment_id, agent_id, agent_version, scheduled_at, session_id, error, created_at"

log = structlog.get_logger("reverie.deployments")


class DeploymentRun(msgspec.Struct, frozen=True):
    """That a session was to be made from a deployment: exactly one of the session and the error is there."""

    id: str
    deployment_id: str
    agent_id: str
    agent_version: int
    scheduled_at: datetime | None
    """The moment of the schedule; None of a run that was started by hand."""
    session_id: str | None
    error: dict[str, str] | None
    created_at: datetime


async def run_now(connection: Connection, deployment: Deployment, now: datetime) -> DeploymentRun:
    """Make a session from a deployment by hand, and record that, or why it could not be."""
    session_id, error = await _make_session(connection, deployment, now)
    return await _record(connection, deployment, None, session_id, error, now)


async def run_scheduled(connection: Connection, deployment_id: str, now: datetime) -> list[WebhookNotice]:
    """Make the session that a deployment's schedule has due, unless another process does; what to tell webhooks."""
    deployment = await claim_due(connection, deployment_id, now)
    if deployment is None:
        return []
    if await _is_over(connection, deployment, now):
        await update_deployment(connection, deployment.due_after(now))
        return []
    session_id, error = await _make_session(connection, deployment, now)
    return await _conclude(connection, deployment, session_id, error, now)


async def fail_scheduled(connection: Connection, deployment_id: str, now: datetime) -> list[WebhookNotice]:
    """Record that the run that a deployment's schedule has due failed for no known reason."""
    deployment = await claim_due(connection, deployment_id, now)
    if deployment is None:
        return []
    return await _conclude(connection, deployment, None, UNKNOWN, now)


async def _is_over(connection: Connection, deployment: Deployment, now: datetime) -> bool:
    """Whether the due moment is too long ago, or was run already by a server whose clock is ahead."""
    if deployment.next_fires_at is not None and now - deployment.next_fires_at > MOST_LATE:
        return True
    row = await connection.execute(
        "SELECT FROM deployment_runs WHERE deployment_id = %s AND scheduled_at = %s",
        [deployment.id, deployment.next_scheduled_at],
    )
    return await row.fetchone() is not None


async def _make_session(
    connection: Connection, deployment: Deployment, now: datetime
) -> tuple[str | None, dict[str, str] | None]:
    """The id of the session, or the error; a session that fails half-way leaves nothing behind."""
    try:
        async with connection.transaction():
            session = await create_session(connection, deployment.session_request(), now, deployment_id=deployment.id)
    except ReverieError as error:
        return None, run_error(error)
    except (psycopg.DataError, psycopg.IntegrityError):
        log.exception("a deployment's session could not be stored", deployment_id=deployment.id)
        return None, UNKNOWN
    return session.id, None


async def _conclude(
    connection: Connection, deployment: Deployment, session_id: str | None, error: dict[str, str] | None, now: datetime
) -> list[WebhookNotice]:
    """Record a scheduled run, pause the deployment where its error stays, and wait for the next moment."""
    run = await _record(connection, deployment, deployment.next_scheduled_at, session_id, error, now)
    notices = [WebhookNotice("deployment_run.started", run.id)]
    if session_id is not None:
        deployment = msgspec.structs.replace(deployment, last_run_at=now)
        notices += [
            WebhookNotice("session.created", session_id),
            WebhookNotice("session.status_run_started", session_id),
            WebhookNotice("deployment_run.succeeded", run.id),
        ]
    if error is not None:
        notices.append(WebhookNotice("deployment_run.failed", run.id))
    if error is not None and stops_schedule(error["type"]):
        reason = {"type": "error", "error": {"type": error["type"]}}
        deployment = msgspec.structs.replace(deployment, paused_reason=reason, updated_at=now)
        notices.append(WebhookNotice("deployment.paused", deployment.id))
    await update_deployment(connection, deployment.due_after(now))
    return notices


async def _record(
    connection: Connection,
    deployment: Deployment,
    scheduled_at: datetime | None,
    session_id: str | None,
    error: dict[str, str] | None,
    now: datetime,
) -> DeploymentRun:
    run = DeploymentRun(
        id=new_id("drun", now),
        deployment_id=deployment.id,
        agent_id=deployment.agent_id,
        agent_version=deployment.agent_version,
        scheduled_at=scheduled_at,
        session_id=session_id,
        error=error,
        created_at=now,
    )
    values = msgspec.structs.asdict(run) | {"error": Jsonb(error) if error is not None else None}
    await connection.execute(
        f"INSERT INTO deployment_runs ({_COLUMNS}) VALUES (%(id)s, %(deployment_id)s, %(agent_id)s,"
        " %(agent_version)s, %(scheduled_at)s, %(session_id)s, %(error)s, %(created_at)s)",
        values,
    )
    return run


async def read_run(connection: Connection, run_id: str) -> DeploymentRun:
    """One run.

    Raises:
        NotFoundError: there is none.
    """
    async with connection.cursor(row_factory=class_row(DeploymentRun)) as cursor:
        await cursor.execute(f"SELECT {_COLUMNS} FROM deployment_runs WHERE id = %s", [run_id])
        run = await cursor.fetchone()
    if run is None:
        raise NotFoundError(f"there is no deployment run {run_id!r}")
    return run


async def list_runs(
    connection: Connection, query: Mapping[str, Any], *, before: tuple[datetime, str] | None, limit: int
) -> list[DeploymentRun]:
    """Runs that ``query`` (the wire API's filters) asks for, newest first, after the position ``before``."""
    async with connection.cursor(row_factory=class_row(DeploymentRun)) as cursor:
        await cursor.execute(
            f"""
            SELECT {_COLUMNS} FROM deployment_runs
            WHERE (%(at)s::timestamptz IS NULL OR (created_at, id) < (%(at)s, %(id)s))
                AND (%(deployment)s::text IS NULL OR deployment_id = %(deployment)s)
                AND (%(failed)s::boolean IS NULL OR (error IS NOT NULL) = %(failed)s)
                AND (%(trigger)s::text IS NULL OR (scheduled_at IS NOT NULL) = (%(trigger)s = 'schedule'))
                AND (%(gt)s::timestamptz IS NULL OR created_at > %(gt)s)
                AND (%(gte)s::timestamptz IS NULL OR created_at >= %(gte)s)
                AND (%(lt)s::timestamptz IS NULL OR created_at < %(lt)s)
                AND (%(lte)s::timestamptz IS NULL OR created_at <= %(lte)s)
            ORDER BY created_at DESC, id DESC LIMIT %(limit)s
            """,
            {
                "at": before[0] if before else None,
                "id": before[1] if before else None,
                "deployment": query.get("deployment_id"),
                "failed": query.get("has_error"),
                "trigger": query.get("trigger_type"),
                **{end: query.get(f"created_at_{end}") for end in ("gt", "gte", "lt", "lte")},
                "limit": limit,
            },
        )
        return await cursor.fetchall()
