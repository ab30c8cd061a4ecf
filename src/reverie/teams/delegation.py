"""Delegations: what one agent of a session asked of another, and what came of it; a fold of the session's events.

Sessions that ran here and imported ones have them alike. A thread that is sent a message by another one begins a
delegation; it ends with the last that the thread said before it was asked again, or before the session's end.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

import msgspec

from reverie.digests.brief import brief_parts
from reverie.sessions.event import Event, text_of

RECEIVED, SENT = "agent.thread_message_received", "agent.thread_message_sent"
Status = Literal["reported", "failed", "open"]
"""``open``: nothing came back; ``failed``: an error ended the thread, and nothing came back after it."""


class Delegation(msgspec.Struct, frozen=True):
    """One task given to an agent of a session."""

    number: int
    """Within the session, in the order of asking, from 0."""
    from_thread: str | None
    """None is the session's own thread."""
    to_thread: str
    agent: str
    """The name of whoever was asked; the thread's where the log names nobody."""
    brief: str
    parts: frozenset[str]
    """What the brief has of :data:`reverie.digests.brief.PARTS`."""
    asked: int
    """Sequence number of the event that asked."""
    status: Status
    reported: int | None = None
    """Sequence number of the event that answered."""
    report: str = ""
    calls: int = 0
    errors: int = 0
    tokens: int = 0
    cost_usd: float | None = None
    asked_at: datetime | None = None
    ended_at: datetime | None = None

    @property
    def seconds(self) -> float | None:
        """From the asking to the last that was done; None where the log has no times."""
        return (
            None if self.asked_at is None or self.ended_at is None else (self.ended_at - self.asked_at).total_seconds()
        )


@dataclass(slots=True)
class _Open:
    """A delegation that goes on."""

    number: int
    from_thread: str | None
    to_thread: str
    agent: str
    brief: str
    asked: int
    asked_at: datetime | None
    ended_at: datetime | None
    answers: list[tuple[int, str]] = field(default_factory=list)
    """To whoever asked, by sequence number."""
    said: list[tuple[int, str]] = field(default_factory=list)
    """To nobody in particular: what a thread says last is its answer where logs know no messages back."""
    calls: int = 0
    errors: int = 0
    tokens: int = 0
    cost_usd: float | None = None
    failed: bool = False

    def closed(self) -> Delegation:
        answers = self.answers or ([] if self.failed else self.said[-1:])
        reported, report = answers[-1] if answers else (None, "")
        return Delegation(
            number=self.number,
            from_thread=self.from_thread,
            to_thread=self.to_thread,
            agent=self.agent,
            brief=self.brief,
            parts=brief_parts(self.brief),
            asked=self.asked,
            status="reported" if answers else "failed" if self.failed else "open",
            reported=reported,
            report=report,
            calls=self.calls,
            errors=self.errors,
            tokens=self.tokens,
            cost_usd=self.cost_usd,
            asked_at=self.asked_at,
            ended_at=self.ended_at,
        )


def delegations(events: Sequence[Event]) -> tuple[Delegation, ...]:
    """The delegations of a session, in the order of asking."""
    return tuple(sorted(_fold(events), key=lambda one: one.number))


def _fold(events: Sequence[Event]) -> Iterator[Delegation]:
    names = {
        event.payload["session_thread_id"]: str(event.payload["agent_name"])
        for event in events
        if event.type == "session.thread_created"
        and event.payload.get("agent_name")
        and "session_thread_id" in event.payload
    }
    threads = {event.thread_id for event in events}
    goes_on: dict[str, _Open] = {}
    number = 0
    for sequence, event in enumerate(events):
        thread = event.thread_id
        if thread is None:
            continue
        current = goes_on.get(thread)
        if event.type == RECEIVED:
            if current is not None and not current.answers and not current.said:
                current.brief += f"\n{text_of(event)}"  # more of the same task, before anything was done
                continue
            if current is not None:
                yield current.closed()
            sender = _named(event.payload, "from_session_thread_id", threads)
            agent = names.get(thread, thread)
            goes_on[thread] = _Open(number, sender, thread, agent, text_of(event), sequence, event.at, event.at)
            number += 1
        elif current is not None:
            _note(current, sequence, event, threads)
    for current in goes_on.values():
        yield current.closed()


def _note(current: _Open, sequence: int, event: Event, threads: set[str | None]) -> None:
    """What a thread did is part of the delegation that goes on in it."""
    current.ended_at = event.at or current.ended_at
    if event.type == SENT and _named(event.payload, "to_session_thread_id", threads) == current.from_thread:
        current.answers.append((sequence, text_of(event)))
    elif event.type == "agent.message":
        current.said.append((sequence, text_of(event)))
    elif event.type == "agent.tool_use":
        current.calls += 1
    elif event.type in ("agent.tool_result", "user.tool_result"):
        current.errors += event.payload.get("is_error") is True
    elif event.type == "session.error":
        current.errors += 1
        current.failed = True
    elif event.type == "span.model_request_end":
        usage = event.payload.get("model_usage") or {}
        current.tokens += sum(
            value for key, value in usage.items() if key.endswith("_tokens") and isinstance(value, int)
        )
        cost = event.payload.get("cost_usd")
        if isinstance(cost, int | float):
            current.cost_usd = (current.cost_usd or 0.0) + cost


def _named(payload: Mapping[str, Any], name: str, threads: set[str | None]) -> str | None:
    """A thread that an event names; the session's own has an id that no event bears."""
    thread = payload.get(name)
    return thread if isinstance(thread, str) and thread in threads else None
