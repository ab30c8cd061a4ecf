"""The learning policy of a store: how its dreams learn, and what its memory keeps."""

from typing import Any, Literal

import msgspec
from typing_extensions import TypedDict

from reverie.api.endpoint import Call, Endpoint
from reverie.api.wire_type import WireType
from reverie.dreams.policy import DreamPolicy
from reverie.errors import StoreArchivedError
from reverie.storage.memory.policies import read_policy, write_policy
from reverie.storage.memory.stores import lock_store


class PolicyUpdateParams(TypedDict):
    """A policy to set."""

    policy: dict[str, Any]
    """Replaces the whole policy; what is left out has its default."""


class StorePolicy(TypedDict):
    """The policy of a store with every setting."""

    type: Literal["store_policy"]
    memory_store_id: str
    policy: dict[str, Any]


async def retrieve(call: Call) -> dict[str, Any]:
    """The policy with every setting."""
    store_id = call.path["memory_store_id"]
    return _wire(store_id, await read_policy(call.connection, store_id))


async def update(call: Call) -> dict[str, Any]:
    """Set the whole policy; what is left out has its default."""
    store = await lock_store(call.connection, call.path["memory_store_id"])
    if store.archived_at is not None:
        raise StoreArchivedError(f"memory store {store.name!r} ({store.id}) is archived; its policy stays as it is")
    chosen = await write_policy(call.connection, store.id, msgspec.json.encode(call.body["policy"]))
    call.resource_id = store.id
    return _wire(store.id, chosen)


def _wire(store_id: str, policy: DreamPolicy) -> dict[str, Any]:
    return {"type": "store_policy", "memory_store_id": store_id, "policy": msgspec.to_builtins(policy)}


_HERE = "reverie.api.routes.policies"
_ONE = "/v1/memory_stores/{memory_store_id}/policy"
_POLICY = WireType(f"{_HERE}:StorePolicy")
ENDPOINTS = (
    Endpoint(
        "memory_stores.policy.retrieve",
        "GET",
        _ONE,
        retrieve,
        "Read how the dreams of a memory store learn.",
        answer=_POLICY,
        extension=True,
    ),
    Endpoint(
        "memory_stores.policy.update",
        "POST",
        _ONE,
        update,
        "Set how the dreams of a memory store learn.",
        body=WireType(f"{_HERE}:PolicyUpdateParams"),
        answer=_POLICY,
        extension=True,
    ),
)
