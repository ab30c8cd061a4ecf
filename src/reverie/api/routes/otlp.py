"""The receiver of OpenTelemetry: spans and log records by OTLP/HTTP, kept before the sender is answered."""

import asyncio
import secrets
from collections.abc import Sequence

import msgspec
from starlette.responses import Response

from reverie.api.endpoint import endpoint
from reverie.api.limits import MOST_BODY_BYTES
from reverie.api.otlp_form import answer, encoding_of, error_form, unpacked
from reverie.api.pipeline import read_bytes
from reverie.api.request_context import RequestContext
from reverie.errors import RateError
from reverie.sessions.importers.otlp.request import Encoding, Kind
from reverie.sessions.importers.otlp.trace_part import TracePart
from reverie.storage.postgres.installation import redaction_key
from reverie.storage.sessions.received import keep_parts
from reverie.storage.sessions.reception import read_parts_of

_PATIENCE_SECONDS = 10.0
"""How long a request waits until it is read."""


class _Read(msgspec.Struct, frozen=True):
    parts: Sequence[TracePart]
    odd: Sequence[str]


@endpoint(
    "otlp.traces",
    "POST",
    "/v1/traces",
    extension=True,
    audited=False,
    transaction=False,
    raw_body=True,
    error_form=error_form,
)
async def traces(context: RequestContext) -> Response:
    """Take spans by OTLP/HTTP: an ``ExportTraceServiceRequest``, in protobuf or JSON, packed by gzip or not."""
    return await _take(context, "traces")


@endpoint(
    "otlp.logs",
    "POST",
    "/v1/logs",
    extension=True,
    audited=False,
    transaction=False,
    raw_body=True,
    error_form=error_form,
)
async def logs(context: RequestContext) -> Response:
    """Take log records by OTLP/HTTP: those that name a span tell more of it, the others are left out."""
    return await _take(context, "logs")


async def _take(context: RequestContext, kind: Kind) -> Response:
    encoding = encoding_of(context.request)
    data = await read_bytes(context.request, MOST_BODY_BYTES)
    key = await _key(context)
    read = await _read(context, kind, encoding, data, key)
    if read.parts:
        async with context.database.statements() as connection:
            await keep_parts(connection, read.parts, context.now)
    reason = f"{read.odd[0]}; {len(read.odd)} such are left out" if read.odd else ""
    return answer(kind, encoding, len(read.odd), reason)


async def _read(context: RequestContext, kind: Kind, encoding: Encoding, data: bytes, key: bytes | None) -> _Read:
    receiving = context.service.receiving
    try:
        async with asyncio.timeout(_PATIENCE_SECONDS):
            await receiving.acquire()
    except TimeoutError as error:
        raise RateError("the server has more spans to read than it can; try again", retry_after_seconds=5) from error
    try:
        packed = context.request.headers.get("content-encoding", "")
        parts, odd = await asyncio.to_thread(lambda: read_parts_of(kind, encoding, unpacked(data, packed), key))
    finally:
        receiving.release()
    return _Read(parts, odd)


async def _key(context: RequestContext) -> bytes | None:
    """What secrets are replaced by; None where they are kept, as the operator has set."""
    if not context.service.settings.redaction:
        return None
    known, schema = context.service.redaction_keys, context.database.schema
    if schema not in known:
        async with context.database.connection() as connection:
            known[schema] = await redaction_key(connection, secrets.token_bytes(32))
    return known[schema]
