"""Delegations, and cross-checks of logs, are read from the events of sessions that rest, wherever they ran."""

from reverie.ids import event_id
from reverie.storage.live.cross_checks import insert_check
from reverie.storage.live.delegations import UnreadSession, add_delegations, next_unread, note_read
from reverie.storage.postgres.database import Connection, Database
from reverie.storage.sessions.transcripts import read_transcripts
from reverie.teams.cross_check import cross_checks
from reverie.teams.delegation import delegations
from reverie.teams.draw_log import logged_choices

SESSIONS_AT_ONCE = 200
"""The most that one transaction reads; few of them have delegations."""


async def read_all_delegations(database: Database) -> int:
    """Read what is unread, in transactions of their own; how many sessions that were."""
    total = 0
    while True:
        async with database.connection() as connection:
            read = await read_delegations(connection)
        total += read
        if not read:
            return total


async def read_delegations(connection: Connection) -> int:
    """Read the delegations of the next sessions; how many sessions that were."""
    sessions = await next_unread(connection, SESSIONS_AT_ONCE)
    if not sessions:
        return 0
    await note_read(connection, sessions)
    for session in sessions:
        if session.has_delegations:
            await _read(connection, session)
    return len(sessions)


async def _read(connection: Connection, session: UnreadSession) -> None:
    for transcript in await read_transcripts(connection, [session.id]):
        # Whoever records or imports a session says what happened; what this server drew it knows by itself.
        drawn = logged_choices(transcript.events) if session.is_ours else {}
        # A draw is of a thread's first task; later ones its coordinator gives it.
        found = [(one, drawn.pop(one.to_thread, None)) for one in delegations(transcript.events)]
        await add_delegations(connection, session, found)
        if not session.is_ours:  # one that ran here kept them when they were settled
            for check in cross_checks(transcript.events):
                await insert_check(connection, session.key, event_id(session.id, check.number), session.family, check)
