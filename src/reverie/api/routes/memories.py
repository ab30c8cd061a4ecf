"""Memories: documents at the paths of a store. Every write is one revision of the store."""

from collections.abc import Mapping
from typing import Any, Literal

from typing_extensions import TypedDict

from reverie.api.endpoint import Call, Endpoint
from reverie.api.pages import decode_cursor, envelope, page_of
from reverie.api.wire_type import WireType
from reverie.errors import InputError
from reverie.memory.memory import Directory, Edit, Memory
from reverie.storage.memory.memories import apply_edits, read_memory
from reverie.storage.memory.memory_pages import list_page
from reverie.storage.memory.stores import lock_store, read_store

_TYPES = "anthropic.types.beta.memory_stores"
_MEMORY = WireType(f"{_TYPES}.beta_managed_agents_memory:BetaManagedAgentsMemory")
_MOST_LISTED, _MOST_LISTED_FULL = 100, 20

View = Literal["basic", "full"]
"""Whether contents are answered too."""


class ViewQuery(TypedDict, total=False):
    """Whether the content is answered too."""

    view: View


class MemoryListQuery(ViewQuery, total=False):
    """What the SDK's parameters of the same name hold, and the order that older clients ask for in vain."""

    path_prefix: str
    depth: int
    limit: int
    page: str
    order: str
    order_by: str


def wire_memory(memory: Memory, view: View) -> dict[str, Any]:
    """A memory as it is answered."""
    return {
        "id": memory.id,
        "type": "memory",
        "memory_store_id": memory.memory_store_id,
        "path": memory.path,
        "content": memory.content if view == "full" else None,
        "content_sha256": memory.content_sha256,
        "content_size_bytes": memory.content_size_bytes,
        "memory_version_id": memory.memory_version_id,
        "created_at": memory.created_at,
        "updated_at": memory.updated_at,
        "tier": memory.tier,
    }


def page_limit(query: Mapping[str, Any]) -> int:
    """How many items a page has: fewer where contents are listed too.

    Raises:
        InputError: the query asks for too many.
    """
    limit: int = query.get("limit", 20)
    if query.get("view") == "full":
        return min(limit, _MOST_LISTED_FULL)
    if limit > _MOST_LISTED:
        raise InputError(f"limit: {limit} is too large; a page has at most {_MOST_LISTED} items")
    return limit


async def create(call: Call) -> dict[str, Any]:
    """Make a memory at a path where there is none."""
    if call.body["content"] is None:
        raise InputError('content: give text; "" makes an empty memory')
    path = call.body["path"]
    await _write(call, Edit(path, call.body["content"], "created through the API", only_new=True))
    memory = await read_memory(call.connection, call.path["memory_store_id"], path)
    call.resource_id = memory.id
    return wire_memory(memory, call.query.get("view", "basic"))


async def list_all(call: Call) -> dict[str, Any]:
    """Memories in byte order of their paths."""
    query, store_id = call.query, call.path["memory_store_id"]
    await read_store(call.connection, store_id)
    limit, view = page_limit(query), query.get("view", "basic")
    items = await list_page(
        call.connection,
        store_id,
        prefix=query.get("path_prefix", "/"),
        after=decode_cursor(query["page"], tuple[str])[0] if "page" in query else None,
        collapsed=query.get("depth") == 1,
        with_content=view == "full",
        limit=limit + 1,
    )
    shown, next_page = page_of(items, limit, lambda item: (item.path,))
    return envelope([_wire_item(item, view) for item in shown], next_page)


async def retrieve(call: Call) -> dict[str, Any]:
    """One memory."""
    memory = await read_memory(call.connection, call.path["memory_store_id"], call.path["memory_id"])
    return wire_memory(memory, call.query.get("view", "full"))


async def update(call: Call) -> dict[str, Any]:
    """Change the content of a memory, or rename it, or both."""
    store_id, memory_id = call.path["memory_store_id"], call.path["memory_id"]
    content, path = call.body.get("content"), call.body.get("path")
    if content is None and path is None:
        raise InputError("content or path is needed: what shall change?")
    await lock_store(call.connection, store_id)
    present = await read_memory(call.connection, store_id, memory_id)
    renamed = path is not None and path != present.path
    edit = Edit(
        path=path if renamed else present.path,
        content=present.content if content is None else content,
        reason="renamed through the API" if content is None else "changed through the API",
        expected_content_sha256=_expected(call.body.get("precondition")),
        renamed_from=present.path if renamed else None,
    )
    await _write(call, edit)
    changed = await read_memory(call.connection, store_id, memory_id)
    return wire_memory(changed, call.query.get("view", "basic"))


async def delete(call: Call) -> dict[str, Any]:
    """Delete a memory; its versions stay."""
    store_id, memory_id = call.path["memory_store_id"], call.path["memory_id"]
    await lock_store(call.connection, store_id)
    present = await read_memory(call.connection, store_id, memory_id)
    expected = call.query.get("expected_content_sha256")
    await _write(call, Edit(present.path, None, "deleted through the API", expected))
    return {"id": memory_id, "type": "memory_deleted"}


def _wire_item(item: Memory | Directory, view: View) -> dict[str, Any]:
    if isinstance(item, Directory):
        return {"type": "memory_prefix", "path": item.path}
    return wire_memory(item, view)


def _expected(precondition: Mapping[str, str] | None) -> str | None:
    if precondition is None:
        return None
    if "content_sha256" not in precondition:
        raise InputError("precondition.content_sha256 is needed: the hash that the content had when it was read")
    return precondition["content_sha256"]


async def _write(call: Call, edit: Edit) -> None:
    session_id = call.key.session_id
    await apply_edits(
        call.connection,
        call.path["memory_store_id"],
        [edit],
        act="write",
        actor=session_id or call.key.id,
        reason=edit.reason,
        source_session_ids=[] if session_id is None else [session_id],
        created_by=call.actor,
        now=call.now,
    )


_ALL = "/v1/memory_stores/{memory_store_id}/memories"
_ONE = f"{_ALL}/{{memory_id}}"
_VIEW = WireType("reverie.api.routes.memories:ViewQuery")
ENDPOINTS = (
    Endpoint(
        "memory_stores.memories.create",
        "POST",
        _ALL,
        create,
        "Make a memory at a path where there is none.",
        query=_VIEW,
        body=WireType(f"{_TYPES}.memory_create_params:MemoryCreateParams", leave_out=("view",)),
        answer=_MEMORY,
        worker=True,
    ),
    Endpoint(
        "memory_stores.memories.list",
        "GET",
        _ALL,
        list_all,
        "List memories in byte order of their paths.",
        query=WireType("reverie.api.routes.memories:MemoryListQuery"),
        answer=WireType(f"{_TYPES}.beta_managed_agents_memory_list_item:BetaManagedAgentsMemoryListItem"),
        is_list=True,
        worker=True,
    ),
    Endpoint(
        "memory_stores.memories.retrieve",
        "GET",
        _ONE,
        retrieve,
        "Read a memory.",
        query=_VIEW,
        answer=_MEMORY,
        worker=True,
    ),
    Endpoint(
        "memory_stores.memories.update",
        "POST",
        _ONE,
        update,
        "Change the content of a memory, or rename it.",
        query=_VIEW,
        body=WireType(f"{_TYPES}.memory_update_params:MemoryUpdateParams", leave_out=("view", "memory_store_id")),
        answer=_MEMORY,
        worker=True,
    ),
    Endpoint(
        "memory_stores.memories.delete",
        "DELETE",
        _ONE,
        delete,
        "Delete a memory; its versions stay.",
        query=WireType(f"{_TYPES}.memory_delete_params:MemoryDeleteParams", leave_out=("memory_store_id",)),
        answer=WireType(f"{_TYPES}.beta_managed_agents_deleted_memory:BetaManagedAgentsDeletedMemory"),
        worker=True,
    ),
)
