"""Deployments: an agent bound to what its sessions start with, and to a schedule; and their runs."""

from collections.abc import Mapping
from typing import Any

import msgspec

from reverie.agents.schedule import Schedule, read_schedule, upcoming
from reverie.api.endpoint import Call, Endpoint
from reverie.api.metadata import check_metadata, patch_metadata
from reverie.api.pages import decode_position, envelope, page_of
from reverie.api.wire_type import WireType
from reverie.errors import InputError, StateError
from reverie.ids import new_id
from reverie.storage.live import deployment_runs as runs
from reverie.storage.live.creation import create_session
from reverie.storage.live.deployment_runs import DeploymentRun
from reverie.storage.service import deployments as table
from reverie.storage.service.agents import resolve_agent
from reverie.storage.service.deployments import Deployment

MOST_SCHEDULED = 1000
_TYPES = "anthropic.types.beta"
_DEPLOYMENT = WireType(f"{_TYPES}.beta_managed_agents_deployment:BetaManagedAgentsDeployment")
_RUN = WireType(f"{_TYPES}.beta_managed_agents_deployment_run:BetaManagedAgentsDeploymentRun")

_RESOURCE_FIELDS: Mapping[str, tuple[str, ...]] = {
    "memory_store": ("memory_store_id", "access", "instructions"),
    "file": ("file_id", "mount_path"),
    "github_repository": ("url", "checkout", "mount_path"),
}
"""What is kept of a resource; a repository's token is not, since sessions do not use it."""
_OF_SESSIONS = ("agent", "environment_id", "initial_events", "resources", "vault_ids", "budget")
"""The fields that decide whether sessions can be made."""
_KEPT_AS_SENT = ("name", "environment_id", "initial_events", "budget")


def wire_deployment(call: Call, deployment: Deployment) -> dict[str, Any]:
    """A deployment as it is answered."""
    return {
        "id": deployment.id,
        "type": "deployment",
        "name": deployment.name,
        "description": deployment.description,
        "agent": {"type": "agent", "id": deployment.agent_id, "version": deployment.agent_version},
        "environment_id": deployment.environment_id,
        "initial_events": deployment.initial_events,
        "resources": deployment.resources,
        "vault_ids": deployment.vault_ids,
        "metadata": deployment.metadata,
        "status": "active" if deployment.paused_reason is None else "paused",
        "paused_reason": deployment.paused_reason,
        "schedule": _wire_schedule(call, deployment),
        **({"budget": deployment.budget} if deployment.budget is not None else {}),
        "created_at": deployment.created_at,
        "updated_at": deployment.updated_at,
        "archived_at": deployment.archived_at,
    }


def _wire_schedule(call: Call, deployment: Deployment) -> dict[str, Any] | None:
    if deployment.schedule is None:
        return None
    to_come = [] if deployment.archived_at is not None else upcoming(Schedule(**deployment.schedule), call.now)
    return {
        "type": "cron",
        **deployment.schedule,
        "last_run_at": deployment.last_run_at,
        "upcoming_runs_at": to_come,
    }


def wire_run(run: DeploymentRun) -> dict[str, Any]:
    """A run as it is answered."""
    trigger = {"type": "manual"} if run.scheduled_at is None else {"type": "schedule", "scheduled_at": run.scheduled_at}
    return {
        "id": run.id,
        "type": "deployment_run",
        "deployment_id": run.deployment_id,
        "agent": {"type": "agent", "id": run.agent_id, "version": run.agent_version},
        "trigger_context": trigger,
        "session_id": run.session_id,
        "error": run.error,
        "created_at": run.created_at,
    }


async def create(call: Call) -> dict[str, Any]:
    """Make a deployment of an agent, pinned to a version."""
    body = call.body
    agent = await resolve_agent(call.connection, body["agent"])
    deployment = Deployment(
        id=new_id("depl", call.now),
        name=body["name"],
        description=body.get("description") or None,
        agent_id=agent.id,
        agent_version=agent.version,
        environment_id=body["environment_id"],
        initial_events=body["initial_events"],
        resources=_kept_resources(body.get("resources")),
        vault_ids=body.get("vault_ids") or [],
        budget=body.get("budget"),
        schedule=await _read_schedule(call, body.get("schedule")),
        metadata=check_metadata(body.get("metadata") or {}),
        created_at=call.now,
        updated_at=call.now,
    )
    deployment = deployment.due_after(call.now)
    await _try_session(call, deployment)
    await table.insert_deployment(call.connection, deployment)
    call.resource_id = deployment.id
    call.notify("deployment.created", deployment.id)
    return wire_deployment(call, deployment)


def _kept_resources(resources: list[dict[str, Any]] | None) -> list[dict[str, Any]]:
    return [
        {"type": resource["type"], **{name: resource.get(name) for name in _RESOURCE_FIELDS[resource["type"]]}}
        for resource in resources or ()
    ]


async def _read_schedule(call: Call, schedule: Mapping[str, str] | None) -> dict[str, str] | None:
    if schedule is None:
        return None
    if await table.count_scheduled(call.connection) >= MOST_SCHEDULED:
        raise StateError(f"schedule: {MOST_SCHEDULED} deployments have one, the most there can be; archive some")
    read: dict[str, str] = msgspec.structs.asdict(read_schedule(schedule["expression"], schedule["timezone"]))
    return read


async def _try_session(call: Call, deployment: Deployment) -> None:
    """Accept a deployment of which a session could be made now; the one that is made to see is undone."""
    async with call.connection.transaction(force_rollback=True):
        await create_session(call.connection, deployment.session_request(), call.now)


async def retrieve(call: Call) -> dict[str, Any]:
    """One deployment."""
    return wire_deployment(call, await table.read_deployment(call.connection, call.path["deployment_id"]))


async def list_all(call: Call) -> dict[str, Any]:
    """Deployments, newest first."""
    if "status" in call.query and call.query.get("include_archived"):
        raise InputError("status: cannot be combined with include_archived; archived deployments have no status")
    limit = call.query.get("limit", 20)
    before = decode_position(call.query.get("page"))
    rows = await table.list_deployments(call.connection, call.query, before=before, limit=limit + 1)
    shown, next_page = page_of(rows, limit, lambda row: (row.created_at, row.id))
    return envelope([wire_deployment(call, row) for row in shown], next_page)


async def update(call: Call) -> dict[str, Any]:
    """Change a deployment; what is left out is kept. A new schedule begins now."""
    body, present = call.body, await _changeable(call)
    changes: dict[str, Any] = {name: body[name] for name in _KEPT_AS_SENT if name in body}
    if "description" in body:
        changes["description"] = body["description"] or None
    if "agent" in body:
        agent = await resolve_agent(call.connection, body["agent"])
        changes |= {"agent_id": agent.id, "agent_version": agent.version}
    if "resources" in body:
        changes["resources"] = _kept_resources(body["resources"])
    if "vault_ids" in body:
        changes["vault_ids"] = body["vault_ids"] or []
    metadata = patch_metadata(present.metadata, body.get("metadata"))
    changed = msgspec.structs.replace(present, **changes, metadata=metadata, updated_at=call.now)
    if "schedule" in body:
        schedule = await _read_schedule(call, body["schedule"])
        if schedule != present.schedule:
            changed = msgspec.structs.replace(changed, schedule=schedule).due_after(call.now)
    if any(name in body for name in _OF_SESSIONS):
        await _try_session(call, changed)
    await table.update_deployment(call.connection, changed)
    call.notify("deployment.updated", changed.id)
    return wire_deployment(call, changed)


async def _changeable(call: Call) -> Deployment:
    deployment = await table.read_deployment(call.connection, call.path["deployment_id"], lock=True)
    if deployment.archived_at is not None:
        raise StateError(f"deployment {deployment.id} is archived; make another one")
    return deployment


async def archive(call: Call) -> dict[str, Any]:
    """Archive a deployment for good; doing it again changes nothing."""
    deployment = await table.archive_deployment(call.connection, call.path["deployment_id"], call.now)
    if deployment.archived_at == call.now:
        call.notify("deployment.archived", deployment.id)
    return wire_deployment(call, deployment)


async def pause(call: Call) -> dict[str, Any]:
    """Let the schedule rest; a deployment that is paused already stays as it is."""
    present = await _changeable(call)
    if present.paused_reason is not None:
        return wire_deployment(call, present)
    return await _set_paused(call, present, {"type": "manual"}, "deployment.paused")


async def unpause(call: Call) -> dict[str, Any]:
    """Let the schedule go on from now; what it would have run meanwhile is not made up for."""
    present = await _changeable(call)
    if present.paused_reason is None:
        return wire_deployment(call, present)
    return await _set_paused(call, present, None, "deployment.unpaused")


async def _set_paused(call: Call, present: Deployment, reason: dict[str, Any] | None, notice: str) -> dict[str, Any]:
    changed = msgspec.structs.replace(present, paused_reason=reason, updated_at=call.now).due_after(call.now)
    await table.update_deployment(call.connection, changed)
    call.notify(notice, changed.id)
    return wire_deployment(call, changed)


async def run(call: Call) -> dict[str, Any]:
    """Make a session now, paused or not; the run says whether it could be made."""
    deployment_run = await runs.run_now(call.connection, await _changeable(call), call.now)
    call.resource_id = deployment_run.id
    if deployment_run.session_id is not None:
        call.notify("session.created", deployment_run.session_id)
        call.notify("session.status_run_started", deployment_run.session_id)
    return wire_run(deployment_run)


async def retrieve_run(call: Call) -> dict[str, Any]:
    """One run."""
    return wire_run(await runs.read_run(call.connection, call.path["deployment_run_id"]))


async def list_runs(call: Call) -> dict[str, Any]:
    """Runs, newest first."""
    limit = call.query.get("limit", 20)
    before = decode_position(call.query.get("page"))
    rows = await runs.list_runs(call.connection, call.query, before=before, limit=limit + 1)
    shown, next_page = page_of(rows, limit, lambda row: (row.created_at, row.id))
    return envelope([wire_run(row) for row in shown], next_page)


_ALL = "/v1/deployments"
_ONE = f"{_ALL}/{{deployment_id}}"
ENDPOINTS = (
    Endpoint(
        "deployments.create",
        "POST",
        _ALL,
        create,
        "Make a deployment.",
        body=WireType(f"{_TYPES}.deployment_create_params:DeploymentCreateParams"),
        answer=_DEPLOYMENT,
    ),
    Endpoint(
        "deployments.list",
        "GET",
        _ALL,
        list_all,
        "List deployments, newest first.",
        query=WireType(f"{_TYPES}.deployment_list_params:DeploymentListParams"),
        answer=_DEPLOYMENT,
        is_list=True,
    ),
    Endpoint("deployments.retrieve", "GET", _ONE, retrieve, "Read a deployment.", answer=_DEPLOYMENT),
    Endpoint(
        "deployments.update",
        "POST",
        _ONE,
        update,
        "Change a deployment.",
        body=WireType(f"{_TYPES}.deployment_update_params:DeploymentUpdateParams"),
        answer=_DEPLOYMENT,
    ),
    Endpoint("deployments.archive", "POST", f"{_ONE}/archive", archive, "Archive a deployment.", answer=_DEPLOYMENT),
    Endpoint("deployments.pause", "POST", f"{_ONE}/pause", pause, "Pause a deployment.", answer=_DEPLOYMENT),
    Endpoint("deployments.unpause", "POST", f"{_ONE}/unpause", unpause, "Unpause a deployment.", answer=_DEPLOYMENT),
    Endpoint("deployments.run", "POST", f"{_ONE}/run", run, "Make a session from a deployment now.", answer=_RUN),
    Endpoint(
        "deployment_runs.list",
        "GET",
        "/v1/deployment_runs",
        list_runs,
        "List runs of deployments, newest first.",
        query=WireType(f"{_TYPES}.deployment_run_list_params:DeploymentRunListParams"),
        answer=_RUN,
        is_list=True,
    ),
    Endpoint(
        "deployment_runs.retrieve",
        "GET",
        "/v1/deployment_runs/{deployment_run_id}",
        retrieve_run,
        "Read a run of a deployment.",
        answer=_RUN,
    ),
)
