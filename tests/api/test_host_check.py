"""Which names a server answers to, and whose pages may call it."""

import httpx2
import pytest
from starlette.requests import Request

from reverie.api.app import make_app
from reverie.api.host_check import check_host, read_host_name
from reverie.api.live import LiveEvents
from reverie.api.service import Service, ServiceOptions
from reverie.clock import SystemClock
from reverie.console.app import console_routes
from reverie.errors import InputError, RoleError
from reverie.settings import Settings
from reverie.storage.postgres.database import Database

PLACES = ("/health", "/ready", "/docs", "/openapi.json", "/mcp", "/v1/agents", "/v1/traces", "/console", "/nowhere")
OPEN = ServiceOptions(require_key=False)

OWN = {
    "by name": (OPEN, "localhost:8700"),
    "in capitals, as from a root zone": (OPEN, "LOCALHOST.:8700"),
    "by address": (OPEN, "127.0.0.1:8700"),
    "by another loopback address": (OPEN, "127.8.9.1"),
    "by an IPv6 address": (OPEN, "[::1]:8700"),
    "by the address that it listens on": (ServiceOptions(require_key=False, listens_on="10.0.0.7"), "10.0.0.7:80"),
    "by a further name": (ServiceOptions(require_key=False, host_names=("desk.example",)), "Desk.Example:443"),
    "by any name, with keys": (ServiceOptions(), "desk.example"),
    "by any address, where it listens to all": (ServiceOptions(listens_on="0.0.0.0", host_names=("x",)), "10.0.0.7:80"),
}
FOREIGN = {
    "another name": (OPEN, "evil.example"),
    "a name that begins as its own": (OPEN, "localhost.evil.example"),
    "its own as a user's name": (OPEN, "localhost@evil.example"),
    "its own and a path": (OPEN, "evil.example/localhost"),
    "no name": (OPEN, ""),
    "another machine's address": (OPEN, "10.0.0.7"),
    "with keys, none of the names given": (ServiceOptions(host_names=("desk.example",)), "evil.example"),
    "a name, where it listens to all": (ServiceOptions(listens_on="::", host_names=("x",)), "evil.example"),
}


def _request(host: str) -> Request:
    return Request({"type": "http", "headers": [(b"host", host.encode())]})


@pytest.mark.parametrize(("options", "host"), OWN.values(), ids=OWN)
def test_a_server_answers_where_it_is_called_by_a_name_of_its_own(options: ServiceOptions, host: str) -> None:
    check_host(_request(host), options)


@pytest.mark.parametrize(("options", "host"), FOREIGN.values(), ids=FOREIGN)
def test_a_server_refuses_other_names(options: ServiceOptions, host: str) -> None:
    with pytest.raises(RoleError, match="start it with --allow-host"):
        check_host(_request(host), options)


@pytest.mark.parametrize("text", ["https://desk.example", "desk.example:80", "desk.example/x", "*", "", "a b"])
def test_a_further_name_is_a_name_alone(text: str) -> None:
    with pytest.raises(InputError, match="is no host name"):
        read_host_name(text)


def _calling(database: Database, settings: Settings, options: ServiceOptions) -> httpx2.AsyncClient:
    service = Service(database, settings, SystemClock(), LiveEvents(), options)
    transport = httpx2.ASGITransport(make_app(service, pages=console_routes))
    return httpx2.AsyncClient(transport=transport, base_url="http://localhost:8700")


async def test_without_keys_no_place_answers_to_another_name(database: Database, settings: Settings) -> None:
    async with _calling(database, settings, OPEN) as http:
        for path in PLACES:
            for method in ("GET", "POST", "OPTIONS"):
                answer = await http.request(method, path, headers={"host": "evil.example"})
                assert answer.status_code == 403, (method, path)
                assert "--allow-host evil.example" in answer.json()["error"]["message"]


async def test_without_keys_no_place_takes_what_pages_of_others_send(database: Database, settings: Settings) -> None:
    options = ServiceOptions(require_key=False, cors_origins=("https://desk.example",))
    async with _calling(database, settings, options) as http:
        for origin in ("https://evil.example", "null", "http://localhost:9"):
            answer = await http.post("/v1/environments", json={"name": "x"}, headers={"origin": origin})
            assert (answer.status_code, answer.json()["error"]["type"]) == (403, "permission_error")
        for origin in ("https://desk.example", "http://localhost:8700"):
            answer = await http.post("/v1/environments", json={"name": origin[:5]}, headers={"origin": origin})
            assert answer.status_code == 200, answer.text
