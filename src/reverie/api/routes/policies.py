"""The learning policy of a store: how its dreams learn, and what its memory keeps."""

from typing import Any, Literal

import msgspec
from typing_extensions import TypedDict

from reverie.api.endpoint import endpoint
from reverie.api.request_context import RequestContext
from reverie.api.wire_type import WireType
from reverie.dreams.policy import DreamPolicy
from reverie.errors import StoreArchivedError
from reverie.storage.memory.policies import read_policy, write_policy
from reverie.storage.memory.stores import lock_store

_ONE = "/v1/memory_stores/{memory_store_id}/policy"


class PolicyUpdateParams(TypedDict):
    """A policy to set."""

    policy: dict[str, Any]
    """Replaces the whole policy; what is left out has its default."""


class StorePolicy(TypedDict):
    """The policy of a store with every setting."""

    type: Literal["store_policy"]
    memory_store_id: str
    policy: dict[str, Any]


_POLICY = WireType(StorePolicy)


@endpoint("memory_stores.policy.retrieve", "GET", _ONE, answer=_POLICY, extension=True)
async def retrieve(context: RequestContext) -> dict[str, Any]:
    """Read how the dreams of a memory store learn.

    With every setting.
    """
    store_id = context.path["memory_store_id"]
    return _wire(store_id, await read_policy(context.connection, store_id))


@endpoint(
    "memory_stores.policy.update", "POST", _ONE, body=WireType(PolicyUpdateParams), answer=_POLICY, extension=True
)
async def update(context: RequestContext) -> dict[str, Any]:
    """Set how the dreams of a memory store learn.

    What is left out has its default.
    """
    store = await lock_store(context.connection, context.path["memory_store_id"])
    if store.archived_at is not None:
        raise StoreArchivedError(f"memory store {store.name!r} ({store.id}) is archived; its policy stays as it is")
    chosen = await write_policy(context.connection, store.id, msgspec.json.encode(context.body["policy"]))
    context.resource_id = store.id
    return _wire(store.id, chosen)


def _wire(store_id: str, policy: DreamPolicy) -> dict[str, Any]:
    return {"type": "store_policy", "memory_store_id": store_id, "policy": msgspec.to_builtins(policy)}
