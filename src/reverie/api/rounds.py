"""Background work that goes round the workspaces again and again, for as long as the server runs."""

import asyncio
from collections.abc import Awaitable, Callable

import structlog

from reverie.api.service import Service
from reverie.storage.postgres.workspaces import Workspace, list_workspaces

Visit = Callable[[Service, Workspace], Awaitable[None]]
"""What is done in one workspace."""


async def go_round(
    service: Service, seconds: float, visit: Visit, log: structlog.stdlib.BoundLogger, told: str
) -> None:
    """Visit every workspace, rest for so many seconds, and begin again, until cancelled; an error is logged."""
    while True:
        try:
            await visit_all(service, visit)
        except Exception:  # the outermost loop: a database that is away for a while must not end the rounds
            log.exception(told)
        await asyncio.sleep(seconds)


async def visit_all(service: Service, visit: Visit) -> None:
    """Visit every workspace that is not archived, once."""
    async with service.database.connection() as connection:
        workspaces = await list_workspaces(connection)
    for workspace in workspaces:
        if workspace.archived_at is None:
            await visit(service, workspace)
