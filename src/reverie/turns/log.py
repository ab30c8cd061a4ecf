"""Writing to the log of a leased turn: held to the turn and the lease, with the notices for webhooks."""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any

from reverie.runtime.live_state import LiveState, Transition
from reverie.runtime.writer import record
from reverie.storage.live.leases import Lease, hold
from reverie.storage.live.log import Also, apply_transition, state_of
from reverie.storage.live.sessions import LiveSession, WholeSession, read_whole_session
from reverie.storage.postgres.database import Connection
from reverie.storage.postgres.outbox import WebhookNotice, write_notices
from reverie.turns.desk import Desk


async def write(
    desk: Desk,
    connection: Connection,
    lease: Lease,
    events: Sequence[Mapping[str, Any]],
    then: Callable[[Transition], None] | None = None,
    at: datetime | None = None,
    locked: WholeSession | None = None,
    also: Also | None = None,
) -> tuple[LiveSession, Transition]:
    """Record events of the leased turn; ``then`` does more in the same transition.

    Args:
        at: when they happen, read just before; by default now.
        locked: the session, where this transaction has locked it already under the lease.
        also: stores what belongs to the events.

    Raises:
        ConflictError: the lease does not stand.
    """
    now = desk.clock.now() if at is None else at

    def decide(state: LiveState) -> Transition:
        transition = record(state, events, now, thread_id=lease.thread, expected_turn=lease.turn)
        if then is not None:
            then(transition)
        return transition

    async def store_more(session: LiveSession, transition: Transition) -> None:
        await notify(desk, connection, session, transition)
        if also is not None:
            await also(session, transition)

    return await apply_transition(
        connection, lease.session_id, decide, now, lease=lease, locked=locked, also=store_more
    )


async def look(connection: Connection, lease: Lease) -> tuple[LiveSession, LiveState]:
    """The session of a leased turn as it is.

    Raises:
        ConflictError: the lease does not stand.
    """
    session = await read_whole_session(connection, lease.session_id)
    # After that: while the lease stands, so does what was read.
    await hold(connection, lease)
    return session, state_of(session)


async def append(desk: Desk, lease: Lease, events: Sequence[Mapping[str, Any]]) -> None:
    """Record events of the leased turn in a transaction of their own.

    Raises:
        ConflictError: the lease does not stand.
    """
    async with desk.database.connection() as connection:
        await write(desk, connection, lease, events)


async def notify(desk: Desk, connection: Connection, session: LiveSession, transition: Transition) -> None:
    """Queue what webhooks are told of a transition."""
    notices = [WebhookNotice(type_, session.id) for type_ in dict.fromkeys(transition.notices)]
    await write_notices(connection, notices, desk.workspace_id, desk.clock.now())
