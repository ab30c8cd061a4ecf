import asyncio
from datetime import timedelta
from pathlib import Path

import msgspec
import pytest
from anthropic import AsyncAnthropic
from httpx2 import AsyncClient

from reverie import Client
from reverie.api.sealing import seal_due
from reverie.api.server import open_service
from reverie.api.service import Service, ServiceOptions
from reverie.clock import ManualClock
from reverie.errors import SettingsError
from reverie.settings import Settings
from reverie.storage.postgres.act import record_act, system_actor
from reverie.storage.postgres.workspaces import create_workspace
from tests.api.conftest import Server
from tests.storage.audit.history import NOW, tamper


async def test_acts_are_listed_newest_first_and_chosen_by_resource_and_action(
    client: AsyncAnthropic, http: AsyncClient
) -> None:
    store = await client.beta.memory_stores.create(name="notes")
    memory = await client.beta.memory_stores.memories.create(store.id, path="/a", content="1")
    await client.beta.memory_stores.memories.update(memory.id, memory_store_id=store.id, content="2")
    first = (await http.get("/v1/audit_log", params={"limit": 2})).json()
    rest = (await http.get("/v1/audit_log", params={"limit": 2, "page": first["next_page"]})).json()
    assert [(entry["action"], entry["resource_id"]) for entry in [*first["data"], *rest["data"]]] == [
        ("memory_stores.memories.update", memory.id),
        ("memory_stores.memories.create", memory.id),
        ("memory_stores.create", store.id),
    ]
    (made,) = (await http.get("/v1/audit_log", params={"resource_id": store.id})).json()["data"]
    assert made["actor"]["type"] == "api_actor" and made["details"] is None
    changes = await http.get("/v1/audit_log", params={"action": "memory_stores.memories.update"})
    assert len(changes.json()["data"]) == 1


async def test_acts_are_chosen_by_who_did_them(server: Server, http: AsyncClient) -> None:
    async with server.service.database.connection() as connection:
        for actor in (system_actor("trials"), system_actor("charters"), {"type": "session_actor", "session_id": "s1"}):
            await record_act(connection, actor, "trials.roll_back", "trl_1", "", NOW)
    await http.post("/v1/metrics", json={"name": "helpful"})
    (by_key,) = (await http.get("/v1/audit_log", params={"action": "metrics.define"})).json()["data"]
    for who in ("trials", "s1", by_key["actor"]["api_key_id"]):
        found = (await http.get("/v1/audit_log", params={"actor": who})).json()["data"]
        assert [who in act["actor"].values() for act in found] == [True]
    assert (await http.get("/v1/audit_log", params={"actor": "nobody"})).json()["data"] == []


async def test_an_automatic_act_says_what_it_went_by(server: Server, http: AsyncClient) -> None:
    details = {"revision_before": 3, "revision_after": 4, "effect": [-0.2, -0.1]}
    async with server.service.database.connection() as connection:
        await record_act(connection, system_actor("trials"), "trials.roll_back", "trl_1", "", NOW, details)
    (act,) = (await http.get("/v1/audit_log")).json()["data"]
    assert (act["actor"], act["details"]) == ({"type": "system", "name": "trials"}, details)
    assert (act["request_id"], len(act["content_hash"])) == ("", 64)


async def test_only_an_admin_reads_the_audit_log_its_seals_and_its_verification(server: Server) -> None:
    async with server.http(await server.key("write")) as writer:
        for path in ("/v1/audit_log", "/v1/audit_log/seals", "/v1/audit_log/verify"):
            assert (await writer.get(path)).status_code == 403
        assert (await writer.post("/v1/audit_log/seals")).status_code == 403


async def test_a_sealed_history_is_verified_and_what_was_changed_is_named(
    client: AsyncAnthropic, http: AsyncClient, database_url: str
) -> None:
    await client.beta.memory_stores.create(name="notes")
    sealing = (await http.post("/v1/audit_log/seals")).json()
    (seal,) = sealing["seals"]
    assert (seal["table"], seal["first"], seal["last"], sealing["waiting"]) == ("audit_log", 1, 1, [])
    assert (await http.get("/v1/audit_log/seals")).json()["data"] == [seal]
    # The sealing is an act itself, after the seal.
    clean = (await http.get("/v1/audit_log/verify")).json()
    assert (clean["found"], clean["rows"], clean["unsealed"]) == (0, 2, 1)
    tamper(database_url, "audit_log", "UPDATE audit_log SET action = 'memory_stores.delete' WHERE number = 1")
    (found,) = (await http.get("/v1/audit_log/verify")).json()["findings"]
    assert (found["kind"], found["table"], found["row"], found["seal"]) == ("edited", "audit_log", 1, 1)


async def test_a_key_does_not_reach_the_seals_of_another_workspace(
    server: Server, client: AsyncAnthropic, http: AsyncClient
) -> None:
    await client.beta.memory_stores.create(name="notes")
    await http.post("/v1/audit_log/seals")
    async with server.http(await server.key(workspace_id=await server.workspace("other"))) as other:
        assert (await other.get("/v1/audit_log/seals")).json()["data"] == []
        assert (await other.post("/v1/audit_log/seals")).json()["seals"] == []
        assert (await other.get("/v1/audit_log/verify")).json()["seals"] == 0


async def test_the_server_seals_each_workspace_when_it_is_due(server: Server, tmp_path: Path) -> None:
    other = server.service.database.of_schema((await create_workspace(server.service.database, "other", NOW)).schema)
    for database in (server.service.database, other):
        async with database.connection() as connection:
            await record_act(connection, system_actor("trials"), "trials.start", None, "", NOW)
    path, clock = tmp_path / "seals.jsonl", ManualClock(NOW)
    settings = msgspec.structs.replace(server.service.settings, audit_seal_file=path)
    service = Service(server.service.database, settings, clock, server.service.live)
    await seal_due(service)
    await seal_due(service)
    assert len(path.read_bytes().splitlines()) == 2
    async with other.connection() as connection:
        await record_act(connection, system_actor("trials"), "trials.end", None, "", NOW)
    clock.set(NOW + timedelta(minutes=60))
    await seal_due(service)
    assert len(path.read_bytes().splitlines()) == 3


async def test_the_client_seals_lists_and_verifies(server: Server) -> None:
    key = await server.key()

    def work() -> None:
        with Client(server.url, key) as reverie:
            reverie.beta.memory_stores.create(name="desk")
            (seal,) = reverie.seal_history().seals
            assert list(reverie.audit_seals()) == [seal]
            assert reverie.verify_history().found == 0

    await asyncio.to_thread(work)


async def test_a_server_does_not_start_with_a_key_or_a_file_that_it_cannot_use(
    settings: Settings, tmp_path: Path
) -> None:
    (tmp_path / "text").write_text("no key")
    for wrong in ({"audit_key": tmp_path / "text"}, {"audit_seal_file": tmp_path / "nowhere" / "seals.jsonl"}):
        with pytest.raises(SettingsError, match="REVERIE_AUDIT_"):
            async with open_service(msgspec.structs.replace(settings, **wrong), ServiceOptions()):
                pass
