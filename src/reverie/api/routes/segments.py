"""Segments: what an expression chooses, and what it may ask of."""

from datetime import datetime
from typing import Any

import msgspec

from reverie.api.endpoint import endpoint
from reverie.api.pages import Order, answer_page, envelope
from reverie.api.records import (
    FindSessionsParams,
    SegmentField,
    SegmentPreview,
    SegmentPreviewParams,
    SessionSummary,
)
from reverie.api.request_context import RequestContext
from reverie.api.wire_type import RecordType
from reverie.sessions.segment import parse_segment
from reverie.storage.learning.session_summaries import PlacedSession, find_sessions, read_fields
from reverie.storage.sessions.transcripts import preview_segment

_BY_TIME = Order[PlacedSession](tuple[datetime, int], lambda row: (row.at, row.key))


@endpoint(
    "segments.preview",
    "POST",
    "/v1/segments/preview",
    body=RecordType(SegmentPreviewParams),
    answer=RecordType(SegmentPreview),
    role="read",
    extension=True,
)
async def preview(context: RequestContext) -> SegmentPreview:
    """Show what an expression chooses.

    How many sessions it is, how they fared, and a few of them.
    """
    where = context.body.get("where")
    found = await preview_segment(context.connection, parse_segment(where))
    return msgspec.convert({"type": "segment_preview", "where": where, **msgspec.structs.asdict(found)}, SegmentPreview)


@endpoint(
    "segments.sessions",
    "GET",
    "/v1/segments/sessions",
    query=RecordType(FindSessionsParams),
    answer=RecordType(SessionSummary),
    is_list=True,
    extension=True,
)
async def sessions(context: RequestContext) -> dict[str, Any]:
    """List the sessions that an expression chooses, live and imported ones, each in a line.

    Newest first, by when they took place.
    """
    segment = parse_segment(context.query.get("where"))
    return await answer_page(
        context.query,
        _line,
        lambda before, limit: find_sessions(context.connection, segment, before, limit),
        _BY_TIME,
    )


def _line(row: PlacedSession) -> SessionSummary:
    fields = msgspec.structs.asdict(row)
    del fields["key"]
    return SessionSummary(**fields)


@endpoint(
    "segments.fields", "GET", "/v1/segments/fields", answer=RecordType(SegmentField), is_list=True, extension=True
)
async def fields(context: RequestContext) -> dict[str, Any]:
    """List the fields that an expression may ask of.

    Each with values that recent sessions have, the commonest first.
    """
    found = await read_fields(context.connection)
    return envelope([SegmentField(**msgspec.structs.asdict(field)) for field in found], None)
