"""Memory versions: what memories were, who made them so, and the blanking of what should never have been kept."""

from typing import Any

from reverie.api.endpoint import endpoint
from reverie.api.pages import Order, answer_page
from reverie.api.request_context import RequestContext
from reverie.api.routes.memories import View, ViewQuery, page_limit
from reverie.api.wire_type import SdkType, WireType
from reverie.memory.memory import MemoryVersion
from reverie.storage.memory.revisions import VersionFilter, list_versions, read_version, redact_version
from reverie.storage.memory.stores import lock_store, read_store

_VERSION = SdkType("beta.memory_stores.BetaManagedAgentsMemoryVersion")
_ALL = "/v1/memory_stores/{memory_store_id}/memory_versions"
_ONE = f"{_ALL}/{{memory_version_id}}"


_BY_REVISION = Order[MemoryVersion](tuple[int, str], lambda row: (row.revision, row.id))


def wire_version(version: MemoryVersion, view: View) -> dict[str, Any]:
    """A version as it is answered."""
    return {
        "id": version.id,
        "type": "memory_version",
        "memory_store_id": version.memory_store_id,
        "memory_id": version.memory_id,
        "operation": version.operation,
        "path": version.path,
        "content": version.content if view == "full" else None,
        "content_sha256": version.content_sha256,
        "content_size_bytes": version.content_size_bytes,
        "created_by": version.created_by,
        "created_at": version.created_at,
        "redacted_at": version.redacted_at,
        "redacted_by": version.redacted_by,
        "revision": version.revision,
        "reason": version.reason,
        "tier": version.tier,
    }


@endpoint(
    "memory_stores.memory_versions.list",
    "GET",
    _ALL,
    query=SdkType("beta.memory_stores.MemoryVersionListParams"),
    answer=_VERSION,
    is_list=True,
)
async def list_all(context: RequestContext) -> dict[str, Any]:
    """List the versions of memories, newest first."""
    query, store_id = context.query, context.path["memory_store_id"]
    await read_store(context.connection, store_id)
    view = query.get("view", "basic")
    wanted = VersionFilter(
        memory_id=query.get("memory_id"),
        operation=query.get("operation"),
        session_id=query.get("session_id"),
        api_key_id=query.get("api_key_id"),
        service_account_id=query.get("service_account_id"),
        created_from=query.get("created_at_gte"),
        created_to=query.get("created_at_lte"),
    )
    return await answer_page(
        query,
        lambda row: wire_version(row, view),
        lambda before, limit: list_versions(
            context.connection, store_id, wanted, before=before, with_content=view == "full", limit=limit
        ),
        _BY_REVISION,
        page_limit(query),
    )


@endpoint("memory_stores.memory_versions.retrieve", "GET", _ONE, query=WireType(ViewQuery), answer=_VERSION)
async def retrieve(context: RequestContext) -> dict[str, Any]:
    """Read a version of a memory."""
    version = await read_version(context.connection, context.path["memory_store_id"], context.path["memory_version_id"])
    return wire_version(version, context.query.get("view", "full"))


@endpoint("memory_stores.memory_versions.redact", "POST", f"{_ONE}/redact", answer=_VERSION)
async def redact(context: RequestContext) -> dict[str, Any]:
    """Blank what a version of a memory held.

    For good; doing it again changes nothing.
    """
    # A rollback that reads what the version holds has written it before, or reads it blanked.
    await lock_store(context.connection, context.path["memory_store_id"])
    version = await redact_version(
        context.connection,
        context.path["memory_store_id"],
        context.path["memory_version_id"],
        context.actor,
        context.now,
    )
    return wire_version(version, "full")
