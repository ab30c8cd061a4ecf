"""Memories: documents at the paths of a store. Every write is one revision of the store."""

from collections.abc import Mapping
from typing import Any, Literal

from typing_extensions import TypedDict

from reverie.api.endpoint import endpoint
from reverie.api.pages import Order, answer_page
from reverie.api.request_context import RequestContext
from reverie.api.wire_type import SdkType, WireType
from reverie.errors import ConflictError, InputError, NotFoundError
from reverie.memory.memory import Directory, Edit, Memory
from reverie.storage.live.session_views import hidden_memories
from reverie.storage.memory.memories import apply_edits, read_memory
from reverie.storage.memory.memory_pages import list_page
from reverie.storage.memory.stores import lock_store, read_store

_MEMORY = SdkType("beta.memory_stores.BetaManagedAgentsMemory")
_MOST_LISTED, _MOST_LISTED_FULL = 100, 20

View = Literal["basic", "full"]
"""Whether contents are answered too."""
_ALL = "/v1/memory_stores/{memory_store_id}/memories"
_ONE = f"{_ALL}/{{memory_id}}"


_BY_PATH = Order[Memory | Directory](tuple[str], lambda item: (item.path,))


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


_VIEW = WireType(ViewQuery)


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


@endpoint(
    "memory_stores.memories.create",
    "POST",
    _ALL,
    query=_VIEW,
    body=SdkType("beta.memory_stores.MemoryCreateParams", leave_out=("view",)),
    answer=_MEMORY,
    worker=True,
)
async def create(context: RequestContext) -> dict[str, Any]:
    """Make a memory at a path where there is none."""
    if context.body["content"] is None:
        raise InputError('content: give text; "" makes an empty memory')
    path = context.body["path"]
    await _write(context, Edit(path, context.body["content"], "created through the API", only_new=True))
    memory = await read_memory(context.connection, context.path["memory_store_id"], path)
    context.resource_id = memory.id
    return wire_memory(memory, context.query.get("view", "basic"))


@endpoint(
    "memory_stores.memories.list",
    "GET",
    _ALL,
    query=WireType(MemoryListQuery),
    answer=SdkType("beta.memory_stores.BetaManagedAgentsMemoryListItem"),
    is_list=True,
    worker=True,
)
async def list_all(context: RequestContext) -> dict[str, Any]:
    """List memories in byte order of their paths."""
    query, store_id = context.query, context.path["memory_store_id"]
    await read_store(context.connection, store_id)
    view, hidden = query.get("view", "basic"), await _hidden(context)
    return await answer_page(
        query,
        lambda item: _wire_item(item, view),
        lambda after, limit: list_page(
            context.connection,
            store_id,
            prefix=query.get("path_prefix", "/"),
            after=after,
            collapsed=query.get("depth") == 1,
            with_content=view == "full",
            limit=limit,
            hidden=hidden,
        ),
        _BY_PATH,
        page_limit(query),
    )


@endpoint("memory_stores.memories.retrieve", "GET", _ONE, query=_VIEW, answer=_MEMORY, worker=True)
async def retrieve(context: RequestContext) -> dict[str, Any]:
    """Read a memory."""
    store_id, memory_id = context.path["memory_store_id"], context.path["memory_id"]
    memory = await read_memory(context.connection, store_id, memory_id)
    if memory.id in await _hidden(context):
        raise NotFoundError(f"memory store {store_id} has no memory {memory_id!r}")
    return wire_memory(memory, context.query.get("view", "full"))


@endpoint(
    "memory_stores.memories.update",
    "POST",
    _ONE,
    query=_VIEW,
    body=SdkType("beta.memory_stores.MemoryUpdateParams", leave_out=("view", "memory_store_id")),
    answer=_MEMORY,
    worker=True,
)
async def update(context: RequestContext) -> dict[str, Any]:
    """Change the content of a memory, or rename it."""
    store_id, memory_id = context.path["memory_store_id"], context.path["memory_id"]
    content, path = context.body.get("content"), context.body.get("path")
    if content is None and path is None:
        raise InputError("content or path is needed: what shall change?")
    await lock_store(context.connection, store_id)
    present = await read_memory(context.connection, store_id, memory_id)
    await _refuse_hidden(context, present)
    renamed = path is not None and path != present.path
    edit = Edit(
        path=path if renamed else present.path,
        content=present.content if content is None else content,
        reason="renamed through the API" if content is None else "changed through the API",
        expected_content_sha256=_expected(context.body.get("precondition")),
        renamed_from=present.path if renamed else None,
    )
    await _write(context, edit)
    changed = await read_memory(context.connection, store_id, memory_id)
    return wire_memory(changed, context.query.get("view", "basic"))


@endpoint(
    "memory_stores.memories.delete",
    "DELETE",
    _ONE,
    query=SdkType("beta.memory_stores.MemoryDeleteParams", leave_out=("memory_store_id",)),
    answer=SdkType("beta.memory_stores.BetaManagedAgentsDeletedMemory"),
    worker=True,
)
async def delete(context: RequestContext) -> dict[str, Any]:
    """Delete a memory; its versions stay."""
    store_id, memory_id = context.path["memory_store_id"], context.path["memory_id"]
    await lock_store(context.connection, store_id)
    present = await read_memory(context.connection, store_id, memory_id)
    await _refuse_hidden(context, present)
    expected = context.query.get("expected_content_sha256")
    await _write(context, Edit(present.path, None, "deleted through the API", expected))
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


async def _hidden(context: RequestContext) -> list[str]:
    """Memories that the asking session does without, so that what they are worth can be told."""
    return await hidden_memories(context.connection, context.key.session_id, context.path["memory_store_id"])


async def _refuse_hidden(context: RequestContext, memory: Memory) -> None:
    if memory.id in await _hidden(context):
        raise ConflictError(f"{memory.path} is taken by a memory that this session does without; choose another path")


async def _write(context: RequestContext, edit: Edit) -> None:
    session_id = context.key.session_id
    await apply_edits(
        context.connection,
        context.path["memory_store_id"],
        [edit],
        act="write",
        actor=session_id or context.key.id,
        reason=edit.reason,
        source_session_ids=[] if session_id is None else [session_id],
        created_by=context.actor,
        now=context.now,
    )
