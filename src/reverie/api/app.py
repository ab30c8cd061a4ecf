"""The ASGI app: every endpoint, the OpenAPI document, health."""

from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager
from typing import Any

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from reverie.api.access import KeyRing
from reverie.api.answering import answering, error_response, json_response
from reverie.api.endpoint import Endpoint
from reverie.api.openapi import openapi_document
from reverie.api.rates import RateLimiter
from reverie.api.routes import (
    agents,
    credentials,
    deployments,
    environment_keys,
    environments,
    files,
    models,
    session_events,
    session_resources,
    session_threads,
    sessions,
    skills,
    vaults,
    work,
)
from reverie.api.service import Service
from reverie.errors import InputError, NotFoundError
from reverie.ids import new_id

ENDPOINTS: tuple[Endpoint, ...] = (
    *agents.ENDPOINTS,
    *environments.ENDPOINTS,
    *environment_keys.ENDPOINTS,
    *work.ENDPOINTS,
    *sessions.ENDPOINTS,
    *session_events.ENDPOINTS,
    *session_threads.ENDPOINTS,
    *session_resources.ENDPOINTS,
    *deployments.ENDPOINTS,
    *files.ENDPOINTS,
    *skills.ENDPOINTS,
    *vaults.ENDPOINTS,
    *credentials.ENDPOINTS,
    *models.ENDPOINTS,
)
"""All of the API, in the order of the documentation."""

_DOCS = """<!doctype html><title>Reverie API</title><meta charset="utf-8">
<script src="/docs/page.js" defer></script><main id="api"></main>"""


def make_app(
    service: Service,
    lifespan: Callable[[Starlette], AbstractAsyncContextManager[None]] | None = None,
    endpoints: Sequence[Endpoint] = ENDPOINTS,
) -> Starlette:
    """The app that answers for ``service``."""
    keys, rates = KeyRing(), RateLimiter(service.options.requests_per_minute)

    async def health(request: Request) -> Response:  # noqa: ARG001 - Starlette's signature
        return json_response({"status": "ok"})

    async def ready(request: Request) -> Response:  # noqa: ARG001
        async with service.database.connection() as connection:
            await connection.execute("SELECT 1")
        return json_response({"status": "ready"})

    async def document(request: Request) -> Response:  # noqa: ARG001
        return json_response(openapi_document(endpoints))

    async def failed(request: Request, error: Exception) -> Response:
        now = service.clock.now()
        return error_response(_plain(request, error), new_id("req", now))

    routes = [
        Route("/health", health),
        Route("/ready", ready),
        Route("/openapi.json", document),
        *(Route(x.path, answering(x, service, keys, rates), methods=[x.method], name=x.name) for x in endpoints),
    ]
    handlers: dict[Any, Any] = {HTTPException: failed}
    return Starlette(routes=routes, lifespan=lifespan, exception_handlers=handlers)


def _plain(request: Request, error: Exception) -> Exception:
    if isinstance(error, HTTPException) and error.status_code == 404:
        return NotFoundError(f"there is no {request.method} {request.url.path}")
    if isinstance(error, HTTPException) and error.status_code == 405:
        return InputError(f"{request.url.path} does not take {request.method}")
    return error
