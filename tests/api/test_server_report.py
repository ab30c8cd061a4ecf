"""How a server is, as it sees itself, without its secrets."""

import asyncio
from importlib.metadata import version
from pathlib import Path
from secrets import token_hex

import msgspec
import pytest

from reverie import AsyncClient as Reverie
from reverie.api.service import ServiceOptions
from reverie.settings import Settings
from reverie.storage.postgres.schema import known_revisions
from tests.api.conftest import Server, running

ROUTES = """
[[routes]]
pattern = "claude-*"
provider = "openai"
base_url = "http://models.example.com/v1?token=hush"
key_variable = "DESK_KEY"
"""


async def test_it_names_versions_database_disk_work_and_formats(server: Server, reverie: Reverie) -> None:
    told = await reverie.server()
    assert told.version == version("reverie")
    assert (told.database.embedded, told.database.migration) == (False, max(known_revisions()))
    assert told.database.version[0].isdigit() and told.database.bytes > 1_000_000
    assert 0 < told.disk.free_bytes <= told.disk.total_bytes
    states = {work.name: (work.state, work.error) for work in told.work}
    assert states["trials looked at"] == ("running", "") and len(states) == len(server.service.background)
    assert (told.seals.newest, told.seals.signed, told.seals.every_minutes) == (None, False, 60)
    assert [one.ours for one in told.formats if one.name == "claude-code"] == [True]


async def broken() -> None:
    raise ConnectionError("the database went away")


async def test_work_that_failed_is_told_with_the_kind_of_its_error_and_seals_with_their_newest(
    server: Server, reverie: Reverie
) -> None:
    failing = asyncio.create_task(broken())
    await asyncio.wait([failing])
    server.service.background["errands"] = failing
    await reverie.create_api_key("read")
    await reverie.seal_history()
    told = await reverie.server()
    assert [(work.state, work.error) for work in told.work if work.name == "errands"] == [("failed", "ConnectionError")]
    assert told.seals.newest is not None and told.seals.newest_at is not None
    del server.service.background["errands"]


async def test_routes_are_told_with_host_and_variable_and_never_with_a_key(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    secret = token_hex(16)
    monkeypatch.setenv("DESK_KEY", secret)
    (tmp_path / "routes.toml").write_text(ROUTES, encoding="utf-8")
    routed = msgspec.structs.replace(settings, model_routes=tmp_path / "routes.toml")
    async with running(routed, ServiceOptions()) as server, server.http(await server.key()) as http:
        text = (await http.get("/v1/server")).text
        (route,) = (await http.get("/v1/server")).json()["routes"]
        assert (route["pattern"], route["host"], route["has_key"]) == ("claude-*", "models.example.com", True)
        assert secret not in text and "hush" not in text
        (tmp_path / "routes.toml").write_text("[[routes]]\npattern = 3\n", encoding="utf-8")
        broken = (await http.get("/v1/server")).json()
        assert broken["routes"] == [] and "route 1" in broken["routes_error"]
