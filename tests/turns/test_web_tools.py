"""Tools of the web, with a web of the test's own on the loopback address."""

import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import httpx2
import pytest
import pytest_asyncio
from anthropic import AsyncAnthropic, BadRequestError

from reverie.errors import InputError
from reverie.runtime.web_reach import Reach
from reverie.testing.patience import PATIENCE_SECONDS
from reverie.turns.web import MOST_BYTES, Web, fetch
from tests.api.conftest import Server
from tests.turns.scripted import MODEL, ScriptedTurnModel, call, say, turns_run
from tests.turns.test_turn import at_rest, send, session_with

HTML = b"<title>Hours</title><body><p>Open at <a href='/more'>nine</a>.</p>"
FOUND = (
    b'{"query": "hours", "results": [{"url": "https://a.example/x", "title": "A", "content": "Open at nine."},'
    b' {"url": "https://b.example/y", "title": "B", "content": null}, {"url": "ftp://c.example", "title": "C"}]}'
)
PAGES: dict[str, tuple[int, dict[str, str], bytes]] = {
    "/page": (200, {"content-type": "text/html"}, HTML),
    "/latin": (200, {"content-type": "text/html"}, b"<meta charset=latin-1><p>caf\xe9"),
    "/json": (200, {"content-type": "application/vnd.x+json"}, b'{"a": 1}'),
    "/image": (200, {"content-type": "image/png"}, b"\x89PNG"),
    "/large": (200, {"content-type": "text/plain"}, b"x" * (MOST_BYTES + 1)),
    "/empty": (200, {"content-type": "text/html"}, b"<script>1</script>"),
    "/gone": (410, {"content-type": "text/html"}, b"gone"),
    "/moved": (302, {"location": "/page"}, b""),
    "/round": (302, {"location": "/round"}, b""),
    "/inside": (302, {"location": "http://169.254.169.254/latest/meta-data"}, b""),
    "/search": (200, {"content-type": "application/json"}, FOUND),
}
TOOLSET: Any = {"type": "agent_toolset_20260401"}


def toolset(configs: list[Any]) -> Any:
    """The toolset with these tools configured."""
    return {**TOOLSET, "configs": configs}


class Site:
    """A web server; the paths that were asked for, with their queries."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.asked: list[str] = []


@contextmanager
def serving() -> Iterator[Site]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            made.asked.append(self.path)
            status, headers, body = PAGES[self.path.partition("?")[0]]
            self.send_response(status)
            for name, value in {**headers, "content-length": str(len(body))}.items():
                self.send_header(name, value)
            self.end_headers()
            try:
                self.wfile.write(body)
            except OSError:
                self.close_connection = True  # Enough was read.

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    made = Site(f"http://127.0.0.1:{server.server_port}")
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield made
    finally:
        server.shutdown()
        server.server_close()


@pytest.fixture
def site() -> Iterator[Site]:
    with serving() as site:
        yield site


@asynccontextmanager
async def opened(**options: Any) -> AsyncIterator[Web]:
    async with httpx2.AsyncClient(trust_env=False, timeout=PATIENCE_SECONDS) as http:
        yield Web(http, **options)


@pytest_asyncio.fixture
async def web(site: Site) -> AsyncIterator[Web]:
    """A web in which the loopback address may be read, and the site searches."""
    async with opened(own_hosts=frozenset({"127.0.0.1"}), search_url=f"{site.url}/search?language=en") as web:
        yield web


async def read(web: Web, url: str, most: int = 1000) -> dict[str, Any]:
    (block,) = (await fetch(web, url, Reach(), most)).content
    return dict(block)


async def test_a_page_is_a_document_of_its_text(web: Web, site: Site) -> None:
    source = {"type": "text", "media_type": "text/plain", "data": f"Open at nine ({site.url}/more)."}
    page = {"type": "document", "source": source, "title": "Hours", "context": f"{site.url}/page"}
    assert await read(web, f"{site.url}/page") == page
    assert await read(web, f"{site.url}/moved#part") == page
    assert (await read(web, f"{site.url}/latin"))["source"]["data"] == "café"
    assert (await read(web, f"{site.url}/json"))["source"]["data"] == '{"a": 1}'
    assert (await read(web, f"{site.url}/page", 7))["source"]["data"].startswith("Open at\n\n(cut here, after 7 of")
    assert (await read(web, f"{site.url}/empty"))["text"].endswith("holds no text.")


@pytest.mark.parametrize(
    ("path", "why"),
    [
        ("/image", "image/png"),
        ("/large", "larger than 5 MiB"),
        ("/round", "redirected more than"),
        ("/inside", "169.254.169.254 is not on the public internet"),
    ],
)
async def test_what_is_no_page_or_leads_into_our_network_is_refused(web: Web, site: Site, path: str, why: str) -> None:
    with pytest.raises(InputError, match=why):
        await read(web, f"{site.url}{path}")


@pytest.mark.parametrize(
    "url",
    [
        "http://localhost/",
        "http://127.0.0.1:8080/",
        "http://127.1/",
        "http://2130706433/",
        "http://[::1]/",
        "http://[::ffff:10.0.0.1]/",
        "http://169.254.169.254/latest/meta-data",
        "http://10.0.0.1/",
        "ftp://example.com/",
        "file:///etc/passwd",
        "http://user:secret@example.com/",
        "example.com",
    ],
)
async def test_private_addresses_and_other_schemes_are_refused(url: str) -> None:
    async with opened() as web:
        with pytest.raises(InputError):
            await read(web, url)


async def test_a_name_with_any_private_address_is_refused() -> None:
    async def resolve(host: str, port: int) -> list[str]:  # noqa: ARG001 - a resolver's signature
        return ["93.184.215.14", "10.0.0.1"]

    async with opened(resolve=resolve) as web:
        with pytest.raises(InputError, match=r"docs\.example is not on the public internet"):
            await read(web, "https://docs.example/")


async def test_the_address_that_was_checked_is_the_one_that_is_asked() -> None:
    async def resolve(host: str, port: int) -> list[str]:  # noqa: ARG001
        return ["93.184.215.14"]

    def answer(request: httpx2.Request) -> httpx2.Response:
        said = f"{request.url} {request.headers['host']} {request.extensions['sni_hostname']}"
        return httpx2.Response(200, headers={"content-type": "text/plain"}, text=said)

    async with httpx2.AsyncClient(transport=httpx2.MockTransport(answer)) as http:
        page = await read(Web(http, resolve=resolve), "https://docs.example:8443/a?b=c")
    assert page["source"]["data"] == "https://93.184.215.14:8443/a?b=c docs.example:8443 docs.example"


async def results(client: AsyncAnthropic, session_id: str) -> list[Any]:
    return [event for event in await at_rest(client, session_id) if event.type == "agent.tool_result"]


async def test_an_agent_searches_and_reads(server: Server, client: AsyncAnthropic, web: Web, site: Site) -> None:
    model = ScriptedTurnModel(
        call("web_search", 1, query="opening hours"), call("web_fetch", 2, url=f"{site.url}/page"), say("At nine.")
    )
    session_id = await session_with(client, tools=[TOOLSET])
    async with turns_run(server.service, model, web=web):
        await send(client, session_id, "When?")
        found, page = await results(client, session_id)
    assert [(block.type, block.source, block.title, block.content[0].text) for block in found.content] == [
        ("search_result", "https://a.example/x", "A", "Open at nine."),
        ("search_result", "https://b.example/y", "B", "B"),
    ]
    assert (page.is_error, page.content[0].title) == (False, "Hours")
    assert site.asked == ["/search?language=en&q=opening+hours&format=json", "/page"]
    assert "Open at nine." in str(model.requests[1].messages[-1])
    (thread,) = [one async for one in client.beta.sessions.threads.list(session_id)]
    for usage in ((await client.beta.sessions.retrieve(session_id)).usage, thread.usage):
        assert usage is not None and usage.server_tool_use is not None
        assert usage.server_tool_use.to_dict() == {"web_search_requests": 1, "web_fetch_requests": 1}


async def test_domains_of_the_definition_and_hosts_of_the_environment_hold(
    server: Server, client: AsyncAnthropic, web: Web, site: Site
) -> None:
    configs: Any = [{"name": "web_search", "allowed_domains": ["b.example"]}]
    limited: Any = {"type": "cloud", "networking": {"type": "limited", "allowed_hosts": ["docs.example.com"]}}
    place = await client.beta.environments.create(name="p", config=limited)
    agent = await client.beta.agents.create(name="a", model=MODEL, tools=[toolset(configs)])
    session_id = (await client.beta.sessions.create(agent=agent.id, environment_id=place.id)).id
    asks = (call("web_search", 1, query="q"), call("web_fetch", 2, url=f"{site.url}/page"), call("web_fetch", 3))
    async with turns_run(server.service, ScriptedTurnModel(*asks, say("So.")), web=web):
        await send(client, session_id, "When?")
        found, refused, empty = await results(client, session_id)
    assert [block.source for block in found.content] == ["https://b.example/y"]
    assert (refused.is_error, "allowed_hosts" in refused.content[0].text) == (True, True)
    assert (empty.is_error, empty.content[0].text) == (True, "url: give a text")


async def test_tools_that_are_not_set_up_are_not_shown_and_a_call_is_refused_in_a_sentence(
    server: Server, client: AsyncAnthropic
) -> None:
    model = ScriptedTurnModel(call("web_search", 1, query="q"), say("So."))
    session_id = await session_with(client, tools=[TOOLSET])
    async with opened() as web, turns_run(server.service, model, web=web):
        await send(client, session_id, "When?")
        events = await at_rest(client, session_id)
    shown = {tool.name for tool in model.requests[0].tools}
    assert ("web_fetch" in shown, "web_search" in shown) == (True, False)
    (use,) = [event for event in events if event.type == "agent.tool_use"]
    assert (use.evaluated_permission, use.evaluation) == ("deny", None)
    (result,) = [event for event in events if event.type == "agent.tool_result"]
    assert result.is_error
    assert result.content[0].text == (
        "The tool 'web_search' is not enabled: the agent does not have it, or REVERIE_WEB_SEARCH_URL does not set it up"
        " here."
    )


async def test_in_a_self_hosted_environment_the_server_answers_and_a_client_may_not(
    server: Server, client: AsyncAnthropic, web: Web, site: Site
) -> None:
    configs: Any = [{"name": "web_fetch", "permission_policy": {"type": "always_ask"}}]
    place = await client.beta.environments.create(name="p", config={"type": "self_hosted"})
    agent = await client.beta.agents.create(name="a", model=MODEL, tools=[toolset(configs)])
    session_id = (await client.beta.sessions.create(agent=agent.id, environment_id=place.id)).id
    model = ScriptedTurnModel(call("web_fetch", 1, url=f"{site.url}/page"), say("At nine."))
    async with turns_run(server.service, model, web=web):
        await send(client, session_id, "When?")
        (use,) = [event for event in await at_rest(client, session_id) if event.type == "agent.tool_use"]
        answer: Any = {"type": "user.tool_result", "tool_use_id": use.id, "content": [{"type": "text", "text": "Ten."}]}
        with pytest.raises(BadRequestError, match="run by the server"):
            await client.beta.sessions.events.send(session_id, events=[answer])
        allow: Any = {"type": "user.tool_confirmation", "tool_use_id": use.id, "result": "allow"}
        await client.beta.sessions.events.send(session_id, events=[allow])
        (page,) = await results(client, session_id)
        with pytest.raises(BadRequestError):
            await client.beta.sessions.events.send(session_id, events=[answer])
    assert page.content[0].title == "Hours"


async def test_a_search_service_that_answers_otherwise_is_an_error_for_the_agent(
    server: Server, client: AsyncAnthropic, site: Site
) -> None:
    session_id = await session_with(client, tools=[TOOLSET])
    for path, why in (("/page", "SearXNG"), ("/gone", "410")):
        model = ScriptedTurnModel(call("web_search", 1, query="q"), say("So."))
        async with opened(search_url=f"{site.url}{path}") as web, turns_run(server.service, model, web=web):
            await send(client, session_id, "When?")
            result = (await results(client, session_id))[-1]
        assert (result.is_error, why in result.content[0].text) == (True, True)


async def test_an_address_that_no_source_lets_come_is_not_read(
    server: Server, client: AsyncAnthropic, web: Web, site: Site
) -> None:
    config: Any = {"name": "web_fetch", "url_sources": {"client_tool_results": "none"}}
    session_id = await session_with(client, tools=[toolset([config])])
    asks = (call("web_fetch", 1, url=f"{site.url}/page"), call("web_fetch", 2, url=f"{site.url}/json"))
    async with turns_run(server.service, ScriptedTurnModel(*asks, say("So.")), web=web):
        await send(client, session_id, f"Read {site.url}/page.")
        read_, refused = await results(client, session_id)
    assert (read_.is_error, refused.is_error) == (False, True)
    assert site.asked == ["/page"]
