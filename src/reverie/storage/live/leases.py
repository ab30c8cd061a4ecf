"""Who runs the turns of live sessions: one process a thread at a time, and another one when it is lost.

A row is there exactly while its thread runs and this server's side is to run it. Whoever holds a lease renews it; one
that lapses is anybody's. Times are the database's, so that the clocks of two machines do not matter. What a holder may
write is decided under the session's lock (:func:`hold`), so a holder that wakes up late can add nothing.
"""

from collections.abc import Sequence

import msgspec
from psycopg.rows import class_row

from reverie.errors import ConflictError
from reverie.runtime.live_state import LiveState
from reverie.storage.postgres.database import Connection

LEASE_SECONDS = 20
"""How long a lease lasts after it was renewed: about how long a turn stands still when its process is killed."""
RENEW_SECONDS = 5.0
TURNS = "reverie_turn"
"""The channel on which a turn that nobody runs is announced; the payload is the workspace's schema."""


class Lease(msgspec.Struct, frozen=True):
    """A turn of a thread that this process runs."""

    session_id: str
    session_key: int
    thread_id: str
    """``''`` is the session's own thread."""
    turn: int
    attempt: int
    """Claims since the turn last got on, this one included."""
    owner: str

    @property
    def thread(self) -> str | None:
        """The thread as events name it; None is the session's own."""
        return self.thread_id or None


async def want_turns(connection: Connection, session_key: int, state: LiveState) -> None:
    """Have the threads that run be run by somebody, and no others; called under the session's lock."""
    threads = [*([""] if state.primary_running else []), *(thread.id for thread in state.running_children)]
    wanted = threads if state.goes_on else []
    await connection.execute(
        "DELETE FROM turn_leases WHERE session_key = %s AND thread_id <> ALL (%s)", [session_key, wanted]
    )
    if not wanted:
        return
    changed = await connection.execute(
        """
        INSERT INTO turn_leases (session_key, thread_id, turn)
        SELECT %(session)s, thread, %(turn)s FROM unnest(%(threads)s::text[]) AS thread
        ON CONFLICT (session_key, thread_id) DO UPDATE
            SET turn = excluded.turn, owner = NULL, expires_at = NULL, attempt = 0, wanted_at = now()
            WHERE turn_leases.turn <> excluded.turn
        RETURNING thread_id
        """,
        {"session": session_key, "turn": state.turn, "threads": wanted},
    )
    if await changed.fetchone() is not None:
        await connection.execute("SELECT pg_notify(%s, current_schema())", [TURNS])


async def claim(connection: Connection, owner: str, most: int) -> list[Lease]:
    """Turns that nobody runs, now run by ``owner``; those that have waited longest come first."""
    async with connection.cursor(row_factory=class_row(Lease)) as cursor:
        await cursor.execute(
            """
            UPDATE turn_leases AS l
            SET owner = %(owner)s, attempt = l.attempt + 1, expires_at = now() + make_interval(secs => %(ttl)s)
            FROM (
                SELECT session_key, thread_id FROM turn_leases
                WHERE owner IS NULL OR expires_at < now()
                ORDER BY wanted_at LIMIT %(most)s FOR UPDATE SKIP LOCKED
            ) AS free, sessions AS s
            WHERE l.session_key = free.session_key AND l.thread_id = free.thread_id AND s.key = l.session_key
            RETURNING s.id AS session_id, l.session_key, l.thread_id, l.turn, l.attempt, l.owner
            """,
            {"owner": owner, "ttl": LEASE_SECONDS, "most": most},
        )
        return await cursor.fetchall()


async def renew(connection: Connection, owner: str) -> None:
    """Keep all leases of a process."""
    await connection.execute(
        "UPDATE turn_leases SET expires_at = now() + make_interval(secs => %s) WHERE owner = %s",
        [LEASE_SECONDS, owner],
    )


async def hold(connection: Connection, lease: Lease) -> None:
    """Make sure, under the session's lock, that a lease still stands.

    Raises:
        ConflictError: the turn is over, or another process has it.
    """
    row = await connection.execute(
        "SELECT FROM turn_leases WHERE session_key = %s AND thread_id = %s AND turn = %s AND owner = %s",
        [lease.session_key, lease.thread_id, lease.turn, lease.owner],
    )
    if await row.fetchone() is None:
        raise ConflictError(f"turn {lease.turn} of session {lease.session_id} is over, or another process runs it")


async def held(connection: Connection, owner: str) -> Sequence[tuple[int, str, int]]:
    """Session key, thread and turn of every lease that ``owner`` still has."""
    row = await connection.execute("SELECT session_key, thread_id, turn FROM turn_leases WHERE owner = %s", [owner])
    return [(key, thread_id, turn) for key, thread_id, turn in await row.fetchall()]


async def note_progress(connection: Connection, lease: Lease) -> None:
    """The turn got on: claims before this do not count against it."""
    await connection.execute(
        "UPDATE turn_leases SET attempt = 1 WHERE session_key = %s AND thread_id = %s AND owner = %s AND attempt > 1",
        [lease.session_key, lease.thread_id, lease.owner],
    )


async def give_back(connection: Connection, owner: str) -> None:
    """Let others have the leases of a process that stops."""
    freed = await connection.execute(
        "UPDATE turn_leases SET owner = NULL, expires_at = NULL, wanted_at = now()"
        " WHERE owner = %s RETURNING thread_id",
        [owner],
    )
    if await freed.fetchone() is not None:
        await connection.execute("SELECT pg_notify(%s, current_schema())", [TURNS])
