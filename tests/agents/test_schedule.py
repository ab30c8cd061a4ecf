from datetime import UTC, datetime, timedelta
from itertools import takewhile
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reverie.agents.schedule import Schedule, next_due, occurrences, read_schedule, upcoming
from reverie.errors import InputError

WINDOW = timedelta(days=2)
FIELDS = (range(60), range(24), range(1, 32), range(1, 13), range(8))
ZONES = st.sampled_from(["UTC", "Europe/Oslo", "America/New_York", "Australia/Lord_Howe", "Asia/Kathmandu"])
# Around changes of the clocks in each of the zones.
BEGINNINGS = st.sampled_from(["2026-03-08", "2026-03-28", "2026-04-04", "2026-10-03", "2026-10-24", "2026-11-01"])


def numbers(field: range) -> st.SearchStrategy[str]:
    return st.lists(st.sampled_from(field), min_size=1, max_size=8).map(lambda chosen: ",".join(map(str, chosen)))


EXPRESSIONS = st.tuples(*(st.just("*") | numbers(field) for field in FIELDS)).map(" ".join)


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def matches(expression: str, wall: datetime) -> bool:
    minute, hour, day, month, weekday = expression.split()
    on_day, on_weekday = holds(day, wall.day), holds(weekday, wall.isoweekday(), wall.isoweekday() % 7)
    either = day != "*" and weekday != "*"
    on_date = (on_day or on_weekday) if either else (on_day and on_weekday)
    return holds(minute, wall.minute) and holds(hour, wall.hour) and holds(month, wall.month) and on_date


def holds(field: str, *values: int) -> bool:
    return field == "*" or not {int(number) for number in field.split(",")}.isdisjoint(values)


@given(EXPRESSIONS, ZONES, BEGINNINGS, st.integers(0, 1440))
def test_a_moment_is_every_minute_whose_wall_clock_matches(expression: str, zone: str, day: str, minutes: int) -> None:
    after = at(day) + timedelta(minutes=minutes)
    instants = [after + timedelta(minutes=number) for number in range(1, int(WINDOW / timedelta(minutes=1)))]
    wanted = [instant for instant in instants if matches(expression, instant.astimezone(ZoneInfo(zone)))]
    try:
        schedule = read_schedule(expression, zone)
    except InputError:  # such as the 30th of February
        assert wanted == []
        return
    assert list(takewhile(lambda moment: moment < after + WINDOW, occurrences(schedule, after))) == wanted


def test_a_local_time_that_the_clocks_skip_never_comes() -> None:
    moments = upcoming(read_schedule("30 2 * * *", "Europe/Oslo"), at("2026-03-28"))
    assert moments[:2] == [at("2026-03-28T01:30"), at("2026-03-30T00:30")]


def test_a_local_time_that_the_clocks_repeat_comes_twice() -> None:
    schedule = read_schedule("30 2 * * *", "Europe/Oslo")
    assert upcoming(schedule, at("2026-10-24T12:00"))[:2] == [at("2026-10-25T00:30"), at("2026-10-25T01:30")]
    assert upcoming(schedule, at("2026-10-25T00:45"))[0] == at("2026-10-25T01:30")


def test_the_seventh_day_of_the_week_is_the_first() -> None:
    moments = [upcoming(read_schedule(f"0 9 * * {day}", "UTC"), at("2026-01-01")) for day in ("0", "7")]
    assert moments[0] == moments[1]
    assert {moment.isoweekday() for moment in moments[0]} == {7}


def test_five_moments_to_come_are_told() -> None:
    assert upcoming(read_schedule("0 0 29 2 *", "UTC"), at("2026-01-01")) == [
        at(f"{year}-02-29") for year in (2028, 2032, 2036, 2040, 2044)
    ]


@given(st.sampled_from(["* * * * *", "*/5 * * * *", "0 * * * *", "0 3 * * *", "0 0 1 1 *"]), st.text(max_size=5))
def test_a_run_begins_a_little_later_always_by_the_same(expression: str, deployment: str) -> None:
    schedule, after = Schedule(expression, "UTC"), at("2026-01-01")
    due = next_due(schedule, deployment, after)
    assert due is not None
    first, second = upcoming(schedule, after)[:2]
    most = min(max((second - first) * 0.15, timedelta(seconds=5)), timedelta(minutes=9))
    assert due.scheduled_at == first
    assert first <= due.fires_at <= first + most < second
    assert next_due(schedule, deployment, after) == due


def test_deployments_of_one_schedule_begin_at_different_times() -> None:
    dues = [next_due(Schedule("0 3 * * *", "UTC"), f"depl_{number}", at("2026-01-01")) for number in range(50)]
    assert len({due.fires_at for due in dues if due is not None}) == 50


@pytest.mark.parametrize(
    "expression",
    ["", "* * * *", "* * * * * *", "@daily", "0 0 L * *", "0 0 ? * *", "0 0 * * 1#2", "0 0 15W * *", "0 0 * * MON",
     "60 * * * *", "* 24 * * *", "* * 0 * *", "* * * 13 *", "* * * * 8", "5-1 * * * *", "*/0 * * * *", "0 0 30 2 *"],
)  # fmt: skip
def test_an_expression_that_is_no_posix_one_or_never_matches_is_refused(expression: str) -> None:
    with pytest.raises(InputError, match="expression"):
        read_schedule(expression, "UTC")


@pytest.mark.parametrize("zone", ["", "Mars/Olympus", "../etc/passwd", "+02:00", "America"])
def test_an_unknown_time_zone_is_refused(zone: str) -> None:
    with pytest.raises(InputError, match="timezone"):
        read_schedule("0 0 * * *", zone)
