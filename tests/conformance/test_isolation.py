"""A workspace's ids are worth nothing with another workspace's key: nothing is shown, nothing happens."""

import asyncio
import hashlib
import json
from collections.abc import Iterator

import psycopg
import pytest

from reverie.api.app import ENDPOINTS
from tests.conformance.requests import Inhabited, call, inhabit
from tests.conformance.served import Served
from tests.conformance.world import World

CALLED = [endpoint for endpoint in ENDPOINTS if "{" in endpoint.path or endpoint.method == "GET"]
NOT_INHABITED = (
    *(
        "lessons.retrieve",
        "lessons.history",
        "erasures.retrieve",
        "models.retrieve",
        "dreams.result",
        "dreams.report",
        "charter.alarms.acknowledge",
    ),
    *("trials.retrieve", "trials.decide", "trials.undo", "trials.look", "trials.curve", "briefings.retrieve"),
)
"""Lessons and results come of finished dreams, models of the server's settings, alarms and trials of sessions;
nothing is erased here."""
MOVES_BY_ITSELF = ("dbos", "executors", "webhook_deliveries", "audit_seals", "delegation", "routing_policies")
"""Tables that background work may write at any time."""


@pytest.fixture(scope="module")
def inhabited(served: Served) -> Iterator[tuple[str, Inhabited]]:
    """A workspace with one of everything, by its id."""

    async def settle() -> tuple[str, Inhabited]:
        workspace_id = await served.workspace("a")
        secret = await served.key(workspace_id=workspace_id)
        async with served.client(secret) as client, served.http(secret) as http:
            return workspace_id, await inhabit(World(served, client, http, workspace_id))

    yield asyncio.run(settle())


@pytest.fixture(scope="module")
def strange_key(served: Served) -> str:
    """An admin's key of a workspace where nothing is."""

    async def make() -> str:
        return await served.key(workspace_id=await served.workspace("b"))

    return asyncio.run(make())


def contents(served: Served, workspace_id: str) -> dict[str, str]:
    """A digest of every table of a workspace."""
    assert served.settings.database_url is not None
    with psycopg.connect(served.settings.database_url) as connection:
        (schema,) = connection.execute("SELECT schema FROM workspaces WHERE id = %s", [workspace_id]).fetchone() or (
            "",
        )
        tables = connection.execute("SELECT tablename FROM pg_tables WHERE schemaname = %s", [schema]).fetchall()
        assert len(tables) > 10
        return {
            table: _digest(connection, f'"{schema}"."{table}"')
            for (table,) in tables
            if not table.startswith(MOVES_BY_ITSELF)
        }


def _digest(connection: psycopg.Connection, table: str) -> str:
    rows = connection.execute(f"SELECT t::text FROM {table} AS t ORDER BY 1".encode()).fetchall()
    return hashlib.sha256(json.dumps(rows).encode()).hexdigest()


async def test_every_endpoint_says_404_or_nothing_about_another_workspaces_ids(
    served: Served, inhabited: tuple[str, Inhabited], strange_key: str
) -> None:
    workspace_id, inhabitants = inhabited
    before = contents(served, workspace_id)
    told = {}
    async with served.http(strange_key) as client:
        for endpoint in CALLED:
            answer = await call(client, endpoint, inhabitants)
            known = (
                [id_ for id_ in inhabitants.ids.values() if len(id_) > 12 and id_ in answer.text]
                if answer.status_code < 400
                else []
            )
            empty = answer.status_code == 200 and endpoint.is_list and answer.json()["data"] == []
            if known or not (answer.status_code == 404 or empty or "{" not in endpoint.path):
                told[endpoint.name] = (answer.status_code, answer.text[:300])
    assert told == {}
    assert contents(served, workspace_id) == before


async def test_the_same_requests_are_answered_in_the_workspace_itself(
    served: Served, inhabited: tuple[str, Inhabited]
) -> None:
    """Else a 404 above would prove nothing: the ids exist, and the bodies are good."""
    workspace_id, inhabitants = inhabited
    unanswered = {}
    async with served.http(await served.key(workspace_id=workspace_id)) as client:
        for endpoint in CALLED:
            if endpoint.method == "DELETE" or endpoint.name.endswith((".archive", *NOT_INHABITED)):
                continue
            answer = await call(client, endpoint, inhabitants)
            if answer.status_code in (404, 405) or answer.status_code >= 500:
                unanswered[endpoint.name] = (answer.status_code, answer.text[:300])
    assert unanswered == {}


async def test_nothing_of_another_workspace_can_be_named_in_a_body(
    served: Served, inhabited: tuple[str, Inhabited], strange_key: str
) -> None:
    """Agents, environments, stores, files, vaults and sessions that a body refers to."""
    ids = inhabited[1].ids
    async with served.client(strange_key) as client, served.http(strange_key) as http:
        own = World(served, client, http)
        agent, environment, store = await own.agent(), await own.environment(), await own.store()
        home = {"agent": agent, "environment_id": environment}
        foreign_store = {"type": "memory_store", "memory_store_id": ids["memory_store_id"]}
        sessions = {"type": "sessions", "session_ids": [ids["session_id"]]}
        asked = [
            ("/v1/sessions", {**home, "agent": ids["agent_id"]}),
            ("/v1/sessions", {**home, "environment_id": ids["environment_id"]}),
            ("/v1/sessions", {**home, "resources": [foreign_store]}),
            ("/v1/sessions", {**home, "resources": [{"type": "file", "file_id": ids["file_id"]}]}),
            ("/v1/sessions", {**home, "vault_ids": [ids["vault_id"]]}),
            ("/v1/agents", {"name": "n", "model": "m", "multiagent": roster(ids["agent_id"])}),
            ("/v1/dreams", {"model": "m", "inputs": [foreign_store, sessions]}),
            ("/v1/trials", {"memory_store_id": ids["memory_store_id"], "advice": "Be unkind"}),
            ("/v1/briefings", {"memory_store_ids": [store, ids["memory_store_id"]]}),
            ("/v1/dreams", {"model": "m", "inputs": [{**foreign_store, "memory_store_id": store}, sessions]}),
        ]
        statuses = [(await http.post(path, json=body)).status_code for path, body in asked]
    assert [status for status in statuses if status not in (400, 404)] == []


def roster(agent_id: str) -> dict[str, object]:
    return {"type": "coordinator", "agents": [agent_id]}
