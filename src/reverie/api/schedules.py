"""Deployments run and stores dream when their schedules say: in every server, each moment by one of them."""

import psycopg
import structlog

from reverie.api.rounds import go_round, visit_all
from reverie.api.service import Service
from reverie.storage.learning.dream_schedules import (
    due_stores,
    run_scheduled_dream,
    settle_dreams,
    skip_scheduled_dream,
)
from reverie.storage.live.deployment_runs import fail_scheduled, run_scheduled
from reverie.storage.postgres.outbox import write_notices
from reverie.storage.postgres.workspaces import Workspace
from reverie.storage.service.deployments import due_deployments

POLL_SECONDS = 1.0
"""How often schedules are looked at: runs begin up to this much later than they should."""

_UNKNOWN = "the dream could not be asked for; the server's log has the reason"

log = structlog.get_logger("reverie.scheduling")


async def work(service: Service) -> None:
    """Make the sessions and ask for the dreams that schedules have due, until cancelled."""
    await go_round(service, POLL_SECONDS, _do_due, log, "schedules could not be looked at; trying again")


async def run_due(service: Service) -> None:
    """Make the sessions and ask for the dreams that are due now in every workspace."""
    await visit_all(service, _do_due)


async def _do_due(service: Service, workspace: Workspace) -> None:
    await _run_due_of(service, workspace)
    await _dream_due_of(service, workspace)


async def _run_due_of(service: Service, workspace: Workspace) -> None:
    database, now = service.database.of_schema(workspace.schema), service.clock.now()
    async with database.connection() as connection:
        due = await due_deployments(connection, now)
    for deployment_id in due:
        try:
            async with database.connection() as connection:
                notices = await run_scheduled(connection, deployment_id, now)
                await write_notices(connection, notices, workspace.id, now)
        except psycopg.OperationalError:
            raise  # Of the database, not of the run, which is tried again.
        except Exception:  # the outermost level of one run: it is recorded as failed, and the others go on
            log.exception("a scheduled run failed", deployment_id=deployment_id)
            async with database.connection() as connection:
                notices = await fail_scheduled(connection, deployment_id, now)
                await write_notices(connection, notices, workspace.id, now)


async def _dream_due_of(service: Service, workspace: Workspace) -> None:
    database, now = service.database.of_schema(workspace.schema), service.clock.now()
    async with database.connection() as connection:
        await settle_dreams(connection)
        due = await due_stores(connection, now)
    for store_id in due:
        try:
            async with database.connection() as connection:
                await run_scheduled_dream(connection, store_id, now)
        except psycopg.OperationalError:
            raise  # Of the database, not of the dream, which is tried again.
        except Exception:  # the outermost level of one moment: the schedule goes on with the next
            log.exception("a scheduled dream could not be asked for", memory_store_id=store_id)
            async with database.connection() as connection:
                await skip_scheduled_dream(connection, store_id, now, _UNKNOWN)
