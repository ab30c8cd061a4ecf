"""When a visitor last looked at the first page: kept by the browser, so that what is new can be told."""

from datetime import UTC, datetime, timedelta

from starlette.requests import Request
from starlette.responses import Response

from reverie.console.login import PATH

COOKIE = "reverie_console_looked"
SITTING = timedelta(minutes=30)
"""Looks that lie no further apart are one sitting: a page loaded anew still tells what was new in it."""
_YEAR = 365 * 24 * 3600


def since_last(request: Request, now: datetime) -> tuple[datetime | None, str]:
    """When the sitting before this one ended, None if there was none; and what the browser is to keep.

    Kept are two times: the end of the sitting before, and of this one so far.
    """
    before, _, latest = request.cookies.get(COOKIE, "").partition("~")
    ended, looked = _time(before), _time(latest)
    if looked is not None and now - looked > SITTING:
        ended = looked
    return ended, f"{'' if ended is None else _text(ended)}~{_text(now)}"


def keep_look(request: Request, response: Response, kept: str) -> None:
    """Have the browser keep it."""
    secure = request.url.scheme == "https"
    response.set_cookie(COOKIE, kept, max_age=_YEAR, path=PATH, secure=secure, httponly=True, samesite="lax")


def _text(time: datetime) -> str:
    return str(round(time.timestamp()))


def _time(text: str) -> datetime | None:
    return datetime.fromtimestamp(int(text), UTC) if text.isascii() and text.isdecimal() and len(text) <= 11 else None
