"""Recall: the memories of a store that suit a query, and what speaks for each."""

import asyncio
from typing import Any, Literal, NotRequired

import msgspec
from typing_extensions import TypedDict

from reverie.api.endpoint import Call, Endpoint
from reverie.api.pages import envelope
from reverie.api.wire_type import WireType
from reverie.lazy_modules import load_module
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


async def recall(call: Call) -> dict[str, Any]:
    """The memories that suit a query, best first."""
    embedder = None
    if call.query.get("meaning", True):
        # Beside the requests: loading it takes a while.
        vectors = await asyncio.to_thread(load_module, "reverie.digests.vector")
        embedder = await asyncio.to_thread(vectors.open_embedder, call.service.settings.embedder)
    hits = await recall_memories(
        call.connection,
        call.path["memory_store_id"],
        call.query["query"],
        call.query.get("limit", 5),
        now=call.now,
        embedder=embedder,
        most_tokens=call.query.get("tokens"),
    )
    return envelope([{"type": "recall_hit", **msgspec.to_builtins(hit)} for hit in hits], None)


_HERE = "reverie.api.routes.recall"
ENDPOINTS = (
    Endpoint(
        "memory_stores.recall",
        "GET",
        "/v1/memory_stores/{memory_store_id}/recall",
        recall,
        "Find the memories that suit a query, and what speaks for each.",
        query=WireType(f"{_HERE}:RecallParams"),
        answer=WireType(f"{_HERE}:RecallHit"),
        is_list=True,
        worker=True,
        extension=True,
    ),
)
