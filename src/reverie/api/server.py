"""The server process: the open database, what runs in the background, and the app on top of them."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

import structlog
import uvicorn
from starlette.applications import Starlette

from reverie.api import agent_turns, charter_watch, receiving, sealing, trial_watch, webhook_delivery
from reverie.api import schedules as scheduling
from reverie.api.app import ENDPOINTS, Pages, make_app
from reverie.api.live import LiveEvents
from reverie.api.load import report_load
from reverie.api.local_workers import LocalWorkers
from reverie.api.pipeline import prepare
from reverie.api.routes import dreams, files
from reverie.api.service import Service, ServiceOptions
from reverie.cancellation import end_tasks, heed_cancellation
from reverie.clock import SystemClock
from reverie.errors import SettingsError
from reverie.settings import Settings
from reverie.storage.postgres.database import open_database
from reverie.storage.postgres.workspaces import ensure_workspaces
from reverie.storage.service.seals import check_seal_settings
from reverie.telemetry.exporter import open_telemetry

GRACEFUL_SECONDS = 10
"""How long a stopping server lets requests finish."""
MOST_CONNECTIONS = 16

Background = Callable[[Service], Awaitable[None]]
"""Work that goes on for as long as the server does; cancelled when it stops."""


async def warm_up(service: Service) -> None:  # noqa: ARG001 - background work's signature
    """Have all types ready before they are asked for."""
    for endpoint in ENDPOINTS:
        await prepare(endpoint)


BACKGROUND: Mapping[str, Background] = {
    "uploads cleaned up": files.clean,
    "deployments and dreams begun on time": scheduling.work,
    "dreams": dreams.run_dreams,
    "turns of agents": agent_turns.work,
    "trials looked at": trial_watch.work,
    "charters looked at": charter_watch.work,
    "received spans made into sessions": receiving.work,
    "received spans cleaned up": receiving.clean,
    "webhooks delivered": webhook_delivery.work,
    "history sealed": sealing.work,
    "load measured": report_load,
    "types made ready": warm_up,
}
"""By what it does."""

log = structlog.get_logger("reverie.server")


@asynccontextmanager
async def open_service(settings: Settings, options: ServiceOptions) -> AsyncIterator[Service]:
    """The service with its database open and its background work running."""
    clock = SystemClock()
    async with AsyncExitStack() as stack:
        check_seal_settings(settings)
        telemetry = stack.enter_context(open_telemetry(settings))
        database = await stack.enter_async_context(open_database(settings, MOST_CONNECTIONS))
        await ensure_workspaces(database, clock.now())
        live = LiveEvents()
        await stack.enter_async_context(live.listening(database))
        service = Service(database, settings, clock, live, options, telemetry=telemetry)
        stack.push_async_callback(service.mcp.close)
        await stack.enter_async_context(_running(service))
        yield service


@asynccontextmanager
async def _running(service: Service) -> AsyncIterator[None]:
    service.background.update({name: asyncio.create_task(_logged(work, service)) for name, work in BACKGROUND.items()})
    try:
        yield
    finally:
        await end_tasks(*service.background.values())


async def _logged(work: Background, service: Service) -> None:
    """Run background work; should it end by an error, the log says so."""
    try:
        await work(service)
    except Exception:  # the outermost loop of background work
        log.exception("background work failed", work=getattr(work, "__module__", "?"))
        raise


async def serve(
    settings: Settings,
    options: ServiceOptions,
    host: str,
    port: int,
    ready: Callable[[int], Any],
    pages: Pages | None = None,
) -> None:
    """Serve until SIGINT or SIGTERM; ``ready`` is called with the port once requests are taken.

    Raises:
        DatabaseError: the database cannot be opened.
        SettingsError: the address is taken, or what seals are signed by and written to cannot be used.
    """
    async with open_service(settings, options) as service:
        heed_cancellation()  # of a signal that came while the database was being opened

        @asynccontextmanager
        async def lifespan(app: Starlette) -> AsyncIterator[None]:  # noqa: ARG001 - Starlette's signature
            yield

        config = uvicorn.Config(
            make_app(service, lifespan, pages=pages),
            host=host,
            port=port,
            log_config=None,
            access_log=False,
            timeout_graceful_shutdown=GRACEFUL_SECONDS,
            server_header=False,
        )
        server = _Server(config, service, ready, _reachable(host))
        await server.serve()


def _reachable(host: str) -> str:
    """The host by which processes of this machine reach a server that listens on ``host``."""
    if host in ("0.0.0.0", "::", ""):
        return "127.0.0.1"
    return f"[{host}]" if ":" in host else host


class _Server(uvicorn.Server):
    """Says when it is ready, has workers of its own if wished, and ends streams before it waits for requests."""

    def __init__(self, config: uvicorn.Config, service: Service, ready: Callable[[int], Any], host: str) -> None:
        super().__init__(config)
        self._service = service
        self._ready = ready
        self._host = host
        self._workers: LocalWorkers | None = None

    async def startup(self, sockets: Any = None) -> None:
        try:
            await super().startup(sockets)
        except SystemExit as error:
            # uvicorn has said in the log why.
            place = f"{self.config.host}:{self.config.port}"
            raise SettingsError(
                f"{place} cannot be listened on; stop what listens there, or give another --port or --host"
            ) from error
        if self.started:
            port = self.servers[0].sockets[0].getsockname()[1]
            if self._service.options.with_worker:
                url = f"http://{self._host}:{port}"
                self._workers = LocalWorkers(self._service, url, self._service.options.with_worker)
                self._workers.start()
            self._ready(port)

    async def shutdown(self, sockets: Any = None) -> None:
        if self._workers is not None:
            # While requests are still taken: the workers have results to bring.
            await self._workers.stop()
        self._service.live.close()
        await self._service.mcp.close()
        await super().shutdown(sockets)
