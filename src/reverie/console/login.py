"""Who is signed in: the visitor's key, sealed in a cookie, and a token against forged forms."""

import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TypeVar

import msgspec
from cryptography.fernet import Fernet
from starlette.requests import Request
from starlette.responses import Response

from reverie.errors import SettingsError
from reverie.reports.words import clipped, printable
from reverie.settings import Settings
from reverie.storage.postgres.secret_box import SecretBox, open_secret_box

COOKIE = "reverie_console"
NOTICE_COOKIE = "reverie_console_notice"
PATH = "/console"
LASTS = timedelta(hours=12)
_LONGEST_NOTICE = 500
"""Characters, of at most four bytes: sealed, they stay within the 4,096 bytes of a cookie."""


class Login(msgspec.Struct, frozen=True):
    """A visitor who has signed in."""

    secret: str | None
    """The key; None where the server asks for none."""
    csrf: str
    """What each form has to bring back."""
    until: datetime


class Notice(msgspec.Struct, frozen=True):
    """What is said once, on the page after an act."""

    text: str
    is_error: bool = False


_Kept = TypeVar("_Kept", Login, Notice)


@dataclass(frozen=True, slots=True)
class Cookies:
    """Writes and reads what a browser keeps for the console."""

    box: SecretBox

    def sign_in(self, request: Request, response: Response, secret: str | None, now: datetime) -> Login:
        """Have the browser keep the key, for :data:`LASTS`."""
        login = Login(secret, secrets.token_urlsafe(24), now + LASTS)
        self._keep(request, response, COOKIE, self.box.seal(msgspec.to_builtins(login)), LASTS)
        return login

    def login(self, request: Request, now: datetime) -> Login | None:
        """Who has signed in; None if nobody has, or too long ago, or with a key that sealed it is gone."""
        login = self._read(request, COOKIE, Login)
        return login if login is not None and login.until > now else None

    def say(self, request: Request, response: Response, notice: Notice) -> None:
        """Have the next page say it; of a long text the beginning, since a browser keeps no larger cookie."""
        notice = msgspec.structs.replace(notice, text=clipped(printable(notice.text), _LONGEST_NOTICE))
        self._keep(request, response, NOTICE_COOKIE, self.box.seal(msgspec.to_builtins(notice)), timedelta(minutes=1))

    def notice(self, request: Request) -> Notice | None:
        """What the page has to say."""
        return self._read(request, NOTICE_COOKIE, Notice)

    def forget(self, response: Response, *names: str) -> None:
        """Have the browser keep these no longer."""
        for name in names:
            response.delete_cookie(name, path=PATH)

    def _read(self, request: Request, name: str, kind: type[_Kept]) -> _Kept | None:
        sealed = request.cookies.get(name)
        if sealed is None:
            return None
        try:
            return msgspec.convert(self.box.open(sealed), kind)
        except (SettingsError, msgspec.DecodeError, msgspec.ValidationError, ValueError):
            return None  # not ours, or of another installation

    def _keep(self, request: Request, response: Response, name: str, sealed: str, lasts: timedelta) -> None:
        response.set_cookie(
            name,
            sealed,
            max_age=int(lasts.total_seconds()),
            path=PATH,
            secure=request.url.scheme == "https",
            httponly=True,
            samesite="lax",
        )


def open_cookies(settings: Settings) -> Cookies:
    """The cookies of this installation; where no key is shared between servers, they end with the process."""
    try:
        return Cookies(open_secret_box(settings))
    except SettingsError:
        return Cookies(SecretBox((Fernet.generate_key().decode(),)))


def same_origin(request: Request) -> bool:
    """Whether a form was sent from a page of this server, as far as the browser says."""
    site = request.headers.get("sec-fetch-site", "same-origin")
    origin = request.headers.get("origin")
    return site == "same-origin" and (origin is None or origin.partition("://")[2] == request.headers.get("host"))
