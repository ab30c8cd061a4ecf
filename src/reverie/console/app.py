"""The console as routes beside those of the API, which it asks."""

from importlib.resources import as_file
from types import ModuleType

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import FileResponse, RedirectResponse, Response
from starlette.routing import BaseRoute, Route

from reverie.api.access import KeyRing
from reverie.api.service import Service
from reverie.console.gateway import Gateway
from reverie.console.login import open_cookies
from reverie.console.page import HEADERS, Desk, handler_of, pages_of
from reverie.console.pages import (
    agents,
    audit,
    dreams,
    home,
    labels,
    lessons,
    memory,
    session,
    sessions,
    settings,
    trials,
)
from reverie.console.rendering import STATIC, asset
from reverie.console.sign_in import sign_in_routes
from reverie.console.visit import NavigationItem

PAGES: tuple[ModuleType, ...] = (
    *(home, sessions, session, labels, dreams, lessons, memory),
    *(trials, agents, settings, audit),
)
NAVIGATION = (
    NavigationItem("home", "Home", "/console"),
    NavigationItem("sessions", "Sessions", "/console/sessions"),
    NavigationItem("labels", "Label", "/console/labels"),
    NavigationItem("dreams", "Dreams", "/console/dreams"),
    NavigationItem("lessons", "Lessons", "/console/lessons"),
    NavigationItem("memory", "Memory", "/console/memory"),
    NavigationItem("trials", "Trials", "/console/trials"),
    NavigationItem("agents", "Agents", "/console/agents"),
    NavigationItem("settings", "Settings", "/console/settings"),
    NavigationItem("audit", "Audit", "/console/audit"),
)
"""The menu, in its order."""
_FOREVER = "public, max-age=31536000, immutable"


def console_routes(api: Starlette, service: Service) -> list[BaseRoute]:
    """The routes of the console of ``service``, whose API is ``api``."""
    desk = Desk(service, Gateway(api), open_cookies(service.settings), KeyRing(), NAVIGATION)
    declared = [page for module in PAGES for page in pages_of(module)]
    declared.sort(key=lambda page: [part.startswith("{") for part in page.path.split("/")])  # fixed parts first
    return [
        Route("/", _to_console, methods=["GET"]),
        Route("/console/static/{digest}/{name}", _static, methods=["GET"]),
        *sign_in_routes(desk),
        *(Route(page.path, handler_of(page, desk), methods=[page.method]) for page in declared),
    ]


async def _to_console(request: Request) -> Response:  # noqa: ARG001 - Starlette's signature
    return RedirectResponse("/console", 307)


async def _static(request: Request) -> Response:
    """A file of the package."""
    name = request.path_params["name"]
    if name not in STATIC or request.url.path != asset(name):
        return Response("there is no such file", 404, HEADERS, media_type="text/plain")
    with as_file(STATIC[name]) as path:
        return FileResponse(path, headers=HEADERS | {"cache-control": _FOREVER})
