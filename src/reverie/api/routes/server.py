"""The server as it sees itself: database, disk, background work, seals, models, formats."""

import asyncio
import shutil
from importlib.metadata import version
from pathlib import Path
from urllib.parse import urlsplit

from reverie.api.endpoint import endpoint
from reverie.api.records import (
    ServerDatabase,
    ServerDisk,
    ServerFormat,
    ServerReport,
    ServerRoute,
    ServerSeals,
    ServerWork,
)
from reverie.api.request_context import RequestContext
from reverie.api.wire_type import RecordType
from reverie.errors import SettingsError
from reverie.models.route import ModelRoute, key_of, routes_of
from reverie.sessions.importers.registry import formats, other_formats
from reverie.settings import Settings
from reverie.storage.postgres.database import Connection
from reverie.storage.service.installation_report import report_database
from reverie.storage.service.load import read_load
from reverie.storage.service.seals import list_seals


@endpoint("server.retrieve", "GET", "/v1/server", answer=RecordType(ServerReport), role="admin", extension=True)
async def retrieve(context: RequestContext) -> ServerReport:
    """Read how the server is: database, disk, background work, seals, models for agents, formats. No secrets."""
    settings, connection = context.service.settings, context.connection
    database, load = await report_database(connection), await read_load(connection)
    routes, routes_error = _routes(settings)
    disk = await asyncio.to_thread(_disk, settings.home)
    others = other_formats()
    return ServerReport(
        version=version("reverie"),
        at=context.now,
        database=ServerDatabase(settings.database_url is None, database.version, database.migration, database.bytes),
        disk=disk,
        work=tuple(_work(name, task) for name, task in context.service.background.items()),
        dreams=dict(load.dreams),
        queued_work=load.queued_work,
        seals=await _seals(settings, connection),
        routes=routes,
        routes_error=routes_error,
        dream_model=f"{settings.model.provider}:{settings.model.model}" if settings.model else None,
        formats=tuple(ServerFormat(name, name not in others) for name in formats()),
    )


def _disk(home: Path) -> ServerDisk:
    """The disk of the home folder, which is there only once something is kept in it."""
    usage = shutil.disk_usage(next(folder for folder in (home, *home.parents) if folder.exists()))
    return ServerDisk(usage.free, usage.total)


def _work(name: str, task: "asyncio.Task[None]") -> ServerWork:
    if not task.done():
        return ServerWork(name, "running", "")
    error = None if task.cancelled() else task.exception()
    return ServerWork(name, "done", "") if error is None else ServerWork(name, "failed", type(error).__name__)


async def _seals(settings: Settings, connection: Connection) -> ServerSeals:
    newest = next(iter(await list_seals(connection, before=None, limit=1)), None)
    return ServerSeals(
        settings.audit_seal_minutes,
        settings.audit_key is not None,
        settings.audit_seal_file is not None,
        None if newest is None else newest.number,
        None if newest is None else newest.made_at,
    )


def _routes(settings: Settings) -> tuple[tuple[ServerRoute, ...], str]:
    """The routes, or why they cannot be read."""
    try:
        return tuple(map(_route, routes_of(settings))), ""
    except SettingsError as error:
        return (), str(error)


def _route(route: ModelRoute) -> ServerRoute:
    return ServerRoute(
        route.pattern,
        route.provider,
        route.model,
        urlsplit(route.base_url).hostname if route.base_url else None,
        route.key_variable,
        key_of(route) is not None,
        route.price,
    )
