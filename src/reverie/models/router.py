"""Models for agents: found by wire id, opened when they are first asked, shared by all turns of a process."""

import os
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager

import msgspec

from reverie.errors import ModelAccessError
from reverie.language_model import ModelPrice
from reverie.models.allowance import Allowance, AllowedTurnModel, strictest
from reverie.models.open import Client, find_turn_provider
from reverie.models.route import KEY_VARIABLES, ModelRoute, find_route, key_of
from reverie.turn_model import TurnModel


class RoutedModel(msgspec.Struct, frozen=True):
    """The model that answers for a wire model id."""

    model: TurnModel
    price: ModelPrice | None = None
    max_output_tokens: int = 16_000
    context_tokens: int = 200_000


class ModelRouter:
    """Finds the model for an id; clients are shared by address and key, allowances by address."""

    def __init__(self, routes: Sequence[ModelRoute], environment: Mapping[str, str] = os.environ) -> None:
        self._routes = tuple(routes)
        self._environment = environment
        self._found: dict[str, RoutedModel] = {}
        self._clients: dict[tuple[str, str | None, str | None], Client] = {}
        self._allowances: dict[tuple[str, str | None], Allowance] = {}

    @property
    def any(self) -> bool:
        """Whether there is a route for any id."""
        return bool(self._routes)

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
        provider = find_turn_provider(route.provider)
        key = key_of(route, self._environment)
        if key is None and (route.base_url is None or route.key_variable is not None):
            wanted = route.key_variable or KEY_VARIABLES[route.provider]
            raise ModelAccessError(f"the route {route.pattern!r} for {model_id!r} needs a key: set {wanted}")
        place = (*_address(route), key)
        if place not in self._clients:
            self._clients[place] = provider.open_client(route, key)
        model = provider.make_model(self._clients[place], route.model or model_id, route)
        allowed = AllowedTurnModel(model, self._allowance_of(route))
        return RoutedModel(allowed, route.priced, route.max_output_tokens, route.context_tokens)

    def _allowance_of(self, route: ModelRoute) -> Allowance:
        place = _address(route)
        if place not in self._allowances:
            sharing = [other for other in self._routes if _address(other) == place]
            self._allowances[place] = Allowance(strictest(sharing))
        return self._allowances[place]

    async def close(self) -> None:
        """Close the connections of all clients."""
        for client in self._clients.values():
            await client.close()


def _address(route: ModelRoute) -> tuple[str, str | None]:
    return route.provider, route.base_url.rstrip("/") if route.base_url else None


@asynccontextmanager
async def open_router(
    routes: Sequence[ModelRoute], environment: Mapping[str, str] = os.environ
) -> AsyncIterator[ModelRouter]:
    """A router for the length of a ``with``."""
    router = ModelRouter(routes, environment)
    try:
        yield router
    finally:
        await router.close()
