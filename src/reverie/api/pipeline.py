"""From request to answer: one path that every endpoint takes, and the only place where errors become statuses."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any

import msgspec
import psycopg
import structlog
from psycopg_pool import PoolTimeout
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response

from reverie.api.access import KeyRing, check_role, check_scope
from reverie.api.betas import check_betas
from reverie.api.endpoint import Endpoint
from reverie.api.limits import MOST_BODY_BYTES
from reverie.api.rates import RateLimiter
from reverie.api.request_context import RequestContext
from reverie.api.service import Service
from reverie.errors import (
    ConflictError,
    CredentialError,
    ExtensionError,
    HeartbeatError,
    InputError,
    MediaError,
    MethodError,
    NotFoundError,
    PathConflictError,
    PreconditionError,
    RateError,
    ReverieError,
    RoleError,
    SettingsError,
    SizeError,
    StateError,
    StoreArchivedError,
    StoreLimitError,
)
from reverie.ids import new_id
from reverie.storage.postgres.outbox import write_notices
from reverie.storage.service.audit import record_act
from reverie.telemetry.telemetry import REQUESTS

BODY_SECONDS = 60.0
"""How long a client may take to send a body."""
LARGE_BODY_BYTES = 64 * 1024
"""Bodies from this size on are decoded and validated in a thread, so that nobody waits for them."""
REQUEST_ID_HEADER = "request-id"

_STATUSES: tuple[tuple[type[ReverieError], int, str], ...] = (
    (CredentialError, 401, "authentication_error"),
    (RoleError, 403, "permission_error"),
    (NotFoundError, 404, "not_found_error"),
    (MethodError, 405, "invalid_request_error"),
    (HeartbeatError, 412, "conflict_error"),
    (PathConflictError, 409, "memory_path_conflict_error"),
    (PreconditionError, 409, "memory_precondition_failed_error"),
    (StoreLimitError, 400, "invalid_request_error"),
    (StoreArchivedError, 400, "invalid_request_error"),
    (ConflictError, 409, "conflict_error"),
    (SizeError, 413, "request_too_large"),
    (MediaError, 415, "invalid_request_error"),
    (RateError, 429, "rate_limit_error"),
    (StateError, 400, "invalid_request_error"),
    (InputError, 400, "invalid_request_error"),
    (SettingsError, 400, "invalid_request_error"),  # it says what this server has to be given first
    (ExtensionError, 400, "invalid_request_error"),  # likewise
)
_TRANSIENT = (429, 500, 504, 529)

log = structlog.get_logger("reverie.api")


def json_response(data: Any, status: int = 200, headers: dict[str, str] | None = None) -> Response:
    """``data`` as JSON; times in UTC end in Z."""
    return Response(msgspec.json.encode(data), status, headers, media_type="application/json")


def error_response(error: Exception, request_id: str) -> Response:
    """The error envelope for ``error``."""
    status, kind = status_of(error)
    headers = {REQUEST_ID_HEADER: request_id}
    if status not in _TRANSIENT:
        headers["x-should-retry"] = "false"
    if isinstance(error, RateError):
        headers["retry-after"] = str(max(1, round(error.retry_after_seconds)))
    if isinstance(error, MethodError):
        headers["allow"] = ", ".join(error.allowed)
    content = {"type": kind, "message": _message(error, status), **_members(error)}
    return json_response({"type": "error", "error": content, "request_id": request_id}, status, headers)


def status_of(error: Exception) -> tuple[int, str]:
    """The HTTP status of an error, and its type in the envelope."""
    for kind, status, name in _STATUSES:
        if isinstance(error, kind):
            return status, name
    if isinstance(error, psycopg.DataError):
        return 400, "invalid_request_error"
    if isinstance(error, TimeoutError | PoolTimeout):
        return (529, "overloaded_error") if isinstance(error, PoolTimeout) else (504, "timeout_error")
    return 500, "api_error"


def _message(error: Exception, status: int) -> str:
    if isinstance(error, ReverieError):
        return str(error)
    if isinstance(error, psycopg.errors.NumericValueOutOfRange):
        return "a number is too large or too small to be kept"
    if isinstance(error, psycopg.DataError):
        return "a text holds a character that cannot be kept, such as NUL (\\u0000); leave it out"
    if status == 504:
        return f"the request's body did not arrive within {BODY_SECONDS:.0f} s"
    if status == 529:
        return "the server is busy; try again"
    return "the server failed; its log has the reason under this request id"


def _members(error: Exception) -> dict[str, Any]:
    if isinstance(error, PathConflictError):
        return {"conflicting_memory_id": error.memory_id, "conflicting_path": error.path}
    if isinstance(error, HeartbeatError):
        return {"details": {"error_code": "heartbeat_precondition_failed", "current_state": error.current}}
    code = getattr(error, "code", None)
    return {"details": {"error_code": code}} if code is not None else {}


def handler_of(
    endpoint: Endpoint, service: Service, keys: KeyRing, rates: RateLimiter
) -> Callable[[Request], Awaitable[Response]]:
    """The Starlette handler of an endpoint."""

    async def answer(request: Request) -> Response:
        request_id = new_id("req", service.clock.now())
        request.state.request_id = request_id
        response = await respond(request, request_id)
        service.telemetry.count(REQUESTS, 1, {"endpoint": endpoint.name, "status": response.status_code})
        return response

    async def respond(request: Request, request_id: str) -> Response:
        try:
            response = await _answer(endpoint, service, keys, rates, request, request_id)
        except ClientDisconnect:
            return Response(status_code=499)
        except Exception as error:  # the outermost loop of a request: whatever went wrong is answered, and logged
            if status_of(error)[0] >= 500:
                log.exception("request failed", request_id=request_id, endpoint=endpoint.name)
            answer = error_response(error, request_id)
            return answer if endpoint.error_form is None else endpoint.error_form(request, error, answer)
        response.headers[REQUEST_ID_HEADER] = request_id
        return response

    return answer


async def _answer(
    endpoint: Endpoint, service: Service, keys: KeyRing, rates: RateLimiter, request: Request, request_id: str
) -> Response:
    key, database = await keys.identify(request, service)
    check_role(key, endpoint)
    rates.count(key.id)
    await prepare(endpoint)
    if service.options.strict_betas:
        check_betas(request, endpoint)
    context = RequestContext(
        request=request,
        service=service,
        key=key,
        database=database,
        path={name: _known_as(name, text) for name, text in request.path_params.items()},
        query=endpoint.query.read_query(request.query_params.multi_items()) if endpoint.query else {},
        body=await _read_body(endpoint, request),
        now=service.clock.now(),
        request_id=request_id,
    )
    await check_scope(context, endpoint)
    if endpoint.transaction:
        async with database.connection() as connection:
            context.open_connection = connection
            answer = await endpoint.handler(context)
            await finish(context, endpoint.name if endpoint.method != "GET" and endpoint.audited else None)
    else:
        answer = await endpoint.handler(context)
    response = answer if isinstance(answer, Response) else json_response(answer)
    response.headers["anthropic-workspace-id"] = key.workspace_id
    return response


def _known_as(name: str, text: str) -> str:
    """A value of the path; ids of sessions may be spelled as some clients do."""
    return f"sesn_{text.removeprefix('session_')}" if name == "session_id" and text.startswith("session_") else text


async def prepare(endpoint: Endpoint) -> None:
    """Have the types ready that requests to an endpoint are read with."""
    for wire_type in (endpoint.body, endpoint.query):
        if wire_type is not None:
            await wire_type.prepare()


async def finish(context: RequestContext, action: str | None) -> None:
    """Record what the call did, and queue its notices, in its transaction; ``action`` is None where it only read."""
    if action is not None:
        subject = context.resource_id or next(reversed([*context.path.values()]), None)
        await record_act(context.connection, context.actor, action, subject, context.request_id, context.now)
    if context.notices:
        await write_notices(context.connection, context.notices, context.key.workspace_id, context.now)


async def _read_body(endpoint: Endpoint, request: Request) -> Any:
    if endpoint.method != "POST" or endpoint.raw_body:
        return None
    data = await read_bytes(request, MOST_BODY_BYTES)
    if endpoint.body is None:
        # Actions take none; some clients send {}.
        if data.strip() not in (b"", b"{}", b"null"):
            with suppress(json.JSONDecodeError, UnicodeDecodeError):
                if json.loads(data) in ({}, None):
                    return None
            raise InputError(f"{endpoint.name} takes no body; leave it empty")
        return None
    if len(data) < LARGE_BODY_BYTES:
        return endpoint.body.read_json(data)
    return await asyncio.to_thread(endpoint.body.read_json, data)


async def read_bytes(request: Request, most: int) -> bytes:
    """The request's body.

    Raises:
        SizeError: it is larger than ``most`` bytes.
        TimeoutError: it did not arrive in time.
    """
    declared = request.headers.get("content-length", "")
    if declared.isdecimal() and int(declared) > most:
        raise SizeError(f"the body has {int(declared):,} bytes; at most {most:,} are taken")
    chunks, size = [], 0
    async with asyncio.timeout(BODY_SECONDS):
        async for chunk in request.stream():
            size += len(chunk)
            if size > most:
                raise SizeError(f"the body has more than {most:,} bytes")
            chunks.append(chunk)
    return b"".join(chunks)
