"""Sessions that have ended are judged by charters while the server runs, and alarms are raised."""

import structlog

from reverie.api.rounds import go_round, visit_all
from reverie.api.service import Service
from reverie.jobs.charters import look_at_all
from reverie.storage.postgres.workspaces import Workspace

LOOK_SECONDS = 30.0
"""How often; a look that finds no session costs a query for each charter."""

log = structlog.get_logger("reverie.charter")


async def work(service: Service) -> None:
    """Judge sessions of every workspace, until cancelled."""
    await go_round(service, LOOK_SECONDS, _look_at, log, "sessions could not be judged by charters; trying again")


async def look(service: Service) -> None:
    """Judge what has ended once."""
    await visit_all(service, _look_at)


async def _look_at(service: Service, workspace: Workspace) -> None:
    database, now = service.database.of_schema(workspace.schema), service.clock.now()
    async for looked in look_at_all(database, workspace.id, now):
        for alarm in looked.alarms:
            log.warning("a behaviour left its charter", alarm_id=alarm.id, agent=alarm.agent, behaviour=alarm.behaviour)
