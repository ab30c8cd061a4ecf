"""The identity of content: the events by which a session without an id of its own is known again.

Once, the importers guessed from a result's text whether the tool had failed, and wrote the guess into the event. Ids
and hashes of sessions stored then are made of such events, so they are made of them still; the events themselves
hold what the source says and no more.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from reverie.errors import ImportFormatError
from reverie.sessions.event import Event
from reverie.sessions.importers.json_text import decode_json

_TAU_ERROR = re.compile(r"""(?:\#?\s*var_\d+\s*=\s*["']?)?Error""")
_INTERCODE_ERRORS = (
    "Error executing",
    "command not found",
    "syntax error",
    "No such file",
    "Permission denied",
    "No SQL code",
)


def identity_of(source: str, events: Sequence[Event]) -> Sequence[Event]:
    """``events`` of a session from ``source`` as its id and its hash are made of them."""
    guess = _GUESSES.get(source)
    if guess is None:
        return events
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


def _chat_guess(text: str) -> bool:
    if text.startswith(("Error", "error:")):
        return True
    if not text.startswith("{") or '"error"' not in text:
        return False
    try:
        value = decode_json(text)
    except ImportFormatError:
        return False
    return isinstance(value, dict) and bool(value.get("error"))


def _tau_bench_guess(text: str) -> bool:
    return _TAU_ERROR.match(text) is not None


def _intercode_guess(text: str) -> bool:
    return any(sign in text for sign in _INTERCODE_ERRORS)


_GUESSES: Mapping[str, Callable[[str], bool]] = {
    "chat": _chat_guess,
    "tau-bench": _tau_bench_guess,
    "intercode": _intercode_guess,
}
