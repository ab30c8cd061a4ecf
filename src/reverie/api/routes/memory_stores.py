"""Memory stores: named collections of memories."""

from typing import Any

from reverie.api.endpoint import Call, Endpoint
from reverie.api.metadata import check_metadata, patch_metadata
from reverie.api.pages import decode_position, envelope, page_of
from reverie.api.wire_type import WireType
from reverie.memory.memory import MemoryStore
from reverie.storage.memory import stores as table

_TYPES = "anthropic.types.beta"
_STORE = WireType(f"{_TYPES}.beta_managed_agents_memory_store:BetaManagedAgentsMemoryStore")


def wire_store(store: MemoryStore) -> dict[str, Any]:
    """A store as it is answered."""
    return {
        "id": store.id,
        "type": "memory_store",
        "name": store.name,
        "description": store.description,
        "metadata": store.metadata,
        "created_at": store.created_at,
        "updated_at": store.updated_at,
        "archived_at": store.archived_at,
    }


async def create(call: Call) -> dict[str, Any]:
    """Make an empty store; names need not be unique."""
    body = call.body
    metadata = check_metadata(body.get("metadata") or {})
    store = await table.create_store(call.connection, body["name"], body.get("description", ""), metadata, call.now)
    call.resource_id = store.id
    call.notify("memory_store.created", store.id)
    return wire_store(store)


async def list_all(call: Call) -> dict[str, Any]:
    """Stores, newest first."""
    limit = call.query.get("limit", 20)
    rows = await table.list_stores(
        call.connection,
        include_archived=call.query.get("include_archived", False),
        created_from=call.query.get("created_at_gte"),
        created_to=call.query.get("created_at_lte"),
        before=decode_position(call.query.get("page")),
        limit=limit + 1,
    )
    shown, next_page = page_of(rows, limit, lambda row: (row.created_at, row.id))
    return envelope([wire_store(row) for row in shown], next_page)


async def retrieve(call: Call) -> dict[str, Any]:
    """One store."""
    return wire_store(await table.read_store(call.connection, call.path["memory_store_id"]))


async def update(call: Call) -> dict[str, Any]:
    """Change what describes a store; what is left out or null is kept, and "" clears the description."""
    present = await table.lock_store(call.connection, call.path["memory_store_id"])
    name, description = call.body.get("name"), call.body.get("description")
    changed = await table.describe_store(
        call.connection,
        present,
        present.name if name is None else name,
        present.description if description is None else description,
        patch_metadata(present.metadata, call.body.get("metadata")),
        call.now,
    )
    return wire_store(changed)


async def archive(call: Call) -> dict[str, Any]:
    """Make a store read-only for good; doing it again changes nothing."""
    store = await table.archive_store(call.connection, call.path["memory_store_id"], call.now)
    if store.archived_at == call.now:
        call.notify("memory_store.archived", store.id)
    return wire_store(store)


async def delete(call: Call) -> dict[str, Any]:
    """Delete a store with its memories and their versions."""
    await table.delete_store(call.connection, call.path["memory_store_id"])
    call.notify("memory_store.deleted", call.path["memory_store_id"])
    return {"id": call.path["memory_store_id"], "type": "memory_store_deleted"}


_ONE = "/v1/memory_stores/{memory_store_id}"
ENDPOINTS = (
    Endpoint(
        "memory_stores.create",
        "POST",
        "/v1/memory_stores",
        create,
        "Make a memory store.",
        body=WireType(f"{_TYPES}.memory_store_create_params:MemoryStoreCreateParams"),
        answer=_STORE,
    ),
    Endpoint(
        "memory_stores.list",
        "GET",
        "/v1/memory_stores",
        list_all,
        "List memory stores, newest first.",
        query=WireType(f"{_TYPES}.memory_store_list_params:MemoryStoreListParams"),
        answer=_STORE,
        is_list=True,
    ),
    Endpoint("memory_stores.retrieve", "GET", _ONE, retrieve, "Read a memory store.", answer=_STORE, worker=True),
    Endpoint(
        "memory_stores.update",
        "POST",
        _ONE,
        update,
        "Change the name, description or metadata of a memory store.",
        body=WireType(f"{_TYPES}.memory_store_update_params:MemoryStoreUpdateParams"),
        answer=_STORE,
    ),
    Endpoint("memory_stores.archive", "POST", f"{_ONE}/archive", archive, "Archive a memory store.", answer=_STORE),
    Endpoint(
        "memory_stores.delete",
        "DELETE",
        _ONE,
        delete,
        "Delete a memory store with all it holds.",
        answer=WireType(f"{_TYPES}.beta_managed_agents_deleted_memory_store:BetaManagedAgentsDeletedMemoryStore"),
    ),
)
