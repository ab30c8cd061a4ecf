"""Who runs the turns of live sessions: one process a thread at a time, and another one when it is lost.

A row is there exactly while its thread runs and this server's side is to run it. Whoever holds a lease renews it; one
that lapses is anybody's. Times are the database's, so that the clocks of two machines do not matter. What a holder may
write is decided under the session's lock (:func:`hold`), so a holder that wakes up late can add nothing.
"""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

import msgspec
from psycopg.rows import class_row

from reverie.errors import ConflictError
from reverie.runtime.live_state import LiveState
from reverie.storage.postgres.announcement import CHANNEL, listen
from reverie.storage.postgres.database import Connection

LEASE_SECONDS = 20
"""How long a lease lasts after it was renewed: how long a turn stands still when its process hangs.

A process that ends lets go of its lock, which is noticed at the next sweep.
"""
RENEW_SECONDS = 5.0
MOST_AT_ONCE = 16
"""Turns that one claim takes, so that a process does not take all that come at once."""
TURNS = "reverie_turn"
"""The channel on which a turn that nobody runs is announced; the payload is the workspace's schema."""
LOCK_CLASS = 7_301_519
"""The class of the advisory locks that processes hold while they run turns; the other number is the owner's."""


class Lease(msgspec.Struct, frozen=True):
    """A turn of a thread that this process runs."""

    session_id: str
    session_key: int
    thread_id: str
    """``''`` is the session's own thread."""
    turn: int
    attempt: int
    """Claims since the turn last got on, this one included."""
    owner: int
    """The number of the lock that this process holds."""
    claim: int
    """Of all claims, which: a process may claim a turn again while its task of before still runs."""

    @property
    def thread(self) -> str | None:
        """The thread as events name it; None is the session's own."""
        return self.thread_id or None

    @property
    def thread_of(self) -> tuple[int, str]:
        """Which thread of which session it is."""
        return self.session_key, self.thread_id


@asynccontextmanager
async def present(url: str, owner: int) -> AsyncIterator[Connection]:
    """A connection that hears of turns and of sessions that grow, and holds the lock that says ``owner`` is there.

    Raises:
        psycopg.OperationalError: it cannot be made; also from within, when it is lost.
    """
    async with listen(url, CHANNEL, TURNS) as connection:
        await connection.execute("SELECT pg_advisory_lock(%s, %s)", [LOCK_CLASS, owner])
        yield connection


async def want_turns(connection: Connection, session_key: int, state: LiveState) -> None:
    """Have the threads that run be run by somebody, and no others; called under the session's lock.

    Nothing is waited for in a pipeline.
    """
    threads = [*([""] if state.primary_running else []), *(thread.id for thread in state.running_children)]
    wanted = threads if state.goes_on else []
    parameters = {"session": session_key, "turn": state.turn, "threads": wanted, "channel": TURNS}
    if not wanted:
        await connection.execute("DELETE FROM turn_leases WHERE session_key = %(session)s", parameters)
        return
    await connection.execute(
        """
        WITH gone AS (
            DELETE FROM turn_leases WHERE session_key = %(session)s AND thread_id <> ALL (%(threads)s)
        ), due AS (
            INSERT INTO turn_leases (session_key, thread_id, turn)
            SELECT %(session)s, thread, %(turn)s FROM unnest(%(threads)s::text[]) AS thread
            ON CONFLICT (session_key, thread_id) DO UPDATE
                SET turn = excluded.turn, owner = NULL, expires_at = '-infinity', attempt = 0,
                    waiting_since = clock_timestamp()
                WHERE turn_leases.turn <> excluded.turn
            RETURNING thread_id
        )
        SELECT pg_notify(%(channel)s, current_schema()) FROM due LIMIT 1
        """,
        parameters,
    )


async def claim(connection: Connection, owner: int, room: int, *, least_age: float = 0.0) -> list[Lease]:
    """Turns that nobody runs, now run by ``owner``; those that have waited longest come first.

    Args:
        room: how many may be run; :data:`MOST_AT_ONCE` are the most.
        least_age: how long a turn has to have waited, in seconds.
    """
    async with connection.cursor(row_factory=class_row(Lease)) as cursor:
        await cursor.execute(
            """
            UPDATE turn_leases AS l
            SET owner = %(owner)s, attempt = l.attempt + 1, claim = nextval('turn_claims'),
                expires_at = now() + make_interval(secs => %(ttl)s)
            FROM (
                SELECT session_key, thread_id FROM turn_leases
                WHERE expires_at < now() AND waiting_since <= clock_timestamp() - make_interval(secs => %(age)s)
                ORDER BY expires_at, waiting_since LIMIT %(most)s FOR UPDATE SKIP LOCKED
            ) AS free, sessions AS s
            WHERE l.session_key = free.session_key AND l.thread_id = free.thread_id AND s.key = l.session_key
            RETURNING s.id AS session_id, l.session_key, l.thread_id, l.turn, l.attempt, l.owner, l.claim
            """,
            {"owner": owner, "ttl": LEASE_SECONDS, "most": min(room, MOST_AT_ONCE), "age": least_age},
        )
        return await cursor.fetchall()


async def renew(connection: Connection, leases: Sequence[Lease]) -> list[Lease]:
    """Keep the leases of turns that are being run, and only those; the ones that are not ours any more."""
    if not leases:
        return []
    kept = await connection.execute(
        """
        UPDATE turn_leases AS l SET expires_at = now() + make_interval(secs => %(ttl)s)
        FROM unnest(%(keys)s::bigint[], %(threads)s::text[], %(turns)s::bigint[], %(claims)s::bigint[])
            AS x (key, thread, turn, claim)
        WHERE l.session_key = x.key AND l.thread_id = x.thread AND l.turn = x.turn AND l.claim = x.claim
            AND l.owner = %(owner)s
        RETURNING l.claim
        """,
        {
            "ttl": LEASE_SECONDS,
            "keys": [lease.session_key for lease in leases],
            "threads": [lease.thread_id for lease in leases],
            "turns": [lease.turn for lease in leases],
            "claims": [lease.claim for lease in leases],
            "owner": leases[0].owner,
        },
    )
    ours = {number for (number,) in await kept.fetchall()}
    return [lease for lease in leases if lease.claim not in ours]


async def free_dead(connection: Connection) -> int:
    """Let others have the leases of processes that are gone, told by the locks they held; how many there were."""
    freed = await connection.execute(
        """
        UPDATE turn_leases SET owner = NULL, expires_at = '-infinity'
        WHERE owner IS NOT NULL AND NOT EXISTS (
            SELECT FROM pg_locks
            WHERE locktype = 'advisory' AND classid = %s AND objid = owner::oid AND objsubid = 2 AND granted
                AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
        )
        """,
        [LOCK_CLASS],
    )
    return freed.rowcount


async def hold(connection: Connection, lease: Lease) -> None:
    """Make sure, under the session's lock, that a lease still stands.

    Raises:
        ConflictError: the turn is over, or was claimed again.
    """
    row = await connection.execute(f"SELECT WHERE {STANDS}".encode(), standing(lease))
    if await row.fetchone() is None:
        raise over(lease)


STANDS = """EXISTS (
    SELECT FROM turn_leases
    WHERE session_key = %(lease_key)s AND thread_id = %(lease_thread)s AND turn = %(lease_turn)s
        AND owner = %(lease_owner)s AND claim = %(lease_claim)s
)"""
"""That a lease stands; with the parameters of :func:`standing`."""


def standing(lease: Lease) -> dict[str, Any]:
    """Parameters of :data:`STANDS`."""
    return {
        "lease_key": lease.session_key,
        "lease_thread": lease.thread_id,
        "lease_turn": lease.turn,
        "lease_owner": lease.owner,
        "lease_claim": lease.claim,
    }


def over(lease: Lease) -> ConflictError:
    """What is raised where a lease does not stand."""
    return ConflictError(f"turn {lease.turn} of session {lease.session_id} is over, or was claimed again")


async def leave_to_others(connection: Connection, session_key: int) -> None:
    """A session that somebody records, and whose turn this side has not begun, is theirs from now on."""
    await connection.execute(
        "UPDATE live_sessions SET run_here = false WHERE session_key = %(key)s AND run_here"
        " AND NOT EXISTS (SELECT FROM turn_leases WHERE session_key = %(key)s AND owner IS NOT NULL)",
        {"key": session_key},
    )
    await connection.execute(
        "DELETE FROM turn_leases WHERE session_key = %(key)s"
        " AND NOT (SELECT run_here FROM live_sessions WHERE session_key = %(key)s)",
        {"key": session_key},
    )


async def note_progress(connection: Connection, lease: Lease) -> None:
    """The turn got on: claims before this do not count against it."""
    await connection.execute(
        "UPDATE turn_leases SET attempt = 1 WHERE session_key = %s AND thread_id = %s AND claim = %s AND attempt > 1",
        [lease.session_key, lease.thread_id, lease.claim],
    )


async def give_back(connection: Connection, owner: int) -> None:
    """Let others have the leases of a process that stops, and tell them."""
    freed = await connection.execute(
        "UPDATE turn_leases SET owner = NULL, expires_at = '-infinity', waiting_since = clock_timestamp()"
        " WHERE owner = %s RETURNING thread_id",
        [owner],
    )
    if await freed.fetchone() is not None:
        await connection.execute("SELECT pg_notify(%s, current_schema())", [TURNS])
