"""Views of sessions that a visitor has saved: a name and an expression each, kept by the browser, for two years."""

import base64
import binascii
from collections.abc import Sequence

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from reverie.console.login import PATH

COOKIE = "reverie_console_views"
MOST_VIEWS = 20
_MOST_BYTES = 3_500
"""A browser keeps 4,096 bytes of a cookie."""
_TWO_YEARS = 2 * 365 * 24 * 3600


class SavedView(msgspec.Struct, frozen=True, array_like=True):
    """An expression under a name."""

    name: str
    where: str


def read_views(request: Request) -> tuple[SavedView, ...]:
    """What this browser keeps; nothing where it is not ours."""
    try:
        packed = base64.urlsafe_b64decode(request.cookies.get(COOKIE, ""))
        return msgspec.msgpack.decode(packed, type=tuple[SavedView, ...])[:MOST_VIEWS]
    except (binascii.Error, msgspec.DecodeError, ValueError):
        return ()


def with_view(views: Sequence[SavedView], view: SavedView) -> tuple[SavedView, ...]:
    """The views with one more, in place of one of the same name."""
    return (*(each for each in views if each.name != view.name), view)


def fits(views: Sequence[SavedView]) -> bool:
    """Whether a browser keeps so much."""
    return len(views) <= MOST_VIEWS and len(_packed(views)) <= _MOST_BYTES


def keep_views(request: Request, response: Response, views: Sequence[SavedView]) -> None:
    """Have the browser keep them."""
    secure = request.url.scheme == "https"
    response.set_cookie(
        COOKIE, _packed(views), max_age=_TWO_YEARS, path=PATH, secure=secure, httponly=True, samesite="lax"
    )


def _packed(views: Sequence[SavedView]) -> str:
    return base64.urlsafe_b64encode(msgspec.msgpack.encode(views)).decode()
