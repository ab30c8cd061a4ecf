"""Sessions that have ended judged by the charters that stand, each once, and alarms raised."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from datetime import datetime

import msgspec

from reverie.errors import StateError
from reverie.runtime.charter import CharterBehaviour, Fired
from reverie.runtime.charter_judgement import Judge
from reverie.runtime.charter_report import CharterStanding
from reverie.runtime.charter_watch import Watch, alarm_numbers, begin
from reverie.statistics.change_detection import RateDetector
from reverie.storage.live.charter_alarms import (
    Alarm,
    list_alarms,
    note_acknowledged,
    raise_alarm,
    read_alarm,
)
from reverie.storage.live.charter_watches import (
    EndedSession,
    Judgement,
    StoredWatch,
    add_judgements,
    last_place,
    next_ended,
    read_recent,
    read_watches,
    rules_fired,
    write_watches,
)
from reverie.storage.live.charters import StoredCharter, charter_owners, hold_charter, read_charter
from reverie.storage.postgres.act import record_act, system_actor
from reverie.storage.postgres.database import Connection, Database
from reverie.storage.postgres.outbox import WebhookNotice, write_notices
from reverie.storage.sessions.transcripts import read_transcripts

ALARM = "charter.alarm"
"""Of the notice for webhooks, and of the act in the audit log."""
SESSIONS_AT_ONCE = 100
"""Judged in one transaction."""
_MOST_ALARMS = 10_000
_ACTOR = system_actor("charter")


class Looked(msgspec.Struct, frozen=True):
    """What came of a look at the sessions that a charter had not judged."""

    judged: int = 0
    alarms: tuple[Alarm, ...] = ()


async def look_at_all(database: Database, workspace_id: str, now: datetime) -> AsyncIterator[Looked]:
    """Judge what has ended by every charter of a workspace; each step is a transaction of its own, notices included."""
    async with database.connection() as connection:
        owners = await charter_owners(connection)
    for owner in owners:
        judged = SESSIONS_AT_ONCE
        while judged == SESSIONS_AT_ONCE:
            async with database.connection() as connection:
                looked = await look(connection, owner, now)
                await write_notices(connection, [_notice(alarm) for alarm in looked.alarms], workspace_id, now)
            judged = looked.judged
            if judged:
                yield looked


async def look(connection: Connection, charter_agent_id: str, now: datetime) -> Looked:
    """Judge the next sessions that have ended by the charter of an agent, or with ``''`` of the workspace.

    The charter is held meanwhile, so that every session is judged once, however many servers look.
    """
    since = await hold_charter(connection, charter_agent_id)
    if since is None:
        return Looked()
    stored = await read_charter(connection, charter_agent_id)
    rest_minutes = stored.charter.rest_minutes
    sessions = await next_ended(connection, charter_agent_id, since, rest_minutes, now, SESSIONS_AT_ONCE)
    if not sessions:
        return Looked()
    judgements = await _judge(connection, stored, sessions, now)
    await add_judgements(connection, charter_agent_id, judgements)
    alarms = await _Standing(connection, stored, now).take_in(sessions, judgements)
    return Looked(len(sessions), tuple([await read_alarm(connection, alarm_id) for alarm_id in alarms]))


async def _judge(
    connection: Connection, stored: StoredCharter, sessions: Sequence[EndedSession], now: datetime
) -> list[Judgement]:
    charter = stored.charter
    asks_rules = any(isinstance(one.shows, Fired) for one in charter.behaviours)
    fired = await rules_fired(connection, [one.key for one in sessions]) if asks_rules else {}
    # Without behaviours nothing has to be read: the sessions are passed over, for good.
    transcripts = await read_transcripts(connection, [one.id for one in sessions]) if charter.behaviours else []
    keys, judge = {one.id: one.key for one in sessions}, Judge(charter)

    def judge_all() -> dict[str, dict[str, float]]:
        return {one.session.id: judge.judge(one, fired.get(keys[one.session.id])) for one in transcripts}

    shown = await asyncio.to_thread(judge_all)
    first = await last_place(connection, stored.agent_id) + 1
    return [
        Judgement(first + place, one.key, one.agent, stored.version, shown.get(one.id, {}), now)
        for place, one in enumerate(sessions)
    ]


class _Standing:
    """The watches of one charter, which is held, brought up to date."""

    def __init__(self, connection: Connection, stored: StoredCharter, now: datetime) -> None:
        self._connection, self._stored, self._now = connection, stored, now
        self._charter = stored.charter
        self._watches: dict[tuple[str, str], StoredWatch] = {}
        self._alarms: list[str] = []

    async def take_in(self, sessions: Sequence[EndedSession], judgements: Sequence[Judgement]) -> list[str]:
        """Count judgements in their order; the ids of alarms."""
        known = await read_watches(self._connection, self._stored.agent_id)
        self._watches = {(one.agent, one.behaviour): one for one in known}
        changed = set()
        for session, judgement in zip(sessions, judgements, strict=True):
            for behaviour in self._charter.behaviours:
                if behaviour.name in judgement.shown:
                    await self._count(behaviour, session, judgement)
                    changed.add((judgement.agent, behaviour.name))
        await write_watches(self._connection, [self._watches[key] for key in sorted(changed)])
        return self._alarms

    async def _count(self, behaviour: CharterBehaviour, session: EndedSession, judgement: Judgement) -> None:
        key, place = (judgement.agent, behaviour.name), judgement.place
        stored = self._watches.get(key)
        if stored is None or stored.watched != behaviour.watched:
            owner, agent = self._stored.agent_id, judgement.agent
            stored = StoredWatch(
                owner, agent, behaviour.name, behaviour.watched, place - 1, place - 1, begin(behaviour)
            )
        if stored.alarm_id is None:
            watch = stored.watch.take_in(judgement.shown[behaviour.name])
            stored = msgspec.structs.replace(stored, watch=watch, through_place=place)
            stored = await self._alarm(behaviour, stored, session)
        self._watches[key] = stored

    async def _alarm(self, behaviour: CharterBehaviour, stored: StoredWatch, session: EndedSession) -> StoredWatch:
        run_length = self._charter.run_length_of(behaviour)
        if not stored.watch.detector.alarms(run_length):
            return stored
        recent = await read_recent(self._connection, stored)
        numbers = alarm_numbers(behaviour, stored.watch, run_length, recent)
        assert numbers is not None
        # Whoever runs imported sessions is not here to be paused.
        act = behaviour.alarm if session.live else "notice"
        charter = (self._stored.agent_id, self._stored.version)
        alarm_id = await raise_alarm(
            self._connection, charter, stored.agent, behaviour.name, act, numbers, session.id, self._now
        )
        details = {
            "agent": stored.agent,
            "behaviour": behaviour.name,
            "act": act,
            "numbers": msgspec.to_builtins(numbers),
            "undo": f"reverie charter acknowledge {alarm_id}",
        }
        await record_act(self._connection, _ACTOR, ALARM, alarm_id, "", self._now, details)
        self._alarms.append(alarm_id)
        return msgspec.structs.replace(stored, alarm_id=alarm_id)


def _notice(alarm: Alarm) -> WebhookNotice:
    return WebhookNotice(ALARM, alarm.id, {"agent": alarm.agent, "behaviour": alarm.behaviour, "act": alarm.act})


async def acknowledge(connection: Connection, alarm_id: str, by: str, now: datetime, note: str = "") -> Alarm:
    """Let an alarm stand no more: its detector begins anew, and an agent that it paused goes on.

    Raises:
        NotFoundError: there is no such alarm.
        StateError: somebody acknowledged it before.
    """
    alarm = await read_alarm(connection, alarm_id)
    await hold_charter(connection, alarm.charter_agent_id)
    if not await note_acknowledged(connection, alarm_id, by, note, now):
        raise StateError(f"alarm {alarm_id} has been acknowledged before; `reverie charter alarms` tells by whom")
    place = await last_place(connection, alarm.charter_agent_id)
    watches = await read_watches(connection, alarm.charter_agent_id, alarm.agent)
    await write_watches(
        connection,
        [
            msgspec.structs.replace(one, from_place=place, through_place=place, watch=_anew(one.watch), alarm_id=None)
            for one in watches
            if one.alarm_id == alarm_id
        ],
    )
    return await read_alarm(connection, alarm_id)


def _anew(watch: Watch) -> Watch:
    return Watch(RateDetector(watch.detector.low, watch.detector.high))


async def resume(connection: Connection, agent: str, by: str, now: datetime, note: str = "") -> list[Alarm]:
    """Let a paused agent go on: all alarms that pause it are acknowledged.

    Raises:
        StateError: none does.
    """
    standing = await list_alarms(connection, agent, standing=True, before=None, limit=_MOST_ALARMS)
    pausing = [one for one in standing if one.act == "pause"]
    if not pausing:
        raise StateError(f"agent {agent} is not paused by a charter; `reverie charter standing` tells how agents stand")
    return [await acknowledge(connection, one.id, by, now, note) for one in pausing]


async def standing(connection: Connection, charter_agent_id: str | None, agent: str | None) -> list[CharterStanding]:
    """How every behaviour of the charters that stand does, by charter, behaviour and agent.

    Args:
        charter_agent_id: of this charter alone; None is all.
        agent: of this agent alone; None is any.
    """
    owners = await charter_owners(connection) if charter_agent_id is None else [charter_agent_id]
    found: list[CharterStanding] = []
    for owner in owners:
        stored, watches = await read_charter(connection, owner), await read_watches(connection, owner, agent)
        for behaviour in stored.charter.behaviours:
            mine = [one for one in watches if one.behaviour == behaviour.name and one.watched == behaviour.watched]
            if mine:
                found += [_standing(stored, behaviour, one.agent, one.watch, one.alarm_id) for one in mine]
            elif agent is None or owner in ("", agent):
                found.append(_standing(stored, behaviour, owner or agent or "", begin(behaviour), None))
    return found


def _standing(
    stored: StoredCharter, behaviour: CharterBehaviour, agent: str, watch: Watch, alarm_id: str | None
) -> CharterStanding:
    low, high = watch.interval or (None, None)
    return CharterStanding(
        charter_agent_id=stored.agent_id or None,
        behaviour=behaviour.name,
        agent=agent,
        shows={name: value for name, value in msgspec.to_builtins(behaviour.shows).items() if value is not None},
        allowed=(behaviour.low, behaviour.high),
        act=behaviour.alarm,
        sessions=watch.sessions,
        rate=watch.rate,
        low=low,
        high=high,
        value=watch.detector.value,
        run_length=stored.charter.run_length_of(behaviour),
        alarm_id=alarm_id,
    )
