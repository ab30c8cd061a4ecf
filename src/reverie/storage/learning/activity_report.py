"""What went on in a workspace: sessions and how they fared day by day, and what waits for a person."""

from datetime import date, datetime
from typing import Literal

import msgspec

from reverie.statistics.quantity import Rate

MatterKind = Literal["alarm", "trial", "self_change", "failed_dream", "running_dream"]


class ActiveDay(msgspec.Struct, frozen=True):
    """The sessions that took place on one day, in UTC."""

    day: date
    sessions: int
    scored: int
    reward: Rate | None
    """Mean reward with its interval, sessions of one task as one cluster; None without a score. Parts and forks of
    sessions that are there are counted as sessions, and not here."""
    implicit: Rate | None
    """The same of the implicit outcome, by the default weights, of sessions that nobody scored and a dream has read."""


class Matter(msgspec.Struct, frozen=True):
    """Something to look at."""

    kind: MatterKind
    id: str
    subject_id: str
    """What it is about: an alarm's and a change's agent, a dream's and a trial's memory store; empty where gone."""
    title: str
    said: str
    """Why, in words; may be empty."""
    at: datetime


class ActivityReport(msgspec.Struct, frozen=True):
    """What went on."""

    since: datetime
    """The first day's beginning."""
    sessions: int
    """Of all times."""
    new_since: datetime
    new_sessions: int
    """Imported or begun since then."""
    new_scored: int
    days: tuple[ActiveDay, ...]
    """Those that had sessions, the earliest first."""
    matters: tuple[Matter, ...]
    """By kind, the newest first; at most 20 of a kind."""
    more_matters: bool
    """Whether there are more of some kind."""
