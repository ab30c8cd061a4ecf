"""A visit: one request of a person for a page, and what the page may use to answer it."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, Literal

from starlette.datastructures import FormData, QueryParams
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.types import ASGIApp

from reverie.console.gateway import Gateway
from reverie.console.login import Cookies, Login, Notice
from reverie.console.rendering import render
from reverie.storage.service.api_keys import ApiKey

if TYPE_CHECKING:
    from reverie.client.client import AsyncClient

NO_KEY = "no-key"
LONGEST_WAY = 4 * 1024
"""Characters of an address that a browser is sent to: few proxies pass on longer headers."""
Role = Literal["read", "write", "admin"]
_RANK: Mapping[str, int] = {"read": 1, "write": 2, "admin": 3}


@dataclass(frozen=True, slots=True)
class NavigationItem:
    """An entry of the menu."""

    name: str
    title: str
    path: str


@dataclass(frozen=True, slots=True)
class Visit:
    """One request for a page."""

    request: Request
    key: ApiKey
    login: Login
    gateway: Gateway
    cookies: Cookies
    now: datetime
    part: str
    """Which entry of the menu the page belongs to."""
    navigation: tuple[NavigationItem, ...]
    form: FormData
    """What was sent in; empty unless it is a form."""

    @property
    def client(self) -> "AsyncClient":
        """The API, asked with the visitor's key. Its errors may be let through: they become pages."""
        return self.gateway.client(self.secret)

    @property
    def secret(self) -> str:
        """The visitor's key."""
        return self.login.secret or NO_KEY

    @property
    def path(self) -> Mapping[str, str]:
        """The parameters of the path."""
        return self.request.path_params

    @property
    def query(self) -> QueryParams:
        """What follows the question mark."""
        return self.request.query_params

    @property
    def is_partial(self) -> bool:
        """Whether a piece of a page is asked for, which is put into one that is shown."""
        return self.request.headers.get("hx-request") == "true" and "hx-boosted" not in self.request.headers

    def may(self, role: Role) -> bool:
        """Whether the visitor's key has this role or a higher one; what it may do is the API's to decide."""
        return _RANK.get(self.key.role, 0) >= _RANK[role]

    def text(self, field: str, default: str = "") -> str:
        """A field of the form, or else of the query, without space around it."""
        value = self.form.get(field, self.query.get(field, default))
        return value.strip() if isinstance(value, str) else default

    def show(self, template: str, *, status: int = 200, **values: Any) -> Response:
        """The page that a template of ``templates/`` makes of these values, inside the layout that it extends."""
        notice = None if self.is_partial else self.cookies.notice(self.request)
        page = HTMLResponse(render(template, {**values, "visit": self, "notice": notice}), status)
        if notice is not None:
            self.cookies.forget(page, "reverie_console_notice")
        return page

    def go(self, path: str, said: str | None = None, *, is_error: bool = False) -> Response:
        """The page at ``path``, after an act; ``said`` stands at its top. An address that no header holds is cut."""
        response = RedirectResponse(path if len(path) <= LONGEST_WAY else path.partition("?")[0], 303)
        if said is not None:
            self.cookies.say(self.request, response, Notice(said, is_error))
        return response

    def forward(self, path: str) -> ASGIApp:
        """What the API answers at ``path``, as it is: streams, files."""
        return self.gateway.forward(path, self.secret)
