"""From settings to a model."""

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from typing import Any, Protocol

import msgspec

from reverie.errors import ModelAccessError, SettingsError
from reverie.language_model import LanguageModel
from reverie.models.route import ModelRoute, Provider
from reverie.settings import ModelSettings
from reverie.turn_model import TurnModel

_INSTALLS = {"anthropic": "anthropic", "openai": "'reverie[openai]'"}
"""What to install for each provider: the first one's SDK comes with Reverie, the other is an extra."""


def open_model(settings: ModelSettings) -> AbstractAsyncContextManager[LanguageModel]:
    """The model that the settings name, for the length of a ``with``.

    Raises:
        SettingsError: the provider's SDK is not installed.
    """
    # Imported here because each SDK is an optional extra.
    try:
        if settings.provider == "anthropic":
            from reverie.models.anthropic import open_anthropic

            return open_anthropic(settings)
        from reverie.models.openai_compatible import open_openai_compatible

        return open_openai_compatible(settings)
    except ModuleNotFoundError as error:
        raise SettingsError(
            f"REVERIE_MODEL names a model of {settings.provider} and {error.name} is missing: "
            f"pip install {_INSTALLS[settings.provider]}, or unset it"
        ) from error


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


def find_turn_provider(provider: Provider) -> TurnProvider:
    """How models of that provider run agents. A further provider is added here, and to ``Provider``.

    Raises:
        ModelAccessError: the provider's SDK is not installed.
    """
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
