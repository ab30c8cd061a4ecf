"""Numbers, times and names in words, as the report prints them."""

import math
import re
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from markupsafe import Markup, escape

from reverie.lessons.lesson import Effect

_MINUTE = 60
_HOUR = 3600
_TURNING = re.compile("[\u202a-\u202e\u2066-\u2069]")
"""What turns the direction of all that follows; the page's own words must not read backwards."""
# HTML forbids these characters, and a lone surrogate cannot be written as UTF-8 at all.
_UNPRINTABLE = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff]")
_CODE = re.compile(r"`([^`\n]+)`")


def printable(text: str) -> str:
    """``text`` with every character that an HTML file cannot hold replaced by U+FFFD, and no order to turn the line."""
    return _UNPRINTABLE.sub("\ufffd", _TURNING.sub("", text))


def counted(number: int, noun: str, plural: str | None = None) -> str:
    """``3 lessons``, ``1 lesson``, ``no lessons``."""
    if number == 1:
        return f"1 {noun}"
    return f"{number:,} {plural or noun + 's'}" if number else f"no {plural or noun + 's'}"


def signed(value: float) -> str:
    """``+0.19`` or ``−0.08``, with a true minus sign."""
    text = f"{abs(value):.2f}"
    if float(text) == 0:
        return "0.00"
    return f"{'+' if value > 0 else '−'}{text}"


def interval(effect: Effect) -> str:
    """``+0.08 to +0.30``."""
    return f"{signed(effect.low)} to {signed(effect.high)}"


def of_hundred(reward: float) -> str:
    """A mean reward in [0, 1] as ``71 of 100``."""
    return f"{round(reward * 100)} of 100"


def q_words(q_value: float) -> str:
    """A false discovery rate, to three places or as ``< 0.001``."""
    if math.isnan(q_value):
        return "not computed"
    return "< 0.001" if q_value < 0.001 else f"{q_value:.3f}"


def duration(seconds: float) -> str:
    """``0.4 s``, ``12 s``, ``3 min 05 s`` or ``2 h 07 min``."""
    if seconds < 10:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    if whole < _MINUTE:
        return f"{whole} s"
    if whole < _HOUR:
        return f"{whole // _MINUTE} min {whole % _MINUTE:02d} s"
    return f"{whole // _HOUR} h {whole % _HOUR // _MINUTE:02d} min"


def moment(at: datetime) -> str:
    """``5 March 2026, 14:02 UTC``; a time without a zone is taken for UTC."""
    utc = at.astimezone(UTC) if at.tzinfo else at
    return f"{utc.day} {utc:%B %Y, %H:%M} UTC"


def with_code(text: str) -> Markup:
    """``text`` escaped, with the parts between backticks set as code."""
    pieces = _CODE.split(text)
    marked = [Markup("<code>{}</code>").format(piece) if odd % 2 else escape(piece) for odd, piece in enumerate(pieces)]
    return Markup("").join(marked)


def clipped(text: str, length: int) -> str:
    """``text`` cut to ``length`` characters, an ellipsis included."""
    return text if len(text) <= length else text[: length - 1].rstrip() + "…"


FILTERS: dict[str, Callable[..., Any]] = {
    "counted": counted,
    "signed": signed,
    "interval": interval,
    "of_hundred": of_hundred,
    "q_words": q_words,
    "duration": duration,
    "moment": moment,
    "with_code": with_code,
    "clipped": clipped,
}
"""What templates of pages may say it by."""
