"""Keys of environments: what a worker polls for work with. Made here or by ``reverie keys create --role worker``."""

from typing import Any

from reverie.api.endpoint import endpoint
from reverie.api.pages import answer_page
from reverie.api.records import EnvironmentKey, EnvironmentKeyCreateParams, ListParams
from reverie.api.request_context import RequestContext
from reverie.api.wire_type import RecordType
from reverie.errors import StateError
from reverie.storage.service.api_keys import ApiKey, KeyScope, create_key, expiry, list_environment_keys, revoke_key
from reverie.storage.service.environments import read_environment

_ALL = "/v1/environments/{environment_id}/keys"


_KEY = RecordType(EnvironmentKey)


def wire_key(key: ApiKey, secret: str | None = None) -> EnvironmentKey:
    """A key as it is answered."""
    return EnvironmentKey(
        id=key.id,
        environment_id=str(key.environment_id),
        name=key.name,
        secret=secret,
        created_at=key.created_at,
        expires_at=key.expires_at,
        revoked_at=key.revoked_at,
    )


@endpoint(
    "environments.keys.create",
    "POST",
    _ALL,
    body=RecordType(EnvironmentKeyCreateParams),
    answer=_KEY,
    role="admin",
    extension=True,
)
async def create(context: RequestContext) -> EnvironmentKey:
    """Make a key for the workers of a self-hosted environment.

    Its secret is in this answer alone.
    """
    environment = await read_environment(context.connection, context.path["environment_id"])
    if environment.config["type"] != "self_hosted":
        raise StateError(f"environment {environment.id} is not self-hosted, so there is no work to poll for")
    if environment.archived_at is not None:
        raise StateError(f"environment {environment.id} is archived; make another one", code="environment_archived")
    expires_at = expiry(context.body.get("expires_in_days"), context.now)
    scope = KeyScope(context.key.workspace_id, "worker", environment_id=environment.id, expires_at=expires_at)
    key, secret = await create_key(context.connection, context.body.get("name", ""), scope, context.now)
    context.resource_id = key.id
    return wire_key(key, secret)


@endpoint(
    "environments.keys.list",
    "GET",
    _ALL,
    query=RecordType(ListParams),
    answer=_KEY,
    is_list=True,
    role="admin",
    extension=True,
)
async def list_all(context: RequestContext) -> dict[str, Any]:
    """List an environment's keys, newest first.

    Revoked ones are listed too.
    """
    environment_id = context.path["environment_id"]
    await read_environment(context.connection, environment_id)
    return await answer_page(
        context.query,
        wire_key,
        lambda before, limit: list_environment_keys(context.connection, environment_id, before=before, limit=limit),
    )


@endpoint("environments.keys.revoke", "POST", f"{_ALL}/{{key_id}}/revoke", answer=_KEY, role="admin", extension=True)
async def revoke(context: RequestContext) -> EnvironmentKey:
    """Revoke an environment's key.

    Servers stop taking it within seconds.
    """
    key_id, environment_id = context.path["key_id"], context.path["environment_id"]
    return wire_key(
        await revoke_key(
            context.connection, context.key.workspace_id, key_id, context.now, environment_id=environment_id
        )
    )
