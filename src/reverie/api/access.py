"""Who asks, and whether they may: keys of three roles, keys of environments, tokens of single pieces of work."""

from datetime import UTC, datetime

from cachetools import TTLCache
from starlette.requests import Request

from reverie.api.endpoint import Endpoint
from reverie.api.request_context import RequestContext
from reverie.api.service import Service
from reverie.errors import CredentialError, NotFoundError, RoleError
from reverie.storage.live.reach import has_store, refused_write, session_environment, uses_skill
from reverie.storage.postgres.database import Database
from reverie.storage.postgres.workspaces import DEFAULT_WORKSPACE, find_workspace
from reverie.storage.service.api_keys import ApiKey, find_key

_RANK = {"read": 1, "write": 2, "admin": 3}
_REMEMBERED_SECONDS = 5.0
"""How long a revoked key may still be taken for good, in exchange for one query fewer a request."""
_MOST_REMEMBERED = 10_000

LOOPBACK_KEY = ApiKey(
    "apikey_loopback", DEFAULT_WORKSPACE, "admin", "loopback", None, None, None, datetime(2026, 1, 1, tzinfo=UTC)
)
"""Stands for whoever reaches a server that asks for no key."""


class KeyRing:
    """Finds the key and the workspace of a request; remembers both for a few seconds."""

    def __init__(self) -> None:
        self._known: TTLCache[str, tuple[ApiKey, str]] = TTLCache(_MOST_REMEMBERED, _REMEMBERED_SECONDS)

    async def identify(self, request: Request, service: Service) -> tuple[ApiKey, Database]:
        """The key that the request carries, and the database as its workspace sees it.

        Raises:
            CredentialError: there is no key, or it is not good.
            RoleError: the request names a workspace that is not the key's.
        """
        secret = read_secret(request)
        if secret is None and not service.options.require_key:
            return LOOPBACK_KEY, service.database
        if secret is None:
            raise CredentialError("no API key: send Authorization: Bearer KEY or x-api-key: KEY (reverie keys create)")
        key, schema = await self.find(secret, service)
        named = request.headers.get("anthropic-workspace-id")
        if named is not None and named != key.workspace_id:
            raise RoleError(f"this key belongs to workspace {key.workspace_id}, not to {named}")
        return key, service.database.of_schema(schema)

    async def find(self, secret: str, service: Service) -> tuple[ApiKey, str]:
        """The key with this secret, and the schema of its workspace.

        Raises:
            CredentialError: it is not good, and one is asked for.
        """
        return self._known.get(secret) or await self._look_up(secret, service)

    async def _look_up(self, secret: str, service: Service) -> tuple[ApiKey, str]:
        async with service.database.connection() as connection:
            key = await find_key(connection, secret, service.clock.now())
            if key is None and not service.options.require_key:
                return LOOPBACK_KEY, service.database.schema
            if key is None:
                raise CredentialError("this API key is unknown, revoked or expired")
            workspace = await find_workspace(connection, key.workspace_id)
        self._known[secret] = key, workspace.schema
        return key, workspace.schema


def read_secret(request: Request) -> str | None:
    """The key that a request carries, in whichever header."""
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() == "bearer" and token.strip():
        return token.strip()
    return request.headers.get("x-api-key") or None


def check_role(key: ApiKey, endpoint: Endpoint) -> None:
    """Accept a key whose role covers the endpoint.

    Raises:
        RoleError: it does not.
    """
    if key.role in ("worker", "session"):
        if not endpoint.worker and not (endpoint.worker_key and key.role == "worker"):
            raise RoleError(f"a {key.role} key may not call {endpoint.name}")
    elif _RANK[key.role] < _RANK[endpoint.least_role]:
        raise RoleError(f"{endpoint.name} needs a key of role {endpoint.least_role}; this one has {key.role}")


async def check_scope(context: RequestContext, endpoint: Endpoint) -> None:
    """Hold keys of environments and tokens of work to what they are for.

    Raises:
        NotFoundError: the path names something outside of the scope; the answer does not show whether it exists.
        RoleError: it would write to a store that it may read, and that its team, or its mark, closes to it.
    """
    key = context.key
    if key.role not in ("worker", "session"):
        return
    wanted = context.path.get("environment_id")
    allowed = wanted is None or wanted == key.environment_id
    if key.work_id is not None and "work_id" in context.path:
        allowed = allowed and context.path["work_id"] == key.work_id
    if "skill_id" in context.path:
        allowed = allowed and await _covers_skill(context, context.path["skill_id"])
    if "session_id" in context.path:
        allowed = allowed and await _covers_session(context, context.path["session_id"])
    if "memory_store_id" in context.path:
        allowed = allowed and await _covers_store(context, context.path["memory_store_id"], endpoint)
    if not allowed:
        raise NotFoundError("there is nothing of this name that this key can reach")


async def _covers_session(context: RequestContext, session_id: str) -> bool:
    if context.key.session_id is not None:
        return session_id == context.key.session_id
    async with context.database.connection() as connection:
        environment = await session_environment(connection, session_id)
    return environment is not None and environment == context.key.environment_id


async def _covers_skill(context: RequestContext, skill_id: str) -> bool:
    """Whether an agent uses the skill: that of the token's session, or of one that runs in the key's environment."""
    async with context.database.connection() as connection:
        return await uses_skill(connection, context.key.session_id, context.key.environment_id, skill_id)


async def _covers_store(context: RequestContext, store_id: str, endpoint: Endpoint) -> bool:
    """Whether the store is attached: to the token's session, or to one that runs in the key's environment."""
    session_id, environment_id = context.key.session_id, context.key.environment_id
    async with context.database.connection() as connection:
        if endpoint.method == "GET":
            return await has_store(connection, session_id, environment_id, store_id, ["read_write", "read_only"])
        if await has_store(connection, session_id, environment_id, store_id, ["read_write"]):
            return True
        if await has_store(connection, session_id, environment_id, store_id, ["read_only"]):
            why = await refused_write(connection, session_id, store_id)
            if why is not None:
                raise RoleError(why)
        return False
