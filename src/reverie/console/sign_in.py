"""Signing in by a key, and out."""

from collections.abc import Awaitable, Callable

from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.routing import Route

from reverie.console.login import COOKIE, NOTICE_COOKIE
from reverie.console.page import HEADERS, SIGN_IN, Desk, Refusal, checked_form, failure, local_path
from reverie.console.rendering import render
from reverie.errors import CredentialError

SIGN_OUT = "/console/sign-out"
_Handle = Callable[[Request, Desk], Awaitable[Response]]


def sign_in_routes(desk: Desk) -> list[Route]:
    """The pages for which nobody has to be signed in."""

    def handled(handle: _Handle) -> Callable[[Request], Awaitable[Response]]:
        async def answer(request: Request) -> Response:
            try:
                response = await handle(request, desk)
            except Refusal as refusal:
                response = failure(refusal.status, str(refusal))
            for name, value in HEADERS.items():
                response.headers.setdefault(name, value)
            return response

        return answer

    return [
        Route(SIGN_IN, handled(_ask), methods=["GET"]),
        Route(SIGN_IN, handled(_sign_in), methods=["POST"]),
        Route(SIGN_OUT, handled(_sign_out), methods=["POST"]),
    ]


async def _ask(request: Request, desk: Desk) -> Response:
    notice = desk.cookies.notice(request)
    response = _form(request.query_params.get("after", ""), None if notice is None else notice.text)
    if notice is not None:
        desk.cookies.forget(response, NOTICE_COOKIE)
    return response


async def _sign_in(request: Request, desk: Desk) -> Response:
    form = await checked_form(request)
    secret, after = (str(form.get(name, "")).strip() for name in ("key", "after"))
    try:
        await desk.key_of(secret)
    except CredentialError as error:
        return _form(after, str(error), 401)
    response = RedirectResponse(local_path(after), 303)
    desk.cookies.sign_in(request, response, secret, desk.service.clock.now())
    return response


async def _sign_out(request: Request, desk: Desk) -> Response:
    await checked_form(request)
    response = RedirectResponse(SIGN_IN, 303)
    desk.cookies.forget(response, COOKIE, NOTICE_COOKIE)
    return response


def _form(after: str, said: str | None, status: int = 200) -> HTMLResponse:
    return HTMLResponse(render("sign_in.html", {"after": after, "said": said}), status)
