"""Segments: what an expression chooses, before a dream reads it."""

import msgspec

from reverie.api.endpoint import endpoint
from reverie.api.records import SegmentPreview, SegmentPreviewParams
from reverie.api.request_context import RequestContext
from reverie.api.wire_type import RecordType
from reverie.sessions.segment import parse_segment
from reverie.storage.sessions.transcripts import preview_segment


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
