"""Who is let in, and what a form has to bring."""

import httpx2
import pytest

from reverie.api.service import ServiceOptions
from reverie.settings import Settings
from reverie.testing.patience import PATIENCE_SECONDS
from tests.api.conftest import Server
from tests.console.conftest import DESKTOP, PHONE, Screen, Visitor, console_running
from tests.quick_server import TLS


def stranger(server: Server) -> httpx2.AsyncClient:
    return httpx2.AsyncClient(base_url=server.url, timeout=PATIENCE_SECONDS, verify=TLS)


async def test_whoever_has_not_signed_in_is_asked_for_a_key_and_led_back(console: Server) -> None:
    async with stranger(console) as http:
        asked = await http.get("/console?days=7")
        assert asked.headers["location"] == "/console/sign-in?after=%2Fconsole%3Fdays%3D7"
        form = {"key": await console.key("read"), "after": "/console?days=7"}
        led = await http.post("/console/sign-in", data=form)
        assert (led.status_code, led.headers["location"]) == (303, "/console?days=7")
        cookie = led.headers["set-cookie"]
        assert "HttpOnly" in cookie and "SameSite=lax" in cookie and "Path=/console" in cookie
        assert form["key"] not in cookie
        assert (await http.get("/console")).status_code == 200


@pytest.mark.parametrize("after", ["https://evil.example/", "//evil.example", "/console/\\evil", "/consolex", "/v1/x"])
async def test_signing_in_never_leads_to_another_site(console: Server, after: str) -> None:
    async with stranger(console) as http:
        led = await http.post("/console/sign-in", data={"key": await console.key(), "after": after})
    assert led.headers["location"] == "/console"


async def test_a_key_that_is_no_good_is_said_so(console: Server) -> None:
    async with stranger(console) as http:
        answer = await http.post("/console/sign-in", data={"key": "nothing"})
        assert (answer.status_code, "unknown, revoked or expired" in answer.text) == (401, True)
        assert "set-cookie" not in answer.headers


async def test_a_worker_s_key_opens_no_page(console: Server) -> None:
    async with stranger(console) as http:
        answer = await http.post("/console/sign-in", data={"key": await console.key("worker")})
    assert answer.status_code == 401


@pytest.mark.parametrize(
    "headers",
    [{"origin": "https://evil.example"}, {"sec-fetch-site": "cross-site"}, {"sec-fetch-site": "same-site"}],
)
async def test_a_form_of_another_site_is_not_taken(visitor: Visitor, headers: dict[str, str]) -> None:
    answer = await visitor.http.post("/console/sign-out", data={"csrf": "x"}, headers=headers)
    assert answer.status_code == 403
    assert (await visitor.get("/console")).url.path == "/console"


async def test_signing_out_is_the_end_of_it(visitor: Visitor) -> None:
    await visitor.send("/console", "/console/sign-out")
    assert (await visitor.get("/console")).url.path == "/console/sign-in"


async def test_pages_allow_no_script_of_their_own_and_no_frame(visitor: Visitor) -> None:
    answer = await visitor.get("/console")
    policy = answer.headers["content-security-policy"]
    assert "default-src 'none'" in policy and "script-src 'self';" in policy and "frame-ancestors 'none'" in policy
    assert "unsafe" not in policy and answer.headers["cache-control"] == "no-store"


async def test_without_keys_the_console_answers_to_this_machine_s_names_alone(settings: Settings) -> None:
    async with console_running(settings, ServiceOptions(require_key=False)) as server, stranger(server) as http:
        http.follow_redirects = True
        assert (await http.get("/console")).status_code == 200
        rebound = await http.get("/console", headers={"host": "evil.example"})
        assert (rebound.status_code, "evil.example" in rebound.text) == (403, True)


@pytest.mark.parametrize("size", [DESKTOP, PHONE], ids=["desktop", "phone"])
async def test_signing_in_works_by_keyboard_and_the_page_is_without_fault(screen: Screen, size: dict[str, int]) -> None:
    await screen.page.set_viewport_size(size)  # type: ignore[arg-type]
    await screen.open("/console")
    await screen.check()
