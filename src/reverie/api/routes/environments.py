"""Environments: where the tools of a session run."""

from collections.abc import Mapping
from typing import Any

from reverie.api.endpoint import endpoint
from reverie.api.metadata import check_metadata, patch_metadata
from reverie.api.pages import answer_page
from reverie.api.request_context import RequestContext
from reverie.api.wire_type import SdkType
from reverie.errors import InputError, StateError
from reverie.ids import new_id
from reverie.storage.service import environments as table
from reverie.storage.service.environments import Environment

_ENVIRONMENT = SdkType("beta.BetaEnvironment")
_PACKAGE_MANAGERS = ("apt", "cargo", "gem", "go", "npm", "pip")
_METADATA_CODE = "invalid_metadata"
_ONE = "/v1/environments/{environment_id}"


def wire_environment(environment: Environment) -> dict[str, Any]:
    """An environment as it is answered."""
    return {
        "id": environment.id,
        "type": "environment",
        "name": environment.name,
        "description": environment.description,
        "config": environment.config,
        "metadata": environment.metadata,
        "scope": "organization",
        "created_at": environment.created_at,
        "updated_at": environment.updated_at,
        "archived_at": environment.archived_at,
    }


def resolve_config(config: Mapping[str, Any] | None, present: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """A configuration with every member present; what ``config`` leaves out is kept from ``present``.

    Raises:
        InputError: it would change the type, or asks for packages that its network cannot fetch.
    """
    config = config or (present or {"type": "cloud"})
    if present is not None and config["type"] != present["type"]:
        raise InputError(
            f"config.type: an environment stays {present['type']}; make another one", code="invalid_config_type_change"
        )
    if config["type"] == "self_hosted":
        return {"type": "self_hosted"}
    before = present or {}
    networking = _resolve_networking(config.get("networking") or before.get("networking"))
    wanted = {**(before.get("packages") or {}), **(config.get("packages") or {})}
    packages = {name: list(wanted.get(name) or ()) for name in _PACKAGE_MANAGERS}
    if any(packages.values()) and networking.get("allow_package_managers") is False:
        raise InputError("config.packages: a limited network needs allow_package_managers to fetch packages")
    return {"type": "cloud", "networking": networking, "packages": {"type": "packages", **packages}}


def _resolve_networking(networking: Mapping[str, Any] | None) -> dict[str, Any]:
    if networking is None or networking["type"] == "unrestricted":
        return {"type": "unrestricted"}
    return {
        "type": "limited",
        "allowed_hosts": list(networking.get("allowed_hosts") or ()),
        "allow_package_managers": bool(networking.get("allow_package_managers")),
        "allow_mcp_servers": bool(networking.get("allow_mcp_servers")),
    }


@endpoint(
    "environments.create", "POST", "/v1/environments", body=SdkType("beta.EnvironmentCreateParams"), answer=_ENVIRONMENT
)
async def create(context: RequestContext) -> dict[str, Any]:
    """Make an environment.

    Without a configuration it is a cloud one with an open network.
    """
    if context.body.get("scope") == "account":
        raise InputError("scope: this server has no accounts; leave it out or give 'organization'")
    environment = Environment(
        id=new_id("env", context.now),
        name=context.body["name"],
        description=context.body.get("description"),
        config=resolve_config(context.body.get("config")),
        metadata=check_metadata(context.body.get("metadata") or {}, _METADATA_CODE),
        created_at=context.now,
        updated_at=context.now,
    )
    await table.insert_environment(context.connection, environment)
    context.resource_id = environment.id
    context.notify("environment.created", environment.id)
    return wire_environment(environment)


@endpoint("environments.retrieve", "GET", _ONE, answer=_ENVIRONMENT, worker_key=True)
async def retrieve(context: RequestContext) -> dict[str, Any]:
    """Read an environment."""
    return wire_environment(await table.read_environment(context.connection, context.path["environment_id"]))


@endpoint(
    "environments.list",
    "GET",
    "/v1/environments",
    query=SdkType("beta.EnvironmentListParams"),
    answer=_ENVIRONMENT,
    is_list=True,
)
async def list_all(context: RequestContext) -> dict[str, Any]:
    """List environments, newest first."""
    return await answer_page(
        context.query,
        wire_environment,
        lambda before, limit: table.list_environments(
            context.connection,
            before=before,
            include_archived=context.query.get("include_archived", False),
            limit=limit,
        ),
    )


@endpoint("environments.update", "POST", _ONE, body=SdkType("beta.EnvironmentUpdateParams"), answer=_ENVIRONMENT)
async def update(context: RequestContext) -> dict[str, Any]:
    """Change an environment.

    What is left out is kept.
    """
    present = await table.read_environment(context.connection, context.path["environment_id"], lock=True)
    if present.archived_at is not None:
        raise StateError(f"environment {present.id} is archived; make another one", code="environment_archived")
    body = context.body
    changed = Environment(
        id=present.id,
        name=body.get("name") or present.name,
        description=body.get("description", present.description),
        config=resolve_config(body.get("config"), present.config),
        metadata=patch_metadata(present.metadata, body.get("metadata"), empty_deletes=True, code=_METADATA_CODE),
        created_at=present.created_at,
        updated_at=context.now,
    )
    await table.update_environment(context.connection, changed)
    context.notify("environment.updated", changed.id)
    return wire_environment(changed)


@endpoint("environments.archive", "POST", f"{_ONE}/archive", answer=_ENVIRONMENT)
async def archive(context: RequestContext) -> dict[str, Any]:
    """Archive an environment.

    For good; doing it again changes nothing.
    """
    environment = await table.archive_environment(context.connection, context.path["environment_id"], context.now)
    if environment.archived_at == context.now:
        context.notify("environment.archived", environment.id)
    return wire_environment(environment)


@endpoint("environments.delete", "DELETE", _ONE, answer=SdkType("beta.BetaEnvironmentDeleteResponse"))
async def delete(context: RequestContext) -> dict[str, Any]:
    """Delete an environment.

    Refused while a session uses it.
    """
    await table.delete_environment(context.connection, context.path["environment_id"])
    context.notify("environment.deleted", context.path["environment_id"])
    return {"id": context.path["environment_id"], "type": "environment_deleted"}
