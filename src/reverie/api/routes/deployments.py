"""Deployments: an agent bound to what its sessions start with, and to a schedule; and their runs."""

from collections.abc import Mapping
from typing import Any

import msgspec

from reverie.agents.schedule import Schedule, read_schedule, upcoming
from reverie.api.endpoint import endpoint
from reverie.api.metadata import check_metadata, patch_metadata
from reverie.api.pages import answer_page
from reverie.api.request_context import RequestContext
from reverie.api.wire_type import SdkType
from reverie.errors import InputError, StateError
from reverie.ids import new_id
from reverie.storage.live import deployment_runs as runs
from reverie.storage.live.creation import create_session
from reverie.storage.live.deployment_runs import DeploymentRun
from reverie.storage.service import deployments as table
from reverie.storage.service.agents import resolve_agent
from reverie.storage.service.deployments import Deployment

MOST_SCHEDULED = 1000
_DEPLOYMENT = SdkType("beta.BetaManagedAgentsDeployment")
_RUN = SdkType("beta.BetaManagedAgentsDeploymentRun")

_RESOURCE_FIELDS: Mapping[str, tuple[str, ...]] = {
    "memory_store": ("memory_store_id", "access", "instructions"),
    "file": ("file_id", "mount_path"),
    "github_repository": ("url", "checkout", "mount_path"),
}
"""What is kept of a resource; a repository's token is not, since sessions do not use it."""
_OF_SESSIONS = ("agent", "environment_id", "initial_events", "resources", "vault_ids", "budget")
"""The fields that decide whether sessions can be made."""
_KEPT_AS_SENT = ("name", "environment_id", "initial_events", "budget")
_ALL = "/v1/deployments"
_ONE = f"{_ALL}/{{deployment_id}}"


def wire_deployment(context: RequestContext, deployment: Deployment) -> dict[str, Any]:
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
        "schedule": _wire_schedule(context, deployment),
        **({"budget": deployment.budget} if deployment.budget is not None else {}),
        "created_at": deployment.created_at,
        "updated_at": deployment.updated_at,
        "archived_at": deployment.archived_at,
    }


def _wire_schedule(context: RequestContext, deployment: Deployment) -> dict[str, Any] | None:
    if deployment.schedule is None:
        return None
    to_come = [] if deployment.archived_at is not None else upcoming(Schedule(**deployment.schedule), context.now)
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


@endpoint("deployments.create", "POST", _ALL, body=SdkType("beta.DeploymentCreateParams"), answer=_DEPLOYMENT)
async def create(context: RequestContext) -> dict[str, Any]:
    """Make a deployment.

    Its agent is pinned to a version.
    """
    body = context.body
    agent = await resolve_agent(context.connection, body["agent"])
    deployment = Deployment(
        id=new_id("depl", context.now),
        name=body["name"],
        description=body.get("description") or None,
        agent_id=agent.id,
        agent_version=agent.version,
        environment_id=body["environment_id"],
        initial_events=body["initial_events"],
        resources=_kept_resources(body.get("resources")),
        vault_ids=body.get("vault_ids") or [],
        budget=body.get("budget"),
        schedule=await _read_schedule(context, body.get("schedule")),
        metadata=check_metadata(body.get("metadata") or {}),
        created_at=context.now,
        updated_at=context.now,
    )
    deployment = deployment.due_after(context.now)
    await _try_session(context, deployment)
    await table.insert_deployment(context.connection, deployment)
    context.resource_id = deployment.id
    context.notify("deployment.created", deployment.id)
    return wire_deployment(context, deployment)


def _kept_resources(resources: list[dict[str, Any]] | None) -> list[dict[str, Any]]:
    return [
        {"type": resource["type"], **{name: resource.get(name) for name in _RESOURCE_FIELDS[resource["type"]]}}
        for resource in resources or ()
    ]


async def _read_schedule(context: RequestContext, schedule: Mapping[str, str] | None) -> dict[str, str] | None:
    if schedule is None:
        return None
    if await table.count_scheduled(context.connection) >= MOST_SCHEDULED:
        raise StateError(f"schedule: {MOST_SCHEDULED} deployments have one, the most there can be; archive some")
    read: dict[str, str] = msgspec.structs.asdict(read_schedule(schedule["expression"], schedule["timezone"]))
    return read


async def _try_session(context: RequestContext, deployment: Deployment) -> None:
    """Accept a deployment of which a session could be made now; the one that is made to see is undone."""
    async with context.connection.transaction(force_rollback=True):
        await create_session(context.connection, deployment.session_request(), context.now)


@endpoint("deployments.retrieve", "GET", _ONE, answer=_DEPLOYMENT)
async def retrieve(context: RequestContext) -> dict[str, Any]:
    """Read a deployment."""
    return wire_deployment(context, await table.read_deployment(context.connection, context.path["deployment_id"]))


@endpoint("deployments.list", "GET", _ALL, query=SdkType("beta.DeploymentListParams"), answer=_DEPLOYMENT, is_list=True)
async def list_all(context: RequestContext) -> dict[str, Any]:
    """List deployments, newest first."""
    if "status" in context.query and context.query.get("include_archived"):
        raise InputError("status: cannot be combined with include_archived; archived deployments have no status")
    return await answer_page(
        context.query,
        lambda row: wire_deployment(context, row),
        lambda before, limit: table.list_deployments(context.connection, context.query, before=before, limit=limit),
    )


@endpoint("deployments.update", "POST", _ONE, body=SdkType("beta.DeploymentUpdateParams"), answer=_DEPLOYMENT)
async def update(context: RequestContext) -> dict[str, Any]:
    """Change a deployment.

    What is left out is kept. A new schedule begins now.
    """
    body, present = context.body, await _changeable(context)
    changes: dict[str, Any] = {name: body[name] for name in _KEPT_AS_SENT if name in body}
    if "description" in body:
        changes["description"] = body["description"] or None
    if "agent" in body:
        agent = await resolve_agent(context.connection, body["agent"])
        changes |= {"agent_id": agent.id, "agent_version": agent.version}
    if "resources" in body:
        changes["resources"] = _kept_resources(body["resources"])
    if "vault_ids" in body:
        changes["vault_ids"] = body["vault_ids"] or []
    metadata = patch_metadata(present.metadata, body.get("metadata"))
    changed = msgspec.structs.replace(present, **changes, metadata=metadata, updated_at=context.now)
    if "schedule" in body:
        schedule = await _read_schedule(context, body["schedule"])
        if schedule != present.schedule:
            changed = msgspec.structs.replace(changed, schedule=schedule).due_after(context.now)
    if any(name in body for name in _OF_SESSIONS):
        await _try_session(context, changed)
    await table.update_deployment(context.connection, changed)
    context.notify("deployment.updated", changed.id)
    return wire_deployment(context, changed)


async def _changeable(context: RequestContext) -> Deployment:
    deployment = await table.read_deployment(context.connection, context.path["deployment_id"], lock=True)
    if deployment.archived_at is not None:
        raise StateError(f"deployment {deployment.id} is archived; make another one")
    return deployment


@endpoint("deployments.archive", "POST", f"{_ONE}/archive", answer=_DEPLOYMENT)
async def archive(context: RequestContext) -> dict[str, Any]:
    """Archive a deployment.

    For good; doing it again changes nothing.
    """
    deployment = await table.archive_deployment(context.connection, context.path["deployment_id"], context.now)
    if deployment.archived_at == context.now:
        context.notify("deployment.archived", deployment.id)
    return wire_deployment(context, deployment)


@endpoint("deployments.pause", "POST", f"{_ONE}/pause", answer=_DEPLOYMENT)
async def pause(context: RequestContext) -> dict[str, Any]:
    """Pause a deployment.

    Its schedule rests; one that is paused already stays as it is.
    """
    present = await _changeable(context)
    if present.paused_reason is not None:
        return wire_deployment(context, present)
    return await _set_paused(context, present, {"type": "manual"}, "deployment.paused")


@endpoint("deployments.unpause", "POST", f"{_ONE}/unpause", answer=_DEPLOYMENT)
async def unpause(context: RequestContext) -> dict[str, Any]:
    """Unpause a deployment.

    Its schedule goes on from now; what it would have run meanwhile is not made up for.
    """
    present = await _changeable(context)
    if present.paused_reason is None:
        return wire_deployment(context, present)
    return await _set_paused(context, present, None, "deployment.unpaused")


async def _set_paused(
    context: RequestContext, present: Deployment, reason: dict[str, Any] | None, notice: str
) -> dict[str, Any]:
    changed = msgspec.structs.replace(present, paused_reason=reason, updated_at=context.now).due_after(context.now)
    await table.update_deployment(context.connection, changed)
    context.notify(notice, changed.id)
    return wire_deployment(context, changed)


@endpoint("deployments.run", "POST", f"{_ONE}/run", answer=_RUN)
async def run(context: RequestContext) -> dict[str, Any]:
    """Make a session from a deployment now.

    Paused or not; the run says whether it could be made.
    """
    deployment_run = await runs.run_now(context.connection, await _changeable(context), context.now)
    context.resource_id = deployment_run.id
    if deployment_run.session_id is not None:
        context.notify("session.created", deployment_run.session_id)
        context.notify("session.status_run_started", deployment_run.session_id)
    return wire_run(deployment_run)


@endpoint("deployment_runs.retrieve", "GET", "/v1/deployment_runs/{deployment_run_id}", answer=_RUN)
async def retrieve_run(context: RequestContext) -> dict[str, Any]:
    """Read a run of a deployment."""
    return wire_run(await runs.read_run(context.connection, context.path["deployment_run_id"]))


@endpoint(
    "deployment_runs.list",
    "GET",
    "/v1/deployment_runs",
    query=SdkType("beta.DeploymentRunListParams"),
    answer=_RUN,
    is_list=True,
)
async def list_runs(context: RequestContext) -> dict[str, Any]:
    """List runs of deployments, newest first."""
    return await answer_page(
        context.query,
        wire_run,
        lambda before, limit: runs.list_runs(context.connection, context.query, before=before, limit=limit),
    )
