"""Sessions that have ended are judged by charters while the server runs, and alarms are raised."""

import asyncio

import structlog

from reverie.api.service import Service
from reverie.jobs.charters import look_at_all
from reverie.storage.postgres.workspaces import Workspace, list_workspaces

LOOK_SECONDS = 30.0
"""How often; a look that finds no session costs a query for each charter."""

log = structlog.get_logger("reverie.charter")


async def work(service: Service) -> None:
    """Judge sessions of every workspace, until cancelled."""
    while True:
        try:
            await look(service)
        except Exception:  # the outermost loop: a database that is away for a while must not end all looking
            log.exception("sessions could not be judged by charters; trying again")
        await asyncio.sleep(LOOK_SECONDS)


async def look(service: Service) -> None:
    """Judge what has ended once."""
    async with service.database.connection() as connection:
        workspaces = await list_workspaces(connection)
    for workspace in workspaces:
        if workspace.archived_at is None:
            await _look_at(service, workspace)


async def _look_at(service: Service, workspace: Workspace) -> None:
    database, now = service.database.of_schema(workspace.schema), service.clock.now()
    async for looked in look_at_all(database, workspace.id, now):
        for alarm in looked.alarms:
            log.warning("a behaviour left its charter", alarm_id=alarm.id, agent=alarm.agent, behaviour=alarm.behaviour)
