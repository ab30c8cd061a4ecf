"""How a session went, as its own agent says; for agents that run elsewhere and whose sessions nobody imports.

The session of a briefing is then recorded by its outcome alone. Dreams leave such a session out, as nothing is known of
what was done in it; live trials count its reward.
"""

import tempfile
from pathlib import Path

import msgspec

from reverie.clock import Clock
from reverie.errors import InputError, NotFoundError
from reverie.ids import derived_id
from reverie.sessions.session import Score
from reverie.settings import Settings
from reverie.storage.live.external_briefings import (
    ExternalBriefing,
    find_briefed_session,
    find_external_briefing,
    find_session_key,
)
from reverie.storage.postgres.database import Database
from reverie.storage.sessions.import_summary import ImportOptions
from reverie.storage.sessions.ingest import import_sessions
from reverie.storage.sessions.scores import score_session

METRIC = "reported_outcome"
"""A metric of its own: what an agent says of itself replaces no test's and no person's word."""
_ENDED = "the harness recorded the outcome alone"
"""Says to dreams that this transcript is none."""
_LONGEST_NOTE = 2_000


class ReportedOutcome(msgspec.Struct, frozen=True):
    """What became of a report."""

    session_id: str
    reward: float | None
    """None where the metrics that are defined do not count :data:`METRIC`."""
    is_new: bool
    """Whether the session was recorded for it."""


async def report_outcome(
    database: Database,
    settings: Settings,
    clock: Clock,
    reference: str,
    score: float,
    *,
    note: str = "",
    agent: str | None = None,
) -> ReportedOutcome:
    """Record a score from 0 to 1 of the session that ``reference`` names: its id, or that of its briefing.

    Raises:
        InputError: the score is out of its range.
        NotFoundError: neither a session nor a briefing is known by this reference.
    """
    if not 0 <= score <= 1:
        raise InputError(f"score: {score} is not between 0 (failed) and 1 (succeeded); give one that is")
    async with database.connection() as connection:
        briefing = await find_external_briefing(connection, reference)
        briefing = briefing or await find_external_briefing(connection, derived_id("brf", reference))
        known = await find_session_key(connection, reference) is not None
        session_id = reference if known or briefing is None else await find_briefed_session(connection, briefing.id)
    if not known and briefing is None:
        raise NotFoundError(
            f"neither a session nor a briefing is known by {reference!r}; ask for a briefing first, and report under "
            "the reference that it came with"
        )
    is_new = session_id is None
    if session_id is None and briefing is not None:
        session_id = await _record(database, settings, clock, briefing, note, agent)
    async with database.connection() as connection:
        reward = await score_session(connection, str(session_id), [Score(METRIC, score)])
    return ReportedOutcome(str(session_id), reward, is_new)


def outcome_session_id(briefing_id: str) -> str:
    """The id of a session that is recorded by its outcome alone."""
    return f"outcome-{briefing_id}"


async def _record(
    database: Database, settings: Settings, clock: Clock, briefing: ExternalBriefing, note: str, agent: str | None
) -> str:
    """A session of which the outcome alone is known, read and redacted as any import is.

    It has an id of its own, so that the whole session can still be imported under the reference.
    """
    session_id = outcome_session_id(briefing.id)
    said = note.strip()[:_LONGEST_NOTE] or "No note."
    session = {
        "id": session_id,
        "messages": [{"role": "user", "content": "How did it go?"}, {"role": "assistant", "content": said}],
        "metadata": {"reverie_briefing": briefing.id, "termination": _ENDED, "started_at": clock.now().isoformat()},
    }
    options = ImportOptions(
        format="chat", overrides={} if agent is None else {"agent": agent}, strict=True, redact=settings.redaction
    )
    with tempfile.TemporaryDirectory(prefix="reverie-outcome-") as folder:
        file = Path(folder) / "outcome.jsonl"
        file.write_bytes(msgspec.json.encode(session) + b"\n")
        summary = await import_sessions(database, settings, [file], options, clock, lambda _: None)
    if summary.errors:
        raise InputError(f"the outcome could not be recorded: {summary.errors[0].reason}")
    return session_id
