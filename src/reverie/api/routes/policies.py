"""The learning policy of a store: how its dreams learn, and what its memory keeps."""

import msgspec

from reverie.api.endpoint import endpoint
from reverie.api.records import PolicyUpdateParams, StorePolicy
from reverie.api.request_context import RequestContext
from reverie.api.wire_type import RecordType
from reverie.dreams.policy import DreamPolicy
from reverie.errors import StoreArchivedError
from reverie.storage.memory.policies import read_policy, write_policy
from reverie.storage.memory.stores import lock_store

_ONE = "/v1/memory_stores/{memory_store_id}/policy"


_POLICY = RecordType(StorePolicy)


@endpoint("memory_stores.policy.retrieve", "GET", _ONE, answer=_POLICY, extension=True)
async def retrieve(context: RequestContext) -> StorePolicy:
    """Read how the dreams of a memory store learn.

    With every setting.
    """
    store_id = context.path["memory_store_id"]
    return _wire(store_id, await read_policy(context.connection, store_id))


@endpoint(
    "memory_stores.policy.update",
    "POST",
    _ONE,
    body=RecordType(PolicyUpdateParams),
    answer=_POLICY,
    role="admin",
    extension=True,
)
async def update(context: RequestContext) -> StorePolicy:
    """Set how the dreams of a memory store learn.

    What is left out has its default.
    """
    store = await lock_store(context.connection, context.path["memory_store_id"])
    if store.archived_at is not None:
        raise StoreArchivedError(f"memory store {store.name!r} ({store.id}) is archived; its policy stays as it is")
    chosen = await write_policy(context.connection, store.id, msgspec.json.encode(context.body["policy"]))
    context.resource_id = store.id
    return _wire(store.id, chosen)


def _wire(store_id: str, policy: DreamPolicy) -> StorePolicy:
    return StorePolicy(store_id, msgspec.to_builtins(policy))
