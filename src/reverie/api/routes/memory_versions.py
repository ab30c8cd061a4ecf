"""Memory versions: what memories were, who made them so, and the blanking of what should never have been kept."""

from typing import Any

from reverie.api.endpoint import Call, Endpoint
from reverie.api.pages import decode_cursor, envelope, page_of
from reverie.api.routes.memories import View, page_limit
from reverie.api.wire_type import WireType
from reverie.memory.memory import MemoryVersion
from reverie.storage.memory.revisions import VersionFilter, list_versions, read_version, redact_version
from reverie.storage.memory.stores import lock_store, read_store

_TYPES = "anthropic.types.beta.memory_stores"
_VERSION = WireType(f"{_TYPES}.beta_managed_agents_memory_version:BetaManagedAgentsMemoryVersion")


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


async def list_all(call: Call) -> dict[str, Any]:
    """Versions of a store, newest first."""
    query, store_id = call.query, call.path["memory_store_id"]
    await read_store(call.connection, store_id)
    limit, view = page_limit(query), query.get("view", "basic")
    wanted = VersionFilter(
        memory_id=query.get("memory_id"),
        operation=query.get("operation"),
        session_id=query.get("session_id"),
        api_key_id=query.get("api_key_id"),
        service_account_id=query.get("service_account_id"),
        created_from=query.get("created_at_gte"),
        created_to=query.get("created_at_lte"),
    )
    rows = await list_versions(
        call.connection,
        store_id,
        wanted,
        before=decode_cursor(query["page"], tuple[int, str]) if "page" in query else None,
        with_content=view == "full",
        limit=limit + 1,
    )
    shown, next_page = page_of(rows, limit, lambda row: (row.revision, row.id))
    return envelope([wire_version(row, view) for row in shown], next_page)


async def retrieve(call: Call) -> dict[str, Any]:
    """One version."""
    version = await read_version(call.connection, call.path["memory_store_id"], call.path["memory_version_id"])
    return wire_version(version, call.query.get("view", "full"))


async def redact(call: Call) -> dict[str, Any]:
    """Blank a version for good; doing it again changes nothing."""
    # A rollback that reads what the version holds has written it before, or reads it blanked.
    await lock_store(call.connection, call.path["memory_store_id"])
    version = await redact_version(
        call.connection, call.path["memory_store_id"], call.path["memory_version_id"], call.actor, call.now
    )
    return wire_version(version, "full")


_ALL = "/v1/memory_stores/{memory_store_id}/memory_versions"
_ONE = f"{_ALL}/{{memory_version_id}}"
ENDPOINTS = (
    Endpoint(
        "memory_stores.memory_versions.list",
        "GET",
        _ALL,
        list_all,
        "List the versions of memories, newest first.",
        query=WireType(f"{_TYPES}.memory_version_list_params:MemoryVersionListParams"),
        answer=_VERSION,
        is_list=True,
    ),
    Endpoint(
        "memory_stores.memory_versions.retrieve",
        "GET",
        _ONE,
        retrieve,
        "Read a version of a memory.",
        query=WireType("reverie.api.routes.memories:ViewQuery"),
        answer=_VERSION,
    ),
    Endpoint(
        "memory_stores.memory_versions.redact",
        "POST",
        f"{_ONE}/redact",
        redact,
        "Blank what a version of a memory held.",
        answer=_VERSION,
    ),
)
