"""Which model answers for which wire model id: from a file, or from the environment where there is none."""

import os
import tomllib
from collections.abc import Mapping, Sequence
from fnmatch import fnmatchcase
from pathlib import Path

import msgspec

from reverie.errors import SettingsError
from reverie.language_model import ModelPrice
from reverie.settings import Settings, read_price


class ModelRoute(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A provider's model for the wire model ids that match a pattern."""

    pattern: str
    """A glob over the ids that agents name, such as ``claude-*``; the first route that matches counts."""
    provider: str
    """``anthropic``, ``openai``, or one that another package brings."""
    model: str | None = None
    """The provider's name of it; the asked id by default."""
    base_url: str | None = None
    key_variable: str | None = None
    """The environment variable that holds the key; the provider's own by default, at its own address."""
    price: str | None = None
    """US dollars per million tokens: ``input/output[/cache read/cache write]``."""
    max_output_tokens: int = 16_000
    context_tokens: int = 200_000
    requests_per_minute: int | None = None
    tokens_per_minute: int | None = None
    concurrency: int = 64
    stall_seconds: float = 600.0
    """Longest silence of the provider in mid-reply."""
    cache: bool = True
    thinking: bool = False
    effort: bool = False
    """Whether the provider takes the agent's effort."""

    @property
    def priced(self) -> ModelPrice | None:
        """The price, where there is one.

        Raises:
            SettingsError: it cannot be read.
        """
        return read_price("price", self.price) if self.price else None


class _File(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    routes: list[ModelRoute]


KEY_VARIABLES: Mapping[str, str] = {"anthropic": "ANTHROPIC_API_KEY", "openai": "OPENAI_API_KEY"}


def read_routes(path: Path) -> tuple[ModelRoute, ...]:
    """The routes of a TOML file.

    Raises:
        SettingsError: the file cannot be read, or holds what is no route; the message says where.
    """
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8"))
        routes = tuple(msgspec.convert(content, _File).routes)
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError, msgspec.ValidationError) as error:
        raise SettingsError(f"REVERIE_MODEL_ROUTES: {path}: {error}") from error
    for number, route in enumerate(routes, 1):
        try:
            _ = route.priced
        except SettingsError as error:
            raise SettingsError(f"REVERIE_MODEL_ROUTES: {path}: route {number}: {error}") from error
    return routes


def routes_of(settings: Settings, environment: Mapping[str, str] = os.environ) -> tuple[ModelRoute, ...]:
    """The routes that the settings give: of the file; else one to ``REVERIE_MODEL``; else to providers with a key."""
    if settings.model_routes is not None:
        return read_routes(settings.model_routes)
    if settings.model is not None:
        model = settings.model
        price = environment.get("REVERIE_MODEL_PRICE") or None
        variable = "REVERIE_MODEL_KEY" if environment.get("REVERIE_MODEL_KEY") else None
        return (ModelRoute("*", model.provider, model.model, model.base_url, variable, price),)
    routes = []
    if environment.get("ANTHROPIC_API_KEY"):
        routes.append(ModelRoute("claude-*", "anthropic"))
    if environment.get("OPENAI_API_KEY"):
        routes += [ModelRoute("gpt-*", "openai"), ModelRoute("o[0-9]*", "openai")]
    return tuple(routes)


def find_route(routes: Sequence[ModelRoute], model_id: str) -> ModelRoute | None:
    """The first route for a wire model id."""
    return next((route for route in routes if fnmatchcase(model_id, route.pattern)), None)


def key_of(route: ModelRoute, environment: Mapping[str, str] = os.environ) -> str | None:
    """The key that a route's requests carry; a provider's own key goes to its own address alone."""
    if route.key_variable is not None:
        return environment.get(route.key_variable) or None
    return None if route.base_url is not None else environment.get(KEY_VARIABLES.get(route.provider, "")) or None
