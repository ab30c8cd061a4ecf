"""What can be counted of a session."""

from collections.abc import Callable, Iterable
from typing import Any

import msgspec

from reverie.sessions.event import Event
from reverie.sessions.session import Transcript


class SessionFacts(msgspec.Struct, frozen=True):
    """Numbers of a whole session; None where the source does not say."""

    turns: int
    """User messages."""
    steps: int
    """What the agent did: messages and tool calls."""
    tool_calls: int
    errors: int
    """Results that report an error, and errors of the session."""
    input_tokens: int | None = None
    """What was read, from caches too."""
    output_tokens: int | None = None
    cost_usd: float | None = None
    seconds: float | None = None
    """From the first dated event to the last."""


_INPUT_COUNTS = ("input_tokens", "cache_creation_input_tokens", "cache_read_input_tokens")


def session_facts(transcript: Transcript, failed: Callable[[Event], bool]) -> SessionFacts:
    """The facts of a session; ``failed`` says of a tool result whether it reports an error."""
    events = transcript.events
    kinds = [event.type for event in events]
    calls, usages = kinds.count("agent.tool_use"), [e.payload for e in events if e.type == "span.model_request_end"]
    results = [event for event in events if event.type in ("agent.tool_result", "user.tool_result")]
    costs = [usage["cost_usd"] for usage in usages if usage.get("cost_usd") is not None]
    times = [event.at for event in events if event.at is not None]
    return SessionFacts(
        turns=kinds.count("user.message"),
        steps=kinds.count("agent.message") + calls,
        tool_calls=calls,
        errors=sum(map(failed, results)) + kinds.count("session.error"),
        input_tokens=_tokens(usages, _INPUT_COUNTS),
        output_tokens=_tokens(usages, ("output_tokens",)),
        cost_usd=sum(costs) if costs else None,
        seconds=(max(times) - min(times)).total_seconds() if len(times) > 1 else None,
    )


def _tokens(usages: Iterable[dict[str, Any]], fields: tuple[str, ...]) -> int | None:
    counts = [usage["model_usage"] for usage in usages if isinstance(usage.get("model_usage"), dict)]
    return sum(count.get(field) or 0 for count in counts for field in fields) if counts else None
