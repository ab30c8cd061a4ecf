"""What the payload of an event must have, so that no reader of it trips."""

from collections.abc import Sequence

from reverie.errors import ImportFormatError
from reverie.sessions.event import Event


def check_payloads(events: Sequence[Event]) -> None:
    """Accept events that every reader can read.

    Raises:
        ImportFormatError: one lacks what its type must have; names it.
    """
    for position, event in enumerate(events):
        fault = _payload_fault(event)
        if fault:
            raise ImportFormatError(f"events[{position}].payload {fault}")


def _payload_fault(event: Event) -> str | None:
    """What would trip a reader of the event, if anything."""
    payload = event.payload
    named = isinstance(payload.get("name"), str) and isinstance(payload.get("input"), dict)
    if event.type == "agent.tool_use" and not named:
        return "must have name (text) and input (an object)"
    content = payload.get("content", [])
    if isinstance(content, str):
        return None
    if not isinstance(content, list) or not all(isinstance(block, dict) for block in content):
        return "must have content that is a list of blocks"
    texts = (block.get("text") for block in content if block.get("type") == "text")
    return None if all(isinstance(text, str) for text in texts) else "has a text block without text"
