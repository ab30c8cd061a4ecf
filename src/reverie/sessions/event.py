"""One immutable entry in a session, in the Managed Agents event vocabulary."""

from datetime import datetime
from typing import Any, Literal, cast

import msgspec

EventType = Literal[
    "user.message",
    "user.interrupt",
    "user.define_outcome",
    "user.tool_result",
    "system.message",
    "agent.message",
    "agent.thinking",
    "agent.tool_use",
    "agent.tool_result",
    "agent.thread_message_sent",
    "agent.thread_message_received",
    "session.status_idle",
    "session.error",
    "session.usage",
    "session.thread_created",
    "span.model_request_end",
]
"""What importers make."""
LoggedType = Literal[
    "agent.thread_context_compacted",
    "session.deleted",
    "session.status_rescheduled",
    "session.status_running",
    "session.status_terminated",
    "session.thread_status_idle",
    "session.thread_status_rescheduled",
    "session.thread_status_running",
    "session.thread_status_terminated",
    "session.updated",
    "span.model_request_start",
    "span.outcome_evaluation_end",
    "span.outcome_evaluation_ongoing",
    "span.outcome_evaluation_start",
    "user.tool_confirmation",
]
"""What logs of sessions that ran here, or were recorded over the API, have besides: exports hold it, and read back."""


class Event(msgspec.Struct, frozen=True):
    """One immutable entry in a session.

    ``payload`` holds the wire fields other than ``id``, ``type`` and ``processed_at``:

    - messages and thinking: ``content`` = list of ``{"type": "text", "text": str}`` blocks;
    - ``agent.tool_use``: ``name`` str, ``input`` object, ``tool_call_id`` str when the source had one;
    - ``agent.tool_result``: ``tool_use_id`` (the event id of its ``agent.tool_use``), ``content`` blocks,
      ``is_error`` bool where the source says it (else the digest decides by the content), ``name`` of the tool;
    - ``span.model_request_end``: ``model_usage`` with ``input_tokens``, ``output_tokens``,
      ``cache_creation_input_tokens``, ``cache_read_input_tokens``; ``cost_usd`` when the source had it.
    """

    type: EventType | LoggedType
    payload: dict[str, Any]
    at: datetime | None = None
    """When the source says it happened (UTC)."""
    thread_id: str | None = None
    """The agent's thread inside a multi-agent session; None is the primary thread."""


def text_of(event: Event) -> str:
    """The event's text blocks, joined by line breaks; empty when it has none."""
    content = event.payload.get("content")
    if isinstance(content, str):
        return content
    if not isinstance(content, list):
        return ""
    if len(content) == 1 and content[0].get("type") == "text":  # nearly always, and asked many times of each event
        return "\n".join((content[0]["text"],))
    return "\n".join(block["text"] for block in content if block.get("type") == "text")


def text_content(text: str) -> list[dict[str, str]]:
    """``text`` as a list of wire content blocks."""
    return [{"type": "text", "text": text}]


_AS_CALL = ("agent.custom_tool_use", "agent.mcp_tool_use")
_AS_RESULT = {
    "user.custom_tool_result": ("user.tool_result", "custom_tool_use_id"),
    "agent.mcp_tool_result": ("agent.tool_result", "mcp_tool_use_id"),
}


def stored_event(type_: str, payload: dict[str, Any], at: datetime | None, thread_id: str | None) -> Event:
    """An event as it was stored, for reading: whose tool was called makes no difference to what happened."""
    if type_ in _AS_CALL:
        return Event("agent.tool_use", payload, at, thread_id)
    if type_ in _AS_RESULT:
        known, link = _AS_RESULT[type_]
        return Event(cast(EventType, known), {**payload, "tool_use_id": payload.get(link)}, at, thread_id)
    return Event(cast(EventType, type_), payload, at, thread_id)
