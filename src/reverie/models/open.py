"""From settings to a model."""

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from typing import Any, Protocol

import msgspec

from reverie.errors import ModelAccessError, SettingsError
from reverie.extensions import GROUPS, MODELS, Extension, ExtensionPoint, called, load, names, refusal
from reverie.language_model import LanguageModel
from reverie.models.route import ModelRoute
from reverie.models.switch import check_extension_allowed
from reverie.settings import ModelSettings
from reverie.turn_model import TurnModel

OpenModel = Callable[[ModelSettings], AbstractAsyncContextManager[LanguageModel]]

_INSTALLS = {"anthropic": "anthropic", "openai": "'reverie[openai]'"}
"""What to install for each provider: the first one's SDK comes with Reverie, the other is an extra."""


def open_model(settings: ModelSettings) -> AbstractAsyncContextManager[LanguageModel]:
    """The model that the settings name, for the length of a ``with``.

    Raises:
        SettingsError: there is no such provider, its SDK is not installed, or requests must stay on this machine.
        ExtensionError: the provider is another package's, and broken.
    """
    opening = load(POINT, settings.provider)
    if opening is None:
        raise SettingsError(f"the model provider {settings.provider!r} is unknown; known are {', '.join(names(POINT))}")
    return opening(settings)


# Imported inside because each SDK is an optional extra.


def _open_anthropic(settings: ModelSettings) -> AbstractAsyncContextManager[LanguageModel]:
    try:
        from reverie.models.anthropic import open_anthropic
    except ModuleNotFoundError as error:
        raise _missing(settings, error) from error
    return open_anthropic(settings)


def _open_openai(settings: ModelSettings) -> AbstractAsyncContextManager[LanguageModel]:
    try:
        from reverie.models.openai_compatible import open_openai_compatible
    except ModuleNotFoundError as error:
        raise _missing(settings, error) from error
    return open_openai_compatible(settings)


def _missing(settings: ModelSettings, error: ModuleNotFoundError) -> SettingsError:
    return SettingsError(
        f"REVERIE_MODEL names a model of {settings.provider} and {error.name} is missing: "
        f"pip install {_INSTALLS[settings.provider]}, or unset it"
    )


def _fitted(extension: Extension, given: Any) -> OpenModel:
    if not callable(given):
        raise refusal(extension, f"is {type(given).__name__}, not {GROUPS[MODELS]}", "see docs/extensions.md")

    def opening(settings: ModelSettings) -> AbstractAsyncContextManager[LanguageModel]:
        check_extension_allowed(settings.base_url, extension.name)
        opened: Any = called(extension, given, settings)
        if not isinstance(opened, AbstractAsyncContextManager):
            raise refusal(
                extension, f"gave {type(opened).__name__}, no async context manager", "report it to its makers"
            )
        return opened

    return opening


POINT: ExtensionPoint[OpenModel] = ExtensionPoint(
    MODELS, {"anthropic": _open_anthropic, "openai": _open_openai}, _fitted
)
"""By provider."""


class Client(Protocol):
    """A provider's connections."""

    async def close(self) -> None:
        """Close them."""
        ...


class TurnProvider(msgspec.Struct, frozen=True):
    """How models of a provider run agents."""

    open_client: Callable[[ModelRoute, str | None], Client]
    """From a route and its key, if it has one, to connections that all models at its address share."""
    make_model: Callable[[Any, str, ModelRoute], TurnModel]
    """From those connections, the provider's name of the model, and the route; ``stream`` is an async generator."""


def find_turn_provider(provider: str) -> TurnProvider:
    """How models of that provider run agents. A further provider is added here, and to ``Provider``.

    Raises:
        ModelAccessError: the provider runs no agents, or its SDK is not installed.
    """
    if provider not in _INSTALLS:
        raise ModelAccessError(
            f"models of {provider!r} answer dreams and run no agents: give routes to anthropic or openai in the file "
            "that REVERIE_MODEL_ROUTES names"
        )
    try:
        if provider == "anthropic":
            from reverie.models import anthropic_turns

            return TurnProvider(anthropic_turns.open_client, anthropic_turns.AnthropicTurnModel)
        from reverie.models import openai_turns

        return TurnProvider(openai_turns.open_client, openai_turns.OpenAITurnModel)
    except ModuleNotFoundError as error:
        raise ModelAccessError(
            f"a model of {provider} is asked for and {error.name} is missing: pip install {_INSTALLS[provider]}"
        ) from error
