"""Times as logs write them: the one place that reads them."""

import math
import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Any

from reverie.errors import ImportFormatError

EARLIEST = datetime(1980, 1, 1, tzinfo=UTC)
LATEST = datetime(2200, 1, 1, tzinfo=UTC)
"""What lies outside is no time of a session, but a default (year 1, 1970) or a number that means something else."""

TIME_FIELDS = (
    *("timestamp", "created_at", "createdAt", "create_time", "createTime", "created", "time", "ts", "date", "datetime"),
    *("sent_at", "sentAt", "start_time", "started_at"),
)
"""Fields of a message that say when it was sent, most telling first."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_UNITS = ((1e11, 1), (1e14, 1e3), (1e17, 1e6), (1e20, 1e9))
"""Numbers below the first are seconds since 1970, then milli-, micro- and nanoseconds; the years do not overlap."""
_USUAL = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{3})?Z", re.ASCII)
"""As most logs write it."""
_NUMBER = re.compile(r"[+-]?\d+(?:\.\d+)?")
_MONTH = re.compile(r"\b(?:jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)", re.IGNORECASE)


def as_time(value: Any, field: str) -> datetime | None:
    """The time that ``value`` says, in UTC (taken as UTC when it names no zone); None for None.

    Read are ISO 8601 (with a space or ``z``, with slashes between the date's parts), ``20260102030405``, RFC 2822,
    and seconds, milli-, micro- or nanoseconds since 1970, as number or as text.

    Raises:
        ImportFormatError: ``value`` is no time, or none between 1980 and 2200; names ``field``.
    """
    if value is None:
        return None
    try:
        time = _read(value)
    except (TypeError, ValueError, OverflowError, IndexError) as error:
        raise ImportFormatError(
            f"{field} {_shown(value)} is not an ISO 8601 time, nor RFC 2822, nor seconds since 1970"
        ) from error
    if not EARLIEST <= time < LATEST:
        raise ImportFormatError(f"{field} {_shown(value)} is not between {EARLIEST.year} and {LATEST.year}")
    return time


def _shown(value: Any) -> str:
    try:
        text = repr(value)
    except ValueError:  # a whole number of more than 4,300 digits
        return "(a number)"
    return text if len(text) <= 60 else f"{text[:60]}…"


def _read(value: Any) -> datetime:
    if isinstance(value, str) and _USUAL.fullmatch(value):
        return datetime.fromisoformat(value)
    if isinstance(value, Mapping) and len(value) <= 2:
        if "$date" in value:
            return _read(value["$date"])
        if "seconds" in value:
            return _since_1970(float(value["seconds"]))
    if isinstance(value, bool):
        raise TypeError
    if isinstance(value, int | float):
        return _since_1970(float(value))
    if not isinstance(value, str):
        raise TypeError
    text = value.strip()
    if _NUMBER.fullmatch(text) and len(text) not in (8, 14):
        return _since_1970(float(text))
    time = _written(text)
    return time.replace(tzinfo=UTC) if time.tzinfo is None else time.astimezone(UTC)


def _since_1970(number: float) -> datetime:
    if not math.isfinite(number):
        raise ValueError
    for limit, unit in _UNITS:
        if abs(number) < limit:
            return _EPOCH + timedelta(seconds=number / unit)
    raise ValueError


def _written(text: str) -> datetime:
    if len(text) == 14 and text.isdigit():
        return datetime.strptime(text, "%Y%m%d%H%M%S").replace(tzinfo=UTC)
    if _MONTH.search(text):
        return parsedate_to_datetime(text)
    plain = text.upper().removesuffix(" UTC").removesuffix(" GMT")
    return datetime.fromisoformat(plain.replace("/", "-", 2) if plain[4:5] == "/" else plain)


def nanoseconds(value: Any) -> int:
    """The time that ``value`` says, in nanoseconds since 1970; 0 where it is none."""
    try:
        time = as_time(value, "time")
    except ImportFormatError:
        return 0
    return 0 if time is None else int((time - _EPOCH) / timedelta(microseconds=1)) * 1000
