"""A request for every endpoint, made of ids and bodies that a workspace's inhabitants give."""

import re
from dataclasses import dataclass
from typing import Any

import httpx2

from reverie.api.endpoint import Endpoint
from tests.conformance.exercises.deployments import deployment
from tests.conformance.exercises.dreams import dream
from tests.conformance.exercises.skills import skill, skill_files
from tests.conformance.exercises.vaults import credential, vault
from tests.conformance.exercises.work import taken_work
from tests.conformance.world import World, message


@dataclass(frozen=True, slots=True)
class Inhabited:
    """Ids of one of everything in a workspace, by path parameter."""

    ids: dict[str, str]

    def path(self, endpoint: Endpoint) -> str:
        """The endpoint's path, filled in."""
        return re.sub(r"{(\w+)(:\w+)?}", lambda found: self.ids[found[1]], endpoint.path)

    def sent(self, endpoint: Endpoint) -> dict[str, Any]:
        """What to send besides the path, as arguments of ``httpx2``, naming what lives here."""
        return bodies(self.ids).get(endpoint.name, {})


async def call(client: httpx2.AsyncClient, endpoint: Endpoint, inhabited: Inhabited) -> httpx2.Response:
    """Call an endpoint about the inhabitants; of a stream, only the beginning is read."""
    path, sent = inhabited.path(endpoint), inhabited.sent(endpoint)
    async with client.stream(endpoint.method, path, **sent) as response:
        if "event-stream" not in response.headers.get("content-type", ""):
            await response.aread()
        return response


async def inhabit(world: World) -> Inhabited:
    """Make one of everything that is served, quiet enough that nothing changes by itself."""
    ids = {"agent_id": await world.agent(), "environment_id": await world.environment()}
    beta = world.client.beta
    store_id = await world.store()
    yearly = {"type": "cron", "expression": "0 0 1 1 *", "timezone": "UTC"}
    await world.http.post(f"/v1/memory_stores/{store_id}/dream_schedule", json={"schedule": yearly})
    memory = await beta.memory_stores.memories.create(store_id, path="/a", content="of A")
    file = await beta.files.upload(file=("a.txt", b"of A", "text/plain"))
    session_id = await world.session(
        agent=ids["agent_id"],
        environment_id=ids["environment_id"],
        resources=[{"type": "memory_store", "memory_store_id": store_id}, {"type": "file", "file_id": file.id}],
    )
    await world.http.post("/v1/label_tasks", json={})
    trial = await world.http.post("/v1/trials", json={"memory_store_id": store_id, "advice": "Be kind"})
    briefing = await world.http.post("/v1/briefings", json={"memory_store_ids": [store_id]})
    team = await world.http.post("/v1/teams", json={"name": "desk", "members": [{"agent": "a"}, {"agent": "b"}]})
    thread = (await beta.sessions.threads.list(session_id)).data[0]
    own = f"/v1/agents/{ids['agent_id']}"
    await world.http.post(f"{own}/bounds", json={"bounds": {"briefing_items": {"least": 1, "most": 8, "step": 8}}})
    change = await world.http.post(
        f"{own}/self_changes", json={"patch": {"metadata": {"reverie_briefing_items": "3"}}, "reason": "less to read"}
    )
    resources = (await beta.sessions.resources.list(session_id)).data
    ids |= {
        "memory_store_id": store_id,
        "trial_id": trial.json()["id"],
        "team_id": team.json()["id"],
        "briefing_id": briefing.json()["id"],
        "change_id": change.json()["id"],
        "memory_id": memory.id,
        "memory_version_id": memory.memory_version_id,
        "file_id": file.id,
        "session_id": session_id,
        "thread_id": thread.id,
        "resource_id": next(getattr(resource, "id", "") for resource in resources if resource.type == "file"),
    }
    return Inhabited(ids | await _more(world))


async def _more(world: World) -> dict[str, str]:
    made = await skill(world)
    vault_id = await vault(world)
    deployed = await deployment(world)
    run = await world.client.beta.deployments.run(deployed.id)
    dreamt = await dream(world)
    await world.client.beta.dreams.cancel(dreamt.id)
    async with taken_work(world) as (_, environment_id, work_id):
        pass
    key = await world.http.post(f"/v1/environments/{environment_id}/keys", json={"name": "k"})
    api_key = await world.http.post("/v1/api_keys", json={"role": "read"})
    webhook = await world.http.post(
        "/v1/organizations/webhooks", json={"url": "https://hooks.example.com/", "enabled_events": ["agent.created"]}
    )
    return {
        "skill_id": made.id,
        "version": made.latest_version_id,
        "vault_id": vault_id,
        "credential_id": (await credential(world, vault_id)).id,
        "deployment_id": deployed.id,
        "deployment_run_id": run.id,
        "dream_id": dreamt.id,
        "environment_id": environment_id,
        "work_id": work_id,
        "key_id": key.json()["id"],
        "api_key_id": api_key.json()["id"],
        "webhook_endpoint_id": webhook.json()["id"],
        "revision": "1",
        "erasure_id": "erasure_none",
        "lesson_id": "lesson_none",
        "alarm_id": "alm_none",
        "model_id": "any-model",
    }


_TEXT = {"type": "text", "text": "from B"}
_NAME = {"json": {"name": "taken over"}}
_BEARER = {"type": "static_bearer", "token": "t", "mcp_server_url": "https://mcp.example.com/b"}
_BODIES: dict[str, dict[str, Any]] = {
    "agents.update": _NAME,
    "api_keys.create": {"json": {"role": "read", "name": "from B"}},
    "agents.bounds.set": {"json": {"bounds": {}}},
    "agents.roles.set": {"json": {"roles": [{"name": "reader", "brief": "Read $what"}]}},
    "agents.self_changes.create": {"json": {"patch": {"model": {"id": "m"}}, "reason": "taken over"}},
    "charter.alarms.acknowledge": {"json": {"note": "taken over"}},
    "trials.decide": {"json": {"act": "reject"}},
    "environments.update": _NAME,
    "environments.keys.create": {"json": {"name": "k"}},
    "environments.work.update": {"json": {"metadata": {"a": "b"}}},
    "environments.work.stop": {"json": {"force": True}},
    "environments.work.heartbeat": {"params": {"expected_last_heartbeat": "NO_HEARTBEAT"}},
    "sessions.update": {"json": {"title": "taken over"}},
    "sessions.events.send": {"json": {"events": [message("from B")]}},
    "sessions.record": {"json": {"events": [{"type": "agent.message", "content": [_TEXT]}]}},
    "sessions.preview": {"json": {"type": "agent.message"}},
    "sessions.resources.update": {"json": {"authorization_token": "t"}},
    "sessions.scores.record": {"json": {"scores": [{"metric": "outcome", "value": 1.0}]}},
    "memory_stores.update": _NAME,
    "memory_stores.memories.create": {"json": {"path": "/b", "content": "from B"}},
    "memory_stores.memories.update": {"json": {"content": "from B"}},
    "memory_stores.recall": {"params": {"query": "the door of A"}},
    "memory_stores.document": {"params": {"path": "/a"}},
    "memory_stores.policy.update": {"json": {"policy": {}}},
    "memory_stores.dream_schedule.update": {
        "json": {"schedule": {"type": "cron", "expression": "0 0 1 1 *", "timezone": "UTC"}}
    },
    "memory_stores.revisions.rollback": {"json": {"reason": "from B"}},
    "label_tasks.answer": {"json": {"value": 1.0}},
    "deployments.update": _NAME,
    "skills.versions.create": {"files": [("files[]", file) for file in skill_files("taken-over")]},
    "vaults.update": {"json": {"display_name": "taken over"}},
    "vaults.credentials.create": {"json": {"auth": _BEARER}},
    "vaults.credentials.update": {"json": {"display_name": "taken over"}},
    "organization.webhooks.update": _NAME,
}


def bodies(ids: dict[str, str]) -> dict[str, dict[str, Any]]:
    """What endpoints need besides their path, referring to ``ids``: a body for ``POST``, a query for ``GET``."""
    return {**_BODIES, "sessions.resources.add": {"json": {"type": "file", "file_id": ids["file_id"]}}}
