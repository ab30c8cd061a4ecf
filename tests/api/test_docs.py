import re
from html.parser import HTMLParser
from typing import Any

import httpx2
import msgspec
import pytest
from openapi_spec_validator import validate

from reverie.api.app import ENDPOINTS
from reverie.api.docs import describe_type, render_docs
from reverie.api.openapi import openapi_document


@pytest.fixture(scope="module")
def document() -> dict[str, Any]:
    """The OpenAPI document of all endpoints, as a client gets it."""
    read: dict[str, Any] = msgspec.json.decode(msgspec.json.encode(openapi_document(ENDPOINTS)))
    return read


class Page(HTMLParser):
    """Collects what a page defines, links to and loads."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.ids: list[str] = []
        self.links: set[str] = set()
        self.loaded: list[str] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        named = dict(attrs)
        if named.get("id"):
            self.ids.append(str(named["id"]))
        if tag == "a":
            self.links.add(str(named["href"]))
        if tag == "link" or named.get("src"):
            self.loaded.append(tag)


def test_the_document_is_valid_openapi_and_has_every_endpoint_once(document: dict[str, Any]) -> None:
    validate(document)
    operations = [x["operationId"] for methods in document["paths"].values() for x in methods.values()]
    assert sorted(operations) == sorted(endpoint.name for endpoint in ENDPOINTS)


def test_every_reference_of_the_document_leads_somewhere(document: dict[str, Any]) -> None:
    references = set(re.findall(r'"#/components/schemas/([^"]+)"', msgspec.json.encode(document).decode()))
    assert references <= document["components"]["schemas"].keys()


def test_uploads_are_described_as_multipart(document: dict[str, Any]) -> None:
    content = document["paths"]["/v1/files"]["post"]["requestBody"]["content"]
    assert list(content) == ["multipart/form-data"]


def test_the_page_shows_every_endpoint_loads_nothing_and_has_no_dead_link(document: dict[str, Any]) -> None:
    page = Page(render_docs(document))
    assert {endpoint.name for endpoint in ENDPOINTS} <= set(page.ids)
    assert len(page.ids) == len(set(page.ids))
    assert page.loaded == []
    assert {link.removeprefix("#") for link in page.links if link.startswith("#")} <= set(page.ids)
    assert {link for link in page.links if not link.startswith("#")} == {"/openapi.json"}


def test_text_of_a_type_cannot_become_markup() -> None:
    assert "<b>" not in describe_type({"enum": ["<b>"]}) + describe_type({"type": "<b>"})


async def test_the_server_gives_both_without_a_key(http: httpx2.AsyncClient) -> None:
    del http.headers["x-api-key"]
    page = await http.get("/docs")
    assert page.status_code == 200
    assert page.headers["content-type"].startswith("text/html")
    assert (await http.get("/openapi.json")).json()["openapi"].startswith("3.1")
