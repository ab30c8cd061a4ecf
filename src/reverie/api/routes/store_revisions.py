"""Revisions of memory stores: every act on a store, what it changed, and the way back."""

import asyncio
from datetime import datetime
from typing import Any, Literal, NotRequired

from typing_extensions import TypedDict

from reverie.api.endpoint import endpoint
from reverie.api.pages import Order, answer_page
from reverie.api.request_context import RequestContext
from reverie.api.wire_type import WireType
from reverie.errors import NotFoundError
from reverie.memory.diff import compare, summarise, unified_diff
from reverie.memory.memory import Act, Operation, Revision
from reverie.storage.memory.memories import rollback
from reverie.storage.memory.revisions import list_revisions, snapshot
from reverie.storage.memory.stores import read_store

_ALL = "/v1/memory_stores/{memory_store_id}/revisions"


_BY_NUMBER = Order[Revision](tuple[int], lambda row: (row.number,))


class RevisionListParams(TypedDict):
    """Which page of revisions."""

    limit: NotRequired[int]
    page: NotRequired[str]


class RevisionDiffParams(TypedDict):
    """What to compare a revision with."""

    against: NotRequired[int]
    """By default the revision before; 0 is the empty store."""


class RollbackParams(TypedDict):
    """Why to go back."""

    reason: str


class StoreRevision(TypedDict):
    """One act on a store."""

    type: Literal["store_revision"]
    memory_store_id: str
    number: int
    act: Act
    actor: str
    """``user``, or the id of a dream, of a session or of an API key."""
    reason: str
    source_session_ids: list[str]
    created_at: datetime
    created: int
    modified: int
    deleted: int


class PathDifference(TypedDict):
    """One path whose content differs."""

    path: str
    operation: Operation
    diff: str
    """In the unified format."""


class RevisionDiff(TypedDict):
    """What a revision has that another lacks."""

    type: Literal["revision_diff"]
    memory_store_id: str
    revision: int
    against: int
    created: int
    modified: int
    deleted: int
    differences: list[PathDifference]


class StoreRollback(TypedDict):
    """A return to an earlier revision."""

    type: Literal["store_rollback"]
    memory_store_id: str
    to_revision: int
    revision: StoreRevision | None
    """The new revision; null where the store was as it should be."""


def wire_revision(revision: Revision) -> dict[str, Any]:
    """A revision as it is answered."""
    return {
        "type": "store_revision",
        "memory_store_id": revision.memory_store_id,
        "number": revision.number,
        "act": revision.act,
        "actor": revision.actor,
        "reason": revision.reason,
        "source_session_ids": list(revision.source_session_ids),
        "created_at": revision.created_at,
        "created": revision.created,
        "modified": revision.modified,
        "deleted": revision.deleted,
    }


@endpoint(
    "memory_stores.revisions.list",
    "GET",
    _ALL,
    query=WireType(RevisionListParams),
    answer=WireType(StoreRevision),
    is_list=True,
    extension=True,
)
async def list_all(context: RequestContext) -> dict[str, Any]:
    """List what was done to a memory store, newest first."""
    store = await read_store(context.connection, context.path["memory_store_id"])
    return await answer_page(
        context.query,
        wire_revision,
        lambda before, limit: list_revisions(context.connection, store.id, before=before, limit=limit),
        _BY_NUMBER,
    )


@endpoint(
    "memory_stores.revisions.diff",
    "GET",
    f"{_ALL}/{{revision}}/diff",
    query=WireType(RevisionDiffParams),
    answer=WireType(RevisionDiff),
    extension=True,
)
async def diff(context: RequestContext) -> dict[str, Any]:
    """Show what a revision of a memory store changed, or how it differs from another."""
    store = await read_store(context.connection, context.path["memory_store_id"])
    number = _number(context)
    against = context.query.get("against", max(number - 1, 0))
    before = await snapshot(context.connection, store.id, against)
    after = await snapshot(context.connection, store.id, number)
    differences = compare(before, after)
    summary = summarise(differences)
    texts = await asyncio.to_thread(lambda: [unified_diff(difference) for difference in differences])
    return {
        "type": "revision_diff",
        "memory_store_id": store.id,
        "revision": number,
        "against": against,
        "created": summary.created,
        "modified": summary.modified,
        "deleted": summary.deleted,
        "differences": [
            {"path": difference.path, "operation": difference.operation, "diff": text}
            for difference, text in zip(differences, texts, strict=True)
        ],
    }


@endpoint(
    "memory_stores.revisions.rollback",
    "POST",
    f"{_ALL}/{{revision}}/rollback",
    body=WireType(RollbackParams),
    answer=WireType(StoreRollback),
    extension=True,
)
async def roll_back(context: RequestContext) -> dict[str, Any]:
    """Make a memory store as it was at a revision, by a new revision."""
    store_id, number = context.path["memory_store_id"], _number(context)
    actor = context.key.session_id or context.key.id
    revision = await rollback(
        context.connection, store_id, number, context.body["reason"], context.now, actor=actor, created_by=context.actor
    )
    context.resource_id = store_id
    return {
        "type": "store_rollback",
        "memory_store_id": store_id,
        "to_revision": number,
        "revision": None if revision is None else wire_revision(revision),
    }


def _number(context: RequestContext) -> int:
    text = context.path["revision"]
    if not (text.isascii() and text.isdecimal()):
        raise NotFoundError(f"revision {text!r}: revisions have numbers; list them with GET …/revisions")
    return int(text)
