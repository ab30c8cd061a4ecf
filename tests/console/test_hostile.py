"""Addresses, forms and texts that mean no good."""

import re
from urllib.parse import quote

import pytest

from reverie.console.app import PAGES
from reverie.console.page import Page, local_path, pages_of
from tests.api.conftest import Server
from tests.console.conftest import Screen, Visitor, visiting

_ALL = [page for module in PAGES for page in pages_of(module)]
_NAMED = [page for page in _ALL if "{" in page.path]
_FORMS = [page for page in _ALL if page.method == "POST"]
_BROWSERS_KEEP = 4_096


def at(page: Page, value: str) -> str:
    return re.sub(r"\{[^}]*\}", quote(value, safe=""), page.path)


def dots(page: Page) -> str:
    return re.sub(r"\{[^}]*\}", "%2e%2e", page.path)


async def token(visitor: Visitor) -> str:
    found = re.search(r'name="csrf" value="([^"]+)"', (await visitor.get("/console")).text)
    assert found is not None
    return found[1]


@pytest.mark.parametrize("page", _NAMED, ids=lambda page: f"{page.method} {page.path}")
async def test_an_id_of_dots_is_no_other_address(visitor: Visitor, page: Page) -> None:
    if page.method == "GET":
        assert (await visitor.get(dots(page))).status_code == 404
    else:
        answer = await visitor.http.post(dots(page), data={"csrf": await token(visitor)})
        assert "nothing is called &#39;..&#39;" in answer.text


@pytest.mark.parametrize("id_", ["\0", "a/b", "../v1", "<b>", "a\r\nset-cookie: x=1", "\u202e", "a?b#c", "9" * 5000])
async def test_no_id_makes_a_page_fail(visitor: Visitor, id_: str) -> None:
    for page in _NAMED:
        if page.method == "GET":
            answer = await visitor.get(at(page, id_))
            assert answer.status_code < 500, page.path
            assert "set-cookie" not in answer.headers and "<b>" not in answer.text


@pytest.mark.parametrize("days", ["0", "367", "-1", "0100" + "0" * 5000, "٣", "1e2"])
async def test_days_that_are_none_are_told_so(visitor: Visitor, days: str) -> None:
    assert (await visitor.http.get("/console", params={"days": days})).status_code == 400


@pytest.mark.parametrize("page", _FORMS, ids=lambda page: page.path)
async def test_a_form_needs_the_token_of_its_own_visit(console: Server, visitor: Visitor, page: Page) -> None:
    async with visiting(console) as other:
        of_other = await token(other)
    own, path = await token(visitor), at(page, "x")
    for given in ({"a": "b"}, {"csrf": of_other}, {"csrf": "é"}):
        assert (await visitor.http.post(path, data=given)).status_code == 403
    assert (await visitor.http.post(f"{path}?csrf={own}", data={"a": "b"})).status_code == 403
    cross = {"sec-fetch-site": "cross-site"}
    assert (await visitor.http.post(path, data={"csrf": own}, headers=cross)).status_code == 403


@pytest.mark.parametrize("page", [p for p in _FORMS if "/views" not in p.path], ids=lambda page: page.path)
async def test_a_key_that_may_read_changes_nothing(console: Server, page: Page) -> None:
    given = {"mode": "ask", "role": "read", "act": "adopt", "value": "1", "name": "n", "bounds": "{}", "patch": "{}"}
    given |= {"metric": "m", "to": "1", "present": "1", "store": "x", "trial": "x", "expression": "0 3 * * *"}
    async with visiting(console, "read") as reader:
        store = await reader.http.post(
            "/v1/memory_stores", json={"name": "x"}, headers={"x-api-key": await console.key("write")}
        )
        path = at(page, "pause" if "{act}" in page.path else store.json()["id"])
        answer = await reader.http.post(path, data={"csrf": await token(reader), **given})
    assert "; this one has read" in answer.text


@pytest.mark.parametrize("value", ["x" * 900_000, "é" * 5_000, '"' * 5_000, "[" * 20_000, "\r\nset-cookie: a=b"])
async def test_what_a_form_is_told_fits_into_what_a_browser_keeps(visitor: Visitor, value: str) -> None:
    given = {"name": value, "where": value, "value": value, "bounds": value, "trial": value, "act": "adopt"}
    csrf = await token(visitor)
    for page in _FORMS:
        answer = await visitor.http.post(at(page, "x"), data={"csrf": csrf, **given}, follow_redirects=False)
        assert answer.status_code < 500, page.path
        for header in answer.headers.get_list("set-cookie"):
            assert header.startswith("reverie_console_") and len(header) <= _BROWSERS_KEEP, page.path
        assert len(answer.headers.get("location", "")) <= _BROWSERS_KEEP, page.path


@pytest.mark.parametrize(
    "path", ["/console/../v1/agents", "/console/%2e%2e/v1", "/console/./..//evil.example", "/console?" + "x" * 9_000]
)
def test_no_way_leads_out_of_the_console(path: str) -> None:
    assert local_path(path) == "/console"


async def test_a_script_that_finds_its_way_into_a_page_does_not_run(screen: Screen) -> None:
    await screen.open("/console")
    ran = await screen.page.evaluate(
        """async () => {
            const host = document.createElement("div");
            host.innerHTML = '<img src="x" onerror="window.ran = 1"><a id="way" href="javascript:ran = 2">x</a>'
                + '<style>body { outline-width: 77px }</style>'
                + '<iframe srcdoc="<script>parent.ran = 3</script>"></iframe>';
            document.body.append(host);
            const inline = document.createElement("script");
            inline.textContent = "window.ran = 4";
            document.body.append(inline);
            document.getElementById("way").click();
            await new Promise(resolve => requestAnimationFrame(() => requestAnimationFrame(resolve)));
            return [window.ran ?? null, getComputedStyle(document.body).outlineWidth === "77px"];
        }"""
    )
    assert ran == [None, False]
    assert any("Content Security Policy" in said for said in screen.said)
