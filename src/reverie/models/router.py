"""Models for agents: found by wire id, opened when they are first asked, shared by all turns of a process."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

import anthropic
import msgspec

from reverie.errors import ModelAccessError
from reverie.language_model import ModelPrice
from reverie.models.anthropic_turns import AnthropicTurnModel, open_client
from reverie.models.route import ModelRoute, find_route, key_of
from reverie.turn_model import TurnModel


class RoutedModel(msgspec.Struct, frozen=True):
    """The model that answers for a wire model id."""

    model: TurnModel
    price: ModelPrice | None = None
    max_output_tokens: int = 16_000
    context_tokens: int = 200_000


class ModelRouter:
    """Finds the model for an id; clients are shared by address and key."""

    def __init__(self, routes: Sequence[ModelRoute]) -> None:
        self._routes = tuple(routes)
        self._found: dict[str, RoutedModel] = {}
        self._clients: list[anthropic.AsyncAnthropic] = []

    def find(self, model_id: str) -> RoutedModel:
        """The model for an id.

        Raises:
            ModelAccessError: none answers for it; the message says what to set.
        """
        if model_id not in self._found:
            self._found[model_id] = self._open(model_id)
        return self._found[model_id]

    def _open(self, model_id: str) -> RoutedModel:
        route = find_route(self._routes, model_id)
        if route is None:
            raise ModelAccessError(
                f"no model answers for {model_id!r}: set ANTHROPIC_API_KEY for claude models, or REVERIE_MODEL (and "
                "REVERIE_MODEL_URL) for any model, or give a route for it in the file that REVERIE_MODEL_ROUTES names"
            )
        key = key_of(route)
        if key is None and route.base_url is None:
            wanted = (
                route.key_variable or {"anthropic": "ANTHROPIC_API_KEY", "openai": "OPENAI_API_KEY"}[route.provider]
            )
            raise ModelAccessError(f"the route {route.pattern!r} for {model_id!r} needs a key: set {wanted}")
        client = open_client(route, key)
        self._clients.append(client)
        model = AnthropicTurnModel(client, route.model or model_id, route)
        return RoutedModel(model, route.priced, route.max_output_tokens, route.context_tokens)

    async def close(self) -> None:
        """Close the connections of all clients."""
        for client in self._clients:
            await client.close()


@asynccontextmanager
async def open_router(routes: Sequence[ModelRoute]) -> AsyncIterator[ModelRouter]:
    """A router for the length of a ``with``."""
    router = ModelRouter(routes)
    try:
        yield router
    finally:
        await router.close()
