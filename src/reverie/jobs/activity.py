"""What went on in a workspace, with intervals as the statistics have them."""

from datetime import datetime, timedelta

import msgspec

from reverie.statistics.interval import ClusterSums, rate_of_sums
from reverie.statistics.quantity import Rate
from reverie.storage.learning.activity import ClusteredSums, count_new, list_matters, read_days
from reverie.storage.learning.activity_report import ActiveDay, ActivityReport
from reverie.storage.postgres.database import Connection


async def report_activity(
    connection: Connection, days: int, new_since: datetime | None, now: datetime
) -> ActivityReport:
    """What went on in the ``days`` up to now, today included.

    Args:
        new_since: since when sessions count as new; by default, since the first of the days.
    """
    midnight = now.replace(hour=0, minute=0, second=0, microsecond=0)
    since = midnight - timedelta(days=days - 1)
    summed = await read_days(connection, since, midnight + timedelta(days=1))
    looked = new_since or since
    new, scored, every = await count_new(connection, looked)
    matters, more = await list_matters(connection, since)
    return ActivityReport(
        since=since,
        sessions=every,
        new_since=looked,
        new_sessions=new,
        new_scored=scored,
        days=tuple(
            ActiveDay(day.day, day.sessions, day.scored, _rate(day.reward), _rate(day.implicit)) for day in summed
        ),
        matters=tuple(matters),
        more_matters=more,
    )


def _rate(found: ClusteredSums) -> Rate | None:
    return rate_of_sums(ClusterSums(**msgspec.structs.asdict(found)))
