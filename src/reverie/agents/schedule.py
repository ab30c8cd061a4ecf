"""When a schedule's moments come: cron expressions matched against the clock on the wall of a time zone.

A local time that a change of the clocks skips never comes; one that it repeats comes twice.
"""

import hashlib
import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from functools import cache
from heapq import heappop, heappush
from itertools import islice
from zoneinfo import ZoneInfo, available_timezones

import msgspec
from cronsim import CronSim, CronSimError

from reverie.errors import InputError

UPCOMING = 5
"""How many moments to come are told."""
LEAST_JITTER = timedelta(seconds=5)
MOST_JITTER = timedelta(minutes=9)
JITTER_SHARE = 0.15
"""How late a run may begin, as a share of the time to the next."""
MOST_LATE = timedelta(hours=1)
"""A moment that no server was up for within this time is passed over, not made up for."""

_FIELD = re.compile(r"[0-9*/,-]+")
_MOST_REPEATED = timedelta(hours=3)
"""More than clocks are ever set back by."""


class Schedule(msgspec.Struct, frozen=True):
    """A cron expression of five fields, and the time zone whose wall clock it is read against."""

    expression: str
    timezone: str


class Due(msgspec.Struct, frozen=True):
    """A moment of a schedule."""

    scheduled_at: datetime
    """When the expression matches, in UTC."""
    fires_at: datetime
    """When the run begins: a little later, so that not all schedules of midnight begin at once."""


def read_schedule(expression: str, timezone: str) -> Schedule:
    """A schedule that has moments to come.

    Raises:
        InputError: the expression is none of five POSIX fields or never matches, or the time zone is unknown.
    """
    if timezone not in _known_timezones():
        raise InputError(f"schedule.timezone: {timezone!r} is no IANA time zone; give one such as Europe/Oslo or UTC")
    fields = expression.split()
    if len(fields) != 5 or not all(_FIELD.fullmatch(field) for field in fields):
        raise InputError(
            f"schedule.expression: {expression!r}; give minute, hour, day of month, month and day of week"
            " as numbers with * , - and /"
        )
    schedule = Schedule(" ".join(fields), timezone)
    try:
        CronSim(schedule.expression, datetime(2000, 1, 1))
    except CronSimError as error:
        raise InputError(f"schedule.expression: {expression!r}: {str(error).lower()}") from error
    return schedule


def occurrences(schedule: Schedule, after: datetime) -> Iterator[datetime]:
    """The moments of a schedule later than ``after``, in UTC and in order."""
    zone = ZoneInfo(schedule.timezone)
    # Begun early enough to see local times of before `after` that are still to be repeated.
    begin = after.astimezone(zone).replace(tzinfo=None) - _MOST_REPEATED
    repeated: list[datetime] = []
    for wall in CronSim(schedule.expression, begin):
        moments = _moments(wall, zone)
        if moments and moments[0] > after:
            while repeated and repeated[0] < moments[0]:
                yield heappop(repeated)
            yield moments[0]
        for moment in moments[1:]:
            if moment > after:
                heappush(repeated, moment)


def upcoming(schedule: Schedule, after: datetime) -> list[datetime]:
    """The next moments of a schedule, in UTC."""
    return list(islice(occurrences(schedule, after), UPCOMING))


def next_due(schedule: Schedule, scheduled_id: str, after: datetime) -> Due | None:
    """The next moment later than ``after``, with the delay that at that moment is the one of what is scheduled."""
    soon = list(islice(occurrences(schedule, after), 2))
    if not soon:
        return None
    scheduled_at = soon[0]
    interval = soon[-1] - scheduled_at
    most = min(max(interval * JITTER_SHARE, LEAST_JITTER), MOST_JITTER)
    return Due(scheduled_at, scheduled_at + most * _fraction(scheduled_id, scheduled_at))


def _moments(wall: datetime, zone: ZoneInfo) -> list[datetime]:
    """The instants at which the clock shows ``wall``: mostly one, two where it is set back, none where forward."""
    instants = {wall.replace(tzinfo=zone, fold=fold).astimezone(UTC) for fold in (0, 1)}
    return sorted(instant for instant in instants if instant.astimezone(zone).replace(tzinfo=None) == wall)


def _fraction(scheduled_id: str, scheduled_at: datetime) -> float:
    """From 0 to 1, the same whenever it is asked for, so that every process finds the same."""
    digest = hashlib.sha256(f"{scheduled_id} {scheduled_at.isoformat()}".encode()).digest()
    return int.from_bytes(digest[:4]) / 2**32


@cache
def _known_timezones() -> frozenset[str]:
    return frozenset(available_timezones())
