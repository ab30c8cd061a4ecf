"""Where a stream begins that is opened just after a message was sent, as the SDK's examples do.

The turn may have ended by then, and whoever waits for its end would wait for ever. So such a stream goes back to what
was sent, unless that has been shown: a client that reads a turn to its end, opens the next stream and only then sends
must not meet the old end again (``design/011-contract.md``).
"""

from collections.abc import Sequence
from datetime import datetime, timedelta

import msgspec

from reverie.storage.live.log import LogFilter, LogRow, read_log
from reverie.storage.live.sessions import LiveSession
from reverie.storage.postgres.announcement import announce_shown
from reverie.storage.postgres.database import Connection

LATE = timedelta(seconds=5)
"""How long after a message a stream may be opened and still begin with it: many round trips, few turns."""
_LOOK_BACK = 500
"""Events at the log's end in which the message is looked for."""


_BEGINNINGS = ("session.status_running", "session.thread_status_running")


class Shown(msgspec.Struct, frozen=True):
    """Up to where clients have been shown a session's events."""

    session_id: str
    sequence: int
    at: datetime


class ShownEvents:
    """What has been shown in the last seconds; older notes decide nothing and are forgotten."""

    def __init__(self) -> None:
        self._notes: dict[str, Shown] = {}

    def note(self, shown: Shown) -> bool:
        """Remember what was shown; whether it is more than was known."""
        before = self._notes.pop(shown.session_id, None)
        more = before is None or before.sequence < shown.sequence
        self._notes[shown.session_id] = shown if more or before is None else before
        while (oldest := next(iter(self._notes.values()))).at < shown.at - LATE:
            del self._notes[oldest.session_id]
        return more

    def last(self, session_id: str) -> int:
        """The last sequence number known to have been shown, or -1."""
        known = self._notes.get(session_id)
        return -1 if known is None else known.sequence


async def note_shown(shown: ShownEvents, connection: Connection, note: Shown, *, rests: bool) -> None:
    """Remember that a client is shown a session's events.

    Args:
        rests: whether they end with the session at rest; then other servers are told too, since the client's next
            stream may be theirs.
    """
    if shown.note(note) and rests:
        await announce_shown(connection, note.session_id, note.sequence, note.at)


async def note_read(shown: ShownEvents, connection: Connection, session: LiveSession, now: datetime) -> None:
    """Remember that a client has read a session or its events; of sessions that have just been busy."""
    if session.run_here and session.last_event_at >= now - LATE:
        await note_shown(
            shown, connection, Shown(session.id, session.event_count - 1, now), rests=session.status == "idle"
        )


async def first_sequence(connection: Connection, session: LiveSession, last_shown: int, now: datetime) -> int:
    """The sequence number that a stream opened now begins with: the log's end, or what was sent just before.

    Sessions whose turns are recorded from elsewhere always begin at the end: who records knows when turns end.
    """
    end = session.event_count
    if not session.run_here or session.last_event_at < now - LATE:
        return end
    rows = await read_log(
        connection, session.key, LogFilter(everything=True), before=end, descending=True, limit=_LOOK_BACK
    )
    return max(_sent_lately(rows[::-1], now, end), min(last_shown + 1, end))


async def last_end(connection: Connection, session: LiveSession) -> int:
    """The sequence number of the latest turn's end in a session that rests; else the log's end.

    The SDK's tool runner takes calls that the server has answered for open ones (it knows ``user.tool_result`` alone),
    and leaves only when it sees a turn end: one that attaches after the end of a cloud session's turn would never
    leave. An end that it knows does no harm, because it leaves a while after the last one and sends no messages.
    """
    end = session.event_count
    if session.status != "idle":
        return end
    rows = await read_log(
        connection, session.key, LogFilter(everything=True), before=end, descending=True, limit=_LOOK_BACK
    )
    return end - 1 - next((place for place, row in enumerate(rows) if row.type == "session.status_idle"), -1)


def _sent_lately(rows: Sequence[LogRow], now: datetime, end: int) -> int:
    """The first input of the last seconds, or the beginning of the turn that took it in."""
    sent = (place for place, row in enumerate(rows) if row.type.startswith("user.") and row.at and row.at >= now - LATE)
    first = next(sent, None)
    if first is None:
        return end
    while first and rows[first - 1].type in _BEGINNINGS:
        first -= 1
    return end - len(rows) + first
