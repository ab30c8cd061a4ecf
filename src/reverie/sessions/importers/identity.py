"""The identity of content: the events by which a session without an id of its own is known again.

Once, the importers guessed from a result's text whether the tool had failed, and wrote the guess into the event. Ids
and hashes of sessions stored then are made of such events, so they are made of them still; the events themselves
hold what the source says and no more.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from reverie.sessions.event import Event


def with_guesses(events: Sequence[Event], guess: Callable[[str], bool]) -> Sequence[Event]:
    """``events`` with the error marks of that time, by what ``guess`` makes of a result's text."""
    return [_guessed(event, guess) if event.type == "agent.tool_result" else event for event in events]


def _guessed(event: Event, guess: Callable[[str], bool]) -> Event:
    payload = event.payload
    if "is_error" in payload:
        return event
    return Event(event.type, {**payload, "is_error": guess(_first_text(payload))}, event.at, event.thread_id)


def _first_text(payload: Mapping[str, Any]) -> str:
    content = payload.get("content")
    text = content[0].get("text") if isinstance(content, list | tuple) and content else content
    return text if isinstance(text, str) else ""
