"""What a page is, the decorator that declares one, and the path that every visit takes."""

import secrets
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from types import ModuleType
from typing import Literal, TypeVar
from urllib.parse import quote, unquote, urlsplit

import httpx2
import structlog
from starlette.datastructures import FormData
from starlette.requests import ClientDisconnect, Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.types import ASGIApp

from reverie.api.access import LOOPBACK_KEY, KeyRing
from reverie.api.pipeline import status_of
from reverie.api.service import Service
from reverie.console.gateway import Gateway
from reverie.console.login import COOKIE, Cookies, Login, Notice, same_origin
from reverie.console.rendering import render
from reverie.console.visit import LONGEST_WAY, NavigationItem, Visit
from reverie.errors import CredentialError, NotFoundError, ReverieError
from reverie.storage.service.api_keys import ApiKey

MOST_FORM_BYTES = 1024 * 1024
SIGN_IN = "/console/sign-in"
HEADERS = {
    "content-security-policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; "
        "connect-src 'self'; form-action 'self'; frame-src 'self'; frame-ancestors 'none'; base-uri 'none'"
    ),
    "x-content-type-options": "nosniff",
    "referrer-policy": "same-origin",
    "cross-origin-opener-policy": "same-origin",
    "cache-control": "no-store",
}
"""Of every page: nothing from elsewhere, no script or style but the files of this package, in no other site's frame."""

log = structlog.get_logger("reverie.console")
Answer = Response | ASGIApp
Handler = Callable[[Visit], Awaitable[Answer]]
Declared = TypeVar("Declared", bound=Handler)


@dataclass(frozen=True, slots=True)
class Page:
    """One method on one path of the console."""

    handler: Handler
    method: Literal["GET", "POST"]
    path: str
    part: str


_declared: dict[str, list[Page]] = {}


def page(method: Literal["GET", "POST"], path: str, part: str) -> Callable[[Declared], Declared]:
    """Declares a page: ``@page("GET", "/console/lessons", "lessons")`` over ``async def lessons(visit): …``.

    Errors of the API may be let through: of a GET they are the page; a POST goes back to the page that it came from,
    which says them.
    """

    def keep(handler: Declared) -> Declared:
        _declared.setdefault(handler.__module__, []).append(Page(handler, method, path, part))
        return handler

    return keep


def pages_of(module: ModuleType) -> tuple[Page, ...]:
    """The pages that a module declares."""
    return tuple(_declared[module.__name__])


@dataclass(frozen=True, slots=True)
class Desk:
    """What every visit is answered with."""

    service: Service
    gateway: Gateway
    cookies: Cookies
    keys: KeyRing
    navigation: tuple[NavigationItem, ...]

    async def key_of(self, secret: str | None) -> ApiKey:
        """The key of a visitor, who may be nobody in particular where the server asks for none.

        Raises:
            CredentialError: it is not good, or not a person's.
        """
        if secret is None:
            if self.service.options.require_key:
                raise CredentialError("sign in with a key")
            return LOOPBACK_KEY
        key, _ = await self.keys.find(secret, self.service)
        if key.role in ("worker", "session"):
            raise CredentialError("this is the key of a worker; sign in with one of `reverie keys create`")
        return key


class Refusal(Exception):
    """A request that is not answered by a page, with what is said instead."""

    def __init__(self, status: int, said: str) -> None:
        super().__init__(said)
        self.status = status


def handler_of(of: Page, desk: Desk) -> Callable[[Request], Awaitable[Answer]]:
    """The Starlette handler of a page."""

    async def answer(request: Request) -> Answer:
        try:
            answered = await _answer(of, desk, request)
        except ClientDisconnect:
            return Response(status_code=499)
        except Refusal as refused:
            answered = failure(refused.status, str(refused))
        if isinstance(answered, Response):
            for name, value in HEADERS.items():
                answered.headers.setdefault(name, value)
        return answered

    return answer


async def _answer(of: Page, desk: Desk, request: Request) -> Answer:
    now = desk.service.clock.now()
    login = desk.cookies.login(request, now)
    if login is None and not desk.service.options.require_key:
        return _enter(desk, request)
    try:
        key = await desk.key_of(login.secret if login else None)
    except CredentialError as error:
        return _to_sign_in(of, desk, request, None if login is None else str(error))
    assert login is not None
    form = await _read_form(of, request, login)
    visit = Visit(request, key, login, desk.gateway, desk.cookies, now, of.part, desk.navigation, form)
    try:
        _check_ids(request)
        return await of.handler(visit)
    except Exception as error:  # the outermost loop of a visit: whatever went wrong is a page, and logged
        status, said = _told(error)
        if status >= 500:
            log.exception("a page failed", path=request.url.path)
        if of.method == "POST" and status < 500:
            return visit.go(_way_back(request), said, is_error=True)
        return visit.show("error.html", status=status, code=status, said=said)


def _check_ids(request: Request) -> None:
    """Refuse ids that an address cannot hold: with one of dots alone it is another address.

    Raises:
        NotFoundError: the path has one.
    """
    for name, value in request.path_params.items():
        if value in (".", ".."):
            raise NotFoundError(f"{name}: nothing is called {value!r}")


def _told(error: Exception) -> tuple[int, str]:
    """The status and the words of an error.

    One that the API answered with is told by its shape: the SDK that defines its class comes with the first client.
    """
    if isinstance(error, ReverieError):
        return status_of(error)[0], str(error)
    if isinstance(error, httpx2.InvalidURL):
        return 400, "an id is too long, or no id"
    status, body = getattr(error, "status_code", None), getattr(error, "body", None)
    if not isinstance(status, int):
        return 500, "the server failed; its log has the reason"
    content = body.get("error") if isinstance(body, Mapping) else None
    said = content.get("message") if isinstance(content, Mapping) else None
    return status, str(said or error)


def _enter(desk: Desk, request: Request) -> Response:
    """The same page again, with a login of nobody in particular; of a form, its page."""
    back = request.url.path if request.method == "GET" else "/console"
    query = f"?{request.url.query}" if request.method == "GET" and request.url.query else ""
    response = RedirectResponse(back + query, 303)
    desk.cookies.sign_in(request, response, None, desk.service.clock.now())
    return response


def _to_sign_in(of: Page, desk: Desk, request: Request, said: str | None) -> Response:
    """The page where keys are asked for, which leads back to this one."""
    after = request.url.path + (f"?{request.url.query}" if request.url.query else "") if of.method == "GET" else ""
    response = RedirectResponse(f"{SIGN_IN}?after={quote(after, safe='')}" if after else SIGN_IN, 303)
    desk.cookies.forget(response, COOKIE)
    if said is not None:
        desk.cookies.say(request, response, Notice(said, is_error=True))
    return response


async def _read_form(of: Page, request: Request, login: Login) -> FormData:
    """What a form brought.

    Raises:
        Refusal: it was not sent from a page of the console, or is too large.
    """
    if of.method == "GET":
        return FormData()
    form = await checked_form(request)
    token = form.get("csrf") or request.headers.get("x-csrf-token")
    if not isinstance(token, str) or not secrets.compare_digest(token.encode(), login.csrf.encode()):
        raise Refusal(403, "this form was made for another visit; go back, reload the page and send it again")
    return form


async def checked_form(request: Request) -> FormData:
    """The form of a request that a page of this server sent.

    Raises:
        Refusal: another site's page sent it, or it is too large.
    """
    if not same_origin(request):
        raise Refusal(403, "this form was sent from another site")
    length = request.headers.get("content-length", "")
    if not length.isdecimal() or int(length) > MOST_FORM_BYTES:
        raise Refusal(413, f"a form may have at most {MOST_FORM_BYTES:,} bytes")
    if not request.headers.get("content-type", "").startswith("application/x-www-form-urlencoded"):
        raise Refusal(415, "a form is sent as application/x-www-form-urlencoded")
    return await request.form()


def _way_back(request: Request) -> str:
    """The page of the console that a form was sent from."""
    return local_path(urlsplit(request.headers.get("referer", ""))._replace(scheme="", netloc="").geturl())


def local_path(path: str) -> str:
    """``path`` if it is one of the console, else its first page: never a way to another site, or out of the console."""
    clean = path == "/console" or path.startswith(("/console/", "/console?"))
    steps = unquote(path.partition("?")[0]).split("/")
    inside = path.isprintable() and "\\" not in path and not {".", ".."}.intersection(steps)
    return path if clean and inside and len(path) <= LONGEST_WAY else "/console"


def failure(status: int, said: str) -> HTMLResponse:
    """A page for whoever is not signed in."""
    return HTMLResponse(render("plain.html", {"title": "Not done", "said": said}), status)
