"""Segments: what an expression chooses, before a dream reads it."""

from typing import Any, Literal, NotRequired

import msgspec
from typing_extensions import TypedDict

from reverie.api.endpoint import Call, Endpoint
from reverie.api.wire_type import WireType
from reverie.sessions.segment import parse_segment
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


async def preview(call: Call) -> dict[str, Any]:
    """How many sessions an expression chooses, how they fared, and a few of them."""
    where = call.body.get("where")
    found = await preview_segment(call.connection, parse_segment(where))
    return {"type": "segment_preview", "where": where, **msgspec.to_builtins(found)}


_HERE = "reverie.api.routes.segments"
ENDPOINTS = (
    Endpoint(
        "segments.preview",
        "POST",
        "/v1/segments/preview",
        preview,
        "Show what an expression chooses.",
        body=WireType(f"{_HERE}:SegmentPreviewParams"),
        answer=WireType(f"{_HERE}:WireSegmentPreview"),
        role="read",
        extension=True,
    ),
)
