"""What happened since the visitor last looked, and what waits for a person."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from urllib.parse import quote

import msgspec
from starlette.responses import Response

from reverie.api.records import Activity
from reverie.console.last_look import keep_look, since_last
from reverie.console.page import page
from reverie.console.pages.sessions import href_of, literal
from reverie.console.visit import Visit
from reverie.errors import InputError
from reverie.statistics.quantity import Rate
from reverie.storage.learning.activity_report import ActiveDay, Matter, MatterKind

SPANS = (7, 30, 90)
"""Days that may be looked at by a link."""
_HEADINGS: tuple[tuple[MatterKind, str, str], ...] = (
    ("alarm", "Alarms that nobody has acknowledged", "bad"),
    ("trial", "Trials that need you", "open"),
    ("self_change", "Changes of agents that wait for you", "open"),
    ("failed_dream", "Dreams that failed", "bad"),
    ("running_dream", "Dreams under way", ""),
)


class MatterLink(msgspec.Struct, frozen=True):
    """Something to look at, with the page that shows it."""

    title: str
    said: str
    at: datetime
    href: str


class MatterGroup(msgspec.Struct, frozen=True):
    """What there is of a kind."""

    heading: str
    badge: str
    links: tuple[MatterLink, ...]


class Chart(msgspec.Struct, frozen=True):
    """What console.js draws by uPlot."""

    data: list[list[float | None]]
    series: list[dict[str, object]]
    bands: list[tuple[int, int, int]]


@page("GET", "/console", "home")
async def home(visit: Visit) -> Response:
    """The first page."""
    asked = visit.text("since")
    ended, kept = since_last(visit.request, visit.now)
    since = _time(asked) if asked else ended
    days = _days(visit.text("days", str(SPANS[1])))
    activity = await visit.client.activity(days, new_since=since)
    response = visit.show(
        "home.html",
        activity=activity,
        days=days,
        spans=SPANS,
        since=since,
        new_href=href_of(f"imported_at >= {literal(activity.new_since.isoformat())}"),
        groups=_groups(activity.matters),
        rows=activity.days[::-1],
        has_reward=any(day.reward for day in activity.days),
        has_implicit=any(day.implicit for day in activity.days),
        count_chart=_text(count_chart(_all_days(activity, visit.now))),
        reward_chart=_text(reward_chart(_all_days(activity, visit.now))),
    )
    if not asked:
        keep_look(visit.request, response, kept)
    return response


def matter_href(matter: Matter) -> str:
    """The page that shows it."""
    subject, id_ = quote(matter.subject_id, safe=""), quote(matter.id, safe="")
    match matter.kind:
        case "alarm" | "self_change":
            return f"/console/agents/{subject}"
        case "trial":
            return f"/console/trials/{id_}"
        case _:
            return f"/console/dreams/{id_}"


def count_chart(days: Sequence[ActiveDay]) -> Chart:
    """Sessions a day."""
    return Chart([_axis(days), [float(day.sessions) for day in days]], [{"label": "sessions", "colour": 0}], [])


def reward_chart(days: Sequence[ActiveDay]) -> Chart:
    """Mean reward and the implicit outcome a day, each with its interval; days without any leave a gap."""
    data, series, bands = [_axis(days)], [], []
    for place, (label, rates) in enumerate(
        (
            ("mean reward", [day.reward for day in days]),
            ("implicit outcome of unscored sessions", [day.implicit for day in days]),
        )
    ):
        if not any(rates):
            continue
        first, colour = len(data), place + 1
        data += [_numbers(rates, "value"), _numbers(rates, "low"), _numbers(rates, "high")]
        series.append({"label": label, "colour": colour})
        series += [{"label": f"{end} (95 %)", "quiet": True, "colour": colour} for end in ("from", "to")]
        bands.append((first + 2, first + 1, colour))
    return Chart(data, series, bands)


def _numbers(rates: Sequence[Rate | None], field: str) -> list[float | None]:
    return [None if rate is None else round(float(getattr(rate, field)), 4) for rate in rates]


def _axis(days: Sequence[ActiveDay]) -> list[float | None]:
    return [datetime(day.day.year, day.day.month, day.day.day, tzinfo=UTC).timestamp() for day in days]


def _all_days(activity: Activity, now: datetime) -> list[ActiveDay]:
    """The days of the report with those between on which nothing happened."""
    known = {day.day: day for day in activity.days}
    first = activity.since.astimezone(UTC).date()
    count = (max([now.astimezone(UTC).date(), *known]) - first).days + 1
    every = (first + timedelta(days=place) for place in range(count))
    return [known.get(day) or ActiveDay(day, 0, 0, None, None) for day in every]


def _text(chart: Chart) -> str:
    return msgspec.json.encode(chart).decode()


def _groups(matters: Sequence[Matter]) -> list[MatterGroup]:
    groups = []
    for kind, heading, badge in _HEADINGS:
        links = tuple(
            MatterLink(matter.title or matter.id, matter.said, matter.at, matter_href(matter))
            for matter in matters
            if matter.kind == kind
        )
        if links:
            groups.append(MatterGroup(heading, badge, links))
    return groups


def _days(text: str) -> int:
    if not (text.isascii() and text.isdecimal() and len(text) <= 3 and 1 <= int(text) <= 366):
        raise InputError(f"days: {text!r} is no number from 1 to 366")
    return int(text)


def _time(text: str) -> datetime:
    try:
        time = datetime.fromisoformat(text)
        return (time if time.tzinfo is not None else time.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError) as error:
        raise InputError(f"since: {text!r} is no time such as 2026-03-01 or 2026-03-01T09:00+01:00") from error
