"""Reports to telemetry, from time to time, how much the server has to do."""

import asyncio

import structlog
from psycopg import OperationalError

from reverie.api.service import Service
from reverie.storage.postgres.workspaces import list_workspaces
from reverie.storage.service.load import read_load
from reverie.telemetry.telemetry import DREAMS, QUEUE_DEPTH, STREAMS_OPEN

_PERIOD_SECONDS = 15.0
DREAM_STATUSES = ("pending", "running", "completed", "failed", "canceled")

log = structlog.get_logger("reverie.load")


async def report_load(service: Service) -> None:
    """Measure for as long as the server runs, if anyone listens."""
    while service.telemetry.is_on:
        try:
            await report_load_once(service)
        except OperationalError:
            log.warning("the database did not answer; the load is measured later")
        await asyncio.sleep(_PERIOD_SECONDS)


async def report_load_once(service: Service) -> None:
    """Measure the streams of this process, and the dreams and queues of every workspace."""
    telemetry = service.telemetry
    telemetry.measure(STREAMS_OPEN, service.live.count_followers())
    async with service.database.connection() as connection:
        workspaces = await list_workspaces(connection)
    for workspace in workspaces:
        async with service.database.of_schema(workspace.schema).connection() as connection:
            load = await read_load(connection)
        where = {"workspace": workspace.id}
        for status in DREAM_STATUSES:
            telemetry.measure(DREAMS, load.dreams.get(status, 0), {**where, "status": status})
        telemetry.measure(QUEUE_DEPTH, load.dreams.get("pending", 0), {**where, "queue": "dreams"})
        telemetry.measure(QUEUE_DEPTH, load.queued_work, {**where, "queue": "work"})
