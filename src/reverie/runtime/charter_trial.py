"""A charter tried on sessions that are past: the rate of each behaviour, and where alarms would have been raised."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import NamedTuple

import msgspec

from reverie.runtime.charter import Charter, CharterBehaviour
from reverie.runtime.charter_report import AlarmPlace, BehaviourTrial, CharterTrialReport
from reverie.runtime.charter_watch import alarm_numbers, begin, watch_all

MOST_PLACES = 5
"""Alarms of each behaviour of an agent that are told one by one."""


class Seen(msgspec.Struct, frozen=True):
    """What a past session shows."""

    session_id: str
    agent: str
    ended_at: datetime | None
    shown: Mapping[str, float]


class _Value(NamedTuple):
    session: Seen
    number: float


def replay(charter: Charter, seen: Sequence[Seen], unfinished: int) -> CharterTrialReport:
    """What a charter would have come to.

    Args:
        seen: in the order in which the sessions ended.
    """
    agents = sorted({one.agent for one in seen})
    trials = (_trial(charter, behaviour, agent, seen) for behaviour in charter.behaviours for agent in agents)
    return CharterTrialReport(len(seen), unfinished, tuple(trials))


def _trial(charter: Charter, behaviour: CharterBehaviour, agent: str, seen: Sequence[Seen]) -> BehaviourTrial:
    name = behaviour.name
    values = [_Value(one, one.shown[name]) for one in seen if one.agent == agent and name in one.shown]
    whole = watch_all(behaviour, (one.number for one in values))
    low, high = whole.interval or (None, None)
    alarms = list(_alarms(behaviour, charter.run_length_of(behaviour), values))
    return BehaviourTrial(
        behaviour=name,
        agent=agent,
        sessions=whole.sessions,
        rate=whole.rate,
        low=low,
        high=high,
        allowed=(behaviour.low, behaviour.high),
        act=behaviour.alarm,
        alarms=tuple(alarms[:MOST_PLACES]),
        more_alarms=max(len(alarms) - MOST_PLACES, 0),
    )


def _alarms(behaviour: CharterBehaviour, run_length: int, values: Sequence[_Value]) -> Iterator[AlarmPlace]:
    """Alarms, each acknowledged at once."""
    watch, since = begin(behaviour), 0
    for place, value in enumerate(values):
        watch = watch.take_in(value.number)
        recent = [one.number for one in values[since : place + 1]] if watch.detector.alarms(run_length) else []
        numbers = alarm_numbers(behaviour, watch, run_length, recent)
        if numbers is not None:
            yield AlarmPlace(value.session.session_id, value.session.ended_at, numbers)
            watch, since = begin(behaviour), place + 1
