"""Environments: where the tools of a session run."""

from collections.abc import Mapping
from typing import Any

from reverie.api.endpoint import Call, Endpoint
from reverie.api.metadata import check_metadata, patch_metadata
from reverie.api.pages import decode_position, envelope, page_of
from reverie.api.wire_type import WireType
from reverie.errors import InputError, StateError
from reverie.ids import new_id
from reverie.storage.service import environments as table
from reverie.storage.service.environments import Environment

_TYPES = "anthropic.types.beta"
_ENVIRONMENT = WireType(f"{_TYPES}.beta_environment:BetaEnvironment")
_PACKAGE_MANAGERS = ("apt", "cargo", "gem", "go", "npm", "pip")
_METADATA_CODE = "invalid_metadata"


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


async def create(call: Call) -> dict[str, Any]:
    """Make an environment; without a configuration it is a cloud one with an open network."""
    if call.body.get("scope") == "account":
        raise InputError("scope: this server has no accounts; leave it out or give 'organization'")
    environment = Environment(
        id=new_id("env", call.now),
        name=call.body["name"],
        description=call.body.get("description"),
        config=resolve_config(call.body.get("config")),
        metadata=check_metadata(call.body.get("metadata") or {}, _METADATA_CODE),
        created_at=call.now,
        updated_at=call.now,
    )
    await table.insert_environment(call.connection, environment)
    call.resource_id = environment.id
    call.notify("environment.created", environment.id)
    return wire_environment(environment)


async def retrieve(call: Call) -> dict[str, Any]:
    """One environment."""
    return wire_environment(await table.read_environment(call.connection, call.path["environment_id"]))


async def list_all(call: Call) -> dict[str, Any]:
    """Environments, newest first."""
    limit = call.query.get("limit", 20)
    rows = await table.list_environments(
        call.connection,
        before=decode_position(call.query.get("page")),
        include_archived=call.query.get("include_archived", False),
        limit=limit + 1,
    )
    shown, next_page = page_of(rows, limit, lambda row: (row.created_at, row.id))
    return envelope([wire_environment(row) for row in shown], next_page)


async def update(call: Call) -> dict[str, Any]:
    """Change an environment; what is left out is kept."""
    present = await table.read_environment(call.connection, call.path["environment_id"], lock=True)
    if present.archived_at is not None:
        raise StateError(f"environment {present.id} is archived; make another one", code="environment_archived")
    body = call.body
    changed = Environment(
        id=present.id,
        name=body.get("name") or present.name,
        description=body.get("description", present.description),
        config=resolve_config(body.get("config"), present.config),
        metadata=patch_metadata(present.metadata, body.get("metadata"), empty_deletes=True, code=_METADATA_CODE),
        created_at=present.created_at,
        updated_at=call.now,
    )
    await table.update_environment(call.connection, changed)
    call.notify("environment.updated", changed.id)
    return wire_environment(changed)


async def archive(call: Call) -> dict[str, Any]:
    """Archive an environment for good; doing it again changes nothing."""
    environment = await table.archive_environment(call.connection, call.path["environment_id"], call.now)
    if environment.archived_at == call.now:
        call.notify("environment.archived", environment.id)
    return wire_environment(environment)


async def delete(call: Call) -> dict[str, Any]:
    """Delete an environment that no session uses."""
    await table.delete_environment(call.connection, call.path["environment_id"])
    call.notify("environment.deleted", call.path["environment_id"])
    return {"id": call.path["environment_id"], "type": "environment_deleted"}


_ONE = "/v1/environments/{environment_id}"
ENDPOINTS = (
    Endpoint(
        "environments.create",
        "POST",
        "/v1/environments",
        create,
        "Make an environment.",
        body=WireType(f"{_TYPES}.environment_create_params:EnvironmentCreateParams"),
        answer=_ENVIRONMENT,
    ),
    Endpoint(
        "environments.list",
        "GET",
        "/v1/environments",
        list_all,
        "List environments, newest first.",
        query=WireType(f"{_TYPES}.environment_list_params:EnvironmentListParams"),
        answer=_ENVIRONMENT,
        is_list=True,
    ),
    Endpoint(
        "environments.retrieve", "GET", _ONE, retrieve, "Read an environment.", answer=_ENVIRONMENT, worker_key=True
    ),
    Endpoint(
        "environments.update",
        "POST",
        _ONE,
        update,
        "Change an environment.",
        body=WireType(f"{_TYPES}.environment_update_params:EnvironmentUpdateParams"),
        answer=_ENVIRONMENT,
    ),
    Endpoint(
        "environments.archive", "POST", f"{_ONE}/archive", archive, "Archive an environment.", answer=_ENVIRONMENT
    ),
    Endpoint(
        "environments.delete",
        "DELETE",
        _ONE,
        delete,
        "Delete an environment.",
        answer=WireType(f"{_TYPES}.beta_environment_delete_response:BetaEnvironmentDeleteResponse"),
    ),
)
