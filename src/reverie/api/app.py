"""The ASGI app: every endpoint, the OpenAPI document, health."""

import asyncio
from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager
from functools import cache
from typing import Any

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import BaseRoute, Match, Route

from reverie.api.access import KeyRing
from reverie.api.docs import render_docs
from reverie.api.endpoint import Endpoint, endpoints_of
from reverie.api.host_check import HostCheck
from reverie.api.mcp_route import McpRoute
from reverie.api.openapi import openapi_document
from reverie.api.pipeline import REQUEST_ID_HEADER, error_response, handler_of, json_response
from reverie.api.rates import RateLimiter
from reverie.api.routes import (
    activity,
    agent_team,
    agents,
    api_keys,
    audit_log,
    briefings,
    charter,
    credentials,
    deployments,
    dream_schedules,
    dreams,
    environment_keys,
    environments,
    erasures,
    files,
    label_tasks,
    lessons,
    memories,
    memory_stores,
    memory_versions,
    metrics,
    models,
    otlp,
    policies,
    recall,
    roles,
    routing,
    rules,
    segments,
    self_changes,
    server,
    session_events,
    session_imports,
    session_reading,
    session_resources,
    session_threads,
    sessions,
    skills,
    store_revisions,
    teams,
    trials,
    vaults,
    webhooks,
    work,
)
from reverie.api.service import Service
from reverie.errors import MethodError, NotFoundError
from reverie.ids import new_id

_MODULES = (
    agents,
    environments,
    environment_keys,
    work,
    sessions,
    session_events,
    session_reading,
    session_threads,
    session_resources,
    activity,
    memory_stores,
    memories,
    memory_versions,
    dreams,
    dream_schedules,
    deployments,
    files,
    skills,
    vaults,
    credentials,
    models,
    webhooks,
    session_imports,
    server,
    api_keys,
    otlp,
    audit_log,
    erasures,
    charter,
    lessons,
    metrics,
    label_tasks,
    policies,
    recall,
    roles,
    routing,
    rules,
    self_changes,
    agent_team,
    teams,
    segments,
    store_revisions,
    trials,
    briefings,
)
ENDPOINTS: tuple[Endpoint, ...] = tuple(endpoint for module in _MODULES for endpoint in endpoints_of(module))
"""All of the API, in the order of the documentation."""
Pages = Callable[[Starlette, Service], Sequence[BaseRoute]]
"""Routes for people, given the app of the API, which they ask."""


def make_app(
    service: Service,
    lifespan: Callable[[Starlette], AbstractAsyncContextManager[None]] | None = None,
    endpoints: Sequence[Endpoint] = ENDPOINTS,
    pages: Pages | None = None,
) -> Starlette:
    """The app that answers for ``service``; ``pages`` are what it shows to people beside the API."""
    keys, rates = KeyRing(), RateLimiter(service.options.requests_per_minute)

    # The SDK's types take seconds to load and describe, so it is done when first asked for, and once.
    @cache
    def described() -> dict[str, Any]:
        return openapi_document(endpoints)

    @cache
    def page() -> str:
        return render_docs(described())

    async def health(request: Request) -> Response:  # noqa: ARG001 - Starlette's signature
        return json_response({"status": "ok"})

    async def ready(request: Request) -> Response:  # noqa: ARG001
        await service.database.check()
        return json_response({"status": "ready"})

    async def document(request: Request) -> Response:  # noqa: ARG001
        return json_response(await asyncio.to_thread(described))

    async def docs(request: Request) -> Response:  # noqa: ARG001
        return HTMLResponse(await asyncio.to_thread(page))

    async def failed(request: Request, error: Exception) -> Response:
        now = service.clock.now()
        return error_response(_plain(request, error), new_id("req", now))

    routes = [
        Route("/health", health),
        Route("/ready", ready),
        Route("/openapi.json", document),
        Route("/docs", docs),
        Route("/mcp", McpRoute(service, keys, rates), methods=["GET", "POST", "DELETE"]),
        *(
            Route(path, handler_of(x, service, keys, rates), methods=[x.method], name=x.name)
            for x in sorted(endpoints, key=_precedence)
            for path in (x.path, *x.older_paths)
        ),
    ]
    handlers: dict[Any, Any] = {HTTPException: failed}
    held = Middleware(HostCheck, options=service.options, clock=service.clock)
    around = [Middleware(service.telemetry.wrap), held, *_cors(service.options.cors_origins)]
    app = Starlette(routes=routes, lifespan=lifespan, exception_handlers=handlers, middleware=around)
    if pages is not None:
        app.router.routes.extend(pages(app, service))
    return app


def _precedence(endpoint: Endpoint) -> list[bool]:
    """Sorts paths such that a fixed part comes before a parameter in the same place, which would match it too."""
    return [part.startswith("{") for part in endpoint.path.split("/")]


def _cors(origins: Sequence[str]) -> list[Middleware]:
    """What lets web pages of these origins call; keys travel in headers, so no cookies are allowed for."""
    if not origins:
        return []
    headers = [REQUEST_ID_HEADER, "retry-after", "anthropic-workspace-id"]
    return [
        Middleware(
            CORSMiddleware,
            allow_origins=list(origins),
            allow_methods=["GET", "POST", "DELETE"],
            allow_headers=["*"],
            expose_headers=headers,
        )
    ]


def _routes_of(request: Request) -> list[Route]:
    """The routes of a request's path, whatever their methods."""
    routes = [route for route in request.app.routes if isinstance(route, Route)]
    return [route for route in routes if route.matches(request.scope)[0] is not Match.NONE]


def _plain(request: Request, error: Exception) -> Exception:
    if isinstance(error, HTTPException) and error.status_code == 404:
        return NotFoundError(f"there is no {request.method} {request.url.path}")
    if isinstance(error, HTTPException) and error.status_code == 405:
        allowed = sorted({method for route in _routes_of(request) for method in route.methods or ()})
        return MethodError(f"{request.url.path} does not take {request.method}; it takes {', '.join(allowed)}", allowed)
    return error
