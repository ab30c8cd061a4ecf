"""How sessions went by their own course: their traces, with whose they are and what they were about."""

from collections.abc import Sequence
from datetime import datetime, timedelta

import msgspec

from reverie.digests.derived.occurrence import Occurrence, Trace, shortened
from reverie.overview.likeness import Wording, alike, wording_of

_LONGEST_BETWEEN = timedelta(days=7)
"""Between a request and its repetition."""


class TracedSession(msgspec.Struct, frozen=True):
    """A session's trace, and what tells whose it is and what it was about."""

    id: str
    user_id: str | None
    category: str | None
    intent: str
    """What the opening asks for, as a verb and its object; empty when unsure."""
    opening: str
    """The first user message, cut at 400 characters."""
    at: datetime | None
    """The session's own date."""
    trace: Trace

    @property
    def family(self) -> str:
        """Its task family: the category, else what the opening asks for; empty where neither is known."""
        return self.category or self.intent


def with_repeats(sessions: Sequence[TracedSession]) -> list[TracedSession]:
    """The sessions in their order; those whose user asked nearly the same again within a week say so in their trace.

    Only where users and dates are known. Sessions of one moment are copies rather than repetitions.
    """
    by_user: dict[str, list[TracedSession]] = {}
    for session in sessions:
        if session.user_id is not None and session.at is not None and session.opening.strip():
            by_user.setdefault(session.user_id, []).append(session)
    repeated: dict[str, str] = {}
    for own in by_user.values():
        ordered = [(session, wording_of(session.opening)) for session in sorted(own, key=_when)]
        for place, (session, wording) in enumerate(ordered):
            later = next((other for other in ordered[place + 1 :] if _again(session, wording, *other)), None)
            if later is not None:
                repeated[session.id] = later[0].opening
    return [_marked(session, repeated[session.id]) if session.id in repeated else session for session in sessions]


def _when(session: TracedSession) -> tuple[float, str]:
    return (session.at.timestamp() if session.at else 0.0), session.id


def _again(session: TracedSession, wording: Wording, later: TracedSession, other: Wording) -> bool:
    if session.at is None or later.at is None or not timedelta(0) < later.at - session.at <= _LONGEST_BETWEEN:
        return False
    return alike(wording, other)


def _marked(session: TracedSession, opening: str) -> TracedSession:
    trace = session.trace
    repeated = Occurrence("request repeated", 0, trace.steps, quote=shortened(opening))
    marked = msgspec.structs.replace(trace, occurrences=(*trace.occurrences, repeated))
    return msgspec.structs.replace(session, trace=marked)
