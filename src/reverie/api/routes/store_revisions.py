"""Revisions of memory stores: every act on a store, what it changed, and the way back."""

import asyncio
from datetime import datetime
from typing import Any, Literal, NotRequired

from typing_extensions import TypedDict

from reverie.api.endpoint import Call, Endpoint
from reverie.api.pages import decode_cursor, envelope, page_of
from reverie.api.wire_type import WireType
from reverie.errors import NotFoundError
from reverie.memory.diff import compare, summarise, unified_diff
from reverie.memory.memory import Operation, Revision, RevisionKind
from reverie.storage.memory.memories import rollback
from reverie.storage.memory.revisions import list_revisions, snapshot
from reverie.storage.memory.stores import read_store


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
    act: RevisionKind
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


async def list_all(call: Call) -> dict[str, Any]:
    """Revisions, newest first."""
    store = await read_store(call.connection, call.path["memory_store_id"])
    limit = call.query.get("limit", 20)
    before = decode_cursor(call.query["page"], tuple[int])[0] if "page" in call.query else None
    rows = await list_revisions(call.connection, store.id, before=before, limit=limit + 1)
    shown, next_page = page_of(rows, limit, lambda row: (row.number,))
    return envelope([wire_revision(row) for row in shown], next_page)


async def diff(call: Call) -> dict[str, Any]:
    """What a revision changed, or how it differs from another."""
    store = await read_store(call.connection, call.path["memory_store_id"])
    number = _number(call)
    against = call.query.get("against", max(number - 1, 0))
    before = await snapshot(call.connection, store.id, against)
    after = await snapshot(call.connection, store.id, number)
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


async def roll_back(call: Call) -> dict[str, Any]:
    """Make a store as it was at a revision, by a new revision."""
    store_id, number = call.path["memory_store_id"], _number(call)
    actor = call.key.session_id or call.key.id
    revision = await rollback(
        call.connection, store_id, number, call.body["reason"], call.now, actor=actor, created_by=call.actor
    )
    call.resource_id = store_id
    return {
        "type": "store_rollback",
        "memory_store_id": store_id,
        "to_revision": number,
        "revision": None if revision is None else wire_revision(revision),
    }


def _number(call: Call) -> int:
    text = call.path["revision"]
    if not (text.isascii() and text.isdecimal()):
        raise NotFoundError(f"revision {text!r}: revisions have numbers; list them with GET …/revisions")
    return int(text)


_HERE = "reverie.api.routes.store_revisions"
_ALL = "/v1/memory_stores/{memory_store_id}/revisions"
ENDPOINTS = (
    Endpoint(
        "memory_stores.revisions.list",
        "GET",
        _ALL,
        list_all,
        "List what was done to a memory store, newest first.",
        query=WireType(f"{_HERE}:RevisionListParams"),
        answer=WireType(f"{_HERE}:StoreRevision"),
        is_list=True,
        extension=True,
    ),
    Endpoint(
        "memory_stores.revisions.diff",
        "GET",
        f"{_ALL}/{{revision}}/diff",
        diff,
        "Show what a revision of a memory store changed, or how it differs from another.",
        query=WireType(f"{_HERE}:RevisionDiffParams"),
        answer=WireType(f"{_HERE}:RevisionDiff"),
        extension=True,
    ),
    Endpoint(
        "memory_stores.revisions.rollback",
        "POST",
        f"{_ALL}/{{revision}}/rollback",
        roll_back,
        "Make a memory store as it was at a revision, by a new revision.",
        body=WireType(f"{_HERE}:RollbackParams"),
        answer=WireType(f"{_HERE}:StoreRollback"),
        extension=True,
    ),
)
