"""A server with its console, visitors that speak HTTP as a browser does, and a real browser where one is installed."""

import os
import re
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

import httpx2
import pytest
import pytest_asyncio
from axe_playwright_python.async_playwright import Axe
from playwright.async_api import Page, async_playwright

from reverie.api.app import make_app
from reverie.api.server import open_service
from reverie.api.service import ServiceOptions
from reverie.console.app import console_routes
from reverie.settings import Settings
from reverie.storage.service.api_keys import KeyRole
from reverie.testing.patience import PATIENCE_SECONDS
from tests.api.conftest import Server
from tests.quick_server import TLS, quick_server

BROWSER = os.environ.get("REVERIE_TEST_BROWSER") or shutil.which("chromium") or shutil.which("google-chrome")
PHONE = {"width": 375, "height": 800}
DESKTOP = {"width": 1280, "height": 900}
_TOKEN = re.compile(r'name="csrf" value="([^"]+)"')


@asynccontextmanager
async def console_running(settings: Settings, options: ServiceOptions) -> AsyncIterator[Server]:
    """A server with its console, for as long as the context lasts."""
    async with (
        open_service(settings, options) as service,
        quick_server(make_app(service, pages=console_routes)) as url,
    ):
        try:
            yield Server(url, service)
        finally:
            service.live.close()


@pytest_asyncio.fixture
async def console(settings: Settings) -> AsyncIterator[Server]:
    """A server with its console on the test's fresh database."""
    async with console_running(settings, ServiceOptions()) as server:
        yield server


@dataclass(frozen=True, slots=True)
class Visitor:
    """A person's browser without its engine: keeps cookies, follows redirects, sends forms from where it is."""

    http: httpx2.AsyncClient

    async def get(self, path: str) -> httpx2.Response:
        """The page at ``path``."""
        return await self.http.get(path)

    async def send(self, page: str, path: str, **fields: str) -> httpx2.Response:
        """What comes of a form of ``page`` that is sent to ``path``."""
        token = _TOKEN.search((await self.get(page)).text)
        assert token is not None, f"{page} has no form"
        headers = {"referer": f"{self.http.base_url}{page}", "origin": str(self.http.base_url).rstrip("/")}
        return await self.http.post(path, data={"csrf": token[1], **fields}, headers=headers)


@asynccontextmanager
async def visiting(server: Server, role: KeyRole = "admin") -> AsyncIterator[Visitor]:
    """A visitor who has signed in with a key of this role."""
    async with httpx2.AsyncClient(
        base_url=server.url, follow_redirects=True, timeout=PATIENCE_SECONDS, verify=TLS
    ) as http:
        answer = await http.post("/console/sign-in", data={"key": await server.key(role), "after": "/console"})
        assert answer.status_code == 200, answer.text
        yield Visitor(http)


@pytest_asyncio.fixture
async def visitor(console: Server) -> AsyncIterator[Visitor]:
    """A visitor with an admin's key."""
    async with visiting(console) as visitor:
        yield visitor


@dataclass(frozen=True, slots=True)
class Screen:
    """A page in a real browser, and what its console said."""

    page: Page
    url: str
    said: list[str]

    async def open(self, path: str) -> None:
        """Go to ``path``, and wait for the page to be there."""
        answer = await self.page.goto(f"{self.url}{path}")
        assert answer is not None and answer.status == 200, f"{path}: {answer and answer.status}"

    async def check(self) -> None:
        """Raise if the page is at fault: errors, accessibility, or a part that sticks out of the screen's side."""
        assert self.said == []
        results = await Axe().run(self.page)
        serious = [x for x in results.response["violations"] if x["impact"] in ("serious", "critical")]
        assert [(x["id"], [node["html"][:200] for node in x["nodes"]]) for x in serious] == []
        wide = await self.page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
        assert wide <= 0, f"{self.page.url} is {wide} pixels wider than the screen"


@asynccontextmanager
async def browsing(server: Server, role: KeyRole = "admin", dark: bool = False) -> AsyncIterator[Screen]:
    """A browser whose visitor has signed in."""
    if BROWSER is None:
        pytest.skip("no Chromium is installed")
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=BROWSER, args=["--no-sandbox"])
        try:
            context = await browser.new_context(viewport=DESKTOP, color_scheme="dark" if dark else "light")  # type: ignore[arg-type]
            context.set_default_timeout(PATIENCE_SECONDS * 1000)
            page = await context.new_page()
            screen = Screen(page, server.url, [])
            page.on("console", lambda message: screen.said.append(message.text) if message.type == "error" else None)
            page.on("pageerror", lambda error: screen.said.append(str(error)))
            await page.goto(f"{server.url}/console/sign-in")
            await page.get_by_label("API key").fill(await server.key(role))
            await page.keyboard.press("Enter")
            await page.wait_for_url(f"{server.url}/console")
            yield screen
        finally:
            await browser.close()


@pytest_asyncio.fixture
async def screen(console: Server) -> AsyncIterator[Screen]:
    """A browser whose visitor has signed in with an admin's key."""
    async with browsing(console) as screen:
        yield screen
