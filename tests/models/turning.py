"""Turns asked of the fake models over real HTTP, in either dialect."""

from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager
from typing import Any, Literal

import pytest

from reverie.models.route import ModelRoute
from reverie.models.router import open_router
from reverie.testing.fake_models import FakeModels, Policy
from reverie.testing.patience import PATIENCE_SECONDS
from reverie.turn_model import Block, ToolDefinition, TurnMessage, TurnModel, TurnPiece, TurnReply, TurnRequest

Provider = Literal["anthropic", "openai"]
PROVIDERS: tuple[Provider, ...] = ("anthropic", "openai")
both = pytest.mark.parametrize("provider", PROVIDERS)
LOOKUP = ToolDefinition("lookup", "Looks up.", {"type": "object", "properties": {"key": {"type": "string"}}})
HELLO = TurnMessage("user", ({"type": "text", "text": "Hello"},))
ASKED = TurnRequest((HELLO,), system=("Be brief.", "Be kind."), tools=(LOOKUP,), max_output_tokens=500)


def route_to(provider: Provider, models: FakeModels, **fields: Any) -> ModelRoute:
    """A route for every id to the fake models."""
    address = models.url if provider == "anthropic" else f"{models.url}/v1"
    given: dict[str, Any] = {"base_url": address, "stall_seconds": PATIENCE_SECONDS, **fields}
    return ModelRoute("*", provider, "some-model", **given)


@asynccontextmanager
async def model_of(
    provider: Provider,
    policy: Policy,
    *,
    settings: dict[str, Any] | None = None,
    environment: dict[str, str] | None = None,
    **fields: Any,
) -> AsyncIterator[tuple[TurnModel, FakeModels]]:
    """A model that a policy answers for; ``fields`` are the route's, ``settings`` the server's."""
    with FakeModels(policy, **({"cache_minimum": 1} | (settings or {}))) as models:
        async with open_router([route_to(provider, models, **fields)], environment or {}) as router:
            yield router.find("any").model, models


async def pieces_of(model: TurnModel, request: TurnRequest = ASKED) -> list[TurnPiece]:
    return [piece async for piece in model.stream(request)]


async def reply_of(model: TurnModel, request: TurnRequest = ASKED) -> TurnReply:
    last = (await pieces_of(model, request))[-1]
    assert isinstance(last, TurnReply)
    return last


def going_on(request: TurnRequest, reply: TurnReply, told: Sequence[Block]) -> TurnRequest:
    """The request after a reply, with the cache marked at its end."""
    messages = (*request.messages, TurnMessage("assistant", tuple(reply.blocks)), TurnMessage("user", tuple(told)))
    return TurnRequest(messages, request.system, request.tools, 500, cache_after=(len(messages) - 1,))


def results_of(reply: TurnReply, texts: Iterable[str]) -> list[Block]:
    """An answer to each call of a reply."""
    calls = [block["id"] for block in reply.blocks if block["type"] == "tool_use"]
    return [result(call, text) for call, text in zip(calls, texts, strict=True)]


def result(call_id: str, text: str, **fields: Any) -> Block:
    return {"type": "tool_result", "tool_use_id": call_id, "content": [{"type": "text", "text": text}], **fields}
