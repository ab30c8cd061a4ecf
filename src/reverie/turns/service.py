"""Running turns as one of a process's tasks: a desk for each workspace, and what they share."""

import asyncio
import random
import secrets
from collections.abc import Awaitable, Callable, Sequence

import psycopg
import structlog

from reverie.cancellation import end_tasks
from reverie.clock import Clock
from reverie.models.route import routes_of
from reverie.models.router import open_router
from reverie.runtime.tool_catalogue import WEB_TOOLS
from reverie.settings import Settings
from reverie.storage.postgres.database import Database
from reverie.storage.postgres.workspaces import list_workspaces
from reverie.turns.desk import Desk, Host, Models, no_files
from reverie.turns.dispatch import Dispatcher
from reverie.turns.mcp_servers import McpServers, open_servers
from reverie.turns.sandbox import Sandboxes
from reverie.turns.web import Web, WebHost, open_web

_SWEEP_SECONDS = 600.0
"""How often the folders of sandboxes are looked through for those that nobody needs."""

_LIST_SECONDS = 1.0
"""How long a list of the workspaces is good for."""

log = structlog.get_logger("reverie.turns")


NO_MODEL_SECONDS = 5.0
"""How long a turn is left to whoever may record it where no model at all is configured; then its session says so."""


async def run_with_settings(
    database: Database,
    settings: Settings,
    clock: Clock,
    sandboxes: Sandboxes | None = None,
    *,
    private_mcp: bool = False,
) -> None:
    """Run turns of all workspaces, by the models that the settings name, until cancelled.

    Args:
        private_mcp: whether MCP servers may be on private networks, and be spoken to over plain HTTP.

    Raises:
        SettingsError: the routes cannot be read.
    """
    async with (
        open_router(routes_of(settings)) as models,
        open_web(settings) as web,
        open_servers(settings, private=private_mcp) as servers,
    ):
        await run_turns(database, clock, models, sandboxes=sandboxes, web=web, servers=servers)


async def run_turns(
    database: Database,
    clock: Clock,
    models: Models,
    hosts: Sequence[Host] = (),
    sandboxes: Sandboxes | None = None,
    web: Web | None = None,
    servers: McpServers | None = None,
) -> None:
    """Run turns of all workspaces until cancelled.

    Args:
        sandboxes: where built-in tools of cloud sessions run; None runs them nowhere.
        web: what tools of the web work with; None runs none.
        servers: the MCP servers of agents; None has agents do without.
    """

    known: list[Desk] = []
    known_at = float("-inf")

    async def desks() -> list[Desk]:
        # Asked for with every claim; the list of workspaces seldom changes.
        nonlocal known, known_at
        now = asyncio.get_running_loop().time()
        if now - known_at >= _LIST_SECONDS:
            async with database.connection() as connection:
                workspaces = await list_workspaces(connection)
            known = [
                make_desk(
                    database.of_schema(workspace.schema), workspace.id, clock, models, hosts, sandboxes, web, servers
                )
                for workspace in workspaces
                if workspace.archived_at is None
            ]
            known_at = now
        return known

    dispatcher = Dispatcher(database, desks, secrets.randbelow(2**31), 0.0 if models.any else NO_MODEL_SECONDS)
    if sandboxes is None:
        await dispatcher.run()
        return
    tending = asyncio.create_task(_tend(sandboxes, desks))
    try:
        await dispatcher.run()
    finally:
        await end_tasks(tending)


async def _tend(sandboxes: Sandboxes, desks: Callable[[], Awaitable[Sequence[Desk]]]) -> None:
    """Look after sandboxes until cancelled."""
    ending = asyncio.create_task(sandboxes.tend())
    try:
        while True:
            try:
                for desk in await desks():
                    await sandboxes.sweep(desk.database, desk.workspace_id)
            except psycopg.OperationalError:
                log.warning("the database is away; sandboxes are swept when it is back")
            await asyncio.sleep(_SWEEP_SECONDS)
    finally:
        await end_tasks(ending)


def make_desk(
    database: Database,
    workspace_id: str,
    clock: Clock,
    models: Models,
    hosts: Sequence[Host] = (),
    sandboxes: Sandboxes | None = None,
    web: Web | None = None,
    servers: McpServers | None = None,
) -> Desk:
    """The desk of one workspace."""
    if web is not None:
        hosts = (*hosts, WebHost(web, database))
    sandbox = None if sandboxes is None else sandboxes.host(database, workspace_id)
    remote = None if servers is None else servers.host(database)
    return Desk(
        database=database,
        workspace_id=workspace_id,
        clock=clock,
        models=models,
        sleep=asyncio.sleep,
        random=random.random,
        hosts=(*hosts, *(host for host in (sandbox, remote) if host is not None)),
        unavailable=WEB_TOOLS if web is None else WEB_TOOLS - web.tools,
        servers=remote,
        deliveries=no_files if sandbox is None else sandbox.deliveries,
    )
