"""What charters come to: how behaviours stand, alarms, and past sessions judged; needs nothing, so clients read it."""

from datetime import datetime
from typing import Any, Literal

import msgspec

Act = Literal["notice", "pause"]
"""``notice``: tell whoever listens. ``pause``: stop the agent's turns as well, until a person resumes it."""


class AlarmNumbers(msgspec.Struct, frozen=True):
    """What an alarm was raised on."""

    sessions: int
    """Counted since the detector began."""
    rate: float
    """Over all of them."""
    low: float
    high: float
    """95 % interval of that rate (Wilson), as if it were looked at once."""
    recent: float
    """The rate over the last of them, fifty at the most."""
    value: float
    """Of the detector; the alarm is raised when it reaches the run length."""
    run_length: int
    allowed: tuple[float, float]


class AlarmPlace(msgspec.Struct, frozen=True):
    """Where in past sessions an alarm would have been raised."""

    session_id: str
    at: datetime | None
    """When that session ended, as far as its source says."""
    numbers: AlarmNumbers


class BehaviourTrial(msgspec.Struct, frozen=True):
    """One behaviour of one agent in past sessions."""

    behaviour: str
    agent: str
    """The id of an agent of this server, or the name that imported sessions bear; empty where they bear none."""
    sessions: int
    """That it could be counted in."""
    rate: float | None
    """None without any."""
    low: float | None
    high: float | None
    allowed: tuple[float, float]
    act: Act
    alarms: tuple[AlarmPlace, ...]
    """The first of them; the detector begins anew after each."""
    more_alarms: int = 0


class CharterTrialReport(msgspec.Struct, frozen=True):
    """A charter tried on past sessions, in the order in which they ended."""

    sessions: int
    unfinished: int
    """Sessions of the segment that have not come to rest, and are left out."""
    behaviours: tuple[BehaviourTrial, ...]


class CharterStanding(msgspec.Struct, frozen=True):
    """How one behaviour of one agent stands."""

    charter_agent_id: str | None
    """Whose charter it is of; null is the workspace's."""
    behaviour: str
    agent: str
    shows: dict[str, Any]
    allowed: tuple[float, float]
    act: Act
    sessions: int
    """Counted since the detector began."""
    rate: float | None
    low: float | None
    high: float | None
    value: float
    """Of the detector."""
    run_length: int
    alarm_id: str | None
    """The alarm that stands; until it is acknowledged nothing more is counted."""
