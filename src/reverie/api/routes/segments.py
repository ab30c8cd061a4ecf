"""Segments: what an expression chooses, before a dream reads it."""

from typing import Any, Literal, NotRequired

import msgspec
from typing_extensions import TypedDict

from reverie.api.endpoint import endpoint
from reverie.api.request_context import RequestContext
from reverie.api.wire_type import WireType
from reverie.sessions.segment import compile_segment
from reverie.storage.sessions.transcripts import preview_segment


class SegmentPreviewParams(TypedDict):
    """The expression to try."""

    where: NotRequired[str | None]
    """Such as ``agent = 'desk' and reward < 0.5``; without one, every session."""


class WireSegmentPreview(TypedDict):
    """What an expression chooses."""

    type: Literal["segment_preview"]
    where: str | None
    sessions: int
    scored: int
    """Those with a reward."""
    mean_reward: float | None
    first_session_ids: list[str]
    """A few, in the order they were imported in."""


@endpoint(
    "segments.preview",
    "POST",
    "/v1/segments/preview",
    body=WireType(SegmentPreviewParams),
    answer=WireType(WireSegmentPreview),
    role="read",
    extension=True,
)
async def preview(context: RequestContext) -> dict[str, Any]:
    """Show what an expression chooses.

    How many sessions it is, how they fared, and a few of them.
    """
    where = context.body.get("where")
    found = await preview_segment(context.connection, compile_segment(where))
    return {"type": "segment_preview", "where": where, **msgspec.to_builtins(found)}
