"""Which model is asked, from the environment."""

import builtins
import re
from typing import Any

import pytest

from reverie.errors import SettingsError
from reverie.language_model import ModelPrice
from reverie.models.open import open_model
from reverie.settings import ModelSettings, Settings, load_settings


def load(**variables: str) -> ModelSettings | None:
    return load_settings(variables).model


def test_no_model_is_the_default() -> None:
    assert load(ANTHROPIC_API_KEY="k", OPENAI_API_KEY="k") is None


def test_a_model_is_named_by_provider_and_model() -> None:
    settings = load(REVERIE_MODEL="anthropic:claude-x", ANTHROPIC_API_KEY="k", REVERIE_MODEL_PRICE="3/15/0.3/3.75")
    assert settings is not None and (settings.provider, settings.model, settings.api_key) == (
        "anthropic",
        "claude-x",
        "k",
    )
    assert settings.price == ModelPrice(3.0, 15.0, 0.3, 3.75)


def test_a_local_server_needs_no_key_and_its_model_may_hold_a_colon() -> None:
    settings = load(REVERIE_MODEL="openai:qwen3:8b", REVERIE_MODEL_URL="http://localhost:11434/v1")
    assert settings is not None and settings.model == "qwen3:8b" and settings.api_key is None


def test_a_provider_s_key_is_not_sent_to_another_address() -> None:
    settings = load(REVERIE_MODEL="openai:m", REVERIE_MODEL_URL="http://localhost:1/v1", OPENAI_API_KEY="k")
    assert settings is not None and settings.api_key is None


def test_the_key_is_not_printed() -> None:
    settings = load_settings({"REVERIE_MODEL": "openai:m", "REVERIE_MODEL_KEY": "sk-hidden"})
    assert isinstance(settings, Settings) and "sk-hidden" not in repr(settings)


@pytest.mark.parametrize(
    "variables",
    [
        {"REVERIE_MODEL": "claude-x"},
        {"REVERIE_MODEL": "elsewhere:m"},
        {"REVERIE_MODEL": "openai:"},
        {"REVERIE_MODEL": "openai:m"},
        {"REVERIE_MODEL": "openai:m", "REVERIE_MODEL_URL": "localhost:11434"},
        {"REVERIE_MODEL": "openai:m", "REVERIE_MODEL_KEY": "k", "REVERIE_MODEL_PRICE": "3"},
        {"REVERIE_MODEL": "openai:m", "REVERIE_MODEL_KEY": "k", "REVERIE_MODEL_PRICE": "3/-15"},
        {"REVERIE_MODEL": "openai:m", "REVERIE_MODEL_KEY": "k", "REVERIE_MODEL_TIMEOUT": "0"},
        {"REVERIE_MODEL": "openai:m", "REVERIE_MODEL_KEY": "k", "REVERIE_MODEL_TIMEOUT": "nan"},
    ],
)
def test_settings_that_cannot_be_used_are_refused(variables: dict[str, str]) -> None:
    with pytest.raises(SettingsError, match="REVERIE_MODEL"):
        load_settings(variables)


@pytest.mark.parametrize(
    ("settings", "module", "remedy"),
    [
        (ModelSettings("anthropic", "m"), "anthropic", "pip install anthropic,"),
        (ModelSettings("openai", "m"), "openai_compatible", "pip install 'reverie[openai]',"),
    ],
)
def test_a_missing_sdk_is_named_with_its_remedy(
    monkeypatch: pytest.MonkeyPatch, settings: ModelSettings, module: str, remedy: str
) -> None:
    real = builtins.__import__

    def without(name: str, *rest: Any, **named: Any) -> Any:
        if name.startswith(f"reverie.models.{module}"):
            raise ModuleNotFoundError(name=settings.provider)
        return real(name, *rest, **named)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(SettingsError, match=f"{settings.provider} is missing: {re.escape(remedy)}"):
        open_model(settings)
