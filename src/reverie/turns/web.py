"""Tools of the web, run by the server whatever the environment: pages are read, and a search service is asked."""

import asyncio
import re
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any
from urllib.parse import urljoin

import httpx2
import msgspec

from reverie.agents.web_address import is_public
from reverie.errors import InputError, NotFoundError
from reverie.runtime.tool_catalogue import AgentTool
from reverie.runtime.web_page import WebPage, read_page
from reverie.runtime.web_reach import Reach, is_known, reach_of
from reverie.settings import Settings
from reverie.storage.live.leases import Lease
from reverie.storage.live.replies import read_thread_log
from reverie.storage.live.sessions import LiveSession
from reverie.storage.postgres.database import Database
from reverie.storage.service.environments import read_environment
from reverie.turns.desk import ToolCall, ToolOutcome, text_outcome
from reverie.turns.public_transport import Resolve, pin, resolve

SECONDS = 30.0
"""The longest that a call takes, redirects and all."""
MOST_BYTES = 5 * 1024 * 1024
MOST_REDIRECTS = 5
MOST_RESULTS = 10
MOST_TOKENS = 25_000
"""Of a page, where the tool's configuration does not say."""
_CHARACTERS_PER_TOKEN = 4
_SENT = {"user-agent": "reverie", "accept": "text/html, text/*, application/json, */*;q=0.5", "accept-encoding": "gzip"}
_PAGES = frozenset({"text/html", "application/xhtml+xml"})
_TEXTS = re.compile(r"text/.*|application/(.*\+)?(json|xml|yaml)|application/(x-)?(javascript|yaml|ndjson)")
_CHARSET = re.compile(rb"<meta[^>]+charset=[\"']?([\w-]+)", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Web:
    """What the tools of the web work with, for all workspaces."""

    http: httpx2.AsyncClient
    fetches: bool = True
    """Whether pages may be read."""
    own_hosts: frozenset[str] = frozenset()
    """Hosts that may be read though they are not on the public internet."""
    search_url: str | None = None
    """A search service that answers as SearXNG does; None searches nowhere."""
    resolve: Resolve = resolve

    @property
    def tools(self) -> frozenset[str]:
        """The names of the tools that can be run."""
        given = {"web_fetch": self.fetches, "web_search": self.search_url is not None}
        return frozenset(name for name, there in given.items() if there)


@asynccontextmanager
async def open_web(settings: Settings) -> AsyncIterator[Web]:
    """The web as the settings let agents use it."""
    limits = httpx2.Limits(max_keepalive_connections=0)  # Connections are for one host name each, not for an address.
    async with httpx2.AsyncClient(limits=limits, trust_env=False, timeout=SECONDS, follow_redirects=False) as http:
        yield Web(http, settings.web_fetch, frozenset(settings.web_fetch_hosts), settings.web_search_url)


@dataclass(frozen=True, slots=True)
class WebHost:
    """Runs calls of the web's tools in one workspace."""

    web: Web
    database: Database

    def runs(self, session: LiveSession, tool: AgentTool) -> bool:  # noqa: ARG002 - a host's signature
        """The tools that are set up, in every kind of environment."""
        return tool.kind == "built_in" and tool.name in self.web.tools

    async def run(self, session: LiveSession, lease: Lease, call: ToolCall) -> ToolOutcome:
        """Run a call. What goes wrong on the way is an outcome that says what."""
        field = "url" if call.tool.name == "web_fetch" else "query"
        asked = call.input.get(field)
        if not isinstance(asked, str) or not asked.strip():
            return text_outcome(f"{field}: give a text", is_error=True)
        try:
            async with asyncio.timeout(SECONDS):
                if call.tool.name == "web_search":
                    return await search(self.web, asked.strip(), reach_of(call.tool.config))
                return await self._fetch(session, lease, call.tool.config, asked.strip())
        except TimeoutError:
            return text_outcome(f"There was no answer within {SECONDS:.0f} seconds.", is_error=True)
        except InputError as error:
            return text_outcome(str(error), is_error=True)
        except (httpx2.HTTPError, httpx2.InvalidURL, OSError, UnicodeError) as error:
            return text_outcome(f"It could not be reached: {error or type(error).__name__}", is_error=True)

    async def _fetch(self, session: LiveSession, lease: Lease, config: Mapping[str, Any], url: str) -> ToolOutcome:
        async with self.database.connection() as connection:
            try:
                networking = (await read_environment(connection, str(session.environment_id))).config.get("networking")
            except NotFoundError:
                networking = None
            sources = config.get("url_sources")
            events = await read_thread_log(connection, session.id, session.key, lease.thread) if sources else []
        if not is_known(url, sources, events):
            raise InputError(f"url: {url} is in none of the places that the tool's url_sources let addresses come from")
        most = (config.get("max_content_tokens") or MOST_TOKENS) * _CHARACTERS_PER_TOKEN
        return await fetch(self.web, url, reach_of(config, networking), most)


async def fetch(web: Web, url: str, reach: Reach, most_characters: int) -> ToolOutcome:
    """What a page says, as a document; redirects are followed where they may be.

    Raises:
        InputError: it may not be reached, or is too large or no text.
        HTTPError, OSError: it could not be reached.
    """
    for _ in range(MOST_REDIRECTS + 1):
        request = await _request(web, url, reach)
        response = await web.http.send(request, stream=True)
        try:
            if response.has_redirect_location:
                url = urljoin(url, response.headers["location"])
                continue
            if response.is_error:
                text = f"{url} answered {response.status_code} {response.reason_phrase}".rstrip()
                return text_outcome(f"{text}.", is_error=True)
            return _document(url, _page(url, response, await _content(response)), most_characters)
        finally:
            await response.aclose()
    raise InputError(f"url: it was redirected more than {MOST_REDIRECTS} times")


async def _request(web: Web, url: str, reach: Reach) -> httpx2.Request:
    """The request for a page, to the very address that was checked, whatever its name stands for afterwards."""
    parts = httpx2.URL(url)
    host = parts.raw_host.decode("ascii")
    if parts.scheme not in ("http", "https") or not host or parts.userinfo:
        raise InputError(f"url: {url!r} is no address that starts with http:// or https:// and names a host")
    if (refusal := reach.refusal(host, parts.path)) is not None:
        raise InputError(f"url: {refusal}")
    if host.lower().rstrip(".") in web.own_hosts:
        return web.http.build_request("GET", parts, headers=_SENT)
    addresses = await web.resolve(host, parts.port or (443 if parts.scheme == "https" else 80))
    if not addresses or not all(map(is_public, addresses)):
        raise InputError(f"url: {host} is not on the public internet; REVERIE_WEB_FETCH_HOSTS can allow it")
    target = pin(parts, addresses[0])
    return web.http.build_request("GET", target.url, headers=_SENT | target.headers, extensions=target.extensions)


async def _content(response: httpx2.Response) -> bytes:
    content = bytearray()
    async for piece in response.aiter_bytes():
        content += piece
        if len(content) > MOST_BYTES:
            raise InputError(f"url: it is larger than {MOST_BYTES // 1024**2} MiB")
    return bytes(content)


def _page(url: str, response: httpx2.Response, content: bytes) -> WebPage:
    kind = response.headers.get("content-type", "text/plain").partition(";")[0].strip().lower()
    if kind not in _PAGES and not _TEXTS.fullmatch(kind):
        raise InputError(f"url: it is {kind}; web_fetch reads pages and texts")
    declared = _CHARSET.search(content[:1024]) if kind in _PAGES else None
    named = response.charset_encoding or (declared[1].decode("ascii") if declared else "utf-8")
    try:
        text = content.decode(named, errors="replace")
    except LookupError:
        text = content.decode("utf-8", errors="replace")
    return read_page(text, url) if kind in _PAGES else WebPage("", text.strip())


def _document(url: str, page: WebPage, most_characters: int) -> ToolOutcome:
    # No NUL can be stored, and it says nothing.
    text = page.text.replace("\0", "")
    if not text:
        return text_outcome(f"{url} holds no text.")
    if len(text) > most_characters:
        text = f"{text[:most_characters]}\n\n(cut here, after {most_characters:,} of {len(text):,} characters)"
    source = {"type": "text", "media_type": "text/plain", "data": text}
    title = page.title.replace("\0", "") or url
    return ToolOutcome(({"type": "document", "source": source, "title": title[:500], "context": url},))


class _Found(msgspec.Struct, frozen=True):
    url: str
    title: str | None = None
    content: str | None = None


class _Answer(msgspec.Struct, frozen=True):
    results: list[_Found] = []


async def search(web: Web, query: str, reach: Reach) -> ToolOutcome:
    """What the search service finds, as search results.

    Raises:
        InputError: it answered something else.
        HTTPError, OSError: it could not be reached.
    """
    url = httpx2.URL(web.search_url or "").copy_merge_params({"q": query, "format": "json"})
    response = await web.http.get(url, headers={"accept": "application/json", "user-agent": "reverie"})
    if not response.is_success:
        raise InputError(f"The search service answered {response.status_code}; whoever operates the server can look.")
    try:
        found = msgspec.json.decode(response.content, type=_Answer).results
    except msgspec.DecodeError as error:
        raise InputError(f"The search service gave no results in SearXNG's JSON: {error}") from error
    results = [_result(one) for one in found if _may_be_shown(one.url, reach)]
    return ToolOutcome(tuple(results[:MOST_RESULTS])) if results else text_outcome("Nothing was found.")


def _may_be_shown(url: str, reach: Reach) -> bool:
    try:
        parts = httpx2.URL(url)
    except httpx2.InvalidURL:
        return False
    return parts.scheme in ("http", "https") and reach.refusal(parts.raw_host.decode("ascii"), parts.path) is None


def _result(found: _Found) -> dict[str, Any]:
    title = (found.title or "").replace("\0", "").strip() or found.url
    text = (found.content or "").replace("\0", "").strip() or title
    return {
        "type": "search_result",
        "source": found.url,
        "title": title,
        "content": [{"type": "text", "text": text}],
        "citations": {"enabled": False},
    }
