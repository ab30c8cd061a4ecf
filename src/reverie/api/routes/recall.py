"""Recall: the memories of a store that suit a query, and what speaks for each."""

import asyncio
from typing import Any, Literal, NotRequired

import msgspec
from typing_extensions import TypedDict

from reverie.api import on_demand
from reverie.api.endpoint import endpoint
from reverie.api.pages import envelope
from reverie.api.request_context import RequestContext
from reverie.api.wire_type import WireType
from reverie.memory.memory import Tier
from reverie.storage.memory.recall import recall as recall_memories


class RecallParams(TypedDict):
    """What to look for."""

    query: str
    limit: NotRequired[int]
    """The most memories; 5 by default."""
    tokens: NotRequired[int]
    """The most tokens of content; by default the store's budget."""
    meaning: NotRequired[bool]
    """Whether meanings are compared too, as they are by default, or words alone."""


class RecallReason(TypedDict):
    """What one word of the query added to the relevance."""

    term: str
    contribution: float


class RecallHit(TypedDict):
    """A memory that suits the query: score = relevance × activation × impact."""

    type: Literal["recall_hit"]
    memory_id: str
    path: str
    score: float
    relevance: float
    """What the words and the meaning added."""
    meaning: float
    activation: float
    impact: float
    reasons: list[RecallReason]
    snippet: str
    tier: Tier
    tokens: int


@endpoint(
    "memory_stores.recall",
    "GET",
    "/v1/memory_stores/{memory_store_id}/recall",
    query=WireType(RecallParams),
    answer=WireType(RecallHit),
    is_list=True,
    worker=True,
    extension=True,
)
async def recall(context: RequestContext) -> dict[str, Any]:
    """Find the memories that suit a query, and what speaks for each.

    Best first.
    """
    embedder = None
    if context.query.get("meaning", True):
        best_embedder = await on_demand.load(lambda: on_demand.best_embedder)
        embedder = await asyncio.to_thread(best_embedder)
    hits = await recall_memories(
        context.connection,
        context.path["memory_store_id"],
        context.query["query"],
        context.query.get("limit", 5),
        now=context.now,
        embedder=embedder,
        most_tokens=context.query.get("tokens"),
    )
    return envelope([{"type": "recall_hit", **msgspec.to_builtins(hit)} for hit in hits], None)
