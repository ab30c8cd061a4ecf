"""Delegations of sessions that rest are read while the server runs, and routers learn of their outcomes."""

import structlog

from reverie.api import on_demand
from reverie.api.rounds import go_round, visit_all
from reverie.api.service import Service
from reverie.jobs.delegations import read_all_delegations
from reverie.storage.live.delegations import routed_coordinators
from reverie.storage.postgres.workspaces import Workspace

LOOK_SECONDS = 30.0
"""How often; a look that finds nothing new costs a query, and one more for each agent that routes."""

log = structlog.get_logger("reverie.routing")


async def work(service: Service) -> None:
    """Learn in every workspace, until cancelled."""
    await go_round(service, LOOK_SECONDS, _look_at, log, "routers could not learn; trying again")


async def look(service: Service) -> None:
    """Learn of what has ended once."""
    await visit_all(service, _look_at)


async def _look_at(service: Service, workspace: Workspace) -> None:
    database = service.database.of_schema(workspace.schema)
    await read_all_delegations(database)
    async with database.connection() as connection:
        agents = await routed_coordinators(connection)
    if agents:
        learn = await on_demand.load(lambda: on_demand.learn_all)
        await learn(database, service.clock.now())
