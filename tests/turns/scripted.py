"""A model that says what a test tells it to, and a server that runs turns with it."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Any

from reverie.api.service import Service
from reverie.errors import ModelAccessError, ModelError
from reverie.language_model import ModelPrice, ModelUsage
from reverie.models.router import RoutedModel
from reverie.turn_model import BlockBegun, StopReason, TextPiece, TurnPiece, TurnReply, TurnRequest
from reverie.turns.desk import Host
from reverie.turns.mcp_servers import McpServers
from reverie.turns.sandbox import Sandboxes
from reverie.turns.service import run_turns
from reverie.turns.web import Web

Step = TurnReply | ModelError | Callable[[TurnRequest], "TurnReply | ModelError"]
USAGE = ModelUsage(input_tokens=10, output_tokens=5)
MODEL = "scripted-1"
PRICE = ModelPrice(1_000.0, 1_000.0)


def say(text: str, stop_reason: StopReason = "end_turn") -> TurnReply:
    """A reply that is one text."""
    return TurnReply(({"type": "text", "text": text},), stop_reason, USAGE, "scripted", MODEL)


def call(name: str, number: int = 1, **arguments: Any) -> TurnReply:
    """A reply that calls one tool."""
    return calls((name, number, arguments))


def calls(*wanted: tuple[str, int, dict[str, Any]]) -> TurnReply:
    """A reply that calls tools side by side."""
    blocks = tuple(
        {"type": "tool_use", "id": f"toolu_{number}", "name": name, "input": arguments}
        for name, number, arguments in wanted
    )
    return TurnReply(blocks, "tool_use", USAGE, "scripted", MODEL)


class ScriptedTurnModel:
    """Gives the steps of a script in order; keeps the requests that it was sent."""

    provider = "scripted"
    model = MODEL

    def __init__(self, *steps: Step, pause: asyncio.Event | None = None) -> None:
        self.requests: list[TurnRequest] = []
        self.asked = asyncio.Event()
        self._steps = list(steps)
        self._pause = pause

    async def stream(self, request: TurnRequest) -> AsyncIterator[TurnPiece]:
        self.requests.append(request)
        self.asked.set()
        step = self._steps.pop(0)
        reply = step if isinstance(step, TurnReply | ModelError) else step(request)
        if isinstance(reply, ModelError):
            raise reply
        for index, block in enumerate(reply.blocks):
            yield BlockBegun(index, block["type"])
            if block["type"] == "text":
                yield TextPiece(index, block["text"])
        if self._pause is not None:
            await self._pause.wait()
        yield reply


class OneModel:
    """Routes one id to a model."""

    def __init__(self, model: ScriptedTurnModel, price: ModelPrice | None = PRICE) -> None:
        self._routed = RoutedModel(model, price)

    any = True

    def find(self, model_id: str) -> RoutedModel:
        if model_id != MODEL:
            raise ModelAccessError(f"no model answers for {model_id!r}")
        return self._routed


@asynccontextmanager
async def turns_run(
    service: Service,
    model: ScriptedTurnModel,
    hosts: Sequence[Host] = (),
    sandboxes: Sandboxes | None = None,
    web: Web | None = None,
    servers: McpServers | None = None,
    **options: Any,
) -> AsyncIterator[None]:
    """Turns of the service's sessions are run by the model, for as long as the context lasts."""
    models = OneModel(model, **options)
    task = asyncio.create_task(run_turns(service.database, service.clock, models, hosts, sandboxes, web, servers))
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
