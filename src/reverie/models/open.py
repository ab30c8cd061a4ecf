"""From settings to a model."""

from contextlib import AbstractAsyncContextManager

from reverie.errors import SettingsError
from reverie.language_model import LanguageModel
from reverie.settings import ModelSettings

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
