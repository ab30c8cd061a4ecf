"""Recall: the memories of a store that suit a query, and what speaks for each."""

import asyncio
from typing import Any

import msgspec

from reverie.api import on_demand
from reverie.api.endpoint import endpoint
from reverie.api.pages import envelope
from reverie.api.records import FoundMemory, RecallParams
from reverie.api.request_context import RequestContext
from reverie.api.wire_type import RecordType
from reverie.lessons.asker import Asker
from reverie.storage.live.session_views import hidden_memories
from reverie.storage.memory.recall import recall as recall_memories
from reverie.storage.memory.store_places import lessons_of_others, require_open


@endpoint(
    "memory_stores.recall",
    "GET",
    "/v1/memory_stores/{memory_store_id}/recall",
    query=RecordType(RecallParams),
    answer=RecordType(FoundMemory),
    is_list=True,
    worker=True,
    extension=True,
)
async def recall(context: RequestContext) -> dict[str, Any]:
    """Find the memories that suit a query, and what speaks for each.

    Best first.
    """
    if (agent := context.query.get("agent")) is not None:
        await require_open(context.connection, [context.path["memory_store_id"]], agent)
    store_id = context.path["memory_store_id"]
    hidden = await hidden_memories(context.connection, context.key.session_id, store_id)
    hidden += await lessons_of_others(context.connection, store_id, agent)
    embedder = None
    if context.query.get("meaning", True):
        open_embedder = await on_demand.load(lambda: on_demand.open_embedder)
        embedder = await asyncio.to_thread(open_embedder, context.service.settings.embedder)
    hits = await recall_memories(
        context.connection,
        store_id,
        context.query["query"],
        context.query.get("limit", 5),
        now=context.now,
        embedder=embedder,
        most_tokens=context.query.get("tokens"),
        asker=_asker(context) if context.query.get("scope", True) else None,
        hidden=hidden,
    )
    return envelope([FoundMemory(**msgspec.structs.asdict(hit)) for hit in hits], None)


def _asker(context: RequestContext) -> Asker:
    tools = tuple(context.query.get("tools", ())) or None
    return Asker(context.query.get("agent"), tools, context.query.get("task_family"))
