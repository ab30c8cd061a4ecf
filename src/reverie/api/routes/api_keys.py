"""Keys of a workspace: who may call the server, and what each may do. As ``reverie keys``."""

from typing import Any

from reverie.api.endpoint import endpoint
from reverie.api.pages import answer_page
from reverie.api.records import ApiKeyCreateParams, ListParams, StoredApiKey
from reverie.api.request_context import RequestContext
from reverie.api.wire_type import RecordType
from reverie.errors import StateError
from reverie.storage.service.api_keys import ApiKey, KeyScope, create_key, expiry, list_newest_keys, revoke_key

_ALL = "/v1/api_keys"
_KEY = RecordType(StoredApiKey)


@endpoint(
    "api_keys.create", "POST", _ALL, body=RecordType(ApiKeyCreateParams), answer=_KEY, role="admin", extension=True
)
async def create(context: RequestContext) -> StoredApiKey:
    """Make a key of the workspace.

    Its secret is in this answer alone.
    """
    expires_at = expiry(context.body.get("expires_in_days"), context.now)
    scope = KeyScope(context.key.workspace_id, context.body["role"], expires_at=expires_at)
    key, secret = await create_key(context.connection, context.body.get("name", ""), scope, context.now)
    context.resource_id = key.id
    return _wire(key, secret)


@endpoint(
    "api_keys.list",
    "GET",
    _ALL,
    query=RecordType(ListParams),
    answer=_KEY,
    is_list=True,
    role="admin",
    extension=True,
)
async def list_all(context: RequestContext) -> dict[str, Any]:
    """List the keys of the workspace, newest first, without those of environments.

    Revoked ones are listed too.
    """
    workspace_id = context.key.workspace_id
    return await answer_page(
        context.query,
        _wire,
        lambda before, limit: list_newest_keys(context.connection, workspace_id, before=before, limit=limit),
    )


@endpoint("api_keys.revoke", "POST", f"{_ALL}/{{api_key_id}}/revoke", answer=_KEY, role="admin", extension=True)
async def revoke(context: RequestContext) -> StoredApiKey:
    """Revoke a key of the workspace.

    Servers stop taking it within seconds. A key does not revoke itself, so that somebody is left who can.
    """
    key_id = context.path["api_key_id"]
    if key_id == context.key.id:
        raise StateError("this is the key that asks; revoke it with another one, or by `reverie keys revoke`")
    return _wire(await revoke_key(context.connection, context.key.workspace_id, key_id, context.now, of_people=True))


def _wire(key: ApiKey, secret: str | None = None) -> StoredApiKey:
    shared = {name: getattr(key, name) for name in StoredApiKey.__struct_fields__ if name != "secret"}
    return StoredApiKey(**shared, secret=secret)
