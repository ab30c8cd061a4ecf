"""Which model answers for which wire model id: from a file, or from the environment where there is none."""

import math
import os
import re
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Annotated, Any, Literal, get_args
from urllib.parse import urlsplit

import msgspec

from reverie.errors import SettingsError
from reverie.language_model import ModelPrice
from reverie.settings import Settings, read_price

Provider = Literal["anthropic", "openai"]
KEY_VARIABLES: Mapping[str, str] = {"anthropic": "ANTHROPIC_API_KEY", "openai": "OPENAI_API_KEY"}
_Count = Annotated[int, msgspec.Meta(ge=1)]
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,99}")
_PLACE = re.compile(r" - at `\$\.?(?P<field>[^`]*)`\Z")


class ModelRoute(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A provider's model for the wire model ids that match a pattern."""

    pattern: str
    """A glob over the ids that agents name, such as ``claude-*``; the first route that matches counts."""
    provider: str
    """``anthropic`` or ``openai``; models of other packages' providers answer dreams and run no agents yet."""
    model: str | None = None
    """The provider's name of it; the asked id by default."""
    base_url: str | None = None
    key_variable: str | None = None
    """The environment variable that holds the key; the provider's own by default, at its own address."""
    price: str | None = None
    """US dollars per million tokens: ``input/output[/cache read/cache write]``."""
    max_output_tokens: _Count = 16_000
    context_tokens: _Count = 200_000
    requests_per_minute: _Count | None = None
    tokens_per_minute: _Count | None = None
    concurrency: _Count | None = None
    """Requests at a time; 64 by default. These three hold for all routes to the same address together."""
    stall_seconds: float = 600.0
    """Longest time without a byte from the provider."""
    cache: bool = True
    """Whether to mark what the Messages API should cache."""
    thinking: bool = False
    """Whether the model is to think (Messages API), or is given back its thoughts (chat completions)."""
    effort: bool = False
    """Whether the model takes the agent's effort."""

    @property
    def priced(self) -> ModelPrice | None:
        """The price, where there is one.

        Raises:
            SettingsError: it cannot be read.
        """
        return read_price("price", self.price) if self.price else None


def read_routes(path: Path) -> tuple[ModelRoute, ...]:
    """The routes of a TOML file.

    Raises:
        SettingsError: the file cannot be read, or holds what is no route; the message names route and field.
    """
    place = f"REVERIE_MODEL_ROUTES: {path}"
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise SettingsError(f"{place}: {error}") from error
    if unknown := sorted(content.keys() - {"routes"}):
        raise SettingsError(f"{place}: unknown table or field {unknown[0]!r}; a file of routes holds [[routes]] alone")
    entries = content.get("routes")
    if not isinstance(entries, list) or not entries:
        raise SettingsError(f"{place}: there is no route; begin each with a line [[routes]]")
    routes: list[ModelRoute] = []
    for number, entry in enumerate(entries, 1):
        here = f"{place}: route {number}"
        routes.append(_read_route(here, entry))
        earlier = [route.pattern for route in routes[:-1]]
        if routes[-1].pattern in earlier:
            first = earlier.index(routes[-1].pattern) + 1
            raise SettingsError(f"{here}: pattern: the same as of route {first}, which answers first; remove one")
    return tuple(routes)


def _read_route(here: str, entry: Any) -> ModelRoute:
    try:
        route = msgspec.convert(entry, ModelRoute)
    except msgspec.ValidationError as error:
        raise SettingsError(f"{here}: {_described(str(error))}") from error
    for field, problem in _problems(route):
        raise SettingsError(f"{here}: {field}: {problem}")
    return route


def _described(message: str) -> str:
    """What msgspec says, with the field first."""
    place = _PLACE.search(message)
    if place is not None and place["field"]:
        return f"{place['field']}: {message[: place.start()]}"
    if "unknown field" in message:
        return f"{message}; a route has {', '.join(ModelRoute.__struct_fields__)}"
    return message


def _problems(route: ModelRoute) -> Iterator[tuple[str, str]]:
    """Fields that hold something of the right type that cannot be used. What may be a key is not repeated."""
    if route.provider not in get_args(Provider):
        yield "provider", f"{route.provider!r} runs no agents; give {' or '.join(get_args(Provider))}"
    if not route.pattern.strip():
        yield "pattern", "is empty; give a glob over model ids, such as claude-* or *"
    if route.model is not None and not route.model.strip():
        yield "model", "is empty; leave it out to use the id that the agent names"
    if route.base_url is not None:
        parts = urlsplit(route.base_url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            yield "base_url", f"{route.base_url!r} must start with http:// or https:// and name a host"
        if parts.username or parts.password:
            yield "base_url", "holds a name or password; give the key in the variable that key_variable names"
    if route.key_variable is not None and not _VARIABLE.fullmatch(route.key_variable):
        yield "key_variable", "must be the name of an environment variable that holds the key, not the key itself"
    if not 0 < route.stall_seconds < math.inf:
        yield "stall_seconds", f"{route.stall_seconds:g} must be a number of seconds above 0"
    try:
        read_price("price", route.price)
    except SettingsError as error:
        yield "price", str(error).removeprefix("price=")


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
