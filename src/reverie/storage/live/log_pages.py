"""Pages of a session's log, those of its inputs that wait last; nothing is lost or doubled while the log grows."""

from collections.abc import Sequence

import msgspec

from reverie.runtime.inbox import QUEUED_TYPES
from reverie.storage.live.log import LogFilter, LogRow, read_inputs, read_log
from reverie.storage.live.sessions import LiveSession
from reverie.storage.postgres.database import Connection


class LogPlace(msgspec.Struct, frozen=True):
    """How far a client has turned the pages, forwards or backwards; empty before the first page."""

    sequence: int | None = None
    """Of the last event shown. Backwards, how long the log was at first, as long as only inputs have been shown."""
    input_number: int | None = None
    """Of the last input that was shown as waiting. Backwards, None once events are shown."""


async def read_forwards(
    connection: Connection, session: LiveSession, wanted: LogFilter, place: LogPlace, limit: int
) -> tuple[list[LogRow], LogPlace | None]:
    """At most ``limit`` rows after ``place``, and the place after them; None where there are no more."""
    shown = -1 if place.input_number is None else place.input_number
    # Inputs before the log: then one that is taken in meanwhile is read twice, and not missed.
    waiting = await read_inputs(connection, session.key, wanted, after=shown, waiting_at=_NEVER) if session.live else []
    after = -1 if place.sequence is None else place.sequence
    events = await read_log(connection, session.key, wanted, after=after, inputs_after=shown, limit=limit + 1)
    taken = {row.input_number for row in events if row.type in QUEUED_TYPES}
    rows = [*events, *(row for row in waiting if row.input_number not in taken)]
    return rows[:limit], _forwards(rows[:limit], place) if len(rows) > limit else None


_NEVER = 2**31 - 1
"""Longer than any log: what has not been taken in at all."""


def _forwards(shown: Sequence[LogRow], place: LogPlace) -> LogPlace:
    events = [row.sequence for row in shown if row.sequence is not None]
    number = place.input_number if shown[-1].sequence is not None else shown[-1].input_number
    return LogPlace(events[-1] if events else place.sequence, number)


async def read_backwards(
    connection: Connection, session: LiveSession, wanted: LogFilter, place: LogPlace, limit: int
) -> tuple[list[LogRow], LogPlace | None]:
    """As :func:`read_forwards`, from the end: of the log as it was when the first page was read."""
    end = session.event_count if place.sequence is None else place.sequence
    rows: list[LogRow] = []
    if session.live and (place.sequence is None or place.input_number is not None):
        waiting = await read_inputs(connection, session.key, wanted, before=place.input_number, waiting_at=end)
        rows = waiting[::-1]
    if len(rows) <= limit:
        rows += await read_log(
            connection, session.key, wanted, before=end, descending=True, limit=limit + 1 - len(rows)
        )
    if len(rows) <= limit:
        return rows, None
    last = rows[limit - 1]
    after = LogPlace(end, last.input_number) if last.sequence is None else LogPlace(last.sequence)
    return rows[:limit], after
