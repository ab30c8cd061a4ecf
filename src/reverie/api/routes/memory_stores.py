"""Memory stores: named collections of memories."""

from typing import Any

from reverie.api.endpoint import endpoint
from reverie.api.metadata import check_metadata, patch_metadata
from reverie.api.pages import answer_page
from reverie.api.request_context import RequestContext
from reverie.api.wire_type import SdkType
from reverie.memory.memory import MemoryStore
from reverie.storage.memory import stores as table

_STORE = SdkType("beta.BetaManagedAgentsMemoryStore")
_ONE = "/v1/memory_stores/{memory_store_id}"


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


@endpoint(
    "memory_stores.create", "POST", "/v1/memory_stores", body=SdkType("beta.MemoryStoreCreateParams"), answer=_STORE
)
async def create(context: RequestContext) -> dict[str, Any]:
    """Make a memory store.

    It is empty, and its name need not be unique.
    """
    body = context.body
    metadata = check_metadata(body.get("metadata") or {})
    store = await table.create_store(
        context.connection, body["name"], body.get("description", ""), metadata, context.now
    )
    context.resource_id = store.id
    context.notify("memory_store.created", store.id)
    return wire_store(store)


@endpoint(
    "memory_stores.list",
    "GET",
    "/v1/memory_stores",
    query=SdkType("beta.MemoryStoreListParams"),
    answer=_STORE,
    is_list=True,
)
async def list_all(context: RequestContext) -> dict[str, Any]:
    """List memory stores, newest first."""
    return await answer_page(
        context.query,
        wire_store,
        lambda before, limit: table.list_stores(
            context.connection,
            include_archived=context.query.get("include_archived", False),
            created_from=context.query.get("created_at_gte"),
            created_to=context.query.get("created_at_lte"),
            before=before,
            limit=limit,
        ),
    )


@endpoint("memory_stores.retrieve", "GET", _ONE, answer=_STORE, worker=True)
async def retrieve(context: RequestContext) -> dict[str, Any]:
    """Read a memory store."""
    return wire_store(await table.read_store(context.connection, context.path["memory_store_id"]))


@endpoint("memory_stores.update", "POST", _ONE, body=SdkType("beta.MemoryStoreUpdateParams"), answer=_STORE)
async def update(context: RequestContext) -> dict[str, Any]:
    """Change the name, description or metadata of a memory store.

    What is left out or null is kept, and "" clears the description.
    """
    present = await table.lock_store(context.connection, context.path["memory_store_id"])
    name, description = context.body.get("name"), context.body.get("description")
    changed = await table.describe_store(
        context.connection,
        present,
        present.name if name is None else name,
        present.description if description is None else description,
        patch_metadata(present.metadata, context.body.get("metadata")),
        context.now,
    )
    return wire_store(changed)


@endpoint("memory_stores.archive", "POST", f"{_ONE}/archive", answer=_STORE)
async def archive(context: RequestContext) -> dict[str, Any]:
    """Archive a memory store.

    It is read-only for good; doing it again changes nothing.
    """
    store = await table.archive_store(context.connection, context.path["memory_store_id"], context.now)
    if store.archived_at == context.now:
        context.notify("memory_store.archived", store.id)
    return wire_store(store)


@endpoint("memory_stores.delete", "DELETE", _ONE, answer=SdkType("beta.BetaManagedAgentsDeletedMemoryStore"))
async def delete(context: RequestContext) -> dict[str, Any]:
    """Delete a memory store with all it holds.

    That is its memories and their versions.
    """
    await table.delete_store(context.connection, context.path["memory_store_id"], context.now)
    context.notify("memory_store.deleted", context.path["memory_store_id"])
    return {"id": context.path["memory_store_id"], "type": "memory_store_deleted"}
