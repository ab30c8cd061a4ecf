"""The history of every workspace is sealed now and then: in every server, each time by one of them."""

import asyncio
from datetime import timedelta

import structlog

from reverie.api.service import Service
from reverie.storage.postgres.workspaces import list_workspaces
from reverie.storage.service.seals import seal_history

POLL_SECONDS = 30.0
"""How often it is looked at whether seals are due."""
PATIENCE_SECONDS = 20.0
"""How long a round waits for those who are still writing; what is left is sealed in a later one."""

log = structlog.get_logger("reverie.sealing")


async def work(service: Service) -> None:
    """Seal what is due, until cancelled."""
    if not service.settings.audit_seal_minutes:
        return
    while True:
        await asyncio.sleep(POLL_SECONDS)
        try:
            await seal_due(service)
        except Exception:  # the outermost loop: a database or a disk that is away for a while must not end all sealing
            log.exception("the history could not be sealed; trying again")


async def seal_due(service: Service) -> None:
    """Seal the history of each workspace whose newest seal is old enough."""
    async with service.database.connection() as connection:
        workspaces = await list_workspaces(connection)
    for workspace in workspaces:
        sealing = await seal_history(
            service.database.of_schema(workspace.schema),
            service.settings,
            service.clock.now(),
            PATIENCE_SECONDS,
            timedelta(minutes=service.settings.audit_seal_minutes),
        )
        if sealing.waiting:
            log.warning("tables are still being written to", workspace=workspace.id, tables=sealing.waiting)
