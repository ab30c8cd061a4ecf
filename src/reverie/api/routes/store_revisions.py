"""Revisions of memory stores: every act on a store, what it changed, and the way back."""

import asyncio
from typing import Any

import msgspec

from reverie.api.endpoint import endpoint
from reverie.api.pages import Order, answer_page
from reverie.api.records import (
    DocumentParams,
    DocumentVersion,
    ListParams,
    PathDifference,
    RevisionDiff,
    RevisionDiffParams,
    RollbackParams,
    StoredDocument,
    StoreRevision,
    StoreRollback,
)
from reverie.api.request_context import RequestContext
from reverie.api.wire_type import RecordType
from reverie.errors import ConflictError, NotFoundError
from reverie.memory.diff import compare, summarise, unified_diff
from reverie.memory.memory import Revision
from reverie.storage.memory.documents import DocumentVersionRow, read_document
from reverie.storage.memory.memories import rollback
from reverie.storage.memory.revisions import list_revisions, snapshot
from reverie.storage.memory.stores import lock_store, read_store

_ALL = "/v1/memory_stores/{memory_store_id}/revisions"


_BY_NUMBER = Order[Revision](tuple[int], lambda row: (row.number,))


def wire_revision(revision: Revision) -> StoreRevision:
    """A revision as it is answered."""
    return StoreRevision(**msgspec.structs.asdict(revision))


@endpoint(
    "memory_stores.revisions.list",
    "GET",
    _ALL,
    query=RecordType(ListParams),
    answer=RecordType(StoreRevision),
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
    query=RecordType(RevisionDiffParams),
    answer=RecordType(RevisionDiff),
    extension=True,
)
async def diff(context: RequestContext) -> RevisionDiff:
    """Show what a revision of a memory store changed, or how it differs from another."""
    store = await read_store(context.connection, context.path["memory_store_id"])
    number = _number(context)
    against = context.query.get("against", max(number - 1, 0))
    before = await snapshot(context.connection, store.id, against)
    after = await snapshot(context.connection, store.id, number)
    path = context.query.get("path")
    differences = [difference for difference in compare(before, after) if path in (None, difference.path)]
    summary = summarise(differences)
    texts = await asyncio.to_thread(lambda: [unified_diff(difference) for difference in differences])
    return RevisionDiff(
        memory_store_id=store.id,
        revision=number,
        against=against,
        created=summary.created,
        modified=summary.modified,
        deleted=summary.deleted,
        differences=tuple(
            PathDifference(difference.path, difference.operation, text)
            for difference, text in zip(differences, texts, strict=True)
        ),
    )


@endpoint(
    "memory_stores.revisions.rollback",
    "POST",
    f"{_ALL}/{{revision}}/rollback",
    body=RecordType(RollbackParams),
    answer=RecordType(StoreRollback),
    extension=True,
)
async def roll_back(context: RequestContext) -> StoreRollback:
    """Make a memory store as it was at a revision, by a new revision."""
    store_id, number = context.path["memory_store_id"], _number(context)
    expected = context.body.get("expected_revision")
    if expected is not None and (await lock_store(context.connection, store_id)).revision != expected:
        raise ConflictError(
            f"memory store {store_id} has changed since revision {expected}; look again at what would be undone"
        )
    actor = context.key.session_id or context.key.id
    revision = await rollback(
        context.connection, store_id, number, context.body["reason"], context.now, actor=actor, created_by=context.actor
    )
    context.resource_id = store_id
    return StoreRollback(store_id, number, None if revision is None else wire_revision(revision))


@endpoint(
    "memory_stores.document",
    "GET",
    "/v1/memory_stores/{memory_store_id}/document",
    query=RecordType(DocumentParams),
    answer=RecordType(StoredDocument),
    extension=True,
)
async def document(context: RequestContext) -> StoredDocument:
    """Read the memory at a path, now or at a revision, and who made it what it was.

    With each version stand the act that wrote it, the dream, session or key that did so, and the sessions it went by.
    """
    store = await read_store(context.connection, context.path["memory_store_id"])
    found = await read_document(context.connection, store.id, context.query["path"], context.query.get("revision"))
    return StoredDocument(
        memory_store_id=store.id,
        memory_id=found.memory_id,
        path=found.path,
        content=found.content,
        is_current=found.is_current,
        version=_wire_version(found.version),
        versions=tuple(map(_wire_version, found.versions)),
    )


def _wire_version(version: DocumentVersionRow) -> DocumentVersion:
    return DocumentVersion(**msgspec.structs.asdict(version))


def _number(context: RequestContext) -> int:
    text = context.path["revision"]
    if not (text.isascii() and text.isdecimal()):
        raise NotFoundError(f"revision {text!r}: revisions have numbers; list them with GET …/revisions")
    return int(text)
