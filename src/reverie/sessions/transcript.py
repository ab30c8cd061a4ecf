"""A transcript as a person reads it: who said or did what, in order."""

from collections.abc import Callable, Mapping
from typing import Literal

import msgspec

from reverie.sessions.event import Event, text_of
from reverie.sessions.session import Transcript

LONGEST_TEXT = 2_000
"""Characters of a turn that are shown."""

TurnKind = Literal["message", "thinking", "tool call", "tool result", "note", "error"]


class Turn(msgspec.Struct, frozen=True):
    """One thing said or done."""

    who: str
    """``user``, ``system``, ``agent``, ``tool`` or ``session``; a thread's name follows in brackets."""
    text: str
    sequence: int
    """The event's sequence number in the session."""
    kind: TurnKind
    is_error: bool = False


_SHOWN: Mapping[str, tuple[str, TurnKind]] = {
    "user.message": ("user", "message"),
    "user.interrupt": ("user", "note"),
    "user.define_outcome": ("user", "note"),
    "user.tool_result": ("tool", "tool result"),
    "system.message": ("system", "message"),
    "agent.message": ("agent", "message"),
    "agent.thinking": ("agent", "thinking"),
    "agent.tool_use": ("agent", "tool call"),
    "agent.tool_result": ("tool", "tool result"),
    "agent.thread_message_sent": ("agent", "message"),
    "agent.thread_message_received": ("agent", "message"),
    "session.error": ("session", "error"),
}
"""Who speaks in which events; the others (usage, idling, threads) are nobody's turn."""


def render_turns(transcript: Transcript, failed: Callable[[Event], bool]) -> tuple[Turn, ...]:
    """The turns of a transcript, long texts cut at :data:`LONGEST_TEXT` characters with a count of what was cut.

    ``failed`` says of a tool result whether it reports an error.
    """
    return tuple(
        _turn(event, sequence, failed) for sequence, event in enumerate(transcript.events) if event.type in _SHOWN
    )


def _turn(event: Event, sequence: int, failed: Callable[[Event], bool]) -> Turn:
    who, kind = _SHOWN[event.type]
    return Turn(
        who=f"{who} ({event.thread_id})" if event.thread_id else who,
        text=_shortened(_text(event)),
        sequence=sequence,
        kind=kind,
        is_error=kind == "error" or (kind == "tool result" and failed(event)),
    )


def _text(event: Event) -> str:
    if event.type == "agent.tool_use":
        return f"{event.payload['name']}({msgspec.json.encode(event.payload['input']).decode()})"
    if event.type == "session.error":
        error = event.payload.get("error")
        return str(error.get("message", "")) if isinstance(error, dict) else ""
    if event.type == "user.interrupt":
        return "interrupts"
    if event.type == "user.define_outcome":
        return str(event.payload.get("description", ""))
    return text_of(event)


def _shortened(text: str) -> str:
    cut = len(text) - LONGEST_TEXT
    return text if cut <= 0 else f"{text[:LONGEST_TEXT]}… [{cut:,} more characters]"
