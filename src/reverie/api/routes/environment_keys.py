"""Keys of environments: what a worker polls for work with. Made here or by ``reverie keys create --role worker``."""

from datetime import datetime, timedelta
from typing import Any, Literal, NotRequired

from typing_extensions import TypedDict

from reverie.api.endpoint import Call, Endpoint
from reverie.api.pages import decode_position, envelope, page_of
from reverie.api.wire_type import WireType
from reverie.errors import StateError
from reverie.storage.service.api_keys import ApiKey, KeyScope, create_key, list_environment_keys, revoke_key
from reverie.storage.service.environments import read_environment


class EnvironmentKeyCreateParams(TypedDict):
    """A key to make."""

    name: NotRequired[str]
    """What it is for."""
    expires_in_days: NotRequired[int | None]
    """By default it never expires."""


class EnvironmentKeyListParams(TypedDict):
    """Which page of keys."""

    limit: NotRequired[int]
    page: NotRequired[str | None]


class EnvironmentKey(TypedDict):
    """A key as it is answered."""

    id: str
    type: Literal["environment_key"]
    environment_id: str
    name: str
    secret: str | None
    """Told once, when the key is made."""
    created_at: datetime
    expires_at: datetime | None
    revoked_at: datetime | None


_HERE = "reverie.api.routes.environment_keys"
_KEY = WireType(f"{_HERE}:EnvironmentKey")


def wire_key(key: ApiKey, secret: str | None = None) -> dict[str, Any]:
    """A key as it is answered."""
    return {
        "id": key.id,
        "type": "environment_key",
        "environment_id": key.environment_id,
        "name": key.name,
        "secret": secret,
        "created_at": key.created_at,
        "expires_at": key.expires_at,
        "revoked_at": key.revoked_at,
    }


async def create(call: Call) -> dict[str, Any]:
    """Make a key and tell its secret, once."""
    environment = await read_environment(call.connection, call.path["environment_id"])
    if environment.config["type"] != "self_hosted":
        raise StateError(f"environment {environment.id} is not self-hosted, so there is no work to poll for")
    if environment.archived_at is not None:
        raise StateError(f"environment {environment.id} is archived; make another one", code="environment_archived")
    days = call.body.get("expires_in_days")
    expires_at = None if days is None else call.now + timedelta(days=days)
    scope = KeyScope(call.key.workspace_id, "worker", environment_id=environment.id, expires_at=expires_at)
    key, secret = await create_key(call.connection, call.body.get("name", ""), scope, call.now)
    call.resource_id = key.id
    return wire_key(key, secret)


async def list_all(call: Call) -> dict[str, Any]:
    """An environment's keys, newest first, revoked ones too."""
    environment_id, limit = call.path["environment_id"], call.query.get("limit", 20)
    await read_environment(call.connection, environment_id)
    before = decode_position(call.query.get("page"))
    rows = await list_environment_keys(call.connection, environment_id, before=before, limit=limit + 1)
    shown, next_page = page_of(rows, limit, lambda row: (row.created_at, row.id))
    return envelope([wire_key(row) for row in shown], next_page)


async def revoke(call: Call) -> dict[str, Any]:
    """End a key; servers stop taking it within seconds."""
    key_id, environment_id = call.path["key_id"], call.path["environment_id"]
    return wire_key(
        await revoke_key(call.connection, call.key.workspace_id, key_id, call.now, environment_id=environment_id)
    )


_ALL = "/v1/environments/{environment_id}/keys"
ENDPOINTS = (
    Endpoint(
        "environments.keys.create",
        "POST",
        _ALL,
        create,
        "Make a key for the workers of a self-hosted environment.",
        body=WireType(f"{_HERE}:EnvironmentKeyCreateParams"),
        answer=_KEY,
        role="admin",
        extension=True,
    ),
    Endpoint(
        "environments.keys.list",
        "GET",
        _ALL,
        list_all,
        "List an environment's keys, newest first.",
        query=WireType(f"{_HERE}:EnvironmentKeyListParams"),
        answer=_KEY,
        is_list=True,
        role="admin",
        extension=True,
    ),
    Endpoint(
        "environments.keys.revoke",
        "POST",
        f"{_ALL}/{{key_id}}/revoke",
        revoke,
        "Revoke an environment's key.",
        answer=_KEY,
        role="admin",
        extension=True,
    ),
)
