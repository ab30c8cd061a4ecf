"""The rules that stand for a thread's calls while its turn is run, and what its session has come to so far."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import lru_cache

from reverie.runtime.live_state import Transition
from reverie.runtime.prefix import Prefix
from reverie.runtime.reply_events import AskedCall
from reverie.runtime.rule import RuleSetVersion
from reverie.runtime.rules import RuleBook
from reverie.runtime.ruling import Ruling, judge_reply
from reverie.storage.live.leases import Lease
from reverie.storage.live.log import TICK, first_at
from reverie.storage.live.rules import read_log, read_rules, record_firings, standing_versions
from reverie.storage.live.sessions import LiveSession, WholeSession
from reverie.storage.live.threads import read_thread
from reverie.storage.postgres.database import Connection
from reverie.turn_model import TurnReply
from reverie.turns.desk import Desk

_MANY_EVENTS = 200
"""More than these are taken in on a thread, so that other turns go on meanwhile."""
TRIPPED = (
    "The agent was stopped: rules refused too many of its calls. Look at what it tries, then send a message to go on, "
    "or change the rules."
)


@dataclass(slots=True)
class TurnRules:
    """Judges the replies of one turn; the log is read once, and then only what is new."""

    _standing: tuple[tuple[str, int], ...] = ()
    _book: RuleBook | None = None
    _prefix: Prefix | None = None
    _read_to: int = 0
    _shown: tuple[str, ...] = field(default=())
    """Types of events that the prefix has been shown before they were stored."""

    async def judge(
        self,
        desk: Desk,
        connection: Connection,
        lease: Lease,
        session: WholeSession,
        reply: TurnReply,
        calls: Sequence[AskedCall],
    ) -> tuple[Ruling, datetime]:
        """What becomes of a reply's calls, and the time at which its events are to be stored.

        Args:
            session: locked until the transaction ends, so that nothing comes between what is looked at and what is
                stored.
        """
        now = desk.clock.now()
        untouched = Ruling(tuple(calls), (), False, ())
        if not calls:
            return untouched, now
        await self._find(connection, lease, session)
        if self._book is None:
            return untouched, now
        prefix = await self._catch_up(connection, self._book, session)
        ruling = judge_reply(self._book, prefix, reply, calls, session.event_count, first_at(session, now), TICK)
        self._shown = ruling.events
        return ruling, now

    async def note(self, connection: Connection, session: LiveSession, transition: Transition, ruling: Ruling) -> None:
        """Record the firings of a reply that has been stored in this transaction."""
        await record_firings(connection, session.key, ruling.firings)
        stored = tuple(event.type for event in transition.events[: len(self._shown)])
        if stored == self._shown:
            self._read_to = session.event_count + len(stored)
        else:
            self._prefix = None
        self._shown = ()

    async def _find(self, connection: Connection, lease: Lease, session: LiveSession) -> None:
        thread = lease.thread
        agent = session.agent or {} if thread is None else (await read_thread(connection, session, thread)).agent
        standing = await standing_versions(connection, agent.get("id") or "")
        if standing == self._standing:
            return
        sets = [(await read_rules(connection, owner, version)).as_version for owner, version in standing]
        book = _compiled(tuple(sets))
        self._standing, self._book, self._prefix = standing, None if book.is_empty else book, None

    async def _catch_up(self, connection: Connection, book: RuleBook, session: LiveSession) -> Prefix:
        if self._prefix is None:
            self._prefix, self._read_to = book.begin(), 0
        prefix = self._prefix
        events = await read_log(connection, session.key, self._read_to)

        def take_in() -> None:
            for sequence, event in events:
                prefix.see(sequence, event)

        if len(events) > _MANY_EVENTS:
            await asyncio.to_thread(take_in)
        else:
            take_in()
        self._read_to = session.event_count
        return prefix


@lru_cache(maxsize=64)
def _compiled(sets: tuple[RuleSetVersion, ...]) -> RuleBook:
    return RuleBook(sets)
